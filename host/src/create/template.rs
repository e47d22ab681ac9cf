//! Where a template's files come from, and the words that are filled in.
//!
//! A template is data: `config`, `manifest` and the files that the manifest names. `busybox` is compiled in, so that one
//! static binary in a ramdisk is enough; a directory with the same layout works as well. A template of
//! LXC is a program, see `script`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use keel_core::failure::Failure;

use super::script;
use crate::fault::{Result, at, say};

macro_rules! compiled_in {
    ($dir:literal: $($file:literal)*) => {
        &[$(($file, include_bytes!(concat!("../../../templates/", $dir, "/", $file)))),*]
    };
}

type Files = &'static [(&'static str, &'static [u8])];

const BUSYBOX: Files = compiled_in!("busybox":
    "config" "manifest" "applets" "empty" "passwd" "group" "shadow" "hostname" "hosts" "issue" "profile" "fstab" "inittab");

const ANDROID: Files = compiled_in!("android-jellybean": "config" "manifest");

const COMPILED_IN: &[(&str, Files)] = &[("busybox", BUSYBOX), ("android", ANDROID), ("android-jellybean", ANDROID)];

/// A template's files.
#[derive(Debug)]
pub enum Template {
    /// `-t none`: a configuration and nothing else.
    None,
    /// In this program.
    CompiledIn(&'static str, Files),
    /// In a directory.
    Dir(PathBuf),
    /// A program of LXC's kind, and its arguments.
    Script(PathBuf, Vec<String>),
    /// An archive of a root file system; `-` is standard input.
    Tar(PathBuf),
    /// An image in the OCI layout.
    Oci(PathBuf),
}

impl Template {
    /// By name, or by path when there is a `/` in it.
    pub fn find(name: &str, arguments: &[String]) -> Result<Template> {
        if name == "none" {
            return Ok(Template::None);
        }
        if name.contains('/') {
            let path = Path::new(name);
            let meta = std::fs::metadata(path).map_err(|e| at("template", path, e))?;
            return match (meta.is_dir(), script::is_program(path)) {
                (true, _) => Ok(Template::Dir(path.to_owned())),
                (false, true) => Ok(Template::Script(path.to_owned(), arguments.to_vec())),
                (false, false) => say(format!("template '{name}' is neither a directory nor a program")),
            };
        }
        let program = script::dir().join(format!("lxc-{name}"));
        let known: Vec<&str> = COMPILED_IN.iter().map(|(name, _)| *name).chain(["none"]).collect();
        match COMPILED_IN.iter().find(|(known, _)| *known == name) {
            Some((name, files)) => Ok(Template::CompiledIn(name, files)),
            None if script::is_program(&program) => Ok(Template::Script(program, arguments.to_vec())),
            None => {
                say(format!("no template '{name}' [there is {}, tar, oci, a directory or a program]", known.join(", ")))
            }
        }
    }

    /// One file of it, and how to call it in messages.
    pub fn read(&self, file: &str) -> Result<Cow<'static, [u8]>> {
        match self {
            Template::None | Template::Script(..) | Template::Tar(_) | Template::Oci(_) => Ok(Cow::Borrowed(b"")),
            Template::CompiledIn(_, files) => match files.iter().find(|(name, _)| *name == file) {
                Some((_, content)) => Ok(Cow::Borrowed(content)),
                None => say(format!("'{}': ENOENT", self.label(file))),
            },
            Template::Dir(dir) => {
                let path = dir.join(file);
                if std::fs::metadata(&path).is_ok_and(|meta| !meta.is_file()) {
                    return say(format!("'{}' is not a file", path.display()));
                }
                std::fs::read(&path).map(Cow::Owned).map_err(|e| at("read", path, e))
            }
        }
    }

    /// One file of it that has to be text.
    pub fn read_text(&self, file: &str) -> Result<String> {
        let bytes = self.read(file)?.into_owned();
        String::from_utf8(bytes).map_err(|_| Failure::new(format!("'{}' is not UTF-8", self.label(file))))
    }

    /// Whether it has such a file.
    pub fn has(&self, file: &str) -> bool {
        match self {
            Template::None | Template::Script(..) | Template::Tar(_) | Template::Oci(_) => false,
            Template::CompiledIn(_, files) => files.iter().any(|(name, _)| *name == file),
            Template::Dir(dir) => dir.join(file).is_file(),
        }
    }

    /// The name of a file of it in messages.
    pub fn label(&self, file: &str) -> String {
        match self {
            Template::None | Template::Script(..) | Template::Tar(_) | Template::Oci(_) => file.to_owned(),
            Template::CompiledIn(name, _) => format!("{name}/{file}"),
            Template::Dir(dir) => dir.join(file).display().to_string(),
        }
    }
}

/// Fills in `@WORD@` (capitals and `_`). An unknown word is a mistake; any other `@` stays as it is.
pub fn fill(label: &str, text: &str, words: &[(&str, String)]) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        let mut rest = content;
        while let Some((before, word, after)) = next_word(rest) {
            let Some((_, value)) = words.iter().find(|(known, _)| *known == word) else {
                return say(format!("{label}:{line}: nothing is known for '@{word}@'"));
            };
            out.push_str(before);
            out.push_str(value);
            rest = after;
        }
        out.push_str(rest);
    }
    Ok(out)
}

fn next_word(text: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in text.match_indices('@') {
        let rest = &text[at + 1..];
        if let Some(end) = rest.find('@')
            && end > 0
            && rest[..end].bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        {
            return Some((&text[..at], &rest[..end], &rest[end + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{self, Make};
    use super::*;

    #[test]
    fn fills_in_words_and_leaves_addresses_alone() {
        let words = [("NAME", "bb".to_owned()), ("A_B", "@NAME@".to_owned())];
        assert_eq!(fill("f", "x@y @NAME@@NAME@ @a@ @@ @NAME", &words).unwrap(), "x@y bbbb @a@ @@ @NAME");
        assert_eq!(fill("f", "@A_B@", &words).unwrap(), "@NAME@", "a value is not filled in again");
        assert_eq!(&*fill("f", "\n@NAMES@", &words).unwrap_err().message, "f:2: nothing is known for '@NAMES@'");
    }

    #[test]
    fn what_is_compiled_in_is_whole() {
        for (name, files) in COMPILED_IN {
            let template = Template::find(name, &[]).unwrap();
            let entries = manifest::parse("manifest", &template.read_text("manifest").unwrap()).unwrap();
            let mut used = vec!["config", "manifest", "applets"];
            for entry in &entries {
                if let Make::File { source, .. } = &entry.make {
                    assert!(template.has(source), "{name}: line {} names '{source}'", entry.line);
                    used.push(source);
                }
            }
            for (file, _) in *files {
                assert!(used.contains(file), "{name}/{file} is used by nothing");
            }
        }
    }

    #[test]
    fn programs_and_what_is_no_template() {
        let words = ["--x".to_owned()];
        match Template::find("/bin/sh", &words).unwrap() {
            Template::Script(path, arguments) => assert_eq!((path, &arguments[..]), ("/bin/sh".into(), &words[..])),
            other => panic!("{other:?}"),
        }
        let refused = |name| Template::find(name, &[]).unwrap_err().message.into_string();
        assert_eq!(refused("/etc/passwd"), "template '/etc/passwd' is neither a directory nor a program");
        assert_eq!(
            refused("bussybox"),
            "no template 'bussybox' [there is busybox, android, android-jellybean, none, tar, oci, a directory or a program]"
        );
        assert!(refused("/no/such").ends_with("ENOENT"));
    }
}
