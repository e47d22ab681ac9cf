//! adbd over TCP (JB 1.8): listens where the property says, answers a greeting, and sends back what it is sent. Messages are a head
//! of six numbers and a payload; there are no checks of signatures, as before 4.2.2.

use super::props;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

const GREETING: u32 = u32::from_le_bytes(*b"CNXN");
const WRITE: u32 = u32::from_le_bytes(*b"WRTE");
const LARGEST: u32 = 4096;

pub fn run() -> ExitCode {
    let property = |name: &str| props::read_inherited(name).and_then(|value| value.parse::<u16>().ok());
    let port = property("service.adb.tcp.port").or_else(|| property("persist.adb.tcp.port")).unwrap_or(5555);
    let Ok(listener) = TcpListener::bind(("0.0.0.0", port)) else { return ExitCode::from(1) };
    // One thread for each, as the real one has two.
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || serve(stream));
    }
    ExitCode::SUCCESS
}

fn serve(mut stream: TcpStream) -> Option<()> {
    loop {
        let mut head = [0; 24];
        stream.read_exact(&mut head).ok()?;
        let word = |i: usize| u32::from_le_bytes([head[i * 4], head[i * 4 + 1], head[i * 4 + 2], head[i * 4 + 3]]);
        let (command, length) = (word(0), word(3));
        if word(5) != command ^ u32::MAX || length > LARGEST {
            return None;
        }
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).ok()?;
        if command == GREETING {
            payload = b"device::\0".into();
        }
        let known = matches!(command, GREETING | WRITE);
        let sum = payload.iter().fold(0u32, |all, byte| all + u32::from(*byte));
        let answer = [command, word(1), word(2), payload.len() as u32, sum, command ^ u32::MAX];
        let bytes: Vec<u8> = answer.iter().flat_map(|n| n.to_le_bytes()).chain(payload).collect();
        if known {
            stream.write_all(&bytes).ok()?;
        }
    }
}
