//! A program that answers system calls, as `lxc.seccomp.notify.proxy` names it, and what it was told.

use rustix::fd::{AsRawFd, OwnedFd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, Shutdown, SocketAddrUnix,
    SocketType,
};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::{Arc, Mutex};

const HEAD: usize = 32;
const NOTICE: usize = 80;
const RESPONSE: usize = 24;
const ALL: usize = HEAD + NOTICE + RESPONSE;

/// What it does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The call fails with this error number.
    Error(i32),
    /// It returns this, and nothing is done.
    Value(i64),
    /// It is made (SECCOMP_USER_NOTIF_FLAG_CONTINUE).
    Made,
    /// The answer is another call's.
    Other,
    /// The answer ends too early.
    Short,
    /// It hangs up.
    Nothing,
}

/// One call, as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The whole message's length, in bytes.
    pub len: usize,
    /// The first word, which is reserved, and the sizes of the kernel's structures.
    pub sizes: (u64, [u16; 3]),
    /// The supervisor and the first program.
    pub of: [i32; 2],
    /// Who calls.
    pub pid: i32,
    /// What follows the structures.
    pub cookie: String,
    /// What the descriptors are of.
    pub files: Vec<String>,
    /// Whether the response that came along was empty but for the call's id.
    pub blank: bool,
}

/// It listens until this goes.
#[derive(Debug)]
pub struct Proxy {
    listener: Arc<OwnedFd>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Proxy {
    /// Listens at a path and gives all calls this answer.
    pub fn listen(path: &Path, answer: Answer) -> Proxy {
        std::fs::remove_file(path).ok();
        let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).expect("a socket");
        rustix::net::bind(&listener, &SocketAddrUnix::new(path).expect("a short path")).expect("bound");
        rustix::net::listen(&listener, 8).expect("listens");
        let (listener, told) = (Arc::new(listener), Arc::new(Mutex::new(Vec::new())));
        let (own, notes) = (listener.clone(), told.clone());
        std::thread::spawn(move || {
            while let Ok(client) = rustix::net::accept(&*own) {
                let notes = notes.clone();
                std::thread::spawn(move || serve(&client, answer, &notes));
            }
        });
        Proxy { listener, told }
    }

    /// All that it was told so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().expect("no panic").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = rustix::net::shutdown(&*self.listener, Shutdown::Both);
    }
}

fn serve(client: &OwnedFd, answer: Answer, notes: &Mutex<Vec<Told>>) {
    loop {
        let mut bytes = [0; 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let got = rustix::net::recvmsg(client, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC);
        let Some(len) = got.ok().map(|got| got.bytes).filter(|len| *len > 0) else { return };
        let fds: Vec<OwnedFd> = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        let mut message = bytes[..len.min(bytes.len())].to_vec();
        notes.lock().expect("no panic").push(told(&message, &fds));
        let id: [u8; 8] = message[HEAD..HEAD + 8].try_into().expect("eight bytes");
        let (value, error, flags, id) = match answer {
            Answer::Error(errno) => (0, -errno, 0u32, id),
            Answer::Value(value) => (value, 0, 0, id),
            Answer::Made => (0, 0, 1, id),
            Answer::Other => (5, 0, 0, (u64::from_ne_bytes(id) + 7).to_ne_bytes()),
            Answer::Short => (0, 0, 0, id),
            Answer::Nothing => return,
        };
        let response = [&id[..], &i64::to_ne_bytes(value), &i32::to_ne_bytes(error), &flags.to_ne_bytes()].concat();
        message.truncate(if answer == Answer::Short { 10 } else { ALL });
        if message.len() == ALL {
            message[HEAD + NOTICE..].copy_from_slice(&response);
        }
        if rustix::net::send(client, &message, SendFlags::NOSIGNAL).is_err() {
            return;
        }
    }
}

fn told(message: &[u8], fds: &[OwnedFd]) -> Told {
    let word = |at: usize| i32::from_ne_bytes(message[at..at + 4].try_into().expect("four bytes"));
    let half = |at: usize| u16::from_ne_bytes(message[at..at + 2].try_into().expect("two bytes"));
    let long = |at: usize| u64::from_ne_bytes(message[at..at + 8].try_into().expect("eight bytes"));
    let (cookie, response) = (long(24) as usize, HEAD + NOTICE);
    let file = |fd: &OwnedFd| std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).expect("open");
    Told {
        len: message.len(),
        sizes: (long(0), [half(16), half(18), half(20)]),
        of: [word(8), word(12)],
        pid: word(HEAD + 8),
        cookie: String::from_utf8_lossy(&message[message.len() - cookie..]).into_owned(),
        files: fds.iter().map(|fd| file(fd).display().to_string()).collect(),
        blank: long(response) == long(HEAD) && message[response + 8..response + RESPONSE].iter().all(|b| *b == 0),
    }
}
