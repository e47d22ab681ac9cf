//! `keel getprop`, `keel watchprops`, `keel setprop`, `keel service`: the properties and services of a running Android, from its host.

use super::out::print;
use super::state::live;
use super::{Answer, Call, Refusal};
use crate::android;
use crate::fault::say;
use keel_core::commands::{UsageError, Verb};
use keel_core::nearest;
use keel_core::sorted;

/// One of the four.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    let store = call.store()?;
    let words = super::start::words(call.args.take_command())?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let usage = |what: &str| Refusal::from(UsageError(format!("expected {what}")));
    let pid = || live(&store, &name).pid.map_or_else(|| say("it does not run"), Ok);
    match (call.command.verb, words.as_slice()) {
        (Verb::GetProp, []) => {
            let mut all = android::all(pid()?)?;
            sorted::sort(&mut all);
            print(&all.iter().map(|(name, value)| format!("[{name}]: [{value}]\n")).collect::<String>())?;
        }
        // As Android's own: an empty line for what is not set.
        (Verb::GetProp, [wanted]) => {
            let all = android::all(pid()?)?;
            let value = all.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
            print(&format!("{value}\n"))?;
        }
        (Verb::GetProp, _) => return Err(usage("one property, or none for all")),
        (Verb::WatchProps, []) => watch(pid()?, None)?,
        (Verb::WatchProps, [wanted]) => watch(pid()?, Some(wanted))?,
        (Verb::WatchProps, _) => return Err(usage("one property, or none for all")),
        (Verb::SetProp, [name, value]) => android::set(pid()?, name, value)?,
        (Verb::SetProp, _) => return Err(usage("a property and its value")),
        (_, [what @ ("start" | "stop" | "restart"), service]) => {
            let pid = pid()?;
            // init says nothing of a service that it does not know.
            let all = android::all(pid)?;
            let known: Vec<&str> = all.iter().filter_map(|(name, _)| name.strip_prefix("init.svc.")).collect();
            if !known.contains(service) {
                let hint = nearest::hint(service, known.iter().copied());
                call.messages.print(&format!("no service '{service}' has run yet{hint}"));
            }
            android::set(pid, &format!("ctl.{what}"), service)?;
        }
        _ => return Err(usage("start, stop or restart, and a service")),
    }
    Ok(0)
}

/// Changes of all properties, or of one, until the container stops.
fn watch(pid: i32, wanted: Option<&str>) -> std::result::Result<(), Refusal> {
    let mut closed = None;
    android::watch(pid, |name, value| {
        if wanted.is_none_or(|wanted| wanted == name) {
            closed = print(&format!("[{name}]: [{value}]\n")).err();
        }
        closed.is_none()
    })?;
    closed.map_or(Ok(()), |why| Err(why.into()))
}
