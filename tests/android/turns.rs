//! Who may run beside whom: the machine's time for real-time threads is one budget of which two Androids take nearly all, and a
//! picture of the machine must not be taken while a test changes it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many have a turn, and whether one is alone.
static TURNS: Mutex<(usize, bool)> = Mutex::new((0, false));
static CHANGED: Condvar = Condvar::new();

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    alone: bool,
}

fn turns() -> MutexGuard<'static, (usize, bool)> {
    TURNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until nobody is alone.
pub fn beside_others() -> Turn {
    let mut now = CHANGED.wait_while(turns(), |(_, alone)| *alone).unwrap_or_else(PoisonError::into_inner);
    now.0 += 1;
    Turn { alone: false }
}

/// Waits until nobody has a turn. Who has one may take another meanwhile, so that two in one test don't wait for each other.
pub fn alone() -> Turn {
    let mut now =
        CHANGED.wait_while(turns(), |(count, alone)| *count > 0 || *alone).unwrap_or_else(PoisonError::into_inner);
    now.1 = true;
    Turn { alone: true }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut now = turns();
        if self.alone {
            now.1 = false;
        } else {
            now.0 -= 1;
        }
        CHANGED.notify_all();
    }
}
