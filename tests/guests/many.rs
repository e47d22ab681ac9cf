//! A hundred containers that start by themselves.

use std::fs;
use tests::container::Container;

const COUNT: usize = 100;

#[test]
fn a_hundred_start_and_stop_together() {
    if !tests::skip::root() {
        return;
    }
    let first = Container::probe("lxc.start.auto = 1\n");
    let text = fs::read_to_string(first.config_file()).expect("a configuration");
    for n in 1..COUNT {
        let name = format!("{}-{n}", first.name);
        let dir = first.lxcpath().join(&name);
        fs::create_dir(&dir).expect("a directory");
        let own = text.replace(&format!("lxc.uts.name = {}", first.name), &format!("lxc.uts.name = {name}"));
        fs::write(dir.join("config"), own).expect("written");
    }
    let all = |words: &[&str]| {
        let mut command = first.bare_command();
        command.args(words).arg("-P").arg(first.lxcpath());
        tests::ran::run(&mut command).ok()
    };
    assert_eq!(all(&["autostart", "-L"]).lines().count(), COUNT);
    all(&["autostart"]);
    assert_eq!(all(&["ls", "--running", "-1"]).lines().count(), COUNT);
    // Each wrote one byte into the rootfs that they share.
    first.started(COUNT);
    all(&["autostart", "-k"]);
    assert_eq!(all(&["ls", "--running", "-1"]), "");
    first.assert_nothing_left();
}
