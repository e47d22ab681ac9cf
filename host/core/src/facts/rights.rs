//! What the kernel has to take rights away with: filters of system calls, security modules.

use super::text::fields;

/// Security modules (security(7)), as far as containers get labels of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lsm {
    /// AppArmor is in force.
    pub apparmor: bool,
    /// It knows mounts (/sys/kernel/security/apparmor/features/mount).
    pub apparmor_mounts: bool,
    /// The profile of LXC's package is loaded, which it gives to containers that name none, and the caller is under none.
    pub apparmor_default: bool,
    /// apparmor_parser(8) is there, which compiles profiles.
    pub apparmor_parser: bool,
    /// SELinux is in force.
    pub selinux: bool,
}

/// Whose process plans and performs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The effective user id; 0 is root.
    pub uid: u32,
    /// The effective group id.
    pub gid: u32,
    /// newuidmap(1) and newgidmap(1) are there, which map ids for those who are not root.
    pub id_helpers: bool,
    /// It is in a user namespace that is not the kernel's first, a container's for instance: no device can be made there, by
    /// nobody (mknod(2), EPERM).
    pub in_user_namespace: bool,
}

/// What /proc/self/status says of filters of system calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seccomp {
    /// The kernel has none (no line `Seccomp:`).
    Missing,
    /// The caller is under none.
    #[default]
    Free,
    /// The caller is under one, which every child will be under, too.
    Confined,
}

/// What a start takes from /proc/PID/status (proc(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Signals that the process ignores: bit N-1 stands for signal N.
    pub ignored: Option<u64>,
    /// Filters of system calls.
    pub seccomp: Seccomp,
}

impl Status {
    /// Reads the file.
    pub fn read(text: &str) -> Status {
        let [ignored, seccomp] = fields(text, ["SigIgn:", "Seccomp:"]);
        Status {
            ignored: ignored.and_then(|mask| u64::from_str_radix(mask, 16).ok()),
            seccomp: match seccomp {
                None => Seccomp::Missing,
                Some("0") => Seccomp::Free,
                Some(_) => Seccomp::Confined,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_is_ignored_and_filtered() {
        let read = |text| (Status::read(text).ignored, Status::read(text).seccomp);
        assert_eq!(read("SigIgn:\t0000000000001001\nSeccomp:\t0\n"), (Some(0x1001), Seccomp::Free));
        assert_eq!(read("SigIgn:\tx\nSeccomp:\t2\n"), (None, Seccomp::Confined));
        assert_eq!(read("Name:\tkeel\n"), (None, Seccomp::Missing));
    }
}
