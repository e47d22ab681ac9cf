//! Link arguments of `keel` where it is static with glibc: no tables for unwinding, which nothing does (`panic = "abort"`).
//!
//! std's own code and glibc's come with them, an eighth of the program. A dynamic build is left as it is.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=keel.ld");
    let set = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let is_static = set("FEATURE").split(',').any(|feature| feature == "crt-static");
    if is_static && set("ENV") == "gnu" && set("OS") == "linux" {
        let dir = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{dir}/keel.ld,--build-id=none");
    }
}
