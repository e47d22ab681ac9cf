//! Mounts that show other ids, and mounts of the host that show up later.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tests::container::Container;

/// Lets whoever root inside is outside come as far as the rootfs.
fn open_up(container: &Container) {
    for dir in [container.base().to_path_buf(), container.lxcpath(), container.lxcpath().join(&container.name)] {
        fs::set_permissions(dir, PermissionsExt::from_mode(0o755)).expect("chmod");
    }
}

#[test]
fn a_directory_is_shown_with_the_containers_ids() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("");
    open_up(&container);
    let data = container.outside();
    fs::write(data.join("mine"), "").expect("written");
    container.add_config(&format!(
        "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.rootfs.options = idmap=container\n\
         lxc.mount.entry = {} mnt none bind,idmap=container\n\
         lxc.init.cmd = /probe init try=append:/mnt/mine mark=/mnt/made facts=/facts",
        data.display()
    ));
    container.start();
    let facts = container.facts();
    assert_eq!(facts.get("can.append:/mnt/mine"), "ok");
    assert_eq!(fs::metadata(data.join("made")).expect("it was made").uid(), 0);
    assert_eq!(fs::metadata(container.rootfs().join("facts")).expect("facts").uid(), 0);
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}
