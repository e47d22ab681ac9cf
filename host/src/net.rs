//! Network: netlink sockets, the namespace that waits for a container, what goes back when it has ended.
//!
//! Messages are made and read by `keel_core::netlink`; here are the sockets. No program is called.

pub mod bridge;
mod links;
pub mod moving;
mod namespace;
mod socket;
mod undo;

pub use links::{addresses, dump, links, named};
pub use namespace::Namespace;
pub use socket::Netlink;
pub use undo::Undo;
