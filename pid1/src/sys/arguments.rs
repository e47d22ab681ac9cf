//! Arguments and environment as the kernel passes them and takes them: NULL-terminated vectors of C strings.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;

/// A NULL-terminated vector of C strings, as execve(2) takes it.
#[derive(Clone, Copy)]
pub struct Vector<'a> {
    first: *const *const c_char,
    life: PhantomData<&'a CStr>,
}

impl<'a> Vector<'a> {
    /// Its strings.
    pub fn iter(self) -> impl Iterator<Item = &'a CStr> {
        let mut at = self.first;
        core::iter::from_fn(move || {
            // SAFETY: a vector ends with NULL, and `at` does not pass it.
            let string = unsafe { *at };
            if string.is_null() {
                return None;
            }
            at = at.wrapping_add(1);
            // SAFETY: what a vector holds are C strings that live for 'a.
            Some(unsafe { CStr::from_ptr(string) })
        })
    }

    /// One without strings.
    pub fn empty() -> Vector<'a> {
        // Pointers of statics cannot be shared between threads; a null one, as a number, can.
        static NULL: usize = 0;
        Vector { first: (&raw const NULL).cast(), life: PhantomData }
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// The vector without its first `n` strings.
    pub fn skip(self, n: usize) -> Vector<'a> {
        Vector { first: self.first.wrapping_add(n.min(self.len())), life: PhantomData }
    }

    /// Its first string.
    pub fn first(self) -> Option<&'a CStr> {
        self.iter().next()
    }

    pub(super) fn as_ptr(self) -> *const *const c_char {
        self.first
    }
}

/// What the process was started with.
#[derive(Clone, Copy)]
pub struct Arguments {
    /// argv.
    pub words: Vector<'static>,
    /// The environment.
    pub environment: Vector<'static>,
}

impl Arguments {
    /// # Safety
    /// `argv` must point to `argc` C strings and a NULL, with the environment and its NULL behind, all of which stay for ever.
    pub(super) unsafe fn new(argc: usize, argv: *const *const c_char) -> Arguments {
        let vector = |first| Vector { first, life: PhantomData };
        Arguments { words: vector(argv), environment: vector(argv.wrapping_add(argc + 1)) }
    }
}

/// A vector to be filled: up to N - 1 strings. Further ones are left out.
pub struct List<'a, const N: usize> {
    pointers: [*const c_char; N],
    len: usize,
    life: PhantomData<&'a CStr>,
}

impl<'a, const N: usize> List<'a, N> {
    /// An empty one.
    pub fn new() -> Self {
        List { pointers: [core::ptr::null(); N], len: 0, life: PhantomData }
    }

    /// Adds a string at the end.
    pub fn push(&mut self, string: &'a CStr) {
        if self.len + 1 < N {
            self.pointers[self.len] = string.as_ptr();
            self.len += 1;
        }
    }

    /// The vector.
    pub fn vector(&self) -> Vector<'_> {
        Vector { first: self.pointers.as_ptr(), life: PhantomData }
    }
}
