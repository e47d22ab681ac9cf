//! What a static glibc would bring along and keel never uses: printing, messages in other languages, unwinding.
//!
//! A call of `fork` takes glibc's locks of FILEs with it, an assertion of its takes `fprintf`, that takes character sets,
//! and those take a dynamic linker: a third of a megabyte in all. Each name here is weak: where the library's own
//! object is linked all the same it wins, so that another glibc can make the program larger, but not wrong. musl has
//! nothing of the kind.
//!
//! Of data there is only what is zero at first: locks that nobody holds, a counter, and that there is no FILE. Not here: what
//! has an effect that keel could see.

use keel_core::failure::Errno;
use std::fmt::Write;

// Answers: an assertion ends the program as it does with glibc, without its sentence; what prints has printed nothing; a
// message is its own translation; there is one locale, and no library to load or to bind; no FILE is open when forking; nothing can be
// unwound (`panic = "abort"`).
std::arch::global_asm!(
    ".pushsection .text.keel_glibc,\"ax\",@progbits",
    ".weak __assert_fail, __libc_dynarray_at_failure",
    "__assert_fail:",
    "__libc_dynarray_at_failure: jmp abort",
    ".weak fprintf, snprintf, __snprintf, __asprintf, __fxprintf",
    ".weak _IO_iter_begin, _IO_iter_end, _IO_iter_next, _IO_iter_file",
    ".weak _IO_list_lock, _IO_list_unlock, _IO_list_resetlock",
    ".weak setlocale, _nl_find_locale, __libc_dlopen_mode, __libc_dlsym, __libc_dlclose",
    ".weak __gconv_find_shlib, __gconv_release_shlib, __gconv_find_transform, __gconv_close_transform",
    ".weak _dl_runtime_resolve_fxsave, _dl_runtime_resolve_xsave, _dl_runtime_resolve_xsavec",
    ".weak _dl_runtime_profile_sse, _dl_runtime_profile_avx, _dl_runtime_profile_avx512",
    ".weak __gconv_btwoc_ascii, __gconv_transform_internal_ascii, __gconv_transform_ascii_internal, _dl_init_paths",
    ".weak _Unwind_GetIP, _Unwind_GetIPInfo, _Unwind_SetIP, _Unwind_GetCFA, _Unwind_SetGR",
    ".weak _Unwind_GetLanguageSpecificData, _Unwind_GetRegionStart, _Unwind_GetTextRelBase, _Unwind_GetDataRelBase",
    ".weak _Unwind_RaiseException, _Unwind_DeleteException, _Unwind_Resume",
    "fprintf:",
    "snprintf:",
    "__snprintf:",
    "__asprintf:",
    "__fxprintf:",
    "_IO_iter_begin:",
    "_IO_iter_end:",
    "_IO_iter_next:",
    "_IO_iter_file:",
    "_IO_list_lock:",
    "_IO_list_unlock:",
    "_IO_list_resetlock:",
    "setlocale:",
    "_nl_find_locale:",
    "__libc_dlopen_mode:",
    "__libc_dlsym:",
    "__libc_dlclose:",
    "__gconv_find_shlib:",
    "__gconv_release_shlib:",
    "_Unwind_GetIP:",
    "_Unwind_GetIPInfo:",
    "_Unwind_SetIP:",
    "_Unwind_GetCFA:",
    "_Unwind_SetGR:",
    "_Unwind_GetLanguageSpecificData:",
    "_Unwind_GetRegionStart:",
    "_Unwind_GetTextRelBase:",
    "_Unwind_GetDataRelBase:",
    "_Unwind_RaiseException:",
    "_Unwind_DeleteException:",
    "_Unwind_Resume:",
    "xor eax, eax",
    "ret",
    // __GCONV_NOCONV: there is no such conversion.
    "_dl_runtime_resolve_fxsave:",
    "_dl_runtime_resolve_xsave:",
    "_dl_runtime_resolve_xsavec:",
    "_dl_runtime_profile_sse:",
    "_dl_runtime_profile_avx:",
    "_dl_runtime_profile_avx512:",
    "__gconv_btwoc_ascii:",
    "__gconv_transform_internal_ascii:",
    "__gconv_transform_ascii_internal:",
    "_dl_init_paths:",
    "__gconv_find_transform:",
    "__gconv_close_transform: mov eax, 1",
    "ret",
    ".weak __dcgettext",
    "__dcgettext: mov rax, rsi",
    "ret",
    ".weak __xpg_strerror_r",
    "__xpg_strerror_r: jmp {strerror}",
    ".popsection",
    ".pushsection .bss.keel_glibc,\"aw\",@nobits",
    ".weak __libc_setlocale_lock, __gconv_lock, _nl_msg_cat_cntr, stderr, stdout",
    ".balign 64",
    "__libc_setlocale_lock: .zero 128",
    "__gconv_lock: .zero 128",
    "_nl_msg_cat_cntr: .zero 64",
    "stderr: .zero 8",
    "stdout: .zero 8",
    ".popsection",
    strerror = sym strerror,
);

/// There are no tables that could lead from one frame to the one above. Not weak and not in assembly as the others are: the compiler sees that it
/// calls nobody, and leaves out all that std would do with a frame: to find its symbol in the program's debugging information.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_: *const libc::c_void, _: *mut libc::c_void) -> i32 {
    0
}

/// strerror_r(3): the errno's symbol, as all of keel's messages have it.
extern "C" fn strerror(errno: i32, buffer: *mut libc::c_char, size: usize) -> i32 {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{}", Errno(errno));
    if size == 0 {
        return libc::ERANGE;
    }
    let length = text.len().min(size - 1);
    // SAFETY: the caller's buffer has `size` bytes; `length` and the NUL are within.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), length);
        *buffer.add(length) = 0;
    }
    0
}
