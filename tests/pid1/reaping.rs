//! Orphans: a flood of them, with many live children beside, and nobody left as a zombie.

use crate::fixture::{able, run};
use crate::skip_unless;

/// Makes orphans by double forks, waits until no zombie is left, and tells how many there were.
fn flood(reaper: &str, orphans: u32, live: u32) {
    let script = format!(
        "i=0; while [ $i -lt {live} ]; do (sleep 1000 &); i=$((i+1)); done
         i=0; while [ $i -lt {orphans} ]; do (true &); i=$((i+1)); done
         while grep -qs '^State:.Z' /proc/[0-9]*/status; do :; done; echo none; ls -d /proc/[0-9]* | grep -c ."
    );
    let ended = run(&[reaper, "keel.grace_ms=30000", "--", "sh", "-c", &script]);
    let mut lines = ended.out.lines();
    assert_eq!((ended.code(), lines.next()), (0, Some("none")), "{reaper}: {}", ended.err);
    let processes: u32 = lines.next().unwrap().parse().unwrap();
    assert!((live..live + 10).contains(&processes), "{processes} processes");
}

#[test]
fn a_flood_of_orphans_leaves_no_zombie() {
    skip_unless!(able());
    for reaper in ["keel.reap=auto", "keel.reap=wait"] {
        flood(reaper, 20_000, 0);
    }
}

#[test]
fn a_flood_beside_many_live_children() {
    skip_unless!(able());
    for reaper in ["keel.reap=auto", "keel.reap=wait"] {
        flood(reaper, 2_000, 8_000);
    }
}
