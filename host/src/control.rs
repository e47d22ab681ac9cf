//! Control sockets: how a command talks to the supervisor of a container.
//!
//! A path socket in the run directory (0700, never abstract: an abstract name is open to every network namespace and to
//! who comes first), SOCK_SEQPACKET so that a frame is a frame. Only root or the supervisor's own user, from the
//! supervisor's pid namespace, is heard.
pub mod client;
pub mod protocol;
pub mod server;
