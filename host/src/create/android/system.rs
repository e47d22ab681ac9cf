//! What is in /system, looked at before the container is made: programs without which nothing runs, programs for another
//! processor, and Android-x86's system.img within its system.sfs.
//!
//! An image is mounted where nobody else sees it: in a mount namespace of a process that ends with the look. Where that is not
//! allowed, or the kernel lacks the file system, that is said, and nothing is checked.

use super::check;
use crate::create::manifest::check_components;
use crate::perform::Stage;
use crate::spawn::perform_here;
use crate::sys::process::{Cloned, exit_now, fork, unshare};
use keel_core::facts::Namespaces;
use keel_core::plan::{Plan, Planned};
use keel_core::step::{Place, Step, ms};
use rustix::mount::{MountPropagationFlags, mount_change};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The image within an image, as Android-x86 has it.
const WITHIN: &str = "system.img";
/// File systems that system images have.
const TYPES: [&std::ffi::CStr; 3] = [c"ext4", c"squashfs", c"erofs"];
/// More is no list of ours.
const LONGEST: u64 = 1 << 16;

/// Looks into a directory or an image; whether there is an image within. `critical`: services and their programs.
pub fn look(path: &Path, critical: &[(String, String)], notes: &mut Vec<String>) -> Option<&'static str> {
    if path.is_dir() {
        programs(path, critical, notes);
        return None;
    }
    let said = in_a_process_of_its_own(path, critical);
    let mut within = None;
    for line in said.lines() {
        match line.strip_prefix("within ") {
            Some(_) => within = Some(WITHIN),
            None => notes.push(line.to_owned()),
        }
    }
    within
}

/// What that process says, a line each.
fn in_a_process_of_its_own(path: &Path, critical: &[(String, String)]) -> String {
    let unseen = |why: &dyn std::fmt::Display| format!("what is in '{}' was not looked at: {why}\n", path.display());
    let (from, to) = match rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC) {
        Ok(ends) => ends,
        Err(e) => return unseen(&e),
    };
    match fork() {
        Err(e) => unseen(&e),
        Ok(Cloned::Child { .. }) => {
            drop(from);
            let said = mounted(path, critical).unwrap_or_else(|why| unseen(&why));
            // Nobody reads: nothing is left to do.
            let _ = File::from(to).write_all(said.as_bytes());
            exit_now(0)
        }
        Ok(Cloned::Parent { pid, .. }) => {
            drop(to);
            let mut said = String::new();
            let read = File::from(from).take(LONGEST).read_to_string(&mut said);
            // Reaped; its status says nothing that its lines do not.
            let _ =
                rustix::process::waitpid(rustix::process::Pid::from_raw(pid), rustix::process::WaitOptions::empty());
            read.map_or_else(|e| unseen(&e), |_| said)
        }
    }
}

/// Mounts it over the directory that it is in: the one place that is certainly there.
fn mounted(path: &Path, critical: &[(String, String)]) -> Result<String, String> {
    let text =
        |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(|_| "a zero byte in its name".to_owned());
    let dir = path.parent().filter(|dir| *dir != Path::new("/")).ok_or("it is in the root directory")?;
    let at = Place::Host(text(dir)?);
    // The program has one thread, and nothing of the caller's namespace is needed afterwards.
    unshare(Namespaces::MNT).map_err(|e| format!("unshare: {e}"))?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|e| format!("mount '/' private: {}", crate::sys::errno(e)))?;
    let mount = |image: CString, is_device: bool| {
        let probed = Step::MountProbed {
            source: image.clone(),
            at: at.clone(),
            flags: ms::RDONLY | ms::NOSUID | ms::NODEV | ms::NOEXEC,
            data: CString::default(),
            fstypes: TYPES.map(Into::into).into(),
        };
        let step = if is_device { probed } else { Step::MountImage { image, mount: Box::new(probed) } };
        let plan = Plan { outside: vec![Planned::must(step)], ..Plan::default() };
        let mut stage = Stage::new(&plan.outside);
        perform_here(&plan, &mut stage, &mut Vec::new()).map_err(|failure| failure.message.into_string())
    };
    mount(text(path)?, !path.is_file())?;
    let mut said = String::new();
    let inner = dir.join(WITHIN);
    if !dir.join("bin").exists() && fs::symlink_metadata(&inner).is_ok_and(|meta| meta.is_file()) {
        said += "within it\n";
        mount(text(&inner)?, false)?;
    }
    let mut notes = Vec::new();
    programs(dir, critical, &mut notes);
    notes.iter().for_each(|note| said += &format!("{note}\n"));
    Ok(said)
}

/// Programs that every Android starts, and those that its rc files call critical.
fn programs(system: &Path, critical: &[(String, String)], notes: &mut Vec<String>) {
    for name in ["bin/sh", "bin/servicemanager", "build.prop"] {
        if fs::symlink_metadata(system.join(name)).is_err() {
            notes.push(format!("/system has no '{name}': is it an Android's?"));
        }
    }
    for (service, program) in critical {
        let name = program.trim_start_matches("/system/");
        // Not followed: the file system is somebody else's.
        if check_components(name).is_ok() && fs::symlink_metadata(system.join(name)).is_err() {
            notes.push(format!(
                "critical service '{service}' has no program '{program}': Android would restart for ever"
            ));
        }
    }
    for name in ["bin/linker", "bin/servicemanager", "bin/app_process", "bin/sh"] {
        let path = system.join(name);
        if !fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file()) {
            continue;
        }
        let mut head = [0; 20];
        let read = File::open(&path).and_then(|mut file| file.read_exact(&mut head));
        if read.is_ok()
            && let Err(machine) = check::runs(&head)
        {
            notes.push(format!("/system/{name} is a program for {machine}, which this kernel does not run"));
            break;
        }
    }
}
