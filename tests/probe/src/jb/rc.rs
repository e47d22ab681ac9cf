//! The rc language: sections, services, and the commands that rc files of JellyBean use (JB 1.2). Results of commands are
//! logged and ignored, as there.

use super::service::Service;
use super::{Init, sys};

/// Actions by trigger, in the order of the files.
#[derive(Default)]
pub struct Rc {
    actions: Vec<(String, Vec<Vec<String>>)>,
}

impl Init {
    /// Reads a file, then those that it imports.
    pub fn parse(&mut self, path: &str) {
        let Some(text) = self.read(path) else { return };
        let mut imports = Vec::new();
        let mut in_service = false;
        for line in text.lines() {
            let words: Vec<String> = words(line);
            let Some(first) = words.first() else { continue };
            match first.as_str() {
                "import" => imports.extend(words.get(1).map(|path| self.expand(path))),
                "on" => {
                    in_service = false;
                    self.rc.actions.push((words[1..].join(" "), Vec::new()));
                }
                "service" if words.len() > 2 => {
                    in_service = true;
                    self.services.push(Service::new(&words[1], words[2..].to_vec()));
                }
                _ if in_service => {
                    if let Some(service) = self.services.last_mut() {
                        service.option(&words);
                    }
                }
                _ => {
                    if let Some((_, commands)) = self.rc.actions.last_mut() {
                        commands.push(words);
                    }
                }
            }
        }
        for path in imports {
            if !std::path::Path::new(&path).exists() {
                self.log(3, &format!("could not import file '{path}'"));
            }
            self.parse(&path);
        }
    }

    /// `${ro.hardware}`.
    fn expand(&self, text: &str) -> String {
        match (text.find("${"), text.find('}')) {
            (Some(from), Some(to)) if from < to => {
                let value = self.props.get(&text[from + 2..to]).unwrap_or_default();
                format!("{}{value}{}", &text[..from], &text[to + 1..])
            }
            _ => text.into(),
        }
    }

    /// Runs all actions of a trigger.
    pub fn trigger(&mut self, name: &str) {
        let found: Vec<Vec<String>> =
            self.rc.actions.iter().filter(|(n, _)| n == name).flat_map(|(_, c)| c.clone()).collect();
        for command in found {
            let line = command.join(" ");
            let result = self.command(&command);
            let said = crate::errno::word(result.as_ref().map(|_| ()).map_err(sys::copy));
            self.log(6, &format!("command '{line}' r={said}"));
            self.calls.note(&line, result);
        }
    }

    fn command(&mut self, words: &[String]) -> std::io::Result<()> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mode = |text: &str| u32::from_str_radix(text, 8).unwrap_or(0);
        match words.as_slice() {
            ["loglevel", level] => self.loglevel = level.parse().unwrap_or(3),
            ["export", name, value] => self.environment.push(((*name).into(), (*value).into())),
            ["setprop", name, value] => {
                let value = self.expand(value);
                self.set_property(name, &value);
            }
            ["write", path, value] => {
                return std::fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .open(path)
                    .and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes()));
            }
            ["mkdir", path, rest @ ..] => return sys::mkdir(path, rest.first().map_or(0o755, |m| mode(m))),
            ["symlink", target, path] => return std::os::unix::fs::symlink(target, path),
            ["chmod", m, path] => return sys::chmod(path, mode(m)),
            ["chown", uid, gid, path] => return sys::chown(path, sys::id(uid), sys::id(gid)),
            ["mount", kind, source, at, options @ ..] => {
                let flags = options.iter().fold(0, |all, option| all | sys::mount_flag(option));
                let data: Vec<&str> = options.iter().filter(|o| sys::mount_flag(o) == 0).copied().collect();
                return sys::mount(source, at, kind, flags, &data.join(","));
            }
            // The time zone is the clock's, which is the machine's.
            ["sysclktz", minutes] => return sys::set_timezone(minutes.parse().unwrap_or(0)),
            ["hostname", name] => return std::fs::write("/proc/sys/kernel/hostname", name),
            ["domainname", name] => return std::fs::write("/proc/sys/kernel/domainname", name),
            ["setrlimit", resource, soft, hard] => {
                let number = |text: &str| text.parse::<u32>().unwrap_or(0);
                return sys::set_limit(number(resource), number(soft).into(), number(hard).into());
            }
            ["start", name] => self.start_named(name),
            ["stop", name] => self.stop_named(name),
            ["class_start", class] => {
                let names: Vec<String> =
                    self.services.iter().filter(|s| s.in_class(class)).map(|s| s.name.clone()).collect();
                names.iter().for_each(|name| self.start_named(name));
            }
            _ => return Err(std::io::Error::from_raw_os_error(libc::EINVAL)),
        }
        Ok(())
    }
}

/// Words of a line; `#` begins a comment, `"` keeps blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, more) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.into());
        rest = more.trim_start();
    }
    words
}
