//! What is kept is what would be seen.

use super::kept::{Kept, base};
use keel_core::facts::Namespaces;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};

const OWN: &str = "/proc/self/mountinfo";

/// Whether the next look opens the table again: what is kept is marked before.
fn looks_again(kept: &mut Kept) -> bool {
    kept.mounted.as_mut().expect("there was a look").1.android_host = true;
    !kept.mounted(OWN).unwrap().android_host
}

#[test]
fn a_mount_is_noticed_and_nothing_else_is_read_again() {
    if !rustix::process::geteuid().is_root() {
        return crate::scratch::skip("needs root");
    }
    if crate::store::is_android() {
        return crate::scratch::skip("an Android");
    }
    crate::scratch::alone(notices);
}

/// In a mount namespace of its own.
fn notices() {
    crate::sys::process::unshare(Namespaces::MNT).unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
    let scratch = crate::scratch::Scratch::new();
    let mut kept = Kept::default();
    let target = scratch.path().display().to_string();
    let has = |kept: &mut Kept| {
        let mounted = kept.mounted(OWN).unwrap();
        mounted.mounts.iter().any(|m| m.fstype == "cgroup2" && m.target == target)
    };
    assert!(!has(&mut kept));
    assert!(!looks_again(&mut kept));
    mount("none", scratch.path(), "cgroup2", MountFlags::empty(), None).unwrap();
    assert!(has(&mut kept), "a mount was not noticed");
    assert!(!looks_again(&mut kept));
    unmount(scratch.path(), UnmountFlags::DETACH).unwrap();
    assert!(looks_again(&mut kept));
    assert!(!has(&mut kept));
}

#[test]
fn what_is_kept_is_what_is_seen() {
    let mut kept = Kept::default();
    for _ in 0..3 {
        let (kept, seen) = (kept.base().unwrap(), base(false).unwrap());
        assert_eq!(kept.types, seen.types);
        assert_eq!(kept.mounted.mounts, seen.mounted.mounts);
        assert_eq!(kept.steady.caller, seen.steady.caller);
    }
    // The control: what is kept is not what is given.
    kept.types.as_mut().unwrap().1.remove("proc");
    assert!(kept.types().unwrap().has("proc"));
}
