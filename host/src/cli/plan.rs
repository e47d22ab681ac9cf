//! `keel plan`: what a start or the boot would do, step by step. Changes nothing.

use super::out::print;
use super::{Answer, Call, Refusal};
use crate::watch::launch;
use keel_core::commands::Opt;
use keel_core::failure::Failure;
use keel_core::plan::{self, Plan, Planned, Position};
use serde_json::{Value, json};

/// Prints the plan of a container, or of the boot for the operand `boot`.
pub fn run(call: &mut Call) -> Answer {
    let boot = !call.args.has(Opt::Name) && call.args.operands.first().is_some_and(|o| o == b"boot");
    let mut plans = match boot {
        true => {
            // What follows is a kernel command line.
            let words = call.args.take_command().split_off(1).join(&b' ');
            let (params, complaints) = crate::boot::planned(&words);
            complaints.iter().for_each(|complaint| call.messages.print(complaint));
            vec![plan::early(), plan::boot(&params, &crate::observe::facts(crate::observe::ALL)?)]
        }
        false => vec![container(call)?],
    };
    if boot && let Some(text) = call.args.value(Opt::FailAt) {
        plans[1].fail_at_text(text).map_err(|why| Failure::new(format!("--fail-at: {why}")))?;
    }
    match call.args.has(Opt::Json) {
        true => print(&format!("{}\n", Value::Array(plans.iter().map(json).collect())))?,
        false => print(&plans.iter().map(Plan::to_string).collect::<Vec<_>>().join(""))?,
    }
    Ok(0)
}

fn container(call: &mut Call) -> Result<Plan, Refusal> {
    let name = call.take_name()?;
    let asked = launch::Asked {
        name: name.to_string(),
        lxcpath: call.store()?.lxcpath().display().to_string(),
        file: call.args.value(Opt::RcFile).map(String::from),
        define: super::start::define(call)?,
        command: Vec::new(),
        fail_at: call.args.value(Opt::FailAt).map(String::from),
    };
    call.args.no_more()?;
    let definition = launch::define(&asked)?;
    for warning in &definition.warnings {
        call.messages.print(warning);
    }
    if crate::control::client::Connection::open(&crate::place::agent_socket(&definition.lxcpath)).is_ok() {
        // It is who would start it: as it sees the system.
        crate::observe::keep();
    }
    Ok(launch::plan(&definition)?)
}

/// A plan for programs: notes, namespaces, and each step with its number, side, text and whether it must succeed.
fn json(plan: &Plan) -> Value {
    let step = |(i, (position, p)): (usize, (Position, &Planned))| {
        let side = match position {
            Position::Outside(_) => "outside",
            Position::Inside(_) => "inside",
            Position::Round(..) => "round",
        };
        json!({"number": i + 1, "side": side, "must": p.must, "step": p.step.to_string(),
               "from": p.origin.and_then(|o| plan.place_of(o))})
    };
    let steps: Vec<Value> = plan.sequence().enumerate().map(step).collect();
    let namespaces: Vec<&str> = (keel_core::facts::Namespaces::NAMES.iter())
        .filter(|(_, flag)| plan.clone.has(*flag))
        .map(|(name, _)| *name)
        .collect();
    json!({"notes": plan.notes, "clone": namespaces, "steps": steps})
}
