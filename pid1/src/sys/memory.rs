//! The memory functions that the compiler calls: a program without libc has to bring them.
//!
//! Each pointer passes through an empty `asm!` in its loop, as the compiler would otherwise see what the loop does and replace it with
//! a call of the very function it is in.

use core::arch::asm;
use core::ffi::c_int;

use syscalls::{Sysno, syscall};

/// # Safety
/// `dest` and `src` must hold `n` bytes and not overlap.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's promise is what `rep movsb` needs; the direction flag is clear by the ABI.
    unsafe {
        asm!("rep movsb", inout("rcx") n => _, inout("rdi") dest => _, inout("rsi") src => _, options(nostack, preserves_flags))
    };
    dest
}

/// # Safety
/// `dest` and `src` must hold `n` bytes and not overlap.
#[cfg(not(target_arch = "x86_64"))]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's promise is stronger than what is asked here.
    unsafe { forwards(dest, src, n) };
    dest
}

/// # Safety
/// `dest` and `src` must hold `n` bytes; where they overlap, `dest` must not be behind `src`.
unsafe fn forwards(dest: *mut u8, src: *const u8, n: usize) {
    for i in 0..n {
        // SAFETY: `i` is below `n`.
        unsafe { *opaque(dest.wrapping_add(i)) = *src.wrapping_add(i) };
    }
}

/// # Safety
/// `dest` and `src` must hold `n` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    if (dest as usize).wrapping_sub(src as usize) >= n {
        // SAFETY: `dest` is before `src`, or they do not overlap.
        unsafe { forwards(dest, src, n) };
    } else {
        for i in (0..n).rev() {
            // SAFETY: `i` is below `n`.
            unsafe { *opaque(dest.wrapping_add(i)) = *src.wrapping_add(i) };
        }
    }
    dest
}

/// # Safety
/// `dest` must hold `n` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(dest: *mut u8, byte: c_int, n: usize) -> *mut u8 {
    for i in 0..n {
        // SAFETY: `i` is below `n`.
        unsafe { *opaque(dest.wrapping_add(i)) = byte as u8 };
    }
    dest
}

/// # Safety
/// `a` and `b` must hold `n` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> c_int {
    for i in 0..n {
        // SAFETY: `i` is below `n`.
        let (x, y) = unsafe { (*opaque(a.cast_mut().wrapping_add(i)), *b.wrapping_add(i)) };
        if x != y {
            return c_int::from(x) - c_int::from(y);
        }
    }
    0
}

/// # Safety
/// `a` and `b` must hold `n` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { memcmp(a, b, n) }
}

/// # Safety
/// `s` must end with a NUL.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(s: *const u8) -> usize {
    let mut n = 0;
    // SAFETY: nothing behind the NUL is read.
    while unsafe { *opaque(s.cast_mut().wrapping_add(n)) } != 0 {
        n += 1;
    }
    n
}

/// The same pointer, of which the compiler knows nothing.
#[inline(always)]
fn opaque(mut p: *mut u8) -> *mut u8 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {0} */", inout(reg) p, options(nostack, preserves_flags)) };
    p
}

/// Lets the kernel take the pages of the program that waiting does not need out of this process: they are the file's, and come back
/// when something is done again. What waiting needs is made a mapping of its own, by advice that differs, as the kernel brings in
/// whatever lies around a page within its mapping.
///
/// Nothing is lost where it refuses.
pub fn give_back() {
    unsafe extern "C" {
        static __hot_begin: u8;
        static __hot_end: u8;
        static __text_end: u8;
    }
    const RANDOM: usize = 1;
    const DONTNEED: usize = 4;
    let hot = (&raw const __hot_begin) as usize;
    let (cold, end) = ((&raw const __hot_end) as usize, (&raw const __text_end) as usize);
    // SAFETY: the ranges are whole pages of this program's file, mapped without a right to write: they come back as they were.
    unsafe {
        let _ = syscall!(Sysno::madvise, hot, cold - hot, RANDOM);
        let _ = syscall!(Sysno::madvise, cold, end - cold, DONTNEED);
    }
}
