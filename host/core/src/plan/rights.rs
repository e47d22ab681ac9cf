//! What the first program may no longer do: capabilities, new privileges, system calls.

use super::{Plan, Planned, Request, apparmor, operand};
use crate::config::{At, Caps, Config, Origin};
use crate::facts::{Facts, Namespaces, Seccomp};
use crate::failure::{Errno, Failure};
use crate::seccomp::{self, Action, Arch, Filter, Proxy, Rule};
use crate::step::Step;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The steps, in LXC's order. Hooks that are run inside come after them; after those comes the step that is returned: a filter
/// that asks another program, which answers from the exec on.
pub(super) fn give_up(
    config: &Config,
    request: &Request,
    facts: &Facts,
    label: Option<Planned>,
    steps: &mut Vec<Planned>,
    notes: &mut Vec<String>,
    errors: &mut Vec<Failure>,
) -> Option<Planned> {
    let mut mask = capabilities(&config.caps, facts.last_cap);
    if let Some(why) = reboots_host(facts) {
        notes.push(format!("{why} reboot(2) restarts the host: nobody in the container has the right to call it"));
        mask |= 1 << SYS_BOOT;
    }
    if mask != 0 {
        steps.push(Planned::must(Step::DropCapabilities { mask }));
    }
    steps.extend(label);
    if config.no_new_privs {
        steps.push(Planned::must(Step::NoNewPrivs));
    }
    let filter = filter(config, config.seccomp.profile.as_ref()?, request, facts, notes, errors)?;
    match filter.step {
        Step::Supervise { .. } => Some(filter),
        _ => {
            steps.push(filter);
            None
        }
    }
}

/// The right to call reboot(2).
const SYS_BOOT: u8 = 22;

/// Why a container's reboot(2) would be the host's, where the kernel is the reason. As in LXC, it has no right to it then.
fn reboots_host(facts: &Facts) -> Option<&'static str> {
    match facts.namespaces.has(Namespaces::PID) {
        false => Some("without pid namespaces"),
        // COMPAT(linux<3.4): the kernel does not look at the namespace.
        true => (facts.kernel < (3, 4)).then_some("before Linux 3.4"),
    }
}

/// What the start itself calls after the filter is in force and before anybody answers.
const OF_THE_START: [&str; 11] = [
    "sendmsg",
    "sendto",
    "write",
    "close",
    "prctl",
    "setgroups",
    "setresgid",
    "setresuid",
    "execve",
    "exit",
    "exit_group",
];

/// Who answers the calls of a filter. Without a proxy, nobody: they fail with ENOSYS (LXC 5.0.2: they wait for ever).
fn proxy(
    config: &Config,
    read: &mut Filter,
    arch: Arch,
    (at, path): (&str, &str),
    facts: &Facts,
    notes: &mut Vec<String>,
    errors: &mut Vec<Failure>,
) -> Option<Proxy> {
    if !read.actions().any(|action| *action == Action::Notify) {
        return None;
    }
    let nobody = match (&config.seccomp.proxy, facts.seccomp_notify) {
        (None, _) => "no 'lxc.seccomp.notify.proxy' is set",
        // COMPAT(linux<5.0): no SECCOMP_RET_USER_NOTIF.
        (_, false) => "the kernel cannot ask another program (Linux 5.0)",
        (Some(proxy), true) => {
            if super::android::supervises(config, facts) {
                errors.push(Failure::new(format!(
                    "{at}'lxc.seccomp.notify.proxy': the supervisor answers this Android's mounts, and the kernel asks one \
                     program only (keel.android.supervise = none leaves it to the proxy)"
                )));
            }
            let asked = |name: &&&str| {
                let call = seccomp::number(arch, name);
                let ruled = |r: &&Rule| r.arch == arch && Some(r.call) == call;
                let mut rules = read.rules.iter().filter(ruled).peekable();
                match rules.peek() {
                    None => call.is_some() && read.default == Action::Notify,
                    Some(_) => rules.any(|r| r.action == Action::Notify),
                }
            };
            if let Some(name) = OF_THE_START.iter().find(asked) {
                errors.push(Failure::new(format!(
                    "{path}: 'notify' for '{name}': the start itself makes this call, before anybody answers"
                )));
            }
            return Some(Proxy {
                path: proxy.value.clone(),
                cookie: config.seccomp.cookie.clone().unwrap_or_default(),
            });
        }
    };
    notes.push(format!("{at}calls with the action 'notify' fail with ENOSYS: {nobody}"));
    read.actions_mut()
        .filter(|action| **action == Action::Notify)
        .for_each(|a| *a = Action::Errno(Errno::NOSYS.0 as u16));
    None
}

/// `lxc.apparmor.*` and `lxc.selinux.*`: opens the file that takes the label while the host's procfs is in place (what the
/// container has at /proc is its own matter, CVE-2015-1334); the step that is returned writes it before the exec.
///
/// On a kernel without the module the container starts without the label, as with LXC, and that is said.
pub(super) fn label(
    config: &Config,
    request: &Request,
    facts: &Facts,
    plan: &mut Plan,
    errors: &mut Vec<Failure>,
) -> Option<Planned> {
    let at = |plan: &Plan, text: &At<String>| plan.place_of(text.origin).map(|p| format!("{p}: ")).unwrap_or_default();
    let lost = |plan: &mut Plan, text: &At<String>, key: &str, module: &str| {
        let place = at(plan, text);
        plan.notes.push(format!(
            "{place}'{key}' is not in force: {module} is not active, the container is not confined by it"
        ));
    };
    let mut wanted = None;
    let default =
        facts.lsm.apparmor_default.then(|| At { value: apparmor::DEFAULT_PROFILE.into(), origin: Origin::default() });
    if let Some(profile) = config.apparmor.profile.as_ref().or(default.as_ref()) {
        let key = "lxc.apparmor.profile";
        match profile.value.as_str() {
            "unchanged" => (),
            "unconfined" if !facts.lsm.apparmor => (),
            _ if !facts.lsm.apparmor => lost(plan, profile, key, "AppArmor"),
            "generated" if !facts.lsm.apparmor_parser => errors.push(Failure::new(format!(
                "{}'{key} = generated' needs apparmor_parser, which compiles it (Debian's package apparmor)",
                at(plan, profile)
            ))),
            name if name != "unconfined" && !facts.lsm.apparmor_mounts && !config.apparmor.allow_incomplete => {
                errors.push(Failure::new(format!(
                    "{}'{key}': the kernel's AppArmor does not know mounts, or /sys/kernel/security is not mounted \
                     (lxc.apparmor.allow_incomplete = 1 starts all the same)",
                    at(plan, profile)
                )));
            }
            name => {
                let generated = (name == "generated").then(|| apparmor::name(request));
                if generated.is_some() {
                    plan.outside.extend(apparmor::load(config, request).map(|step| step.from(profile.origin)));
                }
                let value = format!("exec {}", generated.as_deref().unwrap_or(name));
                wanted = Some((["/proc/self/attr/apparmor/exec", "/proc/self/attr/exec"], value, profile))
            }
        }
    }
    let generated = config.apparmor.profile.as_ref().is_some_and(|profile| profile.value == "generated");
    if (config.apparmor.allow_nesting || !config.apparmor.raw.is_empty()) && facts.lsm.apparmor && !generated {
        let text = "'lxc.apparmor.allow_nesting' and 'lxc.apparmor.raw' are for 'lxc.apparmor.profile = generated'";
        plan.notes.push(text.into());
    }
    if let Some(context) = &config.selinux.context {
        match facts.lsm.selinux {
            false => lost(plan, context, "lxc.selinux.context", "SELinux"),
            true => {
                wanted =
                    Some((["/proc/self/attr/selinux/exec", "/proc/self/attr/exec"], context.value.clone(), context))
            }
        }
    }
    if let Some(context) =
        config.selinux.keyring.as_ref().or(config.selinux.context.as_ref()).filter(|_| facts.lsm.selinux)
    {
        // What is made next has it: the session keyring.
        let step = Step::WriteFile { path: operand("/proc/self/attr/keycreate"), value: operand(&context.value) };
        plan.inside.push(Planned::must(step).from(context.origin));
    }
    let (paths, value, text) = wanted?;
    let slot = super::next_slot(plan);
    let name = operand(paths[1]);
    plan.inside.push(Planned::must(Step::OpenLabel { paths: paths.map(operand).into(), slot }).from(text.origin));
    Some(Planned::must(Step::WriteSlot { slot, name, value: operand(&value) }).from(text.origin))
}

/// The capabilities to drop, of those that the kernel knows.
fn capabilities(caps: &Caps, last: u8) -> u64 {
    let all = match last {
        63.. => u64::MAX,
        last => (1u64 << (last + 1)) - 1,
    };
    let bits = |list: &[u8]| list.iter().filter(|c| **c < 64).fold(0u64, |m, c| m | 1 << c);
    match caps {
        Caps::Drop(list) => bits(list) & all,
        Caps::Keep(list) => all & !bits(list),
    }
}

/// `lxc.seccomp.profile`.
fn filter(
    config: &Config,
    profile: &At<String>,
    request: &Request,
    facts: &Facts,
    notes: &mut Vec<String>,
    errors: &mut Vec<Failure>,
) -> Option<Planned> {
    let file = config.files.get(usize::from(profile.origin.file)).filter(|_| profile.origin.line > 0);
    let at = file.map(|file| format!("{file}:{}: ", profile.origin.line)).unwrap_or_default();
    // As LXC: the container starts without it.
    match facts.seccomp {
        Seccomp::Missing => {
            notes.push(format!(
                "{at}'lxc.seccomp.profile' is not in force: the kernel has no filters of system calls \
                 (CONFIG_SECCOMP_FILTER)"
            ));
            return None;
        }
        Seccomp::Confined if !config.seccomp.allow_nesting => {
            notes.push(format!(
                "{at}'lxc.seccomp.profile' is not in force: a filter is already \
                 (lxc.seccomp.allow_nesting = 1 loads both)"
            ));
            return None;
        }
        _ => (),
    }
    let Some(arches) = Arch::of_machine(&facts.machine) else {
        let machine = &facts.machine;
        errors
            .push(Failure::new(format!("{at}filters of system calls are not there for '{machine}' (x86 and arm are)")));
        return None;
    };
    let path = &profile.value;
    let mut read = match seccomp::read(&request.seccomp, arches) {
        Ok(read) => read,
        Err(mistakes) => {
            errors.extend(mistakes.iter().map(|(line, why)| Failure::new(format!("{path}:{line}: {why}"))));
            return None;
        }
    };
    notes.extend(read.notes.iter().map(|(line, what)| format!("{path}:{line}: {what}")));
    let proxy = proxy(config, &mut read.filter, arches[0], (&at, path), facts, notes, errors);
    let program = seccomp::compile(&read.filter);
    if program.len() > seccomp::LONGEST {
        let len = program.len();
        errors.push(Failure::new(format!(
            "{path}: the filter has {len} instructions, and the kernel takes {}",
            seccomp::LONGEST
        )));
        return None;
    }
    let text = operand(&seccomp::Text(&read.filter).to_string());
    Some(
        Planned::must(match proxy {
            Some(_) => Step::Supervise { program, text, proxy },
            None => Step::LoadSeccomp { program, text },
        })
        .from(profile.origin),
    )
}
