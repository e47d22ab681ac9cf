//! How a step fails, in one line: which step, what it was, the errno's symbol, and what to do where the errno misleads.

use crate::step::Step;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

/// An error number of the kernel, as in errno(3); positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

#[allow(missing_docs)]
impl Errno {
    pub const PERM: Errno = Errno(1);
    pub const NOENT: Errno = Errno(2);
    pub const IO: Errno = Errno(5);
    pub const ACCES: Errno = Errno(13);
    pub const BUSY: Errno = Errno(16);
    pub const EXIST: Errno = Errno(17);
    pub const XDEV: Errno = Errno(18);
    pub const NODEV: Errno = Errno(19);
    pub const NOTDIR: Errno = Errno(20);
    pub const INVAL: Errno = Errno(22);
    pub const NOSPC: Errno = Errno(28);
    pub const ROFS: Errno = Errno(30);
    pub const NAMETOOLONG: Errno = Errno(36);
    pub const NOSYS: Errno = Errno(38);
    pub const LOOP: Errno = Errno(40);
}

impl Errno {
    /// How a program that a step runs has failed, in the place of an error number: negative, since that is none.
    pub fn of_status(code: u8, signal: Option<u8>) -> Errno {
        match signal {
            Some(signal) => Errno(-256 - i32::from(signal)),
            None => Errno(-i32::from(code.max(1))),
        }
    }

    /// The error number of a symbol (`ENOENT`), or of a number written in digits.
    pub fn from_name(name: &str) -> Option<Errno> {
        let by_symbol = || NAMES.iter().position(|n| !n.is_empty() && *n == name).map(|n| Errno(n as i32));
        name.parse().ok().filter(|n| *n > 0).map(Errno).or_else(by_symbol)
    }
}

impl core::fmt::Display for Errno {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // A program's end, which no error number is: see `Errno::of_status`.
        match self.0 {
            ..=-256 => return write!(f, "killed by signal {}", -(self.0 + 256)),
            -255..=-1 => return write!(f, "status {}", -self.0),
            _ => (),
        }
        match usize::try_from(self.0).ok().and_then(|n| NAMES.get(n)).filter(|name| !name.is_empty()) {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

/// What went wrong, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One line, lower case, without the program's or the container's name in front. Not a `String`: two registers hold it, so
    /// that nothing that may fail needs memory for its answer.
    pub message: Box<str>,
}

impl Failure {
    /// A failure that is a sentence already.
    pub fn new(message: impl Into<String>) -> Self {
        Failure { message: message.into().into_boxed_str() }
    }

    /// An operation that the kernel refused: `what: ESYMBOL`.
    pub fn errno(what: impl core::fmt::Display, errno: Errno) -> Self {
        Failure::new(format!("{what}: {errno}"))
    }

    /// A step of a plan that the kernel refused. `number` counts from 1.
    pub fn step(number: usize, of: usize, step: &Step, origin: Option<&str>, errno: Errno) -> Self {
        let at = origin.map(|o| format!("{o}: ")).unwrap_or_default();
        let hint = hint(step, errno).map(|h| format!(" ({h})")).unwrap_or_default();
        Failure::new(format!("{at}step {number} of {of}, {step}: {errno}{hint}"))
    }
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What an errno means for a step, where the symbol alone misleads.
fn hint(step: &Step, errno: Errno) -> Option<String> {
    if let Step::Fail { instead_of, .. } = step {
        return hint(instead_of, errno);
    }
    if let Step::Net(step) = step {
        return crate::step::net::hint(step, errno);
    }
    let text = match (step, errno) {
        (Step::OpenMappedTree { .. }, Errno::NOSYS) => "idmap= needs Linux 5.12",
        (Step::OpenMappedTree { .. }, Errno::INVAL) => {
            "this file system, or one mounted below it, can't show other ids"
        }
        (Step::EnterTime { .. }, Errno::INVAL) => "the kernel has no time namespaces (CONFIG_TIME_NS, Linux 5.6)",
        (Step::IsolateCore, Errno::INVAL) => "the kernel cannot do it (CONFIG_SCHED_CORE, Linux 5.14)",
        (Step::IsolateCore, Errno::NODEV) => {
            "the processor has one thread in each core: lxc.sched.core = 0 is the same"
        }
        (Step::WriteSlot { name, .. }, Errno::NOENT) if name.to_bytes().starts_with(b"/proc/self/attr") => {
            "no profile of this name is loaded"
        }
        (Step::Mount { .. }, Errno::NODEV) => "the kernel is built without this file system",
        (Step::Mount { fstype, .. }, Errno::BUSY) if fstype.as_bytes().starts_with(b"cgroup") => {
            "the controller is in use by the other version of cgroups"
        }
        (Step::MountImage { .. }, Errno::NOENT) => "no such image, or no /dev/loop-control (CONFIG_BLK_DEV_LOOP)",
        (Step::MountImage { .. } | Step::MountProbed { .. }, Errno::IO) => {
            "too short for a file system, or the disk fails"
        }
        (Step::MountImage { .. } | Step::MountProbed { .. }, Errno::NODEV) => "no file system of the kernel's fits",
        (Step::Mount { .. } | Step::Bind { .. }, Errno::PERM) => "needs root with CAP_SYS_ADMIN",
        (Step::Mount { .. } | Step::Bind { .. } | Step::AttachTree { .. } | Step::MakePath { .. }, Errno::NOENT) => {
            "source or target does not exist; create=dir or create=file makes the target"
        }
        (s, Errno::LOOP) if s.is_beneath_root() => {
            "a part of the path is a symbolic link, which is not followed inside a rootfs"
        }
        (s, Errno::XDEV) if s.is_beneath_root() => "the path leads out of the rootfs",
        (Step::PivotRoot, Errno::INVAL) => "the root is the initramfs, or it is on a shared mount",
        (Step::Exec { .. }, Errno::NOENT) => "no such program in the rootfs, or its interpreter is missing",
        (Step::Exec { .. }, Errno::ACCES) => "not executable, or on a noexec mount",
        (Step::Exec { .. }, Errno(8)) => "not a program for this processor, or a script without an interpreter line",
        (Step::MakeCgroup { .. }, Errno::ROFS) => "the hierarchy is mounted read-only",
        (Step::WriteSlot { .. }, Errno::NOSPC) => {
            "the cgroup has no processors or memory nodes yet: cpuset.cpus and cpuset.mems"
        }
        (Step::WriteFile { path, .. }, Errno::BUSY) if path.as_bytes().ends_with(b"subtree_control") => {
            "the cgroup holds processes itself"
        }
        (Step::WriteProc { .. }, Errno(25)) => "that is no procfs: lxc.mount.auto = proc mounts one",
        (Step::WriteProc { .. }, Errno::ROFS) => "it is mounted read-only: lxc.mount.auto = proc:rw mounts it writable",
        (Step::RunHook { .. }, Errno(-127)) => "there is no such program",
        (Step::RunHook { .. }, Errno(-126)) => "it is not executable",
        (Step::AttachDeviceProgram { .. }, Errno::INVAL | Errno::NOSYS) => {
            "the kernel is built without CONFIG_CGROUP_BPF"
        }
        (Step::UnshareCgroup, Errno::INVAL) => "the kernel is built without cgroup namespaces",
        _ => return None,
    };
    Some(text.to_string())
}

/// Symbols by number; the numbers are those of x86 and ARM (include/uapi/asm-generic/errno.h).
#[rustfmt::skip]
const NAMES: [&str; 134] = [
    "", "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG",
    "ENOEXEC", "EBADF", "ECHILD", "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK",
    "EBUSY", "EEXIST", "EXDEV", "ENODEV", "ENOTDIR", "EISDIR", "EINVAL", "ENFILE",
    "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE", "EROFS", "EMLINK",
    "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS", "ENOTEMPTY",
    "ELOOP", "", "ENOMSG", "EIDRM", "ECHRNG", "EL2NSYNC", "EL3HLT", "EL3RST",
    "ELNRNG", "EUNATCH", "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL", "ENOANO",
    "EBADRQC", "EBADSLT", "", "EBFONT", "ENOSTR", "ENODATA", "ETIME", "ENOSR",
    "ENONET", "ENOPKG", "EREMOTE", "ENOLINK", "EADV", "ESRMNT", "ECOMM", "EPROTO",
    "EMULTIHOP", "EDOTDOT", "EBADMSG", "EOVERFLOW", "ENOTUNIQ", "EBADFD", "EREMCHG", "ELIBACC",
    "ELIBBAD", "ELIBSCN", "ELIBMAX", "ELIBEXEC", "EILSEQ", "ERESTART", "ESTRPIPE", "EUSERS",
    "ENOTSOCK", "EDESTADDRREQ", "EMSGSIZE", "EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP",
    "EPFNOSUPPORT", "EAFNOSUPPORT", "EADDRINUSE", "EADDRNOTAVAIL", "ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED",
    "ECONNRESET", "ENOBUFS", "EISCONN", "ENOTCONN", "ESHUTDOWN", "ETOOMANYREFS", "ETIMEDOUT", "ECONNREFUSED",
    "EHOSTDOWN", "EHOSTUNREACH", "EALREADY", "EINPROGRESS", "ESTALE", "EUCLEAN", "ENOTNAM", "ENAVAIL",
    "EISNAM", "EREMOTEIO", "EDQUOT", "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED", "ENOKEY", "EKEYEXPIRED",
    "EKEYREVOKED", "EKEYREJECTED", "EOWNERDEAD", "ENOTRECOVERABLE", "ERFKILL", "EHWPOISON",
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::ffi::CString;

    #[test]
    fn symbols() {
        for (n, name) in [(1, "EPERM"), (22, "EINVAL"), (40, "ELOOP"), (95, "EOPNOTSUPP"), (133, "EHWPOISON")] {
            assert_eq!(Errno(n).to_string(), name);
        }
        assert_eq!(Errno::from_name("ELOOP"), Some(Errno::LOOP));
        assert_eq!(Errno::from_name("22"), Some(Errno::INVAL));
        for name in ["", "0", "-1", "EWHAT", "eloop"] {
            assert_eq!(Errno::from_name(name), None, "{name}");
        }
        // Gaps, what lies outside, and what is not an errno at all.
        assert_eq!(Errno::of_status(3, None).to_string(), "status 3");
        assert_eq!(Errno::of_status(0, Some(9)).to_string(), "killed by signal 9");
        for n in [0, 41, 134, i32::MAX] {
            assert_eq!(Errno(n).to_string(), format!("errno {n}"));
        }
    }

    #[test]
    fn a_step_is_named_with_its_number_its_place_and_a_hint() {
        let step = Step::Exec { paths: [].into(), argv: [CString::new("/sbin/init").unwrap()].into(), envp: [].into() };
        assert_eq!(
            &*Failure::step(9, 31, &step, Some("bb/config:4"), Errno::NOENT).message,
            "bb/config:4: step 9 of 31, exec /sbin/init: ENOENT (no such program in the rootfs, or its interpreter is missing)"
        );
        assert_eq!(&*Failure::step(9, 31, &step, None, Errno::IO).message, "step 9 of 31, exec /sbin/init: EIO");
    }
}
