//! Process 1 lives for years: what a start takes, the stop gives back, and a failed start as well, many times over.

use std::collections::BTreeMap;
use tests::dialog::Dialog;
use tests::vm::Spec;

/// How many times a container is made, started, stopped and destroyed here; `tests/guests` does it 500 times without emulation.
const CYCLES: usize = 150;
/// What the allocators of process 1 and of the kernel may move by: pages, not what 150 leaks of anything would take.
const SLACK_KIB: i64 = 96;
const KERNELS_SLACK_KIB: i64 = 6 * 1024;

/// What must not grow, by name. Not VmRSS: the kernel adds to it in lots of 64 pages (proc_pid_status(5): inaccurate), which is more than
/// the slack.
fn state(shell: &mut Dialog) -> BTreeMap<String, i64> {
    // Dying processes and namespaces are the kernel's to take apart, in its time: no zombies first, then the caches.
    shell.ok("while [ $(probe zombies) != zombies=0 ]; do :; done; sync; echo 3 > /proc/sys/vm/drop_caches");
    let said = shell.ok("echo fd $(ls /proc/1/fd | wc -l); echo mounts $(cat /proc/self/mountinfo | wc -l); \
         echo cgroups $(find /sys/fs/cgroup -type d | wc -l); echo run $(find /run /dev | wc -l); \
         echo files $(find /var /tmp /etc | wc -l); echo links $(ls /sys/class/net | wc -l); \
         grep VmData /proc/1/status; grep Anonymous: /proc/1/smaps_rollup; grep MemFree /proc/meminfo");
    let pairs = said.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.trim_end_matches(':').to_owned(), words.next()?.parse().ok()?))
    });
    pairs.collect()
}

/// What has grown by more than it may.
fn grown(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> Vec<String> {
    let more = |(key, old): (&String, &i64)| {
        let new = after.get(key).unwrap_or_else(|| panic!("no '{key}' in {after:?}"));
        let (by, slack) = match key.as_str() {
            "MemFree" => (old - new, KERNELS_SLACK_KIB),
            "VmData" | "Anonymous" => (new - old, SLACK_KIB),
            _ => ((new - old).abs(), 0),
        };
        (by > slack).then(|| format!("{key}: {old}, then {new}"))
    };
    before.iter().filter_map(more).collect()
}

fn rounds(shell: &mut Dialog, count: usize, round: &str) {
    for _ in 0..count.div_ceil(10) {
        let (code, said) = shell.sh(&format!("(for i in 1 2 3 4 5 6 7 8 9 10; do {round} || exit 1; done)"));
        assert_eq!(code, 0, "{said}");
    }
}

#[test]
fn nothing_leaks_in_process_1() {
    let mut vm = Spec::host().append("keel.autologin=root").boot();
    vm.dialog.expect("# ");
    let shell = &mut vm.dialog;
    let cycle = "lxc-create -q -n cc -t busybox --busybox /bin/busybox --pid1 /sbin/pid1 && lxc-start -n cc && \
        lxc-stop -k -n cc && lxc-destroy -n cc";
    let failed = "{ lxc-attach -n bb -- true; ! lxc-start -n bb -s 'lxc.mount.entry=/none mnt none bind'; } && \
        ! lxc-start -n bb -s lxc.init.cmd=/none && ! lxc-start -n bb -s lxc.arch=vax";
    let started =
        format!("lxc-start -n bb && lxc-attach -n bb -- true && lxc-stop -k -n bb && {{ {failed}; }} > /dev/null 2>&1");
    // What is made once is made by then: the heap grows for the last time with the second or third ten of these, not with the eighty after.
    rounds(shell, 10, cycle);
    rounds(shell, 40, &started);
    let before = state(shell);
    assert!(before.len() == 9, "{before:?}");
    rounds(shell, 10, &started);
    rounds(shell, CYCLES, cycle);
    let after = state(shell);
    let found = grown(&before, &after);
    assert!(found.is_empty(), "{found:?}");

    // Control: what is held on to is seen, each in its column.
    shell.ok("lxc-start -n bb; dd if=/dev/zero of=/tmp/held bs=1M count=8; mkdir /tmp/m; mount -t tmpfs held /tmp/m");

    let found = grown(&after, &state(shell)).join("\n");
    for column in ["fd", "mounts", "cgroups", "run", "files", "MemFree"] {
        assert!(found.contains(&format!("{column}: ")), "{column} is not among what has grown:\n{found}");
    }
    shell.line("poweroff");
    vm.powers_off();
}
