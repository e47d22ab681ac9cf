//! Terminals of the user: raw and back, and the bytes between one and a container's tty.
//!
//! The user's terminal itself never enters a container: what is passed on is bytes (CVE-2016-10124: a terminal inside
//! can be typed on, TIOCSTI).
pub mod escape;
pub mod output;
pub mod proxy;
pub mod ring;
pub mod terminal;
