//! `lxc.mount.auto`: words for what is mounted without an entry of its own.

use super::keys::Setting;
use crate::config::{CgroupAccess, CgroupMode, Config, MountAuto, ProcMode, SysMode};
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a word asks for.
#[derive(Clone, Copy)]
enum Word {
    Proc(ProcMode),
    Sys(SysMode),
    /// Access, and whether whole hierarchies are shown.
    Cgroup(CgroupAccess, bool),
}

/// All words but `shmounts`; the first of equal meaning is the one that is printed.
const WORDS: [(&str, Word); 18] = [
    ("proc:mixed", Word::Proc(ProcMode::Mixed)),
    ("proc:rw", Word::Proc(ProcMode::Rw)),
    ("proc", Word::Proc(ProcMode::Mixed)),
    ("sys:mixed", Word::Sys(SysMode::Mixed)),
    ("sys:ro", Word::Sys(SysMode::Ro)),
    ("sys:rw", Word::Sys(SysMode::Rw)),
    ("sys", Word::Sys(SysMode::Mixed)),
    ("cgroup:mixed", Word::Cgroup(CgroupAccess::Mixed, false)),
    ("cgroup:ro", Word::Cgroup(CgroupAccess::Ro, false)),
    ("cgroup:rw", Word::Cgroup(CgroupAccess::Rw, false)),
    ("cgroup", Word::Cgroup(CgroupAccess::Mixed, false)),
    ("cgroup-full:mixed", Word::Cgroup(CgroupAccess::Mixed, true)),
    ("cgroup-full:ro", Word::Cgroup(CgroupAccess::Ro, true)),
    ("cgroup-full:rw", Word::Cgroup(CgroupAccess::Rw, true)),
    ("cgroup-full", Word::Cgroup(CgroupAccess::Mixed, true)),
    ("cgroup2:ro", Word::Cgroup(CgroupAccess::Ro, false)),
    ("cgroup2:rw", Word::Cgroup(CgroupAccess::Rw, false)),
    ("cgroup2", Word::Cgroup(CgroupAccess::Rw, false)),
];

pub(super) fn mount_auto(s: &mut Setting<'_>) -> Result<(), String> {
    if s.value.is_empty() {
        s.config.mount_auto = MountAuto::default();
        s.config.mount_shmounts = None;
    }
    let auto = &mut s.config.mount_auto;
    let mut wrong = Vec::new();
    for word in s.value.split([' ', '\t']).filter(|word| !word.is_empty()) {
        let (bare, force) = match word.strip_suffix(":force") {
            Some(bare) => (bare, true),
            None => (word, false),
        };
        match WORDS.iter().find(|(name, _)| *name == bare).map(|(_, word)| *word) {
            Some(Word::Cgroup(access, full)) => auto.cgroup = Some(CgroupMode { access, full, force }),
            Some(Word::Proc(mode)) if !force => auto.proc = Some(mode),
            Some(Word::Sys(mode)) if !force => auto.sys = Some(mode),
            _ if word.starts_with("shmounts:") => {
                let paths = &word["shmounts:".len()..];
                let (host, inside) = paths.split_once(':').unwrap_or((paths, "/dev/.lxc-mounts"));
                if !host.starts_with('/') || !inside.starts_with('/') || inside.split('/').any(|part| part == "..") {
                    wrong.push(format!("'{word}' is not 'shmounts:/HOST[:/INSIDE]'"));
                } else {
                    s.config.mount_shmounts = Some((host.to_string(), inside.to_string()));
                }
            }
            _ => {
                let names = WORDS.iter().map(|(name, _)| *name);
                wrong.push(format!("unknown word '{word}'{}", nearest::hint(word, names)));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

pub(super) fn print_mount_auto(c: &Config) -> Vec<(String, String)> {
    let mut words: Vec<String> = Vec::new();
    let mut push = |same: &dyn Fn(Word) -> bool, end: &str| {
        words.extend(WORDS.iter().find(|(_, word)| same(*word)).map(|(name, _)| format!("{name}{end}")));
    };
    if let Some(mode) = c.mount_auto.proc {
        push(&|word| matches!(word, Word::Proc(m) if m == mode), "");
    }
    if let Some(mode) = c.mount_auto.sys {
        push(&|word| matches!(word, Word::Sys(m) if m == mode), "");
    }
    if let Some(mode) = c.mount_auto.cgroup {
        let end = if mode.force { ":force" } else { "" };
        push(&|word| matches!(word, Word::Cgroup(a, f) if a == mode.access && f == mode.full), end);
    }
    words.extend(c.mount_shmounts.iter().map(|(host, inside)| format!("shmounts:{host}:{inside}")));
    if words.is_empty() { Vec::new() } else { [("lxc.mount.auto".to_string(), words.join(" "))].into() }
}
