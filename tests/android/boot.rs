//! Androids in the ramdisk of a machine whose init is keel.

use crate::fixture::{RC, TOOLS};
use ::boot::ramdisk::Ramdisk;

/// The stand-in and its container `jb` in the machine's ramdisk, with its /data in /srv/data.
pub fn android(tree: &mut Ramdisk) {
    named(tree, "jb", "", "keel.android.binder = none\n");
    tree.link("srv/data", "jb");
}

/// With a zone of its own: it would set the machine's clock (the first zone that a kernel is told moves it).
pub fn machines_rc() -> String {
    RC.replace("sysclktz 0", "sysclktz 60")
}

/// One of that name, with its /data in /srv/NAME; `rc` and `config` are added.
pub fn named(tree: &mut Ramdisk, name: &str, rc: &str, config: &str) {
    let init = tree.get("bin/probe").map(|e| e.data.clone()).expect("the probe");
    let rootfs = format!("var/lib/lxc/{name}/rootfs");
    tree.file(&format!("{rootfs}/init"), 0o750, init);
    tree.file(&format!("{rootfs}/init.rc"), 0o644, format!("{}{rc}", machines_rc()));
    tree.file(&format!("{rootfs}/default.prop"), 0o644, "ro.debuggable=1\n");
    tree.link(&format!("{rootfs}/sbin/ueventd"), "../init");
    tree.dir(&format!("srv/{name}"), 0o771);
    for tool in TOOLS {
        tree.link(&format!("srv/system/bin/{tool}"), "/init");
    }
    tree.file(
        &format!("var/lib/lxc/{name}/config"),
        0o644,
        format!(
            "lxc.rootfs.path = dir:/{rootfs}\nlxc.uts.name = {name}\nlxc.net.0.type = empty\nkeel.android = 1\n\
             keel.android.hardware = standin\nkeel.android.system = /srv/system\nkeel.android.data = /srv/{name}\n{config}"
        ),
    );
}
