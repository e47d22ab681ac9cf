//! Keys of what a process gets: limits, ids, values below /proc, hooks.

use keel_core::config::Config;
use keel_core::config::lxc::{self, NoFiles};

fn read(text: &[u8]) -> (Config, Vec<String>) {
    let (config, problems) = lxc::parse("f", text, &mut NoFiles);
    (config, problems.iter().map(ToString::to_string).collect())
}

/// Read, printed, cleared, refused.
#[test]
fn limits_ids_values_and_hooks() {
    let text = b"lxc.prlimit.nofile = 1024:unlimited\nlxc.prlimit.nproc = 5\nlxc.sysctl.net.ipv4.ip_forward = 1\n\
        lxc.proc.oom_score_adj = -5\nlxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.init.groups = 4, 5\n\
        lxc.hook.start = /s a\nlxc.hook.version = 1\n";
    let (config, said) = read(text);
    assert_eq!(said, [""; 0]);
    assert_eq!(
        config.limits.iter().map(|l| (l.value.resource, l.value.soft, l.value.hard)).collect::<Vec<_>>(),
        [(7, 1024, u64::MAX), (6, 5, 5)]
    );
    assert_eq!(config.proc[0].value, ("oom_score_adj".into(), "-5".into()));
    assert_eq!(config.init.groups, [4, 5]);
    let (again, said) = read(lxc::print(&config).as_bytes());
    assert_eq!(said, [""; 0]);
    assert_eq!(lxc::print(&again), lxc::print(&config));

    let mut all = text.to_vec();
    all.extend(b"lxc.prlimit =\nlxc.prlimit. =\nlxc.sysctl. =\nlxc.proc. =\nlxc.idmap =\nlxc.init.groups =\nlxc.hook =\nlxc.hook.version =\n");
    let (cleared, _) = read(&all);
    assert_eq!(cleared, Config { files: vec!["f".into()], ..Config::default() });

    for (line, why) in [
        ("lxc.prlimit.nofiles = 1", "unknown limit 'nofiles', nearest is 'nofile'"),
        ("lxc.prlimit.nofile = 5:4", "'5:4': the soft limit is above the hard one"),
        ("lxc.prlimit.nofile = many", "'many' is no number and not 'unlimited'"),
        ("lxc.sysctl.net..x = 1", "'net..x' names no file"),
        ("lxc.idmap = x 0 1 1", "'x 0 1 1' begins with neither 'u' nor 'g'"),
        ("lxc.idmap = u 0 1", "'u 0 1' is not '{u|g} INSIDE OUTSIDE COUNT'"),
        ("lxc.idmap = u 0 1 0", "'u 0 1 0': no ids, or ids beyond the last one"),
        ("lxc.idmap = u 0 4294967295 1", "'u 0 4294967295 1': no ids, or ids beyond the last one"),
        ("lxc.idmap = u 0 10 5\nlxc.idmap = u 4 100 5", "'u 4 100 5' maps ids that another line maps already"),
        ("lxc.idmap = u 0 10 5\nlxc.idmap = u 9 14 5", "'u 9 14 5' maps ids that another line maps already"),
        ("lxc.init.groups = 4,x", "'x' is no group id"),
        ("lxc.hook = x", "takes no value: it forgets all hooks"),
    ] {
        let (_, said) = read(line.as_bytes());
        assert!(said.len() == 1 && said[0].ends_with(why), "{line}: {said:?}");
    }
}
