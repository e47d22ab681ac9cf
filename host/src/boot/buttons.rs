//! ACPI and GPIO power buttons: what a virtual machine's host or a thumb presses.
//!
//! Without any (no evdev in the kernel, no /dev/input) the machine is stopped by signals only.
use crate::sys::input;
use crate::watch::Watch;
use rustix::fs::{Mode, OFlags};
use std::os::fd::OwnedFd;

/// How many input devices are looked at.
const DEVICES: usize = 32;

/// The buttons found.
#[derive(Debug, Default)]
pub struct Buttons {
    devices: Vec<(u32, OwnedFd)>,
}

impl Buttons {
    /// Look for buttons anew (drivers may have come) and have them reported as `first`, `first + 1` and so on.
    pub fn find(watch: &mut Watch, first: u32) -> Buttons {
        let mut devices = Vec::new();
        for n in 0..DEVICES {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
            let Ok(fd) = rustix::fs::open(format!("/dev/input/event{n}"), flags, Mode::empty()) else { continue };
            let number = first + n as u32;
            if input::has_power_key(&fd) && watch.own(&fd, number).is_ok() {
                devices.push((number, fd));
            }
        }
        Buttons { devices }
    }

    /// A device has something to say: whether it is that its power key was pressed. None: it is none of ours.
    pub fn pressed(&mut self, number: u32) -> Option<bool> {
        let at = self.devices.iter().position(|(n, _)| *n == number)?;
        match input::power_pressed(&self.devices[at].1) {
            Ok(pressed) => Some(pressed),
            Err(_) => {
                // Unplugged. Closing takes it out of the loop.
                self.devices.remove(at);
                Some(false)
            }
        }
    }
}
