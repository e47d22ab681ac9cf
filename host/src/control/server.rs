//! The answering side of a control socket: bind, accept, read one frame, send one.
//!
//! Never blocks: a client that sends nothing is not read, one that does not read is dropped.
use super::protocol::{MAX_REQUEST, Reply, Request};
use rustix::fs::{Mode, chmod, unlink};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer};
use rustix::net::{SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A bound socket; its name goes with it.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    path: PathBuf,
}

impl Listener {
    /// Bind at `path`. A name left by a supervisor that died is replaced: the caller holds the lock of the container, so
    /// no living one can have it.
    pub fn bind(path: &Path) -> Result<Listener, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        match unlink(path) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        chmod(path, Mode::RUSR | Mode::WUSR)?;
        net::listen(&socket, 16)?;
        Ok(Listener { socket, path: path.into() })
    }

    /// The next client, or none when there is none waiting or it may not speak.
    pub fn accept(&self) -> Option<Client> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::accept_with(&self.socket, flags).ok()?;
        let (pid, user) = crate::sys::peer::peer(&socket).ok()?;
        let own = rustix::process::geteuid().as_raw();
        if user != 0 && user != own || !same_pid_namespace(pid) {
            log::warn!("control: pid {pid} of uid {user} was turned away");
            return None;
        }
        Some(Client { socket })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A name that is gone already is as good.
        let _ = unlink(&self.path);
    }
}

/// Root inside a container is root by SO_PEERCRED too; what tells it from the host's is the pid namespace.
fn same_pid_namespace(pid: i32) -> bool {
    static OWN: OnceLock<Option<PathBuf>> = OnceLock::new();
    match OWN.get_or_init(|| std::fs::read_link("/proc/self/ns/pid").ok()) {
        Some(own) => std::fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|theirs| *own == theirs),
        // COMPAT(linux<3.8): there is no ns/pid link; the socket's directory is 0700 and outside of every rootfs.
        None => true,
    }
}

/// A connection that may speak.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
}

/// What came from a client.
#[derive(Debug)]
pub enum Heard {
    /// Nothing yet.
    Nothing,
    /// A request, and a descriptor that came along.
    Request(Request, Option<OwnedFd>),
    /// A frame that is no request: why.
    Nonsense(String),
    /// The connection ended (or an empty frame, which is never sent in good faith and looks the same).
    Gone,
}

impl Client {
    /// Read one frame. Descriptors beyond the first are closed by the kernel, since no room is given for them.
    pub fn hear(&self) -> Heard {
        let mut frame = [0u8; MAX_REQUEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC | RecvFlags::CMSG_CLOEXEC;
        let length = match net::recvmsg(&self.socket, &mut [IoSliceMut::new(&mut frame)], &mut control, flags) {
            Err(Errno::AGAIN | Errno::INTR) => return Heard::Nothing,
            Err(_) => return Heard::Gone,
            Ok(message) => message.bytes,
        };
        let came = control.drain().find_map(|part| match part {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        match length {
            0 => Heard::Gone,
            length if length > MAX_REQUEST => {
                Heard::Nonsense(format!("a request of {length} bytes is too long (at most {MAX_REQUEST})"))
            }
            length => match Request::decode(&frame[..length]) {
                Ok(request) => Heard::Request(request, came),
                Err(why) => Heard::Nonsense(why),
            },
        }
    }

    /// Answer. An error means that the client does not read: drop it.
    pub fn answer(&self, reply: &Reply) -> Result<(), Errno> {
        net::send(&self.socket, &reply.encode(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
        Ok(())
    }

    /// Answer and lend a descriptor.
    pub fn lend(&self, reply: &Reply, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        let frame = reply.encode();
        let fds = [fd];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&fds));
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        net::sendmsg(&self.socket, &[IoSlice::new(&frame)], &mut control, flags)?;
        Ok(())
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
