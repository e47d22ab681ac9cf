//! The committed files, each read once.

use crate::lexer;
use std::process::Command;
use std::sync::OnceLock;

/// A file of the tree.
#[derive(Debug)]
pub struct File {
    /// From the workspace.
    pub path: String,
    /// As it is; empty where it is no text.
    pub text: String,
    /// The same without comments and the insides of strings, for Rust.
    pub code: String,
    /// Executable by its owner.
    pub executable: bool,
}

impl File {
    /// A file that is not in the tree.
    pub fn sample(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into(), code: lexer::code(text), executable: false }
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it exists for tests only.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|part| part == "tests" || part == "fuzz")
            || name.ends_with("tests.rs")
            || name == "scratch.rs"
    }

    /// Its code up to a module of tests in it.
    pub fn shipped(&self) -> &str {
        let end = self
            .code
            .find("#[cfg(test)]\nmod ")
            .filter(|at| self.code[*at..].lines().nth(1).is_some_and(|l| l.ends_with('{')));
        &self.code[..end.unwrap_or(self.code.len())]
    }

    /// `PATH:LINE: what`, for each line of `text` in which `found` finds something.
    pub fn lines(&self, text: &str, found: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let line = |(n, line): (usize, &str)| Some(format!("{}:{}: {}", self.path, n + 1, found(line)?));
        text.lines().enumerate().filter_map(line).collect()
    }
}

/// All of them: what git has or would take.
pub fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let root = tests::built::workspace();
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .expect("git runs");
        assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
        let names = String::from_utf8(listed.stdout).expect("names are UTF-8");
        let read = |name: &str| {
            use std::os::unix::fs::PermissionsExt;
            let path = root.join(name);
            // One that is deleted and not yet committed.
            let meta = std::fs::symlink_metadata(&path).ok()?;
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let executable = meta.is_file() && meta.permissions().mode() & 0o100 != 0;
            Some(File { executable, ..File::sample(name, &text) })
        };
        names.split('\0').filter(|n| !n.is_empty()).filter_map(read).collect()
    })
}
