//! Android's init in a container: the stand-in (`tests/probe/src/jb`) does what JellyBean's does. On this host, and on machines that
//! are booted.
//!
//! Around every start there is a picture of what Android would change of a host that it shares (`picture`; that it would be seen:
//! `plain`). What Keel promises of a running Android, and the boots that show it:
//!
//! | | boots |
//! | --- | --- |
//! | a root of its own, and what becomes of its remount | `running` (root) |
//! | its own /dev, `.coldboot_done`, sockets, terminals; no uevents | `running` (dev), `stock` |
//! | private files in /proc, /proc/sys and /sys read-only, its own command line, the clock | `running` (masks) |
//! | mounts supervised, or refused; shown by `keel plan` | `running` (recipe), `binder`, `stock`: one of each |
//! | /acct, /dev/cpuctl, `/proc/PID/cgroup` | `running` (cgroups) |
//! | budgets of real-time threads | `stock`, whose kernel has them |
//! | version 2 of cgroups only | `binder` |
//! | binder: an instance each, or devices that are dealt out and given back; its protocol | `binder`, `running`, `stock` |
//! | ashmem: the kernel's; logger: pipes | `stock`; `running` (logcat) |
//! | the log from its first line on, and not in the kernel's | `running` (log) |
//! | `keel logcat` | `running` (logcat) |
//! | `keel getprop`, `setprop`, `watchprops`, `service` | `running` |
//! | `keel attach` with properties and a service's environment | `running` (attach) |
//! | restart from inside, power-off, stop; each end in words | `running` (restart, stop), `binder` (before the first line) |
//! | a critical service that fails | `running` |
//! | one that crashes again and again, with back-off | `binder` |
//! | adb by a forwarded port; by the container's own network | `running` (adb); `images` |
//! | missing namespaces and controllers | `stock` |
//! | images of every kind for /system, /data, /cache | `images` |
//! | 32 bits | `bits32` |
//! | a host that is Android | `host` |
//!
//! The rest is tried on this host, where more can be tried in a second.

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
mod running;
mod start;
mod stock;
mod turns;
