//! Whole guests: Debian with systemd, sysvinit and OpenRC, busybox's init, containers in containers, many of them, and for a
//! long time. Nothing is imitated: the Debian is made by debootstrap, once, into the cache.

mod cycles;
mod debian;
mod inits;
mod machine;
mod many;
mod nested;
mod systemd;
