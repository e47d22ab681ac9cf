//! `keel.init=`: another program becomes PID 1 when the containers are up, and keel goes on beside it.
//!
//! The supervisor is a child made before; its containers are its children, not PID 1's. What the new init gets is what
//! the kernel gave us: arguments, environment, descriptors 0 to 2, Ctrl-Alt-Del as it was.
use super::params::Settings;
use super::{agent, failure};
use crate::sys::process::{Cloned, Pointers, exec, exit_now, fork};
use crate::sys::{descriptors, signal};
use keel_core::failure::Errno;
use rustix::system::{RebootCommand, reboot};
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;

/// Start the supervisor, wait until it says that the containers are up, and become `init`.
pub fn hand_over(settings: Settings, init: &str, arguments: &[OsString]) -> ! {
    let on_fail = settings.on_fail;
    let words = settings.arguments.clone();
    let (wait, ready) = match rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC) {
        Ok(pipe) => pipe,
        Err(e) => failure::fail(&format!("pipe: {}", Errno(e.raw_os_error())), on_fail),
    };
    match fork() {
        Err(e) => failure::fail(&format!("fork: {e}"), on_fail),
        Ok(Cloned::Child { .. }) => {
            drop(wait);
            // A session of its own: the new init's terminal is not ours. It may fail for nobody but a leader.
            let _ = rustix::process::setsid();
            quiet();
            // Among the processes of the other init it should not pass for that.
            let _ = rustix::thread::set_name(c"keel");
            log::error!("{}", agent::run_beside(settings, Some(ready)));
            exit_now(1)
        }
        Ok(Cloned::Parent { pid, .. }) => {
            drop(ready);
            // Its end, by readiness or by death, is the pipe's end.
            let _ = rustix::io::retry_on_intr(|| rustix::io::read(&wait, &mut [0u8; 1]));
            log::info!("hand-over: '{init}' becomes process 1, keel goes on as process {pid}");
        }
    }
    let text = |s: &str| CString::new(s.replace('\0', "")).unwrap_or_default();
    let given = arguments.iter().skip(1).filter_map(|a| CString::new(a.clone().into_vec()).ok());
    let mut argv: Vec<CString> = [text(init)].into_iter().chain(given).collect();
    // The kernel passes what follows `--` by itself; where it did not (an argument too many), the line has it.
    if argv.len() == 1 {
        argv.extend(words.iter().map(|w| text(w)));
    }
    let envp: Vec<CString> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let mut line = name.into_vec();
            line.push(b'=');
            line.extend(value.into_vec());
            CString::new(line).ok()
        })
        .collect();
    let path = text(init);
    let (argv, envp) = (Pointers::new(&argv), Pointers::new(&envp));
    let _ = reboot(RebootCommand::CadOn);
    signal::reset();
    descriptors::close_from(3);
    let e = exec(&path, &argv, &envp);
    crate::sys::signalfd::block_all();
    crate::kmsg::to_kernel();
    let hint = if e == Errno::NOENT { " (no such program in the ramdisk, or its interpreter is missing)" } else { "" };
    failure::fail(&format!("hand-over: exec '{init}': {e}{hint}"), on_fail)
}

/// Nothing of the supervisor's goes to a terminal that is another's.
fn quiet() {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    if let Ok(null) = null {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}
