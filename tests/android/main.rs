//! Android's init in a container on this host: the stand-in (`tests/probe/src/jb`) does what JellyBean's does.
//!
//! Around every start there is a picture of what Android would change of a host that it shares (`picture`).

mod adb;
mod attached;
mod binder;
mod bits32;
mod boot;
mod create;
mod fixture;
mod host;
mod images;
mod logs;
mod mounts;
mod picture;
mod plain;
mod properties;
mod protection;
mod start;
mod stock;
mod turns;
