//! Containers on this host, as root, in namespaces: everything that needs no machine of its own.

mod start;
