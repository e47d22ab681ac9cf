//! Low numbers for the descriptors that a child needs, so that its table can end behind them.
//!
//! A child has a copy of its parent's table and closes nearly all of it at the exec: with a thousand containers an agent has some
//! four thousand descriptors, and each start would take a third longer than the first. So an agent reserves a few numbers while
//! they are low, puts there what the next child needs, and the child's copy ends with them (close_range(2), CLOSE_RANGE_UNSHARE).

use crate::perform::{Stage, empty};
use crate::sys::descriptors::can_unshare;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{DupFlags, dup3, fcntl_dupfd_cloexec};
use std::cell::RefCell;
use std::mem::{ManuallyDrop, replace};

/// More than the hierarchies of a machine with cgroups of version 1, the rootfs and what else a start opens for its child.
const COUNT: usize = 32;

/// The numbers: descriptors of /dev/null while they are not lent.
struct Low {
    null: OwnedFd,
    free: Vec<OwnedFd>,
    end: u32,
}

thread_local! {
    /// None: not asked yet. Some(None): there are none, on a kernel before Linux 5.9. Never freed (crate::observe::environment).
    static LOW: ManuallyDrop<RefCell<Option<Option<Low>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

impl Low {
    fn reserve() -> Option<Low> {
        if !can_unshare() {
            return None;
        }
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let free: Vec<OwnedFd> = (0..COUNT).map_while(|_| fcntl_dupfd_cloexec(&null, 0).ok()).collect();
        let highest = free.iter().map(AsRawFd::as_raw_fd).chain(empty::highest_descriptor()).max()?;
        Some(Low { null, free, end: highest.cast_unsigned() + 1 })
    }
}

/// What the child needs has low numbers; `back` gives it its own again.
pub(super) struct Lent {
    own: Vec<OwnedFd>,
    /// The first number that the child needs no more.
    pub end: u32,
}

/// None: the child gets the whole table.
pub(super) fn lend(stage: &mut Stage) -> Option<Lent> {
    if !crate::observe::keeps() {
        return None;
    }
    LOW.with(|low| {
        let mut low = low.borrow_mut();
        let low = low.get_or_insert_with(Low::reserve).as_mut()?;
        let mut lent = Lent { own: Vec::new(), end: low.end };
        let mut all = true;
        stage.for_the_child(|fd| {
            let number = low.free.pop().filter(|_| all);
            let copied = number.and_then(|mut number| dup3(&*fd, &mut number, DupFlags::CLOEXEC).ok().map(|()| number));
            match copied {
                Some(number) => lent.own.push(replace(fd, number)),
                None => all = false,
            }
        });
        if all {
            return Some(lent);
        }
        lent.give_back(stage, low);
        None
    })
}

impl Lent {
    /// When the child has its own copies.
    pub fn back(self, stage: &mut Stage) {
        LOW.with(|low| {
            if let Some(Some(low)) = low.borrow_mut().as_mut() {
                self.give_back(stage, low);
            }
        });
    }

    fn give_back(self, stage: &mut Stage, low: &mut Low) {
        let mut own = self.own.into_iter();
        stage.for_the_child(|fd| {
            let Some(own) = own.next() else { return };
            let mut number = replace(fd, own);
            // Where that fails the number is lost, and with too few of them children get the whole table.
            if dup3(&low.null, &mut number, DupFlags::CLOEXEC).is_ok() {
                low.free.push(number);
            }
        });
    }
}
