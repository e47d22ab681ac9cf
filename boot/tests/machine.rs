//! One real machine, from an artifact to its end: the ramdisk made here is what the guest sees, both serial lines carry
//! text, and Ctrl-Alt-Del arrives through QEMU's monitor.

use boot::codec::{Compression, NAMES};
use boot::cpio::kind;
use boot::qemu::{Machine, Running};
use boot::ramdisk::Ramdisk;
use boot::scratch::Scratch;
use boot::target::Arch;
use boot::{apt, artifacts};
use std::io::{BufRead, BufReader, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(90);

/// Busybox alone: says what it sees, then what comes in on ttyS1, then waits for its end.
const INIT: &str = "#!/bin/busybox sh\n\
    /bin/busybox mount -t devtmpfs dev /dev\n\
    /bin/busybox stat -c 'seen %n %a %u:%g %F' /data /data/file /link\n\
    exec 3< /dev/ttyS1\n\
    echo listening\n\
    read line <&3\n\
    echo \"heard $line\"\n\
    read forever\n";

fn boot(compression: Compression) -> (Running, Receiver<String>, Scratch) {
    let mut tree = Ramdisk::new();
    tree.node("dev/console", kind::CHAR | 0o600, 5, 1);
    tree.host_file(&artifacts::busybox(Arch::X86_64).unwrap(), "bin/busybox").unwrap();
    tree.dir("data", 0o1750).file("data/file", 0o640, "x").link("link", "/data/file").file("init", 0o755, INIT);
    let scratch = Scratch::new().unwrap();
    let initrd = scratch.path().join("ramdisk");
    std::fs::write(&initrd, tree.pack(compression).unwrap()).unwrap();
    let mut machine = Machine::new(artifacts::kernel(Arch::X86_64).unwrap().image);
    machine.initrd = Some(initrd);
    machine.append += " quiet cryptomgr.notests=1";
    let mut running = machine.spawn(&artifacts::qemu(Arch::X86_64).unwrap(), Some(scratch.path())).unwrap();
    let (sender, lines) = channel();
    let mut console = BufReader::new(running.output.take().unwrap());
    std::thread::spawn(move || {
        let mut line = String::new();
        while console.read_line(&mut line).is_ok_and(|n| n > 0) && sender.send(std::mem::take(&mut line)).is_ok() {}
    });
    (running, lines, scratch)
}

/// Waits for a line that contains `text`; the console so far is the message when it does not come.
fn expect(lines: &Receiver<String>, text: &str) {
    let end = Instant::now() + DEADLINE;
    let mut before = String::new();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains(text) => return,
            Ok(line) => before += &line,
            Err(why) => panic!("no '{text}' on the console: {why}\n{before}"),
        }
    }
}

#[test]
fn the_guest_sees_the_ramdisk_and_is_heard_and_ended() {
    if apt::program("qemu-system-x86_64").is_none() {
        assert!(std::env::var_os("MUST").is_none(), "skipped: qemu-system-x86_64 is not installed");
        println!("skipped: qemu-system-x86_64 is not installed");
        return;
    }
    for (name, compression) in NAMES {
        let (mut running, lines, _scratch) = boot(compression);
        expect(&lines, "seen /data 1750 0:0 directory");
        expect(&lines, "seen /data/file 640 0:0 regular file");
        expect(&lines, "seen /link 777 0:0 symbolic link");
        // What arrives before the guest opens the line is lost: the UART's queue is emptied then.
        expect(&lines, "listening");
        running.second.as_mut().unwrap().write_all(format!("{name} on the second line\n").as_bytes()).unwrap();
        expect(&lines, &format!("heard {name} on the second line"));
        // Nobody has turned Ctrl-Alt-Del into a signal, so the kernel resets, and QEMU ends instead of booting again.
        running.monitor.as_mut().unwrap().ctrl_alt_delete().unwrap();
        while lines.recv_timeout(DEADLINE).is_ok() {}
        let status = running.child.wait().unwrap();
        assert!(status.success(), "{name}: {}", apt::ending(status));
    }
}
