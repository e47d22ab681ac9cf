//! The consoles of containers, as long as nobody is attached: read, kept, logged, so that no guest blocks on them.
use super::container::Id;
use super::events::Interest;
use super::{Event, Watch, What};
use rustix::io::Errno;

impl Watch {
    /// Read a container's console from now on.
    pub(super) fn hear_console(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(master) = container.running.as_ref().and_then(|r| r.console.as_ref()) else { return };
        // Without it the guest's console stays full: nothing else is wrong.
        container.console = self.events.add(master, Interest::Changes, What::Console(id)).ok();
    }

    /// Read what a console has said, write what it has room for.
    pub(super) fn drain_console(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        if container.console.is_none() {
            return;
        }
        let Some(master) = container.running.as_ref().and_then(|r| r.console.as_ref()) else { return };
        let mut buffer = [0u8; 4096];
        // A guest that writes without end must not keep the loop: the rest is another round's. Edge-triggered, so the
        // round that stops early has to say that there is more.
        for round in 0.. {
            if container.held {
                break;
            }
            if round == 16 {
                self.events.after(std::time::Duration::ZERO, What::Console(id));
                break;
            }
            match rustix::io::read(master, &mut buffer) {
                // EIO: nobody has the other side open just now (tty_ioctl: a hung-up master).
                Ok(0) | Err(Errno::AGAIN | Errno::IO) => break,
                Err(Errno::INTR) => {}
                Err(_) => break,
                Ok(n) => {
                    let bytes = &buffer[..n];
                    container.ring.push(bytes);
                    if let Some(Err(e)) = container.log.as_mut().map(|file| file.write(bytes)) {
                        log::warn!("{}: lxc.console.logfile is given up: {e}", container.definition.name);
                        container.log = None;
                    }
                    if let Some(outside) = &mut container.outside {
                        outside.say(bytes);
                    }
                    if container.forward {
                        self.out.push_back(Event::Output(bytes.to_vec()));
                    }
                }
            }
        }
        let waiting = !container.input.is_empty();
        while !container.input.is_empty() {
            match rustix::io::write(master, &container.input) {
                Ok(n) => drop(container.input.drain(..n)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => container.input.clear(),
            }
        }
        if waiting && container.input.is_empty() {
            self.out.push_back(Event::Room);
        }
    }

    /// Type on a container's console. What does not fit is kept; see [`Watch::console_is_full`].
    pub fn console_input(&mut self, id: Id, bytes: &[u8]) {
        if let Some(container) = self.containers.get_mut(&id) {
            container.input.extend_from_slice(bytes);
        }
        self.drain_console(id);
    }

    /// Read its console no more for now, or again.
    pub fn hold_console(&mut self, id: Id, held: bool) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        if std::mem::replace(&mut container.held, held) && !held {
            self.drain_console(id);
        }
    }

    /// Not all input has been taken yet: type no more for now.
    pub fn console_is_full(&self, id: Id) -> bool {
        self.containers.get(&id).is_some_and(|c| !c.input.is_empty())
    }

    /// Tell a container's console how large the terminal is that shows it.
    pub fn console_size(&self, id: Id, size: rustix::termios::Winsize) {
        let running = self.containers.get(&id).and_then(|c| c.running.as_ref());
        if let Some(master) = running.and_then(|r| r.console.as_ref()) {
            // A size that cannot be set is a terminal of 80x24: still one.
            let _ = rustix::termios::tcsetwinsize(master, size);
        }
    }
}
