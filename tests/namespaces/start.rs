//! A start, and what the first program sees.

use tests::container::Container;

#[test]
fn the_first_program_runs_in_namespaces_of_its_own() {
    if !tests::skip::is_root() {
        return tests::skip::skip("namespaces need root");
    }
    let container = Container::probe("");
    container.start();
    let facts = container.facts();
    assert_eq!(facts.get("pid"), "1");
    assert_eq!(facts.get("hostname"), container.name);
    assert_eq!(container.state(), "RUNNING");
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}
