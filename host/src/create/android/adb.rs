//! adbd over TCP: what the ramdisk lacks for it. A property says the port, and a file of its own starts the service, which is
//! otherwise started when a USB cable is plugged in.

use super::Files;
use formats::cpio::{Entry, kind};

/// Where the start of adbd is written.
const RC: &str = "init.keel.rc";

/// Makes adbd listen on a port.
pub fn listen(files: &mut Files, port: u16, notes: &mut Vec<String>) {
    let is_rc = |name: &str| name.ends_with(".rc") && !name.contains('/');
    let has_service = (files.iter().filter(|(name, _)| is_rc(name))).any(|(_, entry)| {
        let text = String::from_utf8_lossy(&entry.data);
        text.lines().any(|line| line.split_ascii_whitespace().take(2).eq(["service", "adbd"]))
    });
    if !has_service {
        notes.push("no file of the ramdisk has a service 'adbd': nothing will listen for adb".into());
    }
    let text = |mode: u32, data: &str| Entry { mode: kind::FILE | mode, data: data.into(), ..Entry::default() };
    append(files, "default.prop", &format!("service.adb.tcp.port={port}\n"));
    files.insert(RC.into(), text(0o750, "on boot\n    start adbd\n"));
    append(files, "init.rc", &format!("import /{RC}\n"));
    notes.push(format!(
        "adbd listens on port {port}: said in /default.prop, and started by /{RC}, which /init.rc imports"
    ));
}

/// Behind what is there; an import may stand anywhere outside of a section's lines.
fn append(files: &mut Files, name: &str, line: &str) {
    let entry = files.or_insert_with(name.into(), || Entry { mode: kind::FILE | 0o644, ..Entry::default() });
    if entry.data.last().is_some_and(|last| *last != b'\n') {
        entry.data.push(b'\n');
    }
    entry.data.extend(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_and_a_missing_service_is_said() {
        let mut files = Files::new();
        let rc = Entry {
            mode: kind::FILE | 0o750,
            data: b"service adbd /sbin/adbd\n    class core".to_vec(),
            ..Entry::default()
        };
        files.insert("init.rc".into(), rc);
        let mut notes = Vec::new();
        listen(&mut files, 5555, &mut notes);
        let text = |name: &str| String::from_utf8_lossy(&files.get(name).unwrap().data).into_owned();
        assert_eq!(text("init.rc"), "service adbd /sbin/adbd\n    class core\nimport /init.keel.rc\n");
        assert_eq!(text("default.prop"), "service.adb.tcp.port=5555\n");
        assert_eq!(["default.prop", "init.rc"].map(|name| files.get(name).unwrap().mode & 0o777), [0o644, 0o750]);
        assert_eq!(notes.len(), 1, "{notes:?}");
        files.insert("init.rc".into(), Entry { mode: kind::FILE | 0o750, ..Entry::default() });
        listen(&mut files, 5555, &mut notes);
        assert!(notes[1].starts_with("no file of the ramdisk has a service 'adbd'"), "{notes:?}");
    }
}
