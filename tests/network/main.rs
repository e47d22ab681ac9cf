//! Networks of containers with real packets, in network namespaces of the tests' own: no interface of this machine is seen,
//! let alone touched.

mod bridge;
mod configs;
mod keys;
mod lent;
mod links;
mod machine;
mod made;
mod place;
mod scripts;
