//! The first instructions: the kernel jumps to `_start` with the arguments on the stack (fs/binfmt_elf.c, `create_elf_tables()`).
//!
//! Not for CPUs without an entry below. There is no thread-local storage, no stack protector and no relocation to do.

use core::ffi::c_char;

use super::arguments::Arguments;

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {entry}",
    "ud2",
    entry = sym entry
);

#[cfg(target_arch = "x86")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov eax, esp",
    "and esp, -16",
    "sub esp, 12",
    "push eax",
    "call {entry}",
    "ud2",
    entry = sym entry
);

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, #0",
    "mov x30, #0",
    "mov x0, sp",
    "bl {entry}",
    "brk #1",
    entry = sym entry
);

#[cfg(target_arch = "arm")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "mov r0, sp",
    "mov r11, #0",
    "mov lr, #0",
    "bic sp, sp, #7",
    "bl {entry}",
    "udf #0",
    entry = sym entry
);

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64", target_arch = "arm")))]
compile_error!("pid1 has no start code for this CPU");

/// What `_start` calls, with the stack pointer as the kernel left it.
extern "C" fn entry(stack: *const usize) -> ! {
    // SAFETY: at the entry point the stack holds argc, then argv and its NULL, then the environment and its NULL, and nothing has
    // moved it. All of it stays for the life of the process.
    let arguments = unsafe { Arguments::new(*stack, stack.add(1).cast::<*const c_char>()) };
    crate::main(arguments)
}

/// The prebuilt `core` names these two, as it can unwind; this program aborts.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// See [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    super::process::exit(crate::FAILED)
}
