//! Keel and Debian's LXC, side by side: the same configurations and the same words for both, what is said of them in one
//! table, and each difference with its words in docs/compat.md.

mod behaviours;
mod proxy;
mod sides;
mod statuses;
mod suite;
