//! The error type of this crate is that of `formats`: a sentence, ready to be printed after `cargo boot: `.

pub use formats::fault::{At, Fault, Result, symbol};
