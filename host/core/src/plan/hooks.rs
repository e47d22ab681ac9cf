//! Hooks: which programs are run, with which arguments and environment (lxc.container.conf(5), CONTAINER HOOKS).

use super::{Plan, Planned, Request, operand, rootfs};
use crate::config::{Config, Hook};
use crate::step::Step;
use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Where a shell is: everywhere but on Android, and there.
pub const SHELLS: [&str; 2] = ["/bin/sh", "/system/bin/sh"];

/// The steps that run all hooks of a kind, in file order. Each is the command in a shell, with name, `lxc` and kind as
/// arguments; `more` goes into the environment. A hook that fails ends a start.
pub fn hooks(config: &Config, request: &Request, kind: Hook, more: &[(&str, &str)]) -> Vec<Planned> {
    with_arguments(config, request, kind, &[], more)
}

/// The hooks of a container whose first program has ended: with files that its namespaces can still be entered by, as
/// further arguments (`net:/proc/7/fd/9`), or with version 1 in the environment (`LXC_NET_NS`).
pub fn stop_hooks(config: &Config, request: &Request, target: &str, namespaces: &[(&str, String)]) -> Vec<Planned> {
    let arguments: Vec<String> = namespaces.iter().map(|(name, file)| format!("{name}:{file}")).collect();
    let names: Vec<String> =
        namespaces.iter().map(|(name, _)| format!("LXC_{}_NS", name.to_ascii_uppercase())).collect();
    let mut more = vec![("LXC_TARGET", target)];
    if config.hook_version == 1 {
        more.extend(names.iter().map(String::as_str).zip(namespaces.iter().map(|(_, file)| file.as_str())));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    with_arguments(config, request, Hook::Stop, &arguments, &more)
}

fn with_arguments(
    config: &Config,
    request: &Request,
    kind: Hook,
    arguments: &[&str],
    more: &[(&str, &str)],
) -> Vec<Planned> {
    let arguments: Vec<&str> = ["lxc", kind.name()].iter().chain(arguments).copied().collect();
    let step = |command: &str| {
        let (argv, envp) = command_line(config, request, command, &arguments, more);
        Step::RunHook { shells: SHELLS.map(operand).into(), argv, envp }
    };
    let mine = config.hooks.iter().filter(|h| h.value.0 == kind);
    mine.map(|h| Planned::must(step(&h.value.1)).from(h.origin)).collect()
}

/// A command in a shell and its environment. Its arguments, after the container's name, are a section and a kind, and what
/// else belongs to it; hooks of version 1 have them in the environment only.
pub(super) fn command_line(
    config: &Config,
    request: &Request,
    command: &str,
    arguments: &[&str],
    more: &[(&str, &str)],
) -> (Vec<CString>, Vec<CString>) {
    let mut line = format!("exec {command}");
    if config.hook_version == 0 {
        // As in LXC an empty argument is none.
        let all = core::iter::once(request.name.as_str()).chain(arguments.iter().copied());
        all.filter(|word| !word.is_empty()).for_each(|word| line = format!("{line} {}", quoted(word)));
    }
    let (section, kind) = (arguments.first().unwrap_or(&""), arguments.get(1).unwrap_or(&""));
    let envp = environment(config, request, (section, kind), more);
    (vec![operand("sh"), operand("-c"), operand(&line)], envp.iter().map(|v| operand(v)).collect())
}

/// A word that a shell takes as it is: the name of an interface can hold nearly any character.
fn quoted(word: &str) -> String {
    match word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@+".contains(&b)) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// The caller's environment, what is configured, and LXC's variables.
fn environment(
    config: &Config,
    request: &Request,
    (section, kind): (&str, &str),
    more: &[(&str, &str)],
) -> Vec<String> {
    let path = config.rootfs.path.as_ref().map(|p| p.value.as_str()).unwrap_or("");
    let file = config.files.first().map(String::as_str).unwrap_or("");
    let mounted = rootfs::place(config, request).unwrap_or_default();
    let version = format!("{}", config.hook_version);
    let mut own: Vec<(&str, &str)> = vec![
        ("LXC_NAME", &request.name),
        ("LXC_CONFIG_FILE", file),
        ("LXC_ROOTFS_PATH", path),
        // Where it is mounted before it is the root: Keel binds a directory onto itself.
        ("LXC_ROOTFS_MOUNT", &mounted),
        ("LXC_CGNS_AWARE", "1"),
        ("LXC_HOOK_VERSION", &version),
        ("LXC_HOOK_TYPE", kind),
        ("LXC_HOOK_SECTION", section),
    ];
    if let Some(log) = &config.console.logfile {
        own.push(("LXC_CONSOLE_LOGPATH", log));
    }
    own.extend(more);
    let callers = request.environment.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let configured = config.environment.iter().chain(&config.environment_hooks);
    let configured = configured.filter_map(|e| Some((e.value.0.as_str(), e.value.1.as_deref()?)));
    let mut all: Vec<(&str, &str)> = Vec::new();
    for (name, value) in callers.chain(configured).chain(own) {
        all.retain(|(n, _)| *n != name);
        all.push((name, value));
    }
    if !all.iter().any(|(n, _)| *n == "PATH") {
        all.push(("PATH", super::PATH));
    }
    all.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// Hooks of the host while the child waits: a round of the plan, if there are any.
pub(super) fn start_host(config: &Config, request: &Request, plan: &mut Plan) {
    let steps = hooks(config, request, Hook::StartHost, &[]);
    if !steps.is_empty() {
        super::round(plan, steps);
    }
}
