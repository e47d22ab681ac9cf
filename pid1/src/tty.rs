//! A terminal for a session of its own: opened, made the controlling one, with sane modes, as standard input, output and error.
//!
//! Only in a child: opening and writing may block for as long as the other side likes.

use core::ffi::CStr;

use pid1::signals::SIGHUP;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, Winsize, tcgetattr,
    tcgetwinsize, tcsetattr, tcsetwinsize,
};

use core::fmt::Write;

use crate::sys::{Result, signal, terminal};
use crate::text::{Text, buffer};

/// Is it the slave of a pseudo-terminal (Documentation/admin-guide/devices.txt: 136 to 143)?
pub fn is_pseudo(device: rustix::fs::Dev) -> bool {
    (136..=143).contains(&rustix::fs::major(device))
}

/// Makes this process the leader of a new session, if it is not of one already.
pub fn new_session() -> Result<()> {
    match rustix::process::setsid() {
        Ok(_) => Ok(()),
        Err(_) if rustix::process::getsid(None) == Ok(rustix::process::getpid()) => Ok(()),
        Err(e) => Err(e),
    }
}

/// Takes the terminal at `path` for this session.
pub fn take(path: &CStr) -> Result<()> {
    let fd = open(path)?;
    rustix::process::ioctl_tiocsctty(&fd)?;
    // Whoever has it open from before must not listen in. Not so for a pseudo-terminal: its master would see an end.
    let fd = if is_pseudo(rustix::fs::fstat(&fd)?.st_rdev) { fd } else { hang_up_and_take(path, fd)? };
    // Without waiting for a carrier when opening, but waiting when reading.
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags & !OFlags::NONBLOCK)?;
    make_sane(fd.as_fd())?;
    rustix::stdio::dup2_stdin(&fd)?;
    rustix::stdio::dup2_stdout(&fd)?;
    rustix::stdio::dup2_stderr(&fd)
}

fn open(path: &CStr) -> Result<OwnedFd> {
    let fd = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    // Whatever is not a terminal says so here (ENOTTY); a serial port without hardware says EIO.
    tcgetattr(&fd)?;
    Ok(fd)
}

fn hang_up_and_take(path: &CStr, old: OwnedFd) -> Result<OwnedFd> {
    // The leader of the session is who gets the SIGHUP.
    signal::ignore(SIGHUP);
    let hung_up = terminal::hang_up();
    drop(old);
    let fd = open(path)?;
    if hung_up.is_ok() {
        rustix::process::ioctl_tiocsctty(&fd)?;
    }
    // A blocked signal stays pending even where it is ignored; ignoring it anew takes it away (do_sigaction()).
    signal::ignore(SIGHUP);
    signal::default(SIGHUP);
    Ok(fd)
}

/// The modes of a new terminal, but with the line's speed and frame; and some size where it has none.
fn make_sane(fd: BorrowedFd<'_>) -> Result<()> {
    let mut modes = tcgetattr(fd)?;
    modes.control_modes |= ControlModes::CREAD | ControlModes::HUPCL | ControlModes::CLOCAL;
    modes.input_modes = InputModes::BRKINT | InputModes::ICRNL | InputModes::IXON | InputModes::IUTF8;
    modes.output_modes = OutputModes::OPOST | OutputModes::ONLCR;
    modes.local_modes = LocalModes::ISIG
        | LocalModes::ICANON
        | LocalModes::IEXTEN
        | LocalModes::ECHO
        | LocalModes::ECHOE
        | LocalModes::ECHOK
        | LocalModes::ECHOCTL
        | LocalModes::ECHOKE;
    set_keys(&mut modes);
    match tcsetattr(fd, OptionalActions::Now, &modes) {
        // Some drivers take only a part, and say so.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(e) => return Err(e),
    }
    if tcgetwinsize(fd).is_ok_and(|size| size.ws_row == 0 || size.ws_col == 0) {
        let _ = tcsetwinsize(fd, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 });
    }
    Ok(())
}

/// The kernel's own keys (INIT_C_CC), at each start anew.
fn set_keys(modes: &mut Termios) {
    use SpecialCodeIndex as Key;
    const fn ctrl(c: u8) -> u8 {
        c & 0x1f
    }
    let keys = [
        (Key::VINTR, ctrl(b'C')),
        (Key::VQUIT, ctrl(b'\\')),
        (Key::VERASE, 0x7f),
        (Key::VKILL, ctrl(b'U')),
        (Key::VEOF, ctrl(b'D')),
        (Key::VSTART, ctrl(b'Q')),
        (Key::VSTOP, ctrl(b'S')),
        (Key::VSUSP, ctrl(b'Z')),
        (Key::VREPRINT, ctrl(b'R')),
        (Key::VDISCARD, ctrl(b'O')),
        (Key::VWERASE, ctrl(b'W')),
        (Key::VLNEXT, ctrl(b'V')),
        (Key::VMIN, 1),
        (Key::VTIME, 0),
        (Key::VEOL, 0),
        (Key::VEOL2, 0),
    ];
    for (key, code) in keys {
        modes.special_codes[key] = code;
    }
}

/// The terminal that `path` stands for. /dev/console cannot be a controlling terminal: the kernel is asked where it leads, which may
/// wait for the console's lock, so only a child asks. In a container it is a pseudo-terminal, and itself.
pub fn real_path(path: &CStr) -> Result<Text<64>> {
    let same = || Text::of(&[path.to_bytes()]).ok_or(Errno::NAMETOOLONG);
    let device = rustix::fs::stat(path)?.st_rdev;
    if (rustix::fs::major(device), rustix::fs::minor(device)) != (5, 1) {
        return same();
    }
    let fd = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let (major, minor) = terminal::console_device(fd.as_fd())?;
    let mut link = Text::<64>::new();
    let _ = write!(link, "/sys/dev/char/{major}:{minor}");
    let mut target = buffer::<128>();
    let (target, _) = rustix::fs::readlinkat_raw(rustix::fs::CWD, link.c_str(), &mut target[..])?;
    let name = target.rsplit(|c| *c == b'/').next().unwrap_or_default();
    Text::of(&[b"/dev/", name]).ok_or(Errno::NAMETOOLONG)
}
