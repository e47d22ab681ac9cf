//! For tests: an allocator that counts what a child asks of it that shares our memory, which nobody may between clone and exec,
//! and what this thread asks of it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Whose calls do not count; 0: nobody's do.
static OWN: AtomicI32 = AtomicI32::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How often this thread has asked; none: nobody counts.
    static ASKED: Cell<Option<usize>> = const { Cell::new(None) };
}

fn note() {
    // A thread that is ending has none any more.
    let _ = ASKED.try_with(|asked| asked.set(asked.get().map(|n| n + 1)));
    let own = OWN.load(Ordering::Relaxed);
    // SAFETY: getpid takes nothing and cannot fail.
    if own != 0 && unsafe { libc::getpid() } != own {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: all is System's; the counters allocate nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        note();
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// How often this thread asked for memory, or gave some back, while `what` ran.
pub fn by_this_thread<T>(what: impl FnOnce() -> T) -> (usize, T) {
    ASKED.set(Some(0));
    let result = what();
    (ASKED.take().unwrap_or(0), result)
}

/// How often children asked for memory, or gave some back, while `what` ran.
pub fn by_children<T>(what: impl FnOnce() -> T) -> (usize, T) {
    CALLS.store(0, Ordering::Relaxed);
    OWN.store(std::process::id() as i32, Ordering::Relaxed);
    let result = what();
    OWN.store(0, Ordering::Relaxed);
    (CALLS.load(Ordering::Relaxed), result)
}
