//! What a container may do to others: memory, processes, orphans.

use crate::sys;
use std::fs;
use std::io::Write;

/// Touches so many MiB, one after the other, and says how far it came: what is printed last is what it got.
pub fn hog(mib: usize) {
    let mut held = Vec::new();
    for n in 1..=mib {
        let mut block = vec![0u8; 1 << 20];
        block.iter_mut().step_by(4096).for_each(|b| *b = 1);
        held.push(block);
        println!("hog={n}");
        // A full pipe or a closed one: nobody listens any more.
        let _ = std::io::stdout().flush();
    }
}

/// Makes so many children that wait, says how many there were and what stopped it, and ends them.
pub fn forks(n: usize) {
    let mut children = Vec::new();
    let mut end = "ok".to_string();
    for _ in 0..n {
        match sys::fork_waiting() {
            Ok(pid) => children.push(pid),
            Err(e) => {
                end = crate::errno::word::<()>(Err(e));
                break;
            }
        }
    }
    println!("forks={}", children.len());
    println!("forks.end={end}");
    children.into_iter().for_each(sys::end_child);
}

/// Leaves so many ended orphans to PID 1.
pub fn orphans(n: usize) {
    let made = (0..n).filter(|_| sys::fork_orphan().is_ok()).count();
    println!("orphans={made}");
}

/// Processes that nobody has reaped.
pub fn zombies() -> usize {
    let stat = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("stat")).ok();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    // proc_pid_stat(5): the state follows the last parenthesis.
    all.filter_map(stat).filter(|s| s.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))).count()
}
