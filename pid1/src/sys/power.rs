//! The last calls: QEMU's exit port, and swapping off.

use core::ffi::CStr;

use syscalls::{Sysno, syscall};

use super::{Result, check};

/// Writes `value` to the I/O port of QEMU's isa-debug-exit, which ends QEMU with the status 2 * value + 1.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub fn debug_exit(port: u16, value: u8) -> Result<()> {
    // SAFETY: numbers only.
    check(unsafe { syscall!(Sysno::ioperm, usize::from(port), 1, 1) })?;
    // SAFETY: the port was opened above, and the command line says that a debug exit is behind it.
    unsafe { core::arch::asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) };
    Ok(())
}

/// There are no I/O ports on this CPU.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
pub fn debug_exit(_port: u16, _value: u8) -> Result<()> {
    Err(rustix::io::Errno::NOSYS)
}

/// Stops swapping to `path`.
pub fn swap_off(path: &CStr) -> Result<()> {
    // SAFETY: a C string, living until the call is over.
    check(unsafe { syscall!(Sysno::swapoff, path.as_ptr()) }).map(drop)
}

/// reboot(2) from a child, as the kernel may end the caller: a PID 1 that ends is a kernel panic. Returns an errno if it did not work.
pub fn in_child(command: rustix::system::RebootCommand) -> Result<()> {
    use super::process::{Fork, Kind, exit, fork, reap_waiting};
    match fork(Kind::default()) {
        Ok(Fork::Child) => exit(rustix::system::reboot(command).err().map_or(0, |e| e.raw_os_error() as u8)),
        Ok(Fork::Parent(child)) => loop {
            match reap_waiting() {
                Ok((pid, status)) if pid == child.pid && status.exit_code() == 0 => return Ok(()),
                Ok((pid, status)) if pid == child.pid => {
                    return Err(rustix::io::Errno::from_raw_os_error(status.exit_code().into()));
                }
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e),
            }
        },
        // Nothing left to lose.
        Err(_) => rustix::system::reboot(command),
    }
}
