//! What the kernel has to take rights away with: filters of system calls, security modules.

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

/// Signals that a process ignores, from its /proc/PID/status: bit N-1 stands for signal N.
pub fn ignored_signals(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Reads /proc/PID/status.
pub fn seccomp(status: &str) -> Seccomp {
    match status.lines().find_map(|l| l.strip_prefix("Seccomp:")).map(str::trim) {
        None => Seccomp::Missing,
        Some("0") => Seccomp::Free,
        Some(_) => Seccomp::Confined,
    }
}
