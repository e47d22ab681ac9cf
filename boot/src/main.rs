//! `cargo boot`: builds Keel, its ramdisks and kernels, boots and tests them. All of it is in the library.

fn main() -> std::process::ExitCode {
    boot::cli::main(std::env::args_os().skip(1))
}
