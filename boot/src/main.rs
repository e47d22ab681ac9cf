//! `cargo boot`: its commands are not there yet.
fn main() {
    eprintln!("cargo boot: no command is built in yet");
    std::process::exit(2)
}
