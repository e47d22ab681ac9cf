//! adb over TCP to a container without a network: the host's port leads to its adbd.

use crate::fixture::{RC, system};
use ::boot::codec::Compression;
use ::boot::ramdisk::Ramdisk;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use tests::built::built;
use tests::container::Container;
use tests::proc::until;
use tests::ran::{PATIENCE, run};
use tests::skip;

/// A message of adb's protocol.
fn message(command: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let number = u32::from_le_bytes(*command);
    let sum = payload.iter().fold(0u32, |all, byte| all + u32::from(*byte));
    let head = [number, 0x0100_0000, 4096, payload.len() as u32, sum, number ^ u32::MAX];
    head.iter().flat_map(|n| n.to_le_bytes()).chain(payload.iter().copied()).collect()
}

/// Greets by a machine's shell: `CNXN`, where adbd answers.
pub fn greets(address: &str, port: u16) -> String {
    let greeting: String = message(b"CNXN", b"").iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("printf '{greeting}' | nc -w 5 {address} {port} | head -c 4")
}

/// Greets; none: nobody answers there yet.
fn connect(port: u16) -> Option<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.write_all(&message(b"CNXN", b"host::\0")).ok()?;
    let mut answer = [0; 24 + 9];
    stream.read_exact(&mut answer).ok()?;
    assert_eq!((&answer[..4], &answer[24..]), (&b"CNXN"[..], &b"device::\0"[..]));
    Some(stream)
}

#[test]
fn the_hosts_port_leads_to_adbd() {
    if !skip::root() {
        return;
    }
    // One that was free a moment ago.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a free port");
    let port = free.port();
    let _turn = crate::turns::beside_others();
    let _host = crate::picture::Host::observed();
    let container = Container::undefined();
    let mut tree = Ramdisk::new();
    tree.host_file(&built().probe, "init").expect("the stand-in");
    tree.file("init.rc", 0o640, format!("{RC}service adbd /sbin/adbd\n    disabled\n"));
    tree.link("sbin/adbd", "../init");
    tree.link("sbin/ueventd", "../init");
    let ramdisk = container.outside().join("ramdisk");
    fs::write(&ramdisk, tree.pack(Compression::Gzip).expect("packed")).expect("written");
    let mut command = container.command("create");
    command.args(["-t", "android", "--config", "/dev/null", "--", "--ramdisk"]).arg(&ramdisk).arg("--system");
    let said = run(command.arg(system(&container)).args(["--adb", &port.to_string()])).ok();
    assert!(said.contains(&format!("adbd listens on port {port}")), "{said}");
    container.add_config("lxc.net.0.type = empty");
    container.keel("start").fails(0);
    assert!(container.keel("info").ok().contains(&format!("ADB:            127.0.0.1:{port}\n")));
    let mut first = until("adbd answers", container.base(), || connect(port));
    let mut second = connect(port).expect("a second one beside it");
    // More than fits into any buffer on the way, while the other connection waits.
    let piece: Vec<u8> = (0..4096u32).map(|i| (i % 251) as u8).collect();
    let one = message(b"WRTE", &piece);
    let mut writer = first.try_clone().expect("dup");
    let sent = one.clone();
    let writing = std::thread::spawn(move || (0..1024).try_for_each(|_| writer.write_all(&sent)));
    for _ in 0..1024 {
        let mut back = vec![0; one.len()];
        first.read_exact(&mut back).expect("it comes back");
        assert_eq!(back[24..], piece);
    }
    writing.join().expect("a thread").expect("all was written");
    second.write_all(&message(b"WRTE", b"still here")).expect("written");
    let mut back = [0; 24 + 10];
    second.read_exact(&mut back).expect("it comes back");
    assert_eq!(&back[24..], b"still here");
    container.keel("stop -k").ok();
    // Nobody holds the port or a connection any more.
    assert_eq!(first.read(&mut [0]).unwrap_or(0), 0);
    until("the port is closed", container.base(), || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err().then_some(())
    });
    container.assert_nothing_left();
}
