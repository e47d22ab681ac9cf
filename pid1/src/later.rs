//! What the start leaves for later, as nobody waits for it: until nothing has been started for a moment, a lower score for the OOM killer
//! and the memory that only the start needed; until the first orphan comes, the question who reaps.
//!
//! A program that has ended by then never pays for it, and while signals are all there is to wait for, waiting is one call.

use core::ffi::CStr;

use pid1::settings::Reap;
use pid1::signals::{Mode, SIGCHLD};

use crate::files;
use crate::sys::{Result, Symbol, clock, memory, process, signal};
use crate::text::{Text, buffer};
use crate::wait::Init;

/// How long nothing must have been started.
pub const QUIET_MS: u64 = 20;

/// The moment is there. Comes again each time that something was started.
#[inline(never)]
pub fn quiet(init: &mut Init<'_>) {
    if !core::mem::replace(&mut init.settled, true) {
        lower_oom_score(init);
    }
    memory::give_back();
}

/// Lowers this process's score, if allowed, and keeps what it was before for its children.
#[inline(never)]
fn lower_oom_score(init: &mut Init<'_>) {
    const SCORE: &CStr = c"/proc/self/oom_score_adj";
    if init.mode == Mode::Wrapper && !init.first {
        return;
    }
    let mut text = buffer::<8>();
    if let Ok(before) = files::read(SCORE, &mut text)
        && files::write(SCORE, b"-999").is_ok()
    {
        init.children.oom_score = Text::of(&[before.trim_ascii()]).unwrap_or(Text::new());
    }
}

/// From here on the kernel reaps, where it is to and can. What has ended before is not its business.
#[inline(never)]
pub fn choose_reaper(init: &mut Init<'_>) {
    let wanted = match init.settings.reap {
        Reap::Auto => process::kernel_tells_status(),
        Reap::Kernel => true,
        Reap::Wait => false,
    };
    if wanted {
        match by_kernel(init) {
            Ok(()) => init.to_reap = true,
            Err(e) => debug!("the kernel cannot reap: {}", Symbol(e)),
        }
    }
    init.quiet_at = Some(clock::now_ms() + QUIET_MS);
    debug!("reaping is {}", if init.children.by_kernel { "the kernel's" } else { "by wait4(2)" });
}

fn by_kernel(init: &mut Init<'_>) -> Result<()> {
    let logins = init.logins.slots.iter_mut().flatten().filter_map(|slot| slot.child.as_mut());
    for child in init.payload.iter_mut().filter_map(|p| p.child.as_mut()).chain(logins) {
        child.fd = Some(process::descriptor(child.pid)?);
    }
    wait_for_descriptors(init)?;
    signal::ignore(SIGCHLD);
    init.children.by_kernel = true;
    Ok(())
}

/// Signals come by a descriptor from here on, as there are others to wait for.
fn wait_for_descriptors(init: &mut Init<'_>) -> Result<()> {
    if init.signals.is_none() {
        init.signals = Some(signal::descriptor()?);
    }
    Ok(())
}

/// Looks for power buttons anew.
#[inline(never)]
pub fn find_buttons(init: &mut Init<'_>) {
    init.buttons.find();
    if init.buttons.devices.iter().any(Option::is_some)
        && let Err(e) = wait_for_descriptors(init)
    {
        warn!("power buttons: signalfd: {}", Symbol(e));
    }
}
