//! What happens after a panic of `pid1`: the message goes to the log, and the machine does what `panic=` says.
//!
//! The global init never just exits, as the kernel would panic then without having synced anything.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};

use rustix::event::{Timespec, poll};
use rustix::system::RebootCommand;

use crate::sys::{power, process};

/// Is this the init of a machine?
pub static MACHINE: AtomicBool = AtomicBool::new(false);
/// `panic=`
pub static PANIC: AtomicI32 = AtomicI32::new(0);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A panic while logging a panic must not come back here for ever.
    static AGAIN: AtomicBool = AtomicBool::new(false);
    if !AGAIN.swap(true, Relaxed) {
        crate::kmsg::open();
        match info.location() {
            Some(at) => error!("panic at {}:{}: {}", at.file(), at.line(), info.message()),
            None => error!("panic: {}", info.message()),
        }
    }
    if !MACHINE.load(Relaxed) || !rustix::process::getpid().is_init() {
        process::exit(crate::FAILED);
    }
    let seconds = PANIC.load(Relaxed);
    if seconds == 0 {
        stay();
    }
    if seconds > 0 {
        // What panic= asks for is time to read the message.
        let _ = poll(&mut [], Some(&Timespec { tv_sec: i64::from(seconds), tv_nsec: 0 }));
    }
    let _ = power::in_child(RebootCommand::Restart);
    stay()
}

/// Reaps for ever: what is left of an init that can do nothing else.
pub fn stay() -> ! {
    loop {
        if process::reap_waiting().is_err() {
            // No children: wait for ever, as nobody but the kernel can do anything about this machine.
            let _ = poll(&mut [], None);
        }
    }
}
