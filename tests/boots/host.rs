//! Keel as a machine's init: to the login, and what is seen from there.

use tests::vm::Spec;

#[test]
fn a_login_with_a_wrong_and_a_right_password() {
    let mut vm = Spec::host().append("keel.containers=bb").boot();
    vm.dialog.expect("the host's issue");
    vm.dialog.expect("login: ");
    vm.dialog.line("root");
    vm.dialog.expect("assword: ");
    vm.dialog.line("wrong");
    vm.dialog.expect_without("incorrect", &["# "]);
    vm.login();
    assert_eq!(vm.dialog.ok("id -u").trim(), "0");
    vm.dialog.line("poweroff");
    vm.powers_off();
}
