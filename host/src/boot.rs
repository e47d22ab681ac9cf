//! keel as /init: from the kernel's exec to the loop that never ends.
//!
//! Nothing can be relied on at first: no /proc, no /dev/kmsg, perhaps no console. Log lines are kept until /dev/kmsg is
//! there. PID 1 never exits, never panics (`failure` has a hook), and never waits for a terminal: what writes to one is a
//! child.
mod agent;
mod android;
mod autostart;
mod buttons;
pub mod failure;
mod handover;
mod logins;
mod modules;
mod params;
mod program;
mod shutdown;

pub use params::{PARAMS, Param};

use crate::perform::Stage;
use crate::spawn::perform_here;
use keel_core::failure::Failure;
use keel_core::plan::{self, Plan};
use params::Settings;

/// Whether this process is the init of a machine. To switch Ctrl-Alt-Del off, so that it comes as SIGINT, is what only
/// that may do: in a pid namespace it is EINVAL (reboot(2)).
pub fn is_machine_init() -> bool {
    std::process::id() == 1 && rustix::system::reboot(rustix::system::RebootCommand::CadOff).is_ok()
}

/// The boot, and all that follows. `arguments` are those that the kernel gave.
pub fn run(arguments: &[std::ffi::OsString]) -> ! {
    crate::sys::signalfd::block_all();
    failure::install_hook();
    // There may be one already: the kernel mounts devtmpfs by itself for some.
    crate::kmsg::to_kernel();
    match come_up() {
        Ok(settings) => match settings.init.clone() {
            Some(init) => handover::hand_over(settings, &init, arguments),
            None => agent::run_machine(settings),
        },
        Err((cause, on_fail)) => failure::fail(&cause.to_string(), on_fail),
    }
}

/// The loop alone, beside an init that is there. Comes back with the reason why it can't go on.
pub fn supervise(lxcpath: String) -> Failure {
    agent::run_beside(Settings { lxcpath, ..Settings::default() }, None)
}

/// What a kernel command line asks of the plan of the boot, and what of it makes no sense.
pub fn planned(line: &[u8]) -> (plan::BootParams, Vec<String>) {
    let mut settings = params::read(line);
    settings.boot.modules = modules::resolve(&settings.modules, &mut settings.complaints);
    // What it does follows from what is on the disk.
    settings.complaints.extend(settings.android.map(|source| {
        let src = source.src.trim_matches('/');
        format!(
            "after these steps the disk with '{src}/ramdisk.img' is looked for, made the root, and its init process 1"
        )
    }));
    (settings.boot, settings.complaints)
}

/// All steps of the boot. The error carries what is to be done about it.
fn come_up() -> Result<Settings, (Failure, params::OnFail)> {
    let early = perform(&plan::early());
    let line = std::fs::read("/proc/cmdline").unwrap_or_default();
    let mut settings = params::read(&line);
    log::set_max_level(settings.loglevel);
    let on_fail = settings.on_fail;
    failure::set_action(on_fail);
    let or = |cause: Failure| (cause, on_fail);
    early.map_err(or)?;
    if settings.boot.hostname.is_none() {
        let name = crate::place::read("/etc/hostname".as_ref()).unwrap_or_default();
        settings.boot.hostname = Some(name.trim().to_string()).filter(|n| !n.is_empty());
    }
    let modules = modules::resolve(&settings.modules, &mut settings.complaints);
    settings.boot.modules = modules;
    let mut facts = crate::observe::facts(crate::observe::ALL).map_err(or)?;
    if !settings.devtmpfs {
        facts.filesystems.remove("devtmpfs");
    }
    let mut boot = plan::boot(&settings.boot, &facts);
    if let Some(text) = &settings.fail_at
        && let Err(why) = boot.fail_at_text(text)
    {
        settings.complaints.push(format!("command line: keel.fail_at: {why}"));
    }
    boot.notes.iter().for_each(|note| log::warn!("{note}"));
    let done = perform(&boot);
    crate::kmsg::to_kernel();
    settings.complaints.iter().for_each(|complaint| log::warn!("{complaint}"));
    done.map_err(or)?;
    log::info!("boot: {} steps done", boot.outside.len());
    if let Some(source) = &settings.android {
        android::bring_up(source, settings.disk_wait).map_err(or)?;
        settings.init.get_or_insert_with(|| "/init".into());
        if settings.lxcpath == crate::store::DEFAULT_LXCPATH {
            settings.lxcpath = crate::store::default_lxcpath().into();
        }
    }
    if settings.terminals.is_empty() && !line.windows(11).any(|w| w == b"keel.getty=") {
        settings.terminals = default_terminal();
    }
    Ok(settings)
}

fn perform(plan: &Plan) -> Result<(), Failure> {
    let mut notes = Vec::new();
    let mut stage = Stage::new(&plan.outside);
    let done = perform_here(plan, &mut stage, &mut notes);
    notes.iter().for_each(|note| log::warn!("{note}"));
    done
}

/// Without a `console=` the kernel took what it found. /sys/class/tty/console/active would say which, but reading it
/// takes the lock of a console that may be stuck; a virtual terminal is the usual answer, a serial one the other.
fn default_terminal() -> Vec<String> {
    ["tty1", "ttyS0", "ttyAMA0", "hvc0"]
        .into_iter()
        .find(|name| std::fs::exists(format!("/dev/{name}")).unwrap_or(false))
        .map(String::from)
        .into_iter()
        .collect()
}
