//! Every small input of LXC's grammar: nothing panics, and what was understood is understood again when it is printed.

use keel_core::config::lxc::{self, Includer};
use keel_core::config::{Config, Net, Origin};
use keel_core::failure::Errno;

/// A file that includes itself, so that small inputs reach the limits of nesting.
struct Mirror(Vec<u8>, usize);

impl Includer for Mirror {
    fn read(&mut self, path: &str) -> Result<Vec<(String, Vec<u8>)>, Errno> {
        self.1 += 1;
        assert!(self.1 < 3000, "too many files are read");
        if path == "m" { Ok(vec![("m".into(), self.0.clone())]) } else { Err(Errno::NOENT) }
    }
}

fn without_origins(net: &mut Net) {
    let none = Origin::default();
    net.kind.origin = none;
    let texts = [&mut net.link, &mut net.name, &mut net.veth.pair, &mut net.script_up, &mut net.script_down];
    texts.into_iter().flatten().for_each(|t| t.origin = none);
    net.addresses.iter_mut().chain(&mut net.veth.routes).for_each(|a| a.origin = none);
    [&mut net.gateway4, &mut net.gateway6].into_iter().flatten().for_each(|g| g.origin = none);
    net.veth.vlan.iter_mut().for_each(|v| v.origin = none);
    net.veth.tagged.iter_mut().for_each(|t| t.origin = none);
}

fn blank(mut config: Config) -> Config {
    let none = Origin::default();
    config.files.clear();
    config.environment.iter_mut().for_each(|e| e.origin = none);
    let more = config.environment_runtime.iter_mut().chain(&mut config.environment_hooks);
    more.for_each(|e| e.origin = none);
    let dirs = &mut config.cgroup_dir;
    let dirs = [&mut dirs.parent, &mut dirs.container, &mut dirs.inner, &mut dirs.monitor, &mut dirs.pivot];
    let labels = [&mut config.apparmor.profile, &mut config.selinux.context, &mut config.selinux.keyring];
    dirs.into_iter().chain(labels).flatten().for_each(|d| d.origin = none);
    config.mount_entry.iter_mut().for_each(|e| e.origin = none);
    config.cgroup.iter_mut().for_each(|e| e.origin = none);
    config.net.iter_mut().for_each(without_origins);
    config.namespace.share.iter_mut().for_each(|e| e.origin = none);
    config.namespace.clone.iter_mut().chain(&mut config.namespace.keep).for_each(|e| e.origin = none);
    config.limits.iter_mut().for_each(|e| e.origin = none);
    config.sysctl.iter_mut().chain(&mut config.proc).for_each(|e| e.origin = none);
    config.idmap.iter_mut().for_each(|e| e.origin = none);
    config.hooks.iter_mut().for_each(|e| e.origin = none);
    // Hooks of one kind have an order, kinds have none.
    config.hooks.sort_by_key(|h| h.value.0.name());
    for text in
        [&mut config.seccomp.profile, &mut config.rootfs.path, &mut config.rootfs.options, &mut config.mount_fstab]
    {
        text.iter_mut().for_each(|t| t.origin = none);
    }
    // Versions 1 and 2 have files of their own: only the order within each means something.
    config.cgroup.sort_by_key(|c| c.value.version);
    config
}

fn check(bytes: &[u8]) {
    let mut includer = Mirror(bytes.to_vec(), 0);
    let (config, problems) = lxc::parse("f", bytes, &mut includer);
    for problem in &problems {
        let text = problem.to_string();
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text:?} of {:?}", bytes.escape_ascii().to_string());
    }
    let printed = lxc::print(&config);
    let (again, _) = lxc::parse("p", printed.as_bytes(), &mut lxc::NoFiles);
    assert_eq!(blank(again), blank(config), "{:?} was printed as {printed:?}", bytes.escape_ascii().to_string());
}

fn every(alphabet: &[&[u8]], length: usize, start: &[u8]) {
    check(start);
    if length > 0 {
        for word in alphabet {
            every(alphabet, length - 1, &[start, word].concat());
        }
    }
}

#[test]
fn every_short_string_of_single_characters() {
    let alphabet: [&[u8]; 14] =
        [b"l", b"x", b"c", b".", b"=", b" ", b"\t", b"#", b"\"", b"'", b"\n", b"\\", b"0", b"\xff"];
    every(&alphabet, 4, b"");
    every(&alphabet, 3, b"lxc.");
    every(&alphabet, 3, b"lxc.tty=");
}

#[test]
fn every_short_line_of_words() {
    let alphabet: [&[u8]; 14] = [
        b"lxc.",
        b"tty",
        b"uts.name",
        b" = ",
        b"=",
        b"1",
        b"\"",
        b"\r",
        b"\n",
        b"#",
        b" ",
        b"\0",
        b"keel.restart",
        b"no",
    ];
    every(&alphabet, 4, b"");
    every(&alphabet, 2, b"lxc.tty = 1\nlxc.");
}

#[test]
fn every_key_with_every_kind_of_value() {
    let values: [&[u8]; 40] = [
        b"",
        b"0",
        b"1",
        b"2",
        b"-1",
        b"4294967296",
        b"none",
        b"a b c",
        b"a b none bind,create=dir",
        b"proc sys cgroup:rw:force",
        b"cgroup-full:ro",
        b"cgroup2",
        b"SIGPWR",
        b"SIGRTMIN+3",
        b"x86_64",
        b"sys_admin 40",
        b"a=b",
        b"=",
        b"A",
        b"overlay:/a:/b",
        b"dir:",
        b"frob:x",
        b"/a:b",
        b"ro,bind",
        b"create=dir",
        b"no",
        b"always",
        b"legacy",
        b"1.0",
        b"current",
        b"DEBUG",
        b"'a  b'",
        b"\"",
        b"\"\"\"",
        b"\xc3\xa4",
        b"a\\040b c none rbind,rslave,relative,x=\\054",
        b"m",
        b"empty",
        b"veth",
        b"' a #'",
    ];
    for key in lxc::KEYS {
        let names = key.old.iter().map(|(name, _)| *name).chain([key.name]);
        for name in names {
            let name = name.replace(".N", ".7");
            let family = name.ends_with('.');
            for rest in ["", "x", "memory.max", "../x", "."].into_iter().take(if family { 5 } else { 2 }) {
                for first in values {
                    for second in [b"".as_slice(), b"1", b"sys_admin"] {
                        check(
                            &[name.as_bytes(), rest.as_bytes(), b" = ", first, b"\n", name.as_bytes(), b"=", second]
                                .concat(),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_file_that_includes_itself_ends() {
    let text = b"lxc.include = m\n";
    let (config, problems) = lxc::parse("f", text, &mut Mirror(text.to_vec(), 0));
    assert_eq!(config.files.len(), 17);
    assert_eq!(problems[0].to_string(), "m:1: lxc.include: 'm' is included more than 16 deep");
    let text = b"lxc.include = m\nlxc.include = m\n";
    let (config, problems) = lxc::parse("f", text, &mut Mirror(text.to_vec(), 0));
    assert_eq!(config.files.len(), 1024);
    assert!(problems.iter().any(|p| p.to_string().ends_with("'m': more than 1024 files")), "{:?}", problems.last());
}
