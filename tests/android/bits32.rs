//! A 32-bit PC: its kernel, its userland and all of Keel have 32 bits, and an Android runs there as on its own devices.

use crate::picture::Picture;
use boot::target::Arch;
use tests::vm::Spec;

#[test]
fn a_32_bit_kernel_boots_to_the_login_with_a_container_and_an_android() {
    let mut spec = Spec::host_of(Arch::I686).append("keel.containers=bb");
    spec.memory_mib = 512;
    crate::boot::android(&mut spec.tree);
    let mut vm = spec.boot();
    vm.login();
    let shell = &mut vm.dialog;
    assert_eq!(shell.ok("uname -m").trim(), "i686");
    // The processor has no 64 bits either: nothing that runs here can be of another machine.
    assert_eq!(shell.ok("grep -c ' lm ' /proc/cpuinfo || true").trim(), "0");
    assert!(shell.ok("lxc-ls -f").contains("bb   RUNNING"));
    assert_eq!(shell.ok("lxc-attach -n bb -- uname -m").trim(), "i686");
    let before = Picture::of(shell);
    shell.ok("keel start jb");
    shell.ok("until [ -e /srv/data/calls ]; do :; done");
    assert_eq!(shell.ok("keel getprop jb ro.hardware").trim(), "standin");
    shell.ok("keel stop jb");
    before.is_still_that_of(shell);
    shell.ok("lxc-stop -n bb");
    shell.line("poweroff");
    vm.powers_off();
}
