//! Whether the child of a start can share our memory until its exec.

use keel_core::plan::Plan;
use keel_core::step::Step;

/// Whether the child is done without us and soon: then it may have our memory while we wait for its exec.
pub(super) fn may_share_memory(plan: &Plan) -> bool {
    // What it says while we wait must fit the socket: about 200 messages do.
    let notes = plan.inside.iter().filter(|p| !p.must).count();
    plan.rounds.is_empty()
        && notes < 100
        && !plan.inside.iter().any(|planned| {
            matches!(
                planned.step,
                // Programs, and file systems of devices, take as long as they take, and a loop has others to serve.
                Step::RunHook { .. } | Step::Await { .. } | Step::MountProbed { .. } | Step::MountImage { .. }
                // Wants a memory of its own (kernel/time/namespace.c), or marks the memory as not dumpable (kernel/cred.c).
                | Step::JoinNamespace { .. } | Step::SetIds { .. } | Step::BecomeRoot { .. } | Step::EnterTime { .. }
                | Step::OpenLabel { .. }
                // A call that kills would dump the memory, and end all that share it before Linux 5.16 (fs/coredump.c).
                | Step::LoadSeccomp { .. } | Step::Supervise { .. }
            )
        })
}

/// How much the child of such a plan can say, at most, where all of it is said in the shared memory; none where descriptors go with it.
pub(super) fn most_said(plan: &Plan) -> Option<usize> {
    let hands_over =
        |step: &Step| matches!(step, Step::OpenTerminal { .. } | Step::OpenLog { .. } | Step::SendTerminals);
    let noted = plan.inside.iter().filter(|planned| !planned.must).count();
    // The exec, and why it failed.
    (!plan.inside.iter().any(|planned| hands_over(&planned.step))).then_some(noted + 2)
}
