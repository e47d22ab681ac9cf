//! Link arguments of `pid1`: no C start-up code, no C library, a static program at a fixed address, laid out by pid1.ld.
//!
//! They are here and not in flags, so that `cargo build -p pid1` is all there is to know.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=pid1.ld");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let script = format!("{}/pid1.ld", std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    // Cross builds link with rust-lld itself, others through the C compiler's driver.
    let bare = std::env::var("RUSTC_LINKER").is_ok_and(|linker| linker.ends_with("lld"));
    let (driver, prefix): (&[&str], &str) =
        if bare { (&["-static"], "") } else { (&["-nostartfiles", "-nostdlib", "-static", "-no-pie"], "-Wl,") };
    for arg in driver {
        println!("cargo::rustc-link-arg-bins={arg}");
    }
    for arg in ["--build-id=none", "--no-eh-frame-hdr", "-znorelro"] {
        println!("cargo::rustc-link-arg-bins={prefix}{arg}");
    }
    println!("cargo::rustc-link-arg-bins=-T{script}");
}
