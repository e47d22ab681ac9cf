//! config, update-config: values are read, and changed in one place.

use crate::keel;
use tests::container::Container;
use tests::ran::run;

const TEXT: &str = "# mine\nlxc.uts.name = bb\n\n  lxc.tty.max=4\nlxc.group = a\nlxc.group = b\nfoo\n";

fn with_text() -> Container {
    let container = Container::probe("");
    container.set_config(TEXT);
    container
}

#[test]
fn one_line_changes() {
    let container = with_text();
    let config = |line: &str| container.keel(&format!("config {line}"));
    let text = || std::fs::read_to_string(container.config_file()).unwrap();
    assert_eq!(config("lxc.utsname").ok(), "bb\n");
    assert_eq!(config("lxc.group").ok(), "a\nb\n");
    assert_eq!(config("lxc.arch").ok(), "lxc.arch is not set.\n");
    config("lxc.tty.max 5").ok();
    assert_eq!(text(), TEXT.replace("max=4", "max=5"));
    config("--unset lxc.tty.max").ok();
    config("--add lxc.group c").ok();
    assert_eq!(text(), format!("{}lxc.group = c\n", TEXT.replace("  lxc.tty.max=4\n", "")));
    let before = text();
    let said = config("lxc.tty.max many").fails(1);
    assert!(said.contains("lxc.tty.max: 'many'"), "{said}");
    let said = config("lxc.tty.mxa 1").fails(1);
    assert!(said.contains("unknown key 'lxc.tty.mxa', nearest is 'lxc.tty.max'"), "{said}");
    config("lxc.group c d").fails(2);
    config("--add --unset lxc.group").fails(2);
    assert_eq!(text(), before);
    assert!(config("--json").ok().contains("\"lxc.uts.name\": [\n    \"bb\"\n  ]"));
}

#[test]
fn settings_of_the_system() {
    let container = with_text();
    assert_eq!(
        keel(&container, "config", ["-l"]).ok(),
        "lxc.default_config\nlxc.lxcpath\nlxc.bdev.lvm.vg\nlxc.bdev.lvm.thin_pool\nlxc.bdev.zfs.root\nlxc.cgroup.use\nlxc.cgroup.pattern\n"
    );
    assert_eq!(keel(&container, "config", ["lxc.bdev.zfs.root"]).ok(), "lxc\n");
    assert_eq!(keel(&container, "config", ["lxc.lxcpath"]).ok(), format!("{}\n", container.lxcpath().display()));
    let said = keel(&container, "config", ["lxc.lxcpaht"]).fails(1);
    assert_eq!(said, "keel: unknown configuration item: lxc.lxcpaht, nearest is 'lxc.lxcpath'\n");
    assert_eq!(keel(&container, "config", [""; 0]).code, 0);
    assert!(keel(&container, "config", ["--keys"]).ok().lines().count() > 100);
}

#[test]
fn an_old_file_becomes_a_new_one() {
    let container = Container::undefined();
    let file = container.base().join("old");
    let old = "# kept\nlxc.utsname = x\n#lxc.tty = 4\nlxc.rootfs = overlayfs:/l:/u\nlxc.network.type = veth\nlxc.network.ipv4 = 10.0.0.1/24\nlxc.network.type = empty\nlxc.pivotdir = mnt\n";
    std::fs::write(&file, old).unwrap();
    let ran = run(container.bare_command().args(["update-config", "-c"]).arg(&file));
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert!(ran.err.contains("old:8: 'lxc.pivotdir' is taken out"), "{ran:?}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "# kept\nlxc.uts.name = x\n#lxc.tty.max = 4\nlxc.rootfs.path = overlay:/l:/u\nlxc.net.0.type = veth\nlxc.net.0.ipv4.address = 10.0.0.1/24\nlxc.net.1.type = empty\nlxc.autodev = 0\n"
    );
    assert_eq!(std::fs::read_to_string(container.base().join("old.backup")).unwrap(), old);
    let again = std::fs::read_to_string(&file).unwrap();
    run(container.bare_command().args(["update-config", "-c"]).arg(&file)).ok();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), again);
    assert_eq!(
        run(container.bare_command().args(["update-config", "/no/such"])).fails(1),
        "keel: open '/no/such': ENOENT\n"
    );
}
