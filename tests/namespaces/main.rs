//! Containers on this host, as root, in namespaces: everything that needs no machine of its own.

mod agent;
mod apart;
mod attach;
mod caller;
mod cgroups;
mod console;
mod devices;
mod ends;
mod faults;
mod first_program;
mod hostile;
mod killed;
mod mounts;
mod older_kernel;
mod states;

use tests::skip::root;
