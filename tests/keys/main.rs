//! What keys of the configuration do, seen from inside real containers on this host.

mod hooks;
mod seccomp;
mod small;
