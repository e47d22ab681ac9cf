//! The rootfs becomes a mount of its own: a directory bound onto itself, an overlay, an image on a loop device, a block device.

use super::{Plan, Planned, Request, ids, inside, operand, outside};
use crate::config::{At, Config, MountOptions, Origin, RootfsKind, fstab};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::step::{Step, ms};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// What is found at the path of a rootfs that names no type, or `loop:`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Found {
    /// A directory, or nothing: the start will say so.
    #[default]
    Dir,
    /// A regular file: an image.
    Image,
    /// A block device.
    Block,
}

/// Where the rootfs is mounted while it is not the root yet. None: there is no rootfs, and the host's is taken.
pub(super) fn place(config: &Config, request: &Request) -> Option<String> {
    let path = config.rootfs.path.as_ref()?;
    // An Android's root is a copy.
    let is_dir = config.rootfs.kind == RootfsKind::Dir && request.rootfs == Found::Dir && !config.android.on;
    Some(match (is_dir, path.value.trim_end_matches('/'), &config.rootfs.mount) {
        (true, "", _) => "/".into(),
        (true, path, _) => path.into(),
        (false, _, Some(mount)) => mount.clone(),
        (false, _, None) => request.staging.clone(),
    })
}

/// The steps that take it.
pub(super) fn take(config: &Config, request: &Request, facts: &Facts, plan: &mut Plan, errors: &mut Vec<Failure>) {
    let (Some(path), Some(at)) = (&config.rootfs.path, place(config, request)) else {
        // No rootfs: the host's, in a mount namespace of the container's own.
        plan.inside.push(Planned::must(Step::OpenRoot { path: operand("/") }));
        return;
    };
    let mut said = |why: String| {
        let at = plan.place_of(path.origin).map(|p| format!("{p}: ")).unwrap_or_default();
        errors.push(Failure::new(format!("{at}{why}")));
        Vec::new()
    };
    let options = options(config);
    let probed = Step::MountProbed {
        source: operand(&path.value),
        at: outside(&at),
        flags: options.flags,
        data: operand(&options.data),
        fstypes: facts.filesystems.on_block_devices().map(operand).collect(),
    };
    let steps = match (&config.rootfs.kind, request.rootfs) {
        (RootfsKind::Dir, Found::Dir) if config.android.on => super::android::root(&path.value, &at),
        (RootfsKind::Dir, Found::Dir) => match &options.idmap {
            None => directory(&at, &options),
            Some(whose) => {
                let mapped = ids::mapped_tree(config, whose, (&at, true), outside(&at), path.origin, true, plan);
                match mapped {
                    Ok(step) => vec![step],
                    Err(why) => {
                        errors.push(Failure::new(why));
                        Vec::new()
                    }
                }
            }
        },
        _ if options.idmap.is_some() => said("'idmap=' of lxc.rootfs.options is for directories".into()),
        (RootfsKind::Overlay, _) => match overlay(path, &at, &options, config.rootfs.tmpfs) {
            Some(steps) => steps,
            None => said(format!("'overlay:{}' has no ':UPPER' behind the lower directories", path.value)),
        },
        (RootfsKind::Dir | RootfsKind::Loop, _) if !config.idmap.is_empty() => said(
            "an image or a device can't be mounted with 'lxc.idmap': mount it before, and give the directory".into(),
        ),
        (RootfsKind::Dir, Found::Block) => vec![probed],
        (RootfsKind::Loop, Found::Block) => vec![probed],
        (RootfsKind::Dir | RootfsKind::Loop, _) => {
            vec![Step::MountImage { image: operand(&path.value), mount: alloc::boxed::Box::new(probed) }]
        }
        (RootfsKind::Other(kind), _) => {
            said(format!("rootfs type '{kind}' is not there (use a directory, overlay:, loop: or a block device)"))
        }
    };
    let open = Step::OpenRoot { path: operand(&at) };
    plan.inside.extend(steps.into_iter().chain([open]).map(|step| Planned::must(step).from(path.origin)));
}

/// `lxc.rootfs.options`, read once more: the parser has refused what makes no sense.
fn options(config: &Config) -> MountOptions {
    let text = config.rootfs.options.as_ref().map_or("", |o| o.value.as_str());
    fstab::options(text, &mut Vec::new()).unwrap_or_default()
}

fn directory(at: &str, options: &MountOptions) -> Vec<Step> {
    // Flags come last, in `seal`: what is to be made in it, is made before.
    let mut steps = vec![Step::Bind { from: outside(at), at: outside(at), recursive: true }];
    steps.extend(options.propagation.iter().map(|flags| Step::SetPropagation { at: outside(at), flags: *flags }));
    steps
}

/// `LOWER[:LOWER2..]:UPPER`; the working directory is beside the upper one, where LXC has it.
fn overlay(path: &At<String>, at: &str, options: &MountOptions, in_memory: bool) -> Option<Vec<Step>> {
    let (lower, upper) = path.value.rsplit_once(':')?;
    let upper = upper.trim_end_matches('/');
    let (parent, _) = upper.rsplit_once('/')?;
    let work = format!("{parent}/olwork");
    let mut data = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    if !options.data.is_empty() {
        data = format!("{data},{}", options.data);
    }
    let mut steps = Vec::new();
    if in_memory {
        // Over both directories, in the container's mount namespace: it goes with that.
        steps.push(Step::MakePath { at: outside(parent), file: false });
        steps.push(Step::Mount {
            source: operand("tmpfs"),
            at: outside(parent),
            fstype: operand("tmpfs"),
            flags: 0,
            data: operand("mode=755"),
        });
    }
    steps.extend([
        Step::MakePath { at: outside(upper), file: false },
        Step::MakePath { at: outside(&work), file: false },
        Step::Mount {
            source: operand("overlay"),
            at: outside(at),
            fstype: operand("overlay"),
            flags: options.flags & !ms::RDONLY,
            data: operand(&data),
        },
    ]);
    Some(steps)
}

/// Flags of the rootfs that would have kept mount points and nodes from being made.
pub(super) fn seal(config: &Config, plan: &mut Plan) {
    let flags = options(config).flags & !(ms::BIND | ms::REC | ms::REMOUNT);
    if flags == 0 {
        return;
    }
    let origin = config.rootfs.options.as_ref().map_or(Origin::default(), |o| o.origin);
    let step = Step::SetMountFlags { at: inside(""), flags, recursive: false };
    plan.inside.push(Planned::must(step).from(origin));
}

/// Holds a file of the rootfs's file system open for writing as long as the container runs: `mount -o remount,ro /` inside
/// would otherwise make the host's file system read-only, of which the rootfs is a directory.
pub(super) fn pin(config: &Config, request: &Request, plan: &mut Plan) {
    let directory = config.rootfs.kind == RootfsKind::Dir && request.rootfs == Found::Dir;
    let readonly = options(config).flags & ms::RDONLY != 0;
    // In a user namespace nobody may remount it; an Android's root is a copy.
    let needed = directory && !readonly && config.idmap.is_empty() && !config.android.on;
    if let Some(path) = config.rootfs.path.as_ref().filter(|_| needed) {
        // It may be on a read-only file system, which needs no protection.
        plan.outside.push(Planned::may(Step::PinRootfs { path: operand(&path.value.to_string()) }));
    }
}
