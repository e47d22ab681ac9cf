//! The label of a security module (AppArmor, SELinux) that a program inside gets: that of the container's first program, or
//! one that was asked for.
//!
//! The file that takes it is opened outside, in the host's procfs, and only that one descriptor goes in: what the container
//! has at /proc is its own matter (CVE-2015-1334), and a descriptor of the host's procfs would be a way out (CVE-2016-8649).
//! The kernel takes a label from the process itself alone (fs/proc/base.c, proc_pid_attr_write).
use crate::place::read;
use crate::sys::{errno, io_errno};
use keel_core::failure::{Errno, Failure};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage};
use rustix::net::{SendFlags, recvmsg, sendmsg};
use std::fs::OpenOptions;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Which label is wanted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// That of the first program.
    AsInit,
    /// This one.
    Context(String),
    /// The caller's.
    Own,
}

/// A label, as the kernel takes it for the next exec.
#[derive(Clone, Debug)]
pub(super) struct Label {
    module: &'static str,
    value: String,
}

impl Label {
    /// What is to be written; none where there is no security module, or where the caller has that label already.
    pub fn of(pid: i32, wanted: &Wanted) -> Result<Option<Label>, Failure> {
        let module = match () {
            () if Path::new("/sys/fs/selinux/enforce").exists() => "selinux",
            () if read("/sys/module/apparmor/parameters/enabled".as_ref()).is_some_and(|on| on.trim() == "Y") => {
                "apparmor"
            }
            () => {
                return match wanted {
                    Wanted::Context(_) => Err(Failure::new("no security module is in force that could take a context")),
                    _ => Ok(None),
                };
            }
        };
        let current = |pid: &str| {
            let text = [format!("/proc/{pid}/attr/{module}/current"), format!("/proc/{pid}/attr/current")];
            let text = text.iter().find_map(|path| read(path.as_ref()))?;
            // AppArmor says the mode behind the name.
            let text = text.trim_end_matches(['\n', '\0']);
            Some(text.split_once(" (").map_or(text, |(name, _)| name).to_owned())
        };
        let name = match wanted {
            Wanted::Own => return Ok(None),
            Wanted::Context(name) => Some(name.clone()),
            Wanted::AsInit => current(&pid.to_string()),
        };
        let name = name.ok_or_else(|| Failure::new(format!("what {module} calls the first program can't be read")))?;
        if current("self").as_ref() == Some(&name) {
            return Ok(None);
        }
        let value = if module == "apparmor" { format!("exec {name}") } else { name };
        Ok(Some(Label { module, value }))
    }

    /// Outside: opens the file of the process and sends it in.
    pub fn hand_in(&self, pid: i32, socket: &OwnedFd) -> Result<(), Failure> {
        let paths = [format!("/proc/{pid}/attr/{}/exec", self.module), format!("/proc/{pid}/attr/exec")];
        let open = |path: &String| OpenOptions::new().write(true).open(path);
        // COMPAT(linux<5.8): one directory for all modules.
        let file = open(&paths[0]).or_else(|_| open(&paths[1]));
        let file = file.map_err(|e| Failure::errno(format_args!("open '{}'", paths[1]), io_errno(&e)))?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds = [file.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&fds));
        let sent = sendmsg(socket, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL);
        sent.map(drop).map_err(|e| Failure::errno("send the label's file", errno(e)))
    }

    /// Inside: takes the file and writes the label, which is the program's from its exec on.
    pub fn put_on(&self, socket: &OwnedFd) -> Result<(), Failure> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let got = rustix::io::retry_on_intr(|| {
            recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)
        });
        got.map_err(|e| Failure::errno("receive the label's file", errno(e)))?;
        let file = control.drain().find_map(|part| match part {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        // Outside it was not opened, and the cause is said there.
        let file = file.ok_or_else(|| Failure::errno("receive the label's file", Errno(libc::EPIPE)))?;
        let written = rustix::io::write(&file, self.value.as_bytes());
        written
            .map(drop)
            .map_err(|e| Failure::errno(format_args!("take the {} label '{}'", self.module, self.value), errno(e)))
    }
}
