//! `lxc.hook.clone`: programs that adapt a copy, run on the host when its files are there.

use super::Wish;
use crate::fault::{Result, at, say};
use keel_core::config::lxc::edit::values;
use keel_core::failure::Failure;
use std::path::Path;
use std::process::Command;

/// Runs them; the first that fails ends it.
pub fn clone(text: &str, wish: &Wish, new: &Path) -> Result<()> {
    let hooks = values(text, "lxc.hook.clone").map_err(|e| Failure::new(e.to_string()))?;
    if hooks.is_empty() {
        return Ok(());
    }
    // Android has its shell elsewhere.
    let shell = ["/bin/sh", "/system/bin/sh"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("/bin/sh");
    let path = values(text, "lxc.rootfs.path").ok().and_then(|values| values.into_iter().next()).unwrap_or_default();
    for hook in hooks {
        let status = Command::new(shell)
            .arg("-c")
            .arg(format!("{hook} \"$@\""))
            .arg(shell)
            .args([wish.name.as_str(), "lxc", "clone"])
            .args(&wish.arguments)
            .env("LXC_NAME", wish.name.as_str())
            .env("LXC_SRC_NAME", wish.source.as_str())
            .env("LXC_CONFIG_FILE", new.join("config"))
            .env("LXC_ROOTFS_PATH", &path)
            .env("LXC_ROOTFS_MOUNT", new.join("rootfs"))
            .env("LXC_HOOK_TYPE", "clone")
            .env("LXC_HOOK_SECTION", "lxc")
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => return say(format!("lxc.hook.clone '{hook}': {status}")),
            Err(e) => return Err(at("run", shell, e)),
        }
    }
    Ok(())
}
