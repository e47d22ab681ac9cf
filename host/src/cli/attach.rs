//! `keel attach`, `lxc-attach`: runs a program inside a running container; its exit code is the command's.
use super::{Answer, Call};
use crate::attach::environment::Wish;
use crate::attach::{self, Attach, Wanted};
use crate::fault::{at, say};
use crate::place::Place;
use crate::standing::Standing;
use crate::watch::filters::Filters;
use crate::watch::record::Record;
use keel_core::commands::{Opt, UsageError};
use keel_core::config::lxc::{NoFiles, Reader, Severity};
use keel_core::facts::Namespaces;
use serde_json::Value;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// LXC's words for namespaces, and which they are.
const NAMESPACES: [(&str, u32); 7] = [
    ("MOUNT", Namespaces::MNT),
    ("PID", Namespaces::PID),
    ("UTSNAME", Namespaces::UTS),
    ("IPC", Namespaces::IPC),
    ("USER", Namespaces::USER),
    ("NETWORK", Namespaces::NET),
    ("CGROUP", Namespaces::CGROUP),
];

/// Runs it.
pub fn run(call: &mut Call) -> Answer {
    attach::run_from_copy();
    let name = call.take_name()?;
    let words = call.args.take_command();
    let command = words.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    let command = command.map_err(|_| UsageError("an argument has a NUL in it".into()))?;
    let store = call.store()?;
    let lxcpath = store.lxcpath().display().to_string();
    let args = &call.args;

    let elevated = args.has(Opt::ElevatedPrivileges);
    let parts = args.value(Opt::ElevatedPrivileges).unwrap_or("CAP|CGROUP|LSM");
    let mut keep = [false; 3];
    for word in parts.split('|').filter(|_| elevated) {
        match word {
            "CAP" => keep[0] = true,
            "CGROUP" => keep[1] = true,
            "LSM" => keep[2] = true,
            other => {
                let why = format!("--elevated-privileges: '{other}' is none of CAP, CGROUP, LSM");
                return Err(UsageError(why).into());
            }
        }
    }
    let entered = match args.value(Opt::Namespaces) {
        // LXC has no word for that of time, and enters it all the same.
        None => NAMESPACES.iter().fold(Namespaces::TIME, |all, (_, flag)| all | flag),
        Some(words) => namespaces(words)?,
    };
    let set = args.values(Opt::SetVar).map(|v| match v.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err(UsageError(format!("--set-var: '{v}' is not NAME=VALUE"))),
    });
    let mut environment = Wish {
        clear: args.has(Opt::ClearEnv),
        keep: args.values(Opt::KeepVar).map(String::from).collect(),
        set: set.collect::<Result<_, _>>()?,
    };
    let personality = match args.value(Opt::Arch) {
        None => None,
        Some(arch) => {
            let mut reader = Reader::default();
            reader.define(&format!("lxc.arch={arch}"), &mut NoFiles);
            let (config, problems) = reader.finish();
            if problems.iter().any(|p| p.severity == Severity::Error) || config.arch.is_none() {
                return Err(UsageError(format!("--arch: '{arch}' is no machine that LXC knows")).into());
            }
            config.arch
        }
    };
    let (uid, gid) = (args.number(Opt::Uid)?.unwrap_or(0), args.number(Opt::Gid)?.unwrap_or(0));

    let standing = Standing::of(name.as_str(), &lxcpath);
    let info = standing.info()?;
    let Some(pid) = info.get("pid").and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok()) else {
        return Ok(say("not running")?);
    };
    let android = crate::android::inside(pid);
    let properties = android.and_then(|(area, variables)| {
        // Behind those that were asked for, which are set later and win.
        environment.set.splice(0..0, variables);
        area
    });
    let record = || match &standing {
        Standing::Supervised(_, place) => Record::of_supervised(place),
        _ => Record::of_living(&Place::of(name.as_str(), &lxcpath)),
    };
    let filters = match (keep[2], (!keep[2]).then(record).flatten()) {
        (true, _) => Filters::default(),
        (false, Some(record)) => record.filters,
        (false, None) => {
            let why =
                "its state file is not there, and with it the filter of system calls that programs inside are under";
            return Ok(say(format!("{why} (--elevated-privileges=LSM runs without one)"))?);
        }
    };
    let supervisor = match standing {
        Standing::Supervised(connection, _) if !filters.asking.is_empty() => Some(connection),
        _ => None,
    };
    let label = match (keep[2], args.value(Opt::Context)) {
        (_, Some(context)) => Wanted::Context(context.into()),
        (true, None) => Wanted::Own,
        (false, None) => Wanted::AsInit,
    };
    // The file of now, not of the start, as LXC has it. A container with a broken file can be entered all the same.
    let own = store.config(&name);
    let file = args.value(Opt::RcFile).map_or(own.as_path(), Path::new);
    let mut limits = Vec::new();
    if let Ok((config, _)) = crate::load::config(file, &[]) {
        limits.extend(config.limits.into_iter().map(|limit| limit.value));
        let configured = config.environment.into_iter().chain(config.environment_runtime);
        let value =
            |(name, value): (String, Option<String>)| Some((value.or_else(|| std::env::var(&name).ok())?, name));
        let configured = configured.filter_map(|one| value(one.value)).map(|(value, name)| (name, value));
        environment.set.splice(0..0, configured);
    }
    let log = match args.value(Opt::PtyLog) {
        Some(path) => {
            let open = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
            Some(open.map_err(|e| at("open", path, e))?)
        }
        None => None,
    };
    let cgroups = info.get("cgroups").and_then(Value::as_array).into_iter().flatten();
    let attach = Attach {
        name: name.to_string(),
        pid,
        cgroups: cgroups.filter_map(Value::as_str).map(Into::into).collect(),
        namespaces: Namespaces(entered),
        keep_caps: keep[0],
        keep_cgroups: keep[1],
        filters,
        supervisor,
        label,
        personality,
        limits,
        uid,
        gid,
        environment,
        properties,
        command,
        directory: Namespaces(entered).has(Namespaces::MNT).then(|| std::env::current_dir().ok()).flatten(),
        remount: args.has(Opt::RemountSysProc),
        log,
    };
    Ok(attach::run(attach)?)
}

/// LXC's words, separated by `|`, as flags of clone(2).
pub fn namespaces(words: &str) -> Result<u32, UsageError> {
    words.split('|').try_fold(0, |all, word| {
        let found = NAMESPACES.iter().find(|(name, _)| *name == word);
        found.map(|(_, flag)| all | flag).ok_or_else(|| {
            UsageError(format!("--namespaces: '{word}' is none of MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP"))
        })
    })
}
