//! /dev of a container: the tmpfs, its nodes, and the terminals.

use super::{Plan, Planned, ids, inside, mount, operand};
use crate::config::{Config, ConsolePath, Dialect};
use crate::facts::Facts;
use crate::step::{NodeKind, Step, Terminal, ms};
use alloc::format;
use alloc::vec::Vec;

/// Nodes that every program may expect, major and minor of the kernel's Documentation/admin-guide/devices.txt.
const NODES: [(&str, u32, u32); 6] =
    [("full", 1, 7), ("null", 1, 3), ("random", 1, 8), ("tty", 5, 0), ("urandom", 1, 9), ("zero", 1, 5)];

/// Links that a shell needs for `/dev/fd` and its like.
const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// A /dev of the container's own. Not nodev, for obvious reasons, and not noexec: /dev/zero is mapped executable.
pub(super) fn tmpfs(config: &Config) -> Vec<Planned> {
    let size = match config.autodev_tmpfs_size {
        0 => 500_000,
        size => size,
    };
    [
        Planned::must(Step::MakeDir { at: inside("dev"), mode: 0o755 }),
        Planned::must(mount("tmpfs", inside("dev"), ms::NOSUID, &format!("size={size},mode=755"))),
    ]
    .into()
}

/// What is in it, but for terminals.
pub(super) fn nodes(config: &Config, facts: &Facts) -> Vec<Planned> {
    let mapped = !config.idmap.is_empty() || facts.caller.in_user_namespace;
    let nodes = NODES.iter().flat_map(|(name, major, minor)| {
        let at = inside(&format!("dev/{name}"));
        match mapped {
            true => ids::node(name).to_vec(),
            false => [Planned::must(Step::MakeNode { at, kind: NodeKind::Char(*major, *minor), mode: 0o666 })].into(),
        }
    });
    let links = LINKS.iter().map(|(name, target)| {
        Planned::must(Step::MakeLink { at: inside(&format!("dev/{name}")), target: operand(target) })
    });
    let kmsg = config.kmsg.unwrap_or(config.dialect.kmsg()) && !config.android.on;
    let kmsg = (kmsg && config.console.path != ConsolePath::None)
        .then(|| Planned::must(Step::MakeLink { at: inside("dev/kmsg"), target: operand("console") }));
    nodes.chain(links).chain(kmsg).collect()
}

/// devpts, /dev/tty1 to /dev/ttyN and /dev/console. Returns how many ttys there are; their ptys come first, from pts/0.
///
/// All of them are of the container's own devpts: a terminal of the host never enters a container.
pub(super) fn terminals(config: &Config, autodev: bool, rootfs: bool, plan: &mut Plan) -> u32 {
    let console = config.console.path != ConsolePath::None;
    let ttys = if rootfs { config.tty_max } else { 0 };
    if !console && ttys == 0 && config.pty_max == 0 {
        return 0;
    }
    let steps = &mut plan.inside;
    // `max` counts the instance's ptys; the console is one of them here. Up to 0.9 `lxc.pts` was a flag, not a number.
    let max = match (config.dialect, config.pty_max) {
        (Dialect::Current, 1..) => format!(",max={}", config.pty_max.saturating_add(ttys).saturating_add(1)),
        _ => Default::default(),
    };
    // The group tty, unless ids are mapped and it is not.
    let group = if ids::has_group(config, 5) { ",gid=5" } else { "" };
    let options = format!("newinstance,ptmxmode=0666,mode=0620{group}{max}");
    steps.push(Planned::must(Step::MakePath { at: inside("dev/pts"), file: false }));
    steps.push(Planned::must(mount("devpts", inside("dev/pts"), ms::NOSUID | ms::NOEXEC, &options)));

    let dir = config.tty_dir.as_deref().filter(|d| !d.is_empty());
    let mut terminal = |terminal: Terminal, name: &str| {
        let file = |path: &str| Planned::must(Step::MakePath { at: inside(path), file: true });
        let open = |path: &str| Planned::must(Step::OpenTerminal { terminal, at: inside(path) });
        let plain = format!("dev/{name}");
        match dir {
            None => steps.extend([file(&plain), open(&plain)]),
            Some(dir) => {
                let own = format!("dev/{dir}/{name}");
                steps.extend([file(&own), open(&own)]);
                // A console is looked for at /dev/console and nowhere else; a tty can be a link.
                if terminal == Terminal::Console {
                    let again = Step::Bind { from: inside(&own), at: inside(&plain), recursive: false };
                    steps.extend([file(&plain), Planned::must(again)]);
                } else {
                    let target = operand(&format!("{dir}/{name}"));
                    steps.push(Planned::must(Step::MakeLink { at: inside(&plain), target }));
                }
            }
        }
    };
    for n in 1..=ttys {
        terminal(Terminal::Tty(n), &format!("tty{n}"));
    }
    if console {
        terminal(Terminal::Console, "console");
    }
    if config.pty_max == 0 {
        // Bound slaves live on; what was not asked for is not there.
        steps.push(Planned::must(Step::Unmount { at: inside("dev/pts") }));
    } else if autodev {
        steps.push(Planned::must(Step::MakeLink { at: inside("dev/ptmx"), target: operand("pts/ptmx") }));
    } else {
        steps.push(Planned::must(Step::MakePath { at: inside("dev/ptmx"), file: true }));
        let bind = Step::Bind { from: inside("dev/pts/ptmx"), at: inside("dev/ptmx"), recursive: false };
        steps.push(Planned::must(bind));
    }
    steps.push(Planned::must(Step::SendTerminals));
    ttys
}
