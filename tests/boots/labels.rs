//! Security modules of a distribution's kernel: AppArmor's profiles and SELinux's contexts are in force for the first program
//! and for those that come later.

use std::path::Path;
use tests::vm::{Spec, Vm};

/// A program of this machine and the libraries that it names, at the same places.
fn with_program(mut spec: Spec, program: &str) -> Spec {
    let libraries = std::process::Command::new("ldd").arg(program).output().expect("ldd runs");
    let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
    let paths = libraries.split_whitespace().filter(|word| word.starts_with('/')).chain([program]);
    for path in paths {
        let done = spec.tree.host_file(Path::new(path), path.trim_start_matches('/')).map(drop);
        done.unwrap_or_else(|why| panic!("{why}"));
    }
    spec
}

fn found(program: &str) -> bool {
    let there = Path::new(program).exists();
    if !there {
        tests::skip::skip(&format!("{program} is not installed"));
    }
    there
}

/// The label of a container's first program.
fn label(vm: &mut Vm, name: &str) -> String {
    vm.dialog.ok(&format!("cat /proc/$(lxc-info -pHn {name})/attr/current")).trim().trim_end_matches('\0').to_owned()
}

#[test]
fn apparmor_confines_the_first_program_and_those_that_come_later() {
    if !found("/sbin/apparmor_parser") {
        return;
    }
    let proc = "lxc.mount.auto =\nlxc.mount.auto = proc:rw sys:rw";
    let generated = format!("{proc}\nlxc.apparmor.profile = generated\nlxc.apparmor.raw = deny /etc/issue r,");
    let spec = with_program(Spec::host(), "/sbin/apparmor_parser")
        .append("apparmor=1 security=apparmor keel.autologin=root keel.containers=free")
        .container("free", proc)
        .container("made", &generated)
        .container("nests", &format!("{generated}\nlxc.apparmor.allow_nesting = 1"))
        .container("named", "lxc.apparmor.profile = of-mine")
        .file("etc/of-mine", 0o644, "profile of-mine { file, capability, network, signal, deny /etc/passwd r, }\n");
    let mut vm = spec.boot();
    vm.shell(&["free"]);
    assert_eq!(label(&mut vm, "free"), "unconfined");
    assert!(vm.dialog.ok("mount").contains("securityfs on /sys/kernel/security"));

    let name = "lxc-made_<-var-lib-lxc> (enforce)";
    vm.dialog.ok("lxc-start made");
    assert_eq!(label(&mut vm, "made"), name);
    assert_eq!(vm.dialog.ok("lxc-attach -n made -- cat /proc/self/attr/current").trim(), name);
    assert_eq!(vm.dialog.ok("lxc-attach -n made -eLSM -- cat /proc/self/attr/current").trim(), "unconfined");
    // What a container without a profile can, and this one can't. The control comes first.
    let tries = [
        "cat /proc/sys/kernel/core_pattern > /proc/sys/kernel/core_pattern",
        "mount -t proc proc /mnt && umount /mnt",
        "mkdir -p /tmp/s && mount --bind /proc/sys /tmp/s && umount /tmp/s",
        "echo 0 > /sys/kernel/profiling",
        "head -c1 /etc/issue",
    ];
    for script in tries {
        let inside = |name: &str| format!("lxc-attach -n {name} -- sh -c '{script}'");
        let (code, said) = vm.dialog.sh(&inside("free"));
        assert!(!said.contains("Permission denied"), "{script}: {said}");
        assert!(code == 0 || script.contains("profiling"), "{script}: {said}");
        let (code, said) = vm.dialog.sh(&inside("made"));
        assert!(code != 0 && said.contains("ermission denied"), "{script}: {said}");
    }
    for script in ["mount -t tmpfs tmpfs /mnt && umount /mnt", "echo x > /root/x", "hostname other", "ps"] {
        vm.dialog.ok(&format!("lxc-attach -n made -- sh -c '{script}'"));
    }
    vm.dialog.ok("lxc-start nests");
    vm.dialog.ok("lxc-attach -n nests -- sh -c 'mount -t proc proc /mnt && umount /mnt'");
    // The profile goes with the container.
    let loaded = "cat /sys/kernel/security/apparmor/profiles";
    assert!(vm.dialog.ok(loaded).contains(name));
    vm.dialog.ok("lxc-stop -k made && lxc-stop -k nests");
    assert!(!vm.dialog.ok(loaded).contains("lxc-"));

    let (code, said) = vm.dialog.sh("lxc-start named");
    assert!(code == 1 && said.contains("no profile of this name is loaded"), "{said}");
    vm.dialog.ok("apparmor_parser -rK /etc/of-mine && lxc-start named");
    assert_eq!(label(&mut vm, "named"), "of-mine (enforce)");
    let (code, said) = vm.dialog.sh("lxc-attach -n named -- cat /etc/passwd");
    assert!(code != 0 && said.contains("ermission denied"), "{said}");
    vm.dialog.ok("lxc-attach -n named -c unconfined -- cat /etc/passwd");
    vm.dialog.ok("lxc-stop -k named");

    // That of LXC's package is for containers that name none.
    vm.dialog.ok("sed s/of-mine/lxc-container-default-cgns/ /etc/of-mine | apparmor_parser -rK");
    vm.dialog.ok("lxc-stop -k free && lxc-start free");
    assert_eq!(label(&mut vm, "free"), "lxc-container-default-cgns (enforce)");

    // As on a kernel whose AppArmor is not whole.
    vm.dialog.ok("umount /sys/kernel/security");
    let (code, said) = vm.dialog.sh("lxc-start named");
    assert!(code == 1 && said.contains("lxc.apparmor.allow_incomplete = 1 starts all the same"), "{said}");
    vm.dialog.ok("lxc-start named -s lxc.apparmor.allow_incomplete=1");
    assert_eq!(label(&mut vm, "named"), "of-mine (enforce)");
    vm.dialog.line("poweroff");
    vm.powers_off();
}

/// The smallest policy: two types, everything is allowed that it does not know.
const POLICY: &str = "\
class process\nclass file\nclass dir\nclass key\nclass security\n\
sid kernel\nsid security\nsid unlabeled\nsid file\nsid init\nsid any_socket\nsid port\nsid netif\nsid netmsg\nsid node\nsid sysctl_net\nsid devnull\n\
class process { transition dyntransition setexec setkeycreate signal }\n\
class file { entrypoint execute read write getattr open map execute_no_trans }\n\
class dir { search read }\nclass key { create link search view }\nclass security { load_policy setenforce }\n\
type kernel_t;\ntype guest_t;\ntype keys_t;\nrole r;\nrole r types { kernel_t guest_t keys_t };\n\
allow { kernel_t guest_t } { kernel_t guest_t keys_t } : process *;\n\
allow { kernel_t guest_t } { kernel_t guest_t keys_t } : file *;\n\
allow { kernel_t guest_t } { kernel_t guest_t keys_t } : dir *;\n\
allow { kernel_t guest_t } { kernel_t guest_t keys_t } : key *;\n\
allow kernel_t kernel_t : security *;\n\
user u roles r;\n\
SIDS";

#[test]
fn selinux_labels_the_first_program_and_those_that_come_later() {
    if !found("/usr/bin/checkpolicy") {
        return;
    }
    let sids = "kernel security unlabeled file init any_socket port netif netmsg node sysctl_net devnull";
    let sids: String = sids.split(' ').map(|sid| format!("sid {sid} u:r:kernel_t\n")).collect();
    let scratch = boot::scratch::Scratch::new().unwrap_or_else(|why| panic!("{why}"));
    let (source, policy) = (scratch.path().join("policy.conf"), scratch.path().join("policy"));
    std::fs::write(&source, POLICY.replace("SIDS", &sids)).expect("written");
    let mut check = std::process::Command::new("/usr/bin/checkpolicy");
    tests::ran::run(check.args(["-U", "allow", "-c", "30", "-o"]).arg(&policy).arg(&source)).ok();

    let mut spec = Spec::host()
        .append("security=selinux selinux=1 enforcing=0 keel.autologin=root keel.containers=free")
        .container("free", "")
        .container("labelled", "lxc.selinux.context = u:r:guest_t\nlxc.selinux.context.keyring = u:r:keys_t");
    spec.tree.host_file(&policy, "etc/policy").map(drop).unwrap_or_else(|why| panic!("{why}"));
    let mut vm = spec.boot();
    vm.shell(&["free"]);
    vm.dialog.ok("cat /etc/policy > /sys/fs/selinux/load");
    assert_eq!(label(&mut vm, "free"), "u:r:kernel_t");
    vm.dialog.ok("lxc-start labelled");
    assert_eq!(label(&mut vm, "labelled"), "u:r:guest_t");
    let own = |vm: &mut Vm, words: &str| {
        let said = vm.dialog.ok(&format!("lxc-attach -n labelled {words} -- cat /proc/self/attr/current"));
        said.trim().trim_end_matches('\0').to_owned()
    };
    assert_eq!(own(&mut vm, ""), "u:r:guest_t");
    assert_eq!(own(&mut vm, "-eLSM"), "u:r:kernel_t");
    assert_eq!(own(&mut vm, "-c u:r:keys_t"), "u:r:keys_t");
    let (code, said) = vm.dialog.sh("lxc-start -n free2 -s lxc.selinux.context=nonsense -f /var/lib/lxc/free/config");
    assert!(code == 1 && said.contains("EINVAL"), "{said}");
    vm.dialog.line("poweroff");
    vm.powers_off();
}
