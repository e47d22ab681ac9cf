//! ACPI power buttons, through the input devices that have a power key.

use core::fmt::Write;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};

use crate::sys::input;
use crate::text::Text;

/// How many buttons there can be.
pub const MOST: usize = 4;
/// How many input devices are looked at.
const DEVICES: usize = 32;

/// The buttons found.
pub struct Buttons {
    /// Their devices.
    pub devices: [Option<OwnedFd>; MOST],
}

impl Buttons {
    /// None.
    pub const fn none() -> Buttons {
        Buttons { devices: [const { None }; MOST] }
    }

    /// Looks for buttons anew: drivers may have come since.
    pub fn find(&mut self) {
        *self = Buttons::none();
        let mut free = self.devices.iter_mut();
        for n in 0..DEVICES {
            let mut name = Text::<64>::new();
            let _ = write!(name, "event{n}");
            let Some(path) = Text::<64>::of(&[b"/dev/input/", name.bytes()]) else {
                return;
            };
            let open =
                || rustix::fs::open(path.c_str(), OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
            let Ok(fd) = open() else { continue };
            if !input::has_power_key(fd.as_fd()) {
                continue;
            }
            input::only_power_key(fd.as_fd());
            let Some(place) = free.next() else { return };
            *place = Some(fd);
        }
    }

    /// Was one pressed? Those that are gone are forgotten.
    pub fn pressed(&mut self) -> bool {
        let mut pressed = false;
        for device in &mut self.devices {
            match device.as_ref().map(|fd| input::power_pressed(fd.as_fd())) {
                Some(Ok(now)) => pressed |= now,
                Some(Err(_)) => *device = None,
                None => {}
            }
        }
        pressed
    }
}
