//! The commands of `keel` that make, list and remove containers and explain themselves, from outside: what they print,
//! return, make and leave alone.

mod checkconfig;
mod create;
mod destroy;
mod keel;
mod listing;
mod texts;
