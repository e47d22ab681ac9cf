//! The commands of `keel` that need no running container, from outside: what they print, return, make and leave alone.

mod create;
mod keel;
mod texts;
