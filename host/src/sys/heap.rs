//! Where keel's memory comes from with musl. A start makes 35 calls of mmap(2) and munmap(2) with musl's own allocator, which gives each kind of size
//! pages of its own and gives them back at once; with this one, two. glibc's is as good, and in the program in any case.

use dlmalloc::Dlmalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;

/// Doug Lea's, as std has it where there is no C library. Nothing is locked.
struct Heap(UnsafeCell<Dlmalloc>);

// SAFETY: keel has one thread (tests/tidy/words.rs), and a child that shares its memory asks for none (host/src/sys/counted.rs).
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Dlmalloc::new()));

impl Heap {
    fn get(&self) -> *mut Dlmalloc {
        self.0.get()
    }
}

// SAFETY: all is Doug Lea's; none of its functions calls itself, nor anything that asks for memory.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: nobody else has it; the caller's promises are passed on.
        unsafe { (*self.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { (*self.get()).free(at, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.get()).realloc(at, layout.size(), layout.align(), size) }
    }
}
