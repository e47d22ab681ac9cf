//! What keys of the configuration do, seen from inside real containers on this host.

mod hooks;
mod mounts;
mod ordinary;
mod program;
mod proxy;
mod seccomp;
mod shared;
mod small;
