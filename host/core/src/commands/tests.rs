//! What the tables promise, and the parser over them.

use super::*;
use alloc::vec;
use alloc::vec::Vec;

const VERBS: [Verb; 49] = [
    Verb::Create,
    Verb::Start,
    Verb::Stop,
    Verb::Attach,
    Verb::Console,
    Verb::Info,
    Verb::Ls,
    Verb::Destroy,
    Verb::Plan,
    Verb::CheckConfig,
    Verb::Help,
    Verb::Man,
    Verb::Completions,
    Verb::InstallLinks,
    Verb::Net,
    Verb::Version,
    Verb::Agent,
    Verb::PowerOff,
    Verb::Reboot,
    Verb::Halt,
    Verb::TemplateBusybox,
    Verb::TemplateAndroid,
    Verb::Freeze,
    Verb::Unfreeze,
    Verb::Wait,
    Verb::Monitor,
    Verb::Cgroup,
    Verb::Execute,
    Verb::Autostart,
    Verb::Config,
    Verb::UpdateConfig,
    Verb::Copy,
    Verb::Clone,
    Verb::Snapshot,
    Verb::Device,
    Verb::Top,
    Verb::Unshare,
    Verb::UsernsExec,
    Verb::Kill,
    Verb::Ps,
    Verb::GetProp,
    Verb::WatchProps,
    Verb::SetProp,
    Verb::Service,
    Verb::Log,
    Verb::Logcat,
    Verb::Shutdown,
    Verb::Netstat,
    Verb::Restart,
];

fn read(verb: Verb, line: &str) -> Result<Parsed, UsageError> {
    parse(command(verb), line.split_whitespace().map(|word| word.as_bytes().to_vec()))
}

fn said(verb: Verb, line: &str) -> String {
    match read(verb, line) {
        Ok(parsed) => panic!("'{line}' was taken: {parsed:?}"),
        Err(UsageError(text)) => text,
    }
}

#[test]
fn every_verb_has_one_row() {
    for verb in VERBS {
        assert_eq!(COMMANDS.iter().filter(|c| c.verb == verb).count(), 1, "{verb:?}");
        assert_eq!(command(verb).verb, verb);
    }
    assert_eq!(COMMANDS.len(), VERBS.len());
}

#[test]
fn no_command_has_a_letter_or_a_name_twice() {
    for command in COMMANDS {
        let mut letters: Vec<char> = command.options().flat_map(|row| row.short.chars()).collect();
        let mut longs: Vec<&str> = command.options().flat_map(|row| row.long.iter().copied()).collect();
        let (count, long_count) = (letters.len(), longs.len());
        letters.sort_unstable();
        letters.dedup();
        longs.sort_unstable();
        longs.dedup();
        assert_eq!(letters.len(), count, "{}: {letters:?}", command.name);
        assert_eq!(longs.len(), long_count, "{}: {longs:?}", command.name);
    }
}

#[test]
fn texts_are_one_line_without_a_full_stop() {
    for row in OPTIONS {
        assert!(!row.help.is_empty() && !row.help.ends_with('.') && !row.help.contains('\n'), "{}", row.help);
        assert!(row.short.is_ascii() && !row.of.is_empty());
    }
    for command in COMMANDS {
        assert!(!command.summary.is_empty() && !command.summary.ends_with('.'), "{}", command.name);
    }
}

#[test]
fn getopts_ways_to_give_a_value() {
    for line in ["-n bb", "-nbb", "-n=bb", "--name bb", "--name=bb", "--na bb", "--nam=bb", "-dn bb", "-dnbb"] {
        let parsed = read(Verb::Start, line).unwrap();
        assert_eq!(parsed.value(Opt::Name), Some("bb"), "{line}");
        assert_eq!(parsed.has(Opt::Daemon), line.starts_with("-d"), "{line}");
    }
    assert_eq!(read(Verb::Start, "--name=").unwrap().value(Opt::Name), Some(""));
    assert_eq!(read(Verb::Start, "-s a=b=c").unwrap().value(Opt::Define), Some("a=b=c"));
    assert_eq!(read(Verb::Start, "--define a=b").unwrap().value(Opt::Define), Some("a=b"));
}

#[test]
fn operands_anywhere_and_nothing_after_two_dashes() {
    let mut parsed = read(Verb::Attach, "bb -q ls -- -l -n x").unwrap();
    assert_eq!(parsed.take_name().unwrap(), "bb");
    assert!(parsed.has(Opt::Quiet) && !parsed.has(Opt::Name));
    assert_eq!(parsed.take_command(), vec![b"ls".to_vec(), b"-l".to_vec(), b"-n".to_vec(), b"x".to_vec()]);
    let parsed = read(Verb::Attach, "-").unwrap();
    assert_eq!(parsed.operands, vec![b"-".to_vec()]);
    assert_eq!(read(Verb::Start, "-n bb --").unwrap().trailing, Some(vec![]));
}

#[test]
fn forms_of_0_7() {
    let parsed = read(Verb::Start, "-n x -d -f /c -c /dev/tty9 -s lxc.tty=1 -s lxc.pts=2").unwrap();
    assert_eq!(parsed.value(Opt::RcFile), Some("/c"));
    assert_eq!(parsed.value(Opt::ConsolePath), Some("/dev/tty9"));
    assert_eq!(parsed.values(Opt::Define).collect::<Vec<_>>(), ["lxc.tty=1", "lxc.pts=2"]);
    assert!(read(Verb::Info, "-s -p -n x").unwrap().has(Opt::State));
    assert!(read(Verb::Info, "-?").unwrap().has(Opt::Help));
    assert_eq!(read(Verb::Create, "-n bb -f c -t busybox").unwrap().value(Opt::RcFile), Some("c"));
}

#[test]
fn a_value_that_may_be_missing_is_in_the_same_word() {
    let parsed = read(Verb::Attach, "-e CAP").unwrap();
    assert!(parsed.has(Opt::ElevatedPrivileges) && parsed.value(Opt::ElevatedPrivileges).is_none());
    assert_eq!(parsed.operands.len(), 1);
    assert_eq!(read(Verb::Attach, "-eCAP|LSM").unwrap().value(Opt::ElevatedPrivileges), Some("CAP|LSM"));
    assert_eq!(read(Verb::Attach, "--elevated-privileges=LSM").unwrap().value(Opt::ElevatedPrivileges), Some("LSM"));
}

#[test]
fn what_is_said_of_wrong_options() {
    assert_eq!(said(Verb::Start, "--nmae bb"), "unknown option '--nmae', nearest is '--name'");
    assert_eq!(said(Verb::Start, "--zzzzzzzzz"), "unknown option '--zzzzzzzzz'");
    assert_eq!(said(Verb::Start, "-z"), "unknown option '-z'");
    assert_eq!(said(Verb::Start, "-Z"), "unknown option '-Z'");
    assert_eq!(said(Verb::Start, "-n"), "option '-n' needs a value: NAME");
    assert_eq!(said(Verb::Start, "--name"), "option '--name' needs a value: NAME");
    assert_eq!(said(Verb::Start, "--quiet=yes"), "option '--quiet' takes no value");
    assert_eq!(said(Verb::Stop, "--no"), "option '--no' is ambiguous: '--nowait' or '--nolock'");
    assert_eq!(said(Verb::Create, "--zfsroot x"), "option '--zfsroot' of LXC is known, but not available yet");
    assert_eq!(said(Verb::Ls, "-json"), "unknown option '-j', did you mean '--json'");
}

#[test]
fn prefixes_of_two_spellings_of_one_option_are_not_ambiguous() {
    assert!(read(Verb::Info, "--c lxc.arch").unwrap().has(Opt::ConfigKey));
    assert!(read(Verb::TemplateBusybox, "--mapped 0").unwrap().has(Opt::TemplateIgnored));
}

#[test]
fn bytes_that_are_no_text() {
    let parsed = parse(command(Verb::Attach), [b"bb".to_vec(), b"\xff".to_vec()]).unwrap();
    assert_eq!(parsed.operands[1], b"\xff");
    assert!(parse(command(Verb::Attach), [b"-n\xff".to_vec()]).unwrap_err().0.contains("is not UTF-8"));
    assert!(parse(command(Verb::Attach), [b"-n".to_vec(), b"\xff".to_vec()]).unwrap_err().0.contains("is not UTF-8"));
}

#[test]
fn control_characters_are_not_printed() {
    let error = parse(command(Verb::Attach), [b"--\x1b[2J\nx".to_vec()]).unwrap_err();
    assert_eq!(alloc::string::ToString::to_string(&error), "unknown option '--\\u{1b}[2J\\nx'");
}

#[test]
fn names_of_containers() {
    for bad in ["..", ".", "a/b"] {
        let text = read(Verb::Start, bad).unwrap().take_name().unwrap_err().0;
        assert_eq!(text, format!("'{bad}' cannot be a container's name"));
    }
    assert_eq!(read(Verb::Start, "").unwrap().take_name().unwrap_err().0, "no container name given");
    assert_eq!(read(Verb::Stop, "bb cc").unwrap().no_more().unwrap_err().0, "unexpected argument 'bb'");
    assert_eq!(
        read(Verb::Stop, "-t 1x").unwrap().number(Opt::Timeout).unwrap_err().0,
        "option '--timeout': '1x' is not a number"
    );
}

#[test]
fn commands_by_name() {
    assert_eq!(by_name("start").unwrap().verb, Verb::Start);
    assert_eq!(by_name("lxc-stop").unwrap().verb, Verb::Stop);
    assert_eq!(by_name("strat").unwrap_err().0, "unknown command 'strat', nearest is 'start'");
    assert_eq!(by_argv0("/usr/bin/lxc-ls").unwrap().unwrap().verb, Verb::Ls);
    assert!(by_argv0("/sbin/keel").unwrap().is_none());
    assert!(by_argv0("/init").unwrap().is_none());
    assert_eq!(by_argv0("lxc-strat").unwrap_err().0, "no tool 'lxc-strat' here yet, nearest is 'lxc-start'");
}

#[test]
fn every_text_can_be_made() {
    for command in COMMANDS {
        let text = help(command, command.name);
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        for row in command.options() {
            assert!(text.contains(row.help.split(' ').next().unwrap()));
        }
        let page = man(command);
        assert!(page.starts_with(".TH \"KEEL\\-"));
        assert!(!page.contains("\n'"));
    }
    assert!(overview().contains("start"));
    assert!(man_overview(&[("keel.containers=NAMES", "start these")]).contains(".SH BOOT"));
    let keys = man_config();
    assert!(keys.contains("\n\\fBlxc.tty.max\\fR\nhow many ttys; once lxc.tty\n"), "{keys}");
    assert!(keys.contains("\\fBlxc.cgroup.NAME\\fR\n") && !keys.contains("once lxc.cgroup\n"));
    for shell in Shell::NAMES {
        let script = completions(Shell::by_name(shell).unwrap());
        assert!(script.contains("lxc-start") && script.contains("checkconfig"), "{shell}");
        assert!(script.contains("pidfile") && !script.contains("zfsroot"), "{shell}");
    }
}

/// Every argument vector of up to three words out of a small set is taken or refused, and never panics.
#[test]
fn small_vectors_never_panic() {
    let words: [&[u8]; 16] = [
        b"",
        b"-",
        b"--",
        b"---",
        b"-n",
        b"-nx",
        b"--name",
        b"--name=",
        b"--na=x",
        b"-e",
        b"-=",
        b"--=",
        b"x",
        b"-\xff",
        b"\xff",
        "-\u{e4}".as_bytes(),
    ];
    let mut vectors = vec![vec![]];
    for _ in 0..3 {
        let longer: Vec<Vec<Vec<u8>>> = vectors
            .iter()
            .flat_map(|v: &Vec<Vec<u8>>| words.iter().map(move |w| v.iter().cloned().chain([w.to_vec()]).collect()))
            .collect();
        for vector in &longer {
            for verb in VERBS {
                let _ = parse(command(verb), vector.iter().cloned());
            }
        }
        vectors = longer;
    }
}
