//! The payload's status is `pid1`'s, and its end is everything's.

use std::time::Instant;

use crate::fixture::{able, run, start};
use crate::skip_unless;

const REAPERS: [&str; 2] = ["keel.reap=auto", "keel.reap=wait"];

#[test]
fn the_status_is_passed_through() {
    skip_unless!(able());
    for reaper in REAPERS {
        for code in [0, 1, 7, 255] {
            assert_eq!(run(&[reaper, "--", "sh", "-c", &format!("exit {code}")]).code(), code, "{reaper}");
        }
        for signal in [1, 6, 9, 15, 34] {
            assert_eq!(
                run(&[reaper, "--", "sh", "-c", &format!("kill -{signal} $$")]).code(),
                128 + signal,
                "{reaper}"
            );
        }
    }
}

#[test]
fn a_program_that_cannot_be_executed_is_named() {
    skip_unless!(able());
    for reaper in REAPERS {
        let missing = run(&[reaper, "--", "no-such-program"]);
        assert_eq!((missing.code(), missing.err.as_str()), (127, "pid1: 'no-such-program': ENOENT\n"));
        let unfit = run(&[reaper, "--", "/etc/passwd"]);
        assert_eq!((unfit.code(), unfit.err.as_str()), (126, "pid1: '/etc/passwd': EACCES\n"));
    }
}

#[test]
fn words_and_environment_arrive_as_they_are() {
    skip_unless!(able());
    let ended = run(&["-g", "sh", "-c", "for a; do echo \"<$a>\"; done", "x", "", "a b", "--", "keel.grace_ms=1"]);
    assert_eq!(ended.out, "<>\n<a b>\n<-->\n<keel.grace_ms=1>\n");
}

#[test]
fn what_lingers_is_asked_and_not_waited_for_longer_than_it_takes() {
    skip_unless!(able());
    let started = Instant::now();
    let ended = run(&["keel.grace_ms=60000", "--", "sh", "-c", "sleep 1000 & sleep 1000 & exit 4"]);
    assert_eq!(ended.code(), 4);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn what_does_not_hear_term_is_killed_after_the_grace() {
    skip_unless!(able());
    let started = Instant::now();
    // Ignored before there is a child: an ignored signal is inherited, so that the order of the two doesn't matter.
    let script = "trap '' TERM; sleep 1000 & echo ready; exit 4";
    let mut guest = start(&["keel.grace_ms=300", "--", "sh", "-c", script]);
    guest.read_until("ready");
    let ended = guest.finish();
    assert_eq!(ended.code(), 4);
    assert!(started.elapsed().as_millis() >= 300, "{:?}", started.elapsed());
}

#[test]
fn wrong_options_are_named_with_their_neighbour() {
    skip_unless!(able());
    let ended = run(&["--getyy", "x"]);
    assert_eq!((ended.code(), ended.err.as_str()), (2, "pid1: unknown option '--getyy' (did you mean '--getty'?)\n"));
    let ended = run(&["keel.raep=wait", "true"]);
    assert_eq!(
        (ended.code(), ended.err.as_str()),
        (0, "pid1: unknown parameter 'keel.raep' (did you mean 'keel.reap'?)\n")
    );
}

#[test]
fn closed_standard_descriptors_are_no_trouble() {
    skip_unless!(able());
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let script = format!("exec /pid1 -- sh -c 'exit 3' {closed}");
        let ended =
            crate::fixture::Guest { child: crate::fixture::command(&["sh", "-c", &script]).spawn().unwrap() }.finish();
        assert_eq!(ended.code(), 3, "{closed}: {}", ended.err);
    }
}

#[test]
fn the_payload_starts_clean() {
    skip_unless!(able());
    // The score is back to what it was, and no descriptor of PID 1's own got through.
    let script = "grep -E '^Sig(Blk|Ign)' /proc/self/status; cat /proc/self/oom_score_adj; ls -l /proc/self/fd";
    let ended = run(&["--", "sh", "-c", script]);
    assert!(ended.out.starts_with("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n"), "{}", ended.out);
    assert!(!ended.out.contains("anon_inode") && !ended.out.contains("kmsg"), "{}", ended.out);
}

/// exec leaves ignored signals ignored; here they are those of whoever started `pid1`.
#[test]
fn signals_that_were_ignored_are_not() {
    skip_unless!(able());
    let ignored = |program: &str| {
        let script = format!("trap '' HUP PIPE SYS; exec {program} grep ^SigIgn /proc/self/status");
        let mut command = crate::fixture::command(&["sh", "-c", &script]);
        crate::fixture::Guest { child: command.spawn().unwrap() }.finish().out
    };
    assert_eq!(ignored("/pid1 --"), "SigIgn:\t0000000000000000\n");
    let control = ignored("");
    let mask = control.trim_end().rsplit('\t').next().and_then(|mask| u64::from_str_radix(mask, 16).ok());
    assert_eq!(mask.map(|mask| mask & 0x4000_1001), Some(0x4000_1001), "{control}");
}
