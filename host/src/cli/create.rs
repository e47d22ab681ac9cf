//! `keel create`, `lxc-create`: makes a container from a template of data.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use keel_core::commands::{self, Opt, Parsed, UsageError, Verb};
use keel_core::failure::Failure;
use libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::out::print;
use super::{Answer, Call, Refusal};
use crate::create::android::Source;
use crate::create::{Head, Init, Password, Request, Template, create};
use crate::fault::{Result, at, say};
use crate::storage::Backing;
use crate::store::{DEFAULT_CONF, system_setting};
use crate::sys::signalfd;

/// Makes the container and says what there is to know about it.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    let store = call.store()?;
    let mut args = call.args.clone();
    let Some(kind) = args.value(Opt::Template).map(String::from) else {
        return Err(UsageError(
            "no template given: -t busybox, -t none, -t tar FILE, -t oci DIR or -t TEMPLATE".into(),
        )
        .into());
    };
    let template = match kind.as_str() {
        "tar" | "oci" => image(&kind, &mut args)?,
        _ => {
            let words = args.trailing.clone().unwrap_or_default();
            match Template::find(&kind, &super::start::words(words)?)? {
                script @ Template::Script(..) => {
                    args.trailing = None;
                    script
                }
                data => data,
            }
        }
    };
    let (verb, android) = match template {
        Template::CompiledIn("android" | "android-jellybean", _) => (Verb::TemplateAndroid, true),
        _ => (Verb::TemplateBusybox, false),
    };
    // LXC hands what follows `--` to its template; here one table reads both.
    if let Some(words) = args.trailing.take() {
        let template = commands::parse(commands::command(verb), words)?;
        if template.has(Opt::Help) {
            print(&commands::help(commands::command(verb), &format!("keel create -t {kind} --")))?;
            return Ok(0);
        }
        args.options.extend(template.options.into_iter().filter(|(opt, _)| *opt != Opt::Name));
        args.operands.extend(template.operands);
    }
    args.no_more()?;
    let (kind, fstype) = (args.value(Opt::Bdev), args.value(Opt::FsType));
    let backing = Backing::new(kind, args.value(Opt::FsSize), fstype)?;
    let path = |opt| args.value(opt).map(PathBuf::from);
    let autologin = args.has(Opt::Autologin).then(|| args.value(Opt::Autologin).unwrap_or("root").to_owned());
    let text = |opt| args.value(opt).map(String::from);
    let android = match (android, path(Opt::Ramdisk)) {
        (true, Some(ramdisk)) => Some(Source {
            ramdisk,
            system: path(Opt::System),
            data: path(Opt::Data),
            cache: path(Opt::Cache),
            cmdline: text(Opt::Cmdline),
            hardware: text(Opt::Hardware),
            cpuinfo: args.values(Opt::Cpuinfo).map(String::from).collect(),
            adb: args.value(Opt::AdbPort).map(port).transpose()?,
        }),
        (true, None) => {
            return Err(UsageError("no ramdisk given: -t android NAME -- --ramdisk FILE --system IMAGE".into()).into());
        }
        (false, _) => None,
    };
    let request = Request {
        android,
        store: &store,
        name: &name,
        template,
        head: head(args.value(Opt::RcFile))?,
        busybox: path(Opt::BusyboxPath),
        pid1: path(Opt::Pid1),
        init: init(&args)?,
        password: password(&args)?,
        autologin,
        static_dev: args.has(Opt::StaticDev),
        rootfs: path(Opt::Rootfs),
        sysroot: path(Opt::Sysroot),
        backing,
        quiet: args.has(Opt::Quiet),
    };
    let notes = create(&request, &interrupts()?)?;
    if !args.has(Opt::Quiet) {
        for note in notes {
            print(&format!("{name}: {note}\n"))?;
        }
    }
    Ok(0)
}

fn port(text: &str) -> std::result::Result<u16, UsageError> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| UsageError(format!("'{text}' is no TCP port")))
}

/// `-t tar FILE`, `-t oci DIR`: the file stands among the operands or after `--`.
fn image(kind: &str, args: &mut Parsed) -> std::result::Result<Template, Refusal> {
    let mut words = args.take_command();
    if words.is_empty() {
        return Err(UsageError(format!(
            "no {} given: -t {kind} PATH",
            if kind == "tar" { "archive" } else { "image" }
        ))
        .into());
    }
    let path = PathBuf::from(std::ffi::OsString::from_vec(words.remove(0)));
    args.operands = words;
    Ok(if kind == "tar" { Template::Tar(path) } else { Template::Oci(path) })
}

/// Signals are held back from here on and looked at between two writes, so that what was begun can be removed.
pub fn interrupts() -> Result<impl Fn() -> bool> {
    signalfd::block_all();
    let signals = signalfd::descriptor().map_err(|errno| Failure::errno("signalfd", errno))?;
    Ok(move || {
        let caught = || signalfd::next(&signals).map(|caught| caught.signal);
        std::iter::from_fn(caught).any(|signal| [SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(&signal))
    })
}

/// What the configuration begins with: the file given, else that of lxc.default_config, else /etc/lxc/default.conf where
/// there is one.
fn head(given: Option<&str>) -> Result<Option<Head>> {
    let setting = if given.is_none() { system_setting("lxc.default_config")? } else { None };
    let path = Path::new(given.or(setting.as_deref()).unwrap_or(DEFAULT_CONF));
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Head::new(&path.display().to_string(), text).map(Some),
            Err(_) => say(format!("'{}' is not UTF-8", path.display())),
        },
        Err(e) if given.is_none() && e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(at("read", path, e)),
    }
}

fn init(args: &Parsed) -> std::result::Result<Option<Init>, Refusal> {
    match args.value(Opt::TemplateInit) {
        None => Ok(None),
        Some("pid1") => Ok(Some(Init::Pid1)),
        Some("busybox") => Ok(Some(Init::Busybox)),
        Some(other) => Err(UsageError(format!("'{other}' is no init, there is pid1 and busybox")).into()),
    }
}

fn password(args: &Parsed) -> std::result::Result<Password, Refusal> {
    match (args.value(Opt::Password), args.value(Opt::PasswordHash)) {
        (Some(_), Some(_)) => Err(UsageError("either --password or --password-hash, not both".to_owned()).into()),
        (Some(plain), None) => Ok(Password::Plain(plain.to_owned())),
        (None, Some(hash)) => Ok(Password::Hash(hash.to_owned())),
        (None, None) => Ok(Password::Locked),
    }
}
