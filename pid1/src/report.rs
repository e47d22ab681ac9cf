//! How the host hears of the guest: lines as sd_notify(3) has them, over a virtual socket, a datagram socket or a virtio port.
//!
//! Always in a child: the host may not answer. Without `keel.notify=` the credential `vmm.notify_socket` of the machine is looked for.

use core::ffi::CStr;
use core::fmt::Write;

use pid1::params::notify_credential;
use pid1::settings::{Notify, Settings};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::sys::{Result, Symbol, socket};
use crate::text::{Shown, Text, buffer};
use crate::{devices, files};

/// What is said.
#[derive(Clone, Copy)]
pub enum Message {
    /// Everything is set up.
    Ready,
    /// How it ended.
    Ended(u8),
}

/// Is there anybody to tell?
pub fn is_wanted(settings: &Settings<'_>, machine: bool) -> bool {
    settings.notify.is_some() || settings.report.is_some() || machine
}

/// Tells whoever wants to hear. In a child.
pub fn send(settings: &Settings<'_>, machine: bool, message: Message) {
    let mut text = Text::<64>::new();
    let _ = match message {
        Message::Ready => text.write_str("READY=1\n"),
        Message::Ended(code) => writeln!(text, "EXIT_STATUS={code}"),
    };
    if let Some(port) = settings.report
        && let Err(e) = to_port(port, text.bytes())
    {
        warn!("report to '{}': {}", Shown(port), Symbol(e));
    }
    let mut credential = buffer::<4096>();
    let socket = settings.notify.or_else(|| if machine { credential_of_machine(&mut credential) } else { None });
    let Some(socket) = socket else { return };
    let connected = match socket {
        Notify::Vsock(cid, port) => socket::connect_virtual(cid, port),
        Notify::Unix(path) => socket::connect_local(path),
    };
    if let Err(e) = connected.and_then(|fd| rustix::io::write(&fd, text.bytes())) {
        warn!("keel.notify: {}", Symbol(e));
    }
}

fn to_port(path: &[u8], text: &[u8]) -> Result<()> {
    let mut name = path.strip_prefix(b"/dev/").unwrap_or(path);
    let mut port = *PORT;
    if let Some(given) = name.strip_prefix(b"virtio-ports/") {
        find_port(given, &mut port);
        name = &port[24..32];
    }
    devices::make_from_sysfs(b"virtio-ports", name);
    let path = Text::<512>::of(&[b"/dev/", name]).ok_or(Errno::NAMETOOLONG)?;
    let fd = rustix::fs::open(path.c_str(), OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&fd, text).map(drop)
}

/// Where the kernel keeps the name that the host gave a port.
const PORT: &[u8; 38] = b"/sys/class/virtio-ports/vport0p0/name\0";

/// Finds the port of that name: /dev/virtio-ports/NAME is a link that only udev makes. Of the first ten devices, the first ten ports
/// are looked at; the last is the answer where none has that name, and where it is missing, too, opening it says so.
fn find_port(name: &[u8], file: &mut [u8; 38]) {
    let mut content = buffer::<64>();
    for n in 0..100 {
        (file[29], file[31]) = (b'0' + n / 10, b'0' + n % 10);
        let path = CStr::from_bytes_until_nul(file).unwrap_or_default();
        if files::read(path, &mut content).is_ok_and(|is| is.len() == name.len() + 1 && is.starts_with(name)) {
            return;
        }
    }
}

/// The credential, from QEMU's firmware configuration or from the SMBIOS strings (systemd.exec(5), "vmm.notify_socket").
fn credential_of_machine(buffer: &mut [core::mem::MaybeUninit<u8>]) -> Option<Notify<'_>> {
    const FW_CFG: &CStr = c"/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/vmm.notify_socket/raw";
    const SMBIOS: &CStr = c"/sys/firmware/dmi/entries/11-0/raw";
    const KEY: &[u8] = b"io.systemd.credential:vmm.notify_socket=";
    if rustix::fs::stat(FW_CFG).is_ok() {
        return notify_credential(files::read(FW_CFG, buffer).ok()?);
    }
    let strings = files::read(SMBIOS, buffer).ok()?;
    strings.split(|c| *c == 0).find_map(|s| notify_credential(s.strip_prefix(KEY)?))
}
