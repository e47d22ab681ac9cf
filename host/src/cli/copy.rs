//! `keel copy`, `lxc-copy`, `lxc-clone`: copies or renames a container; with -e runs a copy that goes when it stops.
use super::create::interrupts;
use super::out::print;
use super::state::live;
use super::{Answer, Call, Refusal};
use crate::control::protocol::State;
use crate::copy::{Wish, copy, rename};
use crate::fault::{at, say};
use crate::storage::Backing;
use crate::store::{Name, Store};
use crate::sys::descriptors::close_from;
use crate::watch::launch;
use keel_core::commands::{Opt, UsageError, Verb};
use keel_core::failure::Failure;

/// Does it.
pub fn run(call: &mut Call) -> Answer {
    close_from(3);
    let (source, new) = names(call)?;
    let from = call.store()?;
    let to = Store::open(Some(
        call.args.value(Opt::NewPath).map_or(from.lxcpath(), std::path::Path::new).to_str().unwrap_or(""),
    ))?;
    let arguments = match call.args.trailing.take() {
        Some(words) => super::start::words(words)?,
        None => Vec::new(),
    };
    call.args.no_more()?;
    let has = |opt| call.args.has(opt);
    let ephemeral = has(Opt::Ephemeral);
    let kind = call.args.value(Opt::Bdev).filter(|kind| !matches!(*kind, "none" | "best"));
    let backing = match kind {
        Some(kind) => Some(Backing::new(Some(kind), call.args.value(Opt::FsSize), None)?),
        None => None,
    };
    let linked = ephemeral || has(Opt::Linked) || backing == Some(Backing::Overlay);
    if linked && backing.as_ref().is_some_and(|backing| *backing != Backing::Overlay) {
        return Err(UsageError("a copy with -s or -e is an overlay: -B overlay, or none".into()).into());
    }
    if has(Opt::Tmpfs) && has(Opt::KeepData) {
        return Err(UsageError("what is kept in memory cannot be kept: --tmpfs or --keepdata".into()).into());
    }
    let name = match new {
        Some(name) => Name::new(&name)?,
        None if ephemeral => some_name(&to, &source)?,
        None => return Err(UsageError("no name for the copy: -N NAME".into()).into()),
    };
    if !from.is_defined(&source) {
        return Ok(say("is not defined")?);
    }
    let may_run = has(Opt::AllowRunning) && linked;
    if !may_run && !matches!(live(&from, &source).state, State::Stopped) {
        return Ok(say("is running: stop it first [-a makes a linked copy all the same]")?);
    }
    let mut wish = Wish {
        from: &from,
        source: &source,
        to: &to,
        name: &name,
        keep_name: has(Opt::KeepName),
        keep_mac: has(Opt::KeepMac),
        linked,
        backing,
        sized: has(Opt::FsSize),
        dirs: Vec::new(),
        more: Vec::new(),
        arguments,
    };
    if has(Opt::Rename) {
        if ephemeral || linked {
            return Err(UsageError("--rename goes with neither --snapshot nor --ephemeral".into()).into());
        }
        rename(&wish)?;
        return Ok(0);
    }
    // Without -e LXC reads over them.
    for text in call.args.values(Opt::Mount).filter(|_| ephemeral).flat_map(|text| text.split(',')) {
        let line = mount(text, &to.dir(&name), &mut wish.dirs)?;
        wish.more.push(("lxc.mount.entry".into(), line));
    }
    if ephemeral && has(Opt::Tmpfs) {
        wish.more.push(("keel.rootfs.tmpfs".into(), "1".into()));
    }
    if ephemeral && !has(Opt::KeepData) {
        wish.more.push(("lxc.ephemeral".into(), "1".into()));
    }
    copy(&wish, &interrupts()?)?;
    if !ephemeral {
        return Ok(0);
    }
    if !has(Opt::Quiet) {
        print(&format!("Created {name} as clone of {source}\n"))?;
        if has(Opt::Tmpfs) {
            print("What it writes is kept in memory, and is lost when it restarts.\n")?;
        }
    }
    let asked = launch::Asked {
        name: name.to_string(),
        lxcpath: to.lxcpath().display().to_string(),
        ..launch::Asked::default()
    };
    // It is started by a process without the signals that were held back for the copying.
    crate::sys::signal::reset();
    let started = match has(Opt::Foreground) && !has(Opt::Daemon) {
        true => super::start::foreground(&call.messages, asked, None),
        false => super::start::background(&call.messages, asked, None),
    };
    if !matches!(started, Ok(0)) && !has(Opt::KeepData) {
        // Nobody else knows its name.
        let parents = std::fs::read_to_string(to.dir(&name).join(crate::copy::PARENTS)).unwrap_or_default();
        super::destroy::remove_dir(&to, &name)?;
        crate::copy::disown(&parents, to.lxcpath(), &name);
    }
    started
}

/// Of whom, and what it is to be called; lxc-clone takes both as operands.
fn names(call: &mut Call) -> Result<(Name, Option<String>), Refusal> {
    if call.command.verb == Verb::Copy {
        let name = call.take_name()?;
        return Ok((name, call.args.value(Opt::NewName).map(String::from)));
    }
    let mut operand = |opt| match call.args.value(opt) {
        Some(value) => Some(value.to_owned()),
        None if call.args.operands.is_empty() => None,
        None => Some(String::from_utf8_lossy(&call.args.operands.remove(0)).into_owned()),
    };
    let (source, new) = (operand(Opt::Original), operand(Opt::NewName));
    let Some(source) = source else { return Err(UsageError("no container given: -o NAME".into()).into()) };
    let name = Name::new(&source)?;
    call.messages.speaker = format!("{}: {name}", call.messages.speaker);
    Ok((name, new))
}

/// `NAME_XXXXXX` that is free.
fn some_name(store: &Store, source: &Name) -> Result<Name, Failure> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    for _ in 0..100 {
        let mut bytes = [0u8; 6];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
            .map_err(|e| Failure::errno("getrandom", crate::sys::errno(e)))?;
        let letters: String = bytes.iter().map(|b| char::from(LETTERS[usize::from(b % 32)])).collect();
        let name = Name::new(&format!("{source}_{letters}"))?;
        if std::fs::symlink_metadata(store.dir(&name)).is_err() {
            return Ok(name);
        }
    }
    Err(at("mkdir", store.lxcpath(), rustix::io::Errno::EXIST))
}

/// `bind=/host[:/inside[:ro]]` or `overlay=/host[:/inside]` as a line of fstab(5). What an overlay keeps goes into two
/// directories below `dir`, which are added to `dirs`.
fn mount(text: &str, dir: &std::path::Path, dirs: &mut Vec<String>) -> Result<String, UsageError> {
    let wrong = |why: &str| UsageError(format!("--mount: '{text}' {why}"));
    let (kind, paths) = text.split_once('=').ok_or_else(|| wrong("is not TYPE=SOURCE[:TARGET]"))?;
    let fields: Vec<&str> = paths.split(':').collect();
    let (source, target, mode) = match fields[..] {
        [source] => (source, source, "rw"),
        [source, target] => (source, target, "rw"),
        [source, target, mode @ ("ro" | "rw")] => (source, target, mode),
        _ => return Err(wrong("is not TYPE=SOURCE[:TARGET]")),
    };
    let inside = target.trim_start_matches('/');
    if !source.starts_with('/') || !target.starts_with('/') || inside.is_empty() {
        return Err(wrong("needs absolute paths"));
    }
    let escaped = |path: &str| path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011");
    let create = if std::path::Path::new(source).is_dir() { "dir" } else { "file" };
    let (from, to) = (escaped(source), escaped(inside));
    match kind {
        "bind" => Ok(format!("{from} {to} none bind,optional,{mode},create={create} 0 0")),
        "overlay" => {
            let own = ["delta", "work"].map(|what| format!("{what}{}", dirs.len() / 2));
            let [upper, work] = own.clone().map(|name| escaped(&dir.join(name).display().to_string()));
            dirs.extend(own);
            Ok(format!("{from} {to} overlay lowerdir={from},upperdir={upper},workdir={work},{mode},create=dir 0 0"))
        }
        _ => Err(wrong("is of a type that is not available, there is bind and overlay")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_a_line_of_fstab() {
        let mut dirs = Vec::new();
        let mut line = |text: &str| mount(text, std::path::Path::new("/l/n"), &mut dirs);
        assert_eq!(line("bind=/etc:/mnt/a b").unwrap(), "/etc mnt/a\\040b none bind,optional,rw,create=dir 0 0");
        assert_eq!(line("bind=/etc/passwd").unwrap(), "/etc/passwd etc/passwd none bind,optional,rw,create=file 0 0");
        assert_eq!(line("bind=/etc:/e:ro").unwrap(), "/etc e none bind,optional,ro,create=dir 0 0");
        assert_eq!(
            line("overlay=/etc:/e").unwrap(),
            "/etc e overlay lowerdir=/etc,upperdir=/l/n/delta0,workdir=/l/n/work0,rw,create=dir 0 0"
        );
        assert!(line("overlay=/a").unwrap().contains("upperdir=/l/n/delta1,"));
        for wrong in
            ["", "bind", "bind=", "bind=etc", "aufs=/a", "bind=/:/", "bind=/a:b", "bind=/a:/b:x", "bind=/a:/b:ro:"]
        {
            assert!(line(wrong).is_err(), "{wrong}");
        }
        assert_eq!(dirs, ["delta0", "work0", "delta1", "work1"]);
    }
}
