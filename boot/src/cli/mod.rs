//! The commands of `cargo boot`: one table gives the parser, each `--help` and the overview. A new command is a row here and
//! a file beside this one.

mod bench;
mod boot;
mod build;
mod kernel;
mod ramdisk;
mod test;
mod words;

use crate::fault::Result;
use std::ffi::OsString;
use std::process::ExitCode;
pub use words::Words;

/// An option of a command.
pub struct Opt {
    /// `--NAME`.
    pub name: &'static str,
    /// What its value is called; a switch has none.
    pub value: Option<&'static str>,
    /// One line.
    pub help: &'static str,
}

/// A row of the table.
pub struct Command {
    /// As typed; empty for `cargo boot` alone.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// More lines.
    pub more: &'static str,
    /// Its options.
    pub options: &'static [Opt],
    run: fn(&Words) -> Result<ExitCode>,
}

const fn opt(name: &'static str, value: &'static str, help: &'static str) -> Opt {
    Opt { name, value: if value.is_empty() { None } else { Some(value) }, help }
}

const ARCH: Opt = opt("arch", "ARCH", "x86_64 (default), i686, aarch64 or armv7");
const LIBC: Opt =
    opt("libc", "LIBC", "what keel is linked with: gnu (default for x86_64, stock Rust) or musl (the one to ship)");
const CONTAINERS: Opt = opt("containers", "NAMES", "busybox containers to make, with commas between (default: bb)");
const PASSWORD: Opt = opt("password", "WORD", "root's password, on the host and in the containers");

/// All commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "",
        about: "build both programs and the ramdisk, and boot it in QEMU on this terminal",
        more: "What is missing (QEMU, a static busybox, a kernel) is installed as root, otherwise named.\n\
               Ctrl-A X ends QEMU at once, `poweroff` in the guest ends it cleanly.\n",
        options: &[
            opt("kernel", "FILE", "boot this kernel (vmlinux or bzImage) and not the distribution's"),
            opt("append", "WORDS", "more words for the kernel's command line"),
            opt("memory", "MIB", "the machine's memory (default: 256)"),
            CONTAINERS,
            opt("password", "WORD", "root's password, on the host and in the containers (default: keel)"),
            opt("arch", "ARCH", "x86_64 (default), or i686: a 32-bit kernel with 32-bit programs"),
            LIBC,
            opt("dry-run", "", "make everything, print QEMU's line and boot nothing"),
        ],
        run: boot::run,
    },
    Command {
        name: "ramdisk",
        about: "make a ramdisk, or put Keel into an existing ramdisk or boot.img",
        more: "Without --password root is locked in the ramdisk and its containers.\n\
               With --base the old /init becomes /init.android, and the result is packed as the base was.\n",
        options: &[
            opt("o", "FILE", "where to write it (also -o FILE)"),
            CONTAINERS,
            opt("add", "SRC[:DST]", "a file or directory to put in as well, owned by root; may be repeated"),
            opt("modules", "NAMES", "modules of the distribution's kernel to load at boot, and what they depend on"),
            opt("base", "FILE", "an Android ramdisk (cpio, gzip, lz4, zstd, xz) or a boot.img (header 0 to 4)"),
            opt("compress", "HOW", "none, gzip, lz4, zstd or xz (default: gzip, or as the base was)"),
            PASSWORD,
            opt("issue", "TEXT", "what the login shows first"),
            ARCH,
            LIBC,
        ],
        run: ramdisk::run,
    },
    Command {
        name: "kernel",
        about: "build a small kernel from Debian's linux-source package and boot/kernel/*.config",
        more: "It is kept in the cache until the source or the fragments change; its path is the last line printed.\n\
               `cargo boot --kernel FILE` boots it.\n",
        options: &[
            opt("config-only", "", "make and check the configuration, and print where it is"),
            opt(
                "stock",
                "",
                "5.10 with what stock kernels of Android-x86 have: no namespaces, few controllers, ashmem",
            ),
        ],
        run: kernel::run,
    },
    Command {
        name: "build",
        about: "build keel and pid1, static and for release, and print their sizes",
        more: "",
        options: &[ARCH, LIBC],
        run: build::run,
    },
    Command {
        name: "size",
        about: "the sizes of both programs, built with glibc and with musl",
        more: "",
        options: &[ARCH],
        run: build::sizes,
    },
    Command {
        name: "test",
        about: "everything CI runs: format, clippy, unit and golden tests, tidy, namespaces, boots",
        more: "With MUST=1 in the environment a skipped test is a failure. The last line is 'N passed, N failed'.\n",
        options: &[opt("only", "STAGES", "with commas between: fmt, clippy, unit, pid1, tests, cross")],
        run: test::run,
    },
    Command {
        name: "bench",
        about: "keel and pid1 beside their peers and the least that the kernel allows: tables, JSON, plots",
        more: "Peers come from packages that are downloaded and not installed. Needs root; mounts are its own.\n",
        options: &[
            opt("only", "TABLES", "with commas between: start, start-net, start-cgroup, cold, cold-cgroup, …"),
            opt("runs", "NUMBER", "runs of each (default: 60)"),
            opt("o", "DIR", "where results are written (default: bench/ beside what Cargo builds)"),
            LIBC,
        ],
        run: bench::run,
    },
];

/// Runs what was typed; prints the error.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = match Words::read(args) {
        Ok(words) => words,
        Err(why) => {
            eprintln!("cargo boot: {why}\ntry: cargo boot --help");
            return ExitCode::from(2);
        }
    };
    if words.help {
        print!("{}", words::help(words.command));
        return ExitCode::SUCCESS;
    }
    match (words.command.run)(&words) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("cargo boot: {why}");
            ExitCode::FAILURE
        }
    }
}
