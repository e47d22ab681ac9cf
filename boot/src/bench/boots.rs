//! Whole machines: from the kernel's "Run /init" to init's first line and to the prompt, and from Ctrl-Alt-Del until QEMU has ended.
//! The times are those at which the host reads the serial console.

use super::inits::{self, Init};
use super::numbers::Sample;
use super::room::Room;
use super::table::{Cell, Table};
use crate::accel::Accel;
use crate::fault::{At, Fault, Result};
use crate::qemu::{Machine, Running};
use crate::scratch::Scratch;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// After so long nothing more is expected of a machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The kernel's last words before init's first instruction (init/main.c, `run_init_process()`).
const EXECUTED: &str = "Run /init as init process";
const PROMPT: &str = "login: ";

#[derive(Default)]
struct Measured {
    kernel: Sample,
    first: Sample,
    login: Sample,
    stop: Sample,
}

/// The table.
pub fn table(room: &Room, name: &'static str, rounds: usize) -> Result<Table> {
    let busybox = crate::artifacts::busybox(crate::target::Arch::X86_64)?;
    let given = std::env::var_os("KEEL_KERNEL").filter(|file| !file.is_empty());
    let kernel = match &given {
        Some(file) => crate::artifacts::kernel_file(Path::new(file))?,
        None => crate::kernel::built(crate::kernel::Kind::Whole)?,
    };
    let qemu = crate::artifacts::qemu(crate::target::Arch::X86_64)?;
    let (inits, missing) = inits::all(room, &busybox)?;
    let scratch = Scratch::new()?;
    let mut all = Vec::new();
    for (i, init) in inits.iter().enumerate() {
        let file = scratch.path().join(format!("ramdisk{i}"));
        let bytes = inits::packed(init)?;
        std::fs::write(&file, &bytes).at("write", &file)?;
        let mut machine = Machine::new(&kernel.image);
        machine.initrd = Some(file);
        machine.append += init.append;
        all.push((init, machine, bytes.len(), Measured::default()));
    }
    let accel = all.first().map_or(Accel::Tcg, |(_, machine, ..)| machine.accel);
    let mut notes = missing;
    // The first round fills caches.
    for round in 0..=rounds {
        for at in super::runs::shuffled(all.len(), round as u64) {
            let (init, machine, _, measured) = &mut all[at];
            let mut into = Measured::default();
            let into = if round == 0 { &mut into } else { measured };
            boot(init, machine, &qemu, into).map_err(|why| Fault::new(format!("{}: {why}", init.name)))?;
        }
    }
    let columns = [
        "login median ms",
        "login p10 ms",
        "× floor, p10",
        "first line ms",
        "stop median ms",
        "stop p10 ms",
        "kernel ms",
        "ramdisk KiB",
    ];
    let title = format!(
        "a machine: from init's exec to its first line and to the prompt; from Ctrl-Alt-Del to its end ({accel:?})"
    );
    let mut table = Table::new(name, title, &columns);
    let floor = all.first().map_or(f64::NAN, |(.., measured)| measured.login.p10());
    for (init, _, bytes, m) in &all {
        let cells = vec![
            Cell::Part(m.login.median()),
            Cell::Part(m.login.p10()),
            Cell::Part(m.login.p10() / floor),
            Cell::Part(m.first.median()),
            Cell::Part(m.stop.median()),
            Cell::Part(m.stop.p10()),
            Cell::Whole(m.kernel.median()),
            Cell::Whole((*bytes / 1024) as f64),
        ];
        table.row(init.name, cells);
    }
    table.notes.append(&mut notes);
    table.notes.push(format!(
        "kernel: {}; kernel ms: from QEMU's start, with its firmware and the ramdisk unpacked",
        kernel.release
    ));
    table.notes.push("floor: writes both lines and waits, without a mount or a login; finit has a prompt of its own as pid1, the others busybox's getty, which sleeps 100 ms; busybox's init has no line of its own; finit's stop needs its plugins".into());
    table.notes.push(
        "the goal for pid1's stop is 100 ms; that for its prompt, 5 ms, is of the processor itself: see pid1-login"
            .into(),
    );
    Ok(table)
}

/// One boot, to the machine's end.
fn boot(init: &Init, machine: &Machine, qemu: &Path, into: &mut Measured) -> Result<()> {
    let sockets = Scratch::new()?;
    let began = Instant::now();
    let mut running = machine.spawn(qemu, Some(sockets.path()))?;
    let mut said = Vec::new();
    let executed = until(&mut running, &mut said, |text| text.contains(EXECUTED))?;
    let first = until(&mut running, &mut said, speaks)?;
    let login = until(&mut running, &mut said, |text| text.contains(PROMPT))?;
    let ms = |from: Instant, to: Instant| to.duration_since(from).as_secs_f64() * 1e3;
    into.kernel.add(ms(began, executed));
    into.first.add(ms(executed, first));
    into.login.add(ms(executed, login));
    let monitor = running.monitor.as_mut().ok_or_else(|| Fault::new("no monitor"))?;
    if !init.stops {
        return monitor.quit();
    }
    let asked = Instant::now();
    monitor.ctrl_alt_delete()?;
    while read(&mut running, &mut said, asked)? {}
    into.stop.add(ms(asked, Instant::now()));
    Ok(())
}

/// Is there a line, or the beginning of one, behind the kernel's last?
fn speaks(console: &str) -> bool {
    let behind = console.split_once(EXECUTED).and_then(|(_, behind)| behind.split_once('\n'));
    behind.is_some_and(|(_, line)| !line.trim().is_empty())
}

/// Reads the console until it has said something. When that was.
fn until(running: &mut Running, said: &mut Vec<u8>, is: impl Fn(&str) -> bool) -> Result<Instant> {
    let began = Instant::now();
    let mut at = began;
    while !is(&String::from_utf8_lossy(said)) {
        if !read(running, said, began)? {
            return Err(Fault::new(format!("it ended after '{}'", last_line(said))));
        }
        at = Instant::now();
    }
    Ok(at)
}

/// Reads once. False: the console is closed, as QEMU has ended.
fn read(running: &mut Running, said: &mut Vec<u8>, began: Instant) -> Result<bool> {
    let output = running.output.as_mut().ok_or_else(|| Fault::new("no console"))?;
    let left = PATIENCE.saturating_sub(began.elapsed()).as_millis().min(60_000) as u16;
    let mut bytes = [0; 4096];
    match poll(&mut [PollFd::new(output.as_fd(), PollFlags::POLLIN)], PollTimeout::from(left)) {
        Ok(1..) => {
            let n = output
                .read(&mut bytes)
                .map_err(|e| Fault::new(format!("read the console: {}", crate::fault::symbol(&e))))?;
            said.extend_from_slice(&bytes[..n]);
            Ok(n > 0)
        }
        _ if began.elapsed() < PATIENCE => Ok(true),
        _ => Err(Fault::new(format!("no end of '{}' after {} s", last_line(said), PATIENCE.as_secs()))),
    }
}

fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_not_the_kernels() {
        let kernel = "[    4.2] Freeing unused memory\r\n[    4.3] Run /init as init process\r\n";
        assert!(!speaks(kernel) && !speaks(&format!("{kernel}\r\n")), "an empty line is none");
        assert!(speaks(&format!("{kernel}\r\n(none) lo")) && speaks(&format!("{kernel}[    4.4] pid1: 0")));
        assert!(!speaks("[    4.3] pid1: before\r\n"));
        assert_eq!(last_line(b"a\r\nb\r\n\r\n"), "b");
    }
}
