//! Where an Android's files are: `/` on a file system of its own, /system, /data, /cache, and what init.rc would mount.

use super::super::rootfs::place;
use super::super::{Found, Plan, Planned, Request, inside, mount, operand, outside};
use super::dir;
use crate::config::{At, Config, Origin};
use crate::facts::Facts;
use crate::step::{Step, ms};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

/// The most that `/` holds: an unpacked ramdisk, and what init makes beside it.
const ROOT_SIZE: &str = "size=128m,mode=755";

/// `/`: the unpacked ramdisk copied into a tmpfs, as a device has it. Nothing that Android does to the mount or the file system
/// of its `/` (init.rc makes it read-only) reaches the host's, and each start begins with the same files.
pub(in super::super) fn root(path: &str, at: &str) -> Vec<Step> {
    vec![
        Step::MakePath { at: outside(at), file: false },
        mount("tmpfs", outside(at), ms::NOSUID | ms::NODEV, ROOT_SIZE),
        Step::CopyTree { from: operand(path), at: outside(at) },
    ]
}

/// tmpfs that init.rc would mount, with their owner (AID_SYSTEM).
const TMPFS: [(&str, &str); 3] =
    [("mnt/asec", "mode=755,gid=1000"), ("mnt/obb", "mode=755,gid=1000"), ("mnt/secure", "mode=700")];

pub(super) fn mounts(config: &Config, request: &Request, facts: &Facts, plan: &mut Plan) {
    let [system, data, cache] = request.android;
    let android = &config.android;
    let steps = &mut plan.inside;
    if let Some(source) = &android.system {
        let flags = ms::RDONLY | ms::NODEV;
        steps.extend(volume(source, system, "system", flags, facts));
        if let (Some(image), Some(root)) = (&android.system_image, place(config, request)) {
            // Over the one that it is in, which stays as long as the loop device has the image.
            let image = format!("{}/system/{}", root.trim_end_matches('/'), image.trim_start_matches('/'));
            let mount = Box::new(probed(&image, "system", flags, facts));
            let image = operand(&image);
            steps.push(Planned::must(Step::MountImage { image, mount }).from(source.origin));
        }
    }
    for (source, found, at) in [(&android.data, data, "data"), (&android.cache, cache, "cache")] {
        match source {
            Some(source) => steps.extend(volume(source, found, at, ms::NOSUID | ms::NODEV, facts)),
            None => {
                steps.push(dir(at));
                let step = mount("tmpfs", inside(at), ms::NOSUID | ms::NODEV, "mode=771,uid=1000,gid=1000");
                steps.push(Planned::must(step));
            }
        }
    }
    for (at, options) in TMPFS {
        steps.push(dir(at));
        steps.push(Planned::must(mount("tmpfs", inside(at), ms::NOSUID | ms::NODEV | ms::NOEXEC, options)));
    }
}

/// A device, or an image, whose file system is found out by trying.
fn probed(source: &str, at: &str, flags: u64, facts: &Facts) -> Step {
    let mut types: Vec<_> = facts.filesystems.on_block_devices().map(operand).collect();
    // A module comes with its first use, and what is no block file system yet is not in the list.
    for name in ["ext4", "squashfs", "erofs"].map(operand) {
        if !types.contains(&name) {
            types.push(name);
        }
    }
    Step::MountProbed { source: operand(source), at: inside(at), flags, data: operand(""), fstypes: types }
}

/// An image on a loop device, a block device, or a directory.
fn volume(source: &At<alloc::string::String>, found: Found, at: &str, flags: u64, facts: &Facts) -> Vec<Planned> {
    let probed = probed(&source.value, at, flags, facts);
    let mount = match found {
        Found::Dir => vec![
            Step::Bind { from: outside(&source.value), at: inside(at), recursive: true },
            Step::SetMountFlags { at: inside(at), flags, recursive: true },
        ],
        Found::Block => vec![probed],
        Found::Image => vec![Step::MountImage { image: operand(&source.value), mount: Box::new(probed) }],
    };
    let origin: Origin = source.origin;
    core::iter::once(dir(at)).chain(mount.into_iter().map(|step| Planned::must(step).from(origin))).collect()
}
