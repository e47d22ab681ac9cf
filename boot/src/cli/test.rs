//! c
use super::Words;
/// x
pub fn run(_: &Words) -> crate::fault::Result<std::process::ExitCode> {
    Err(crate::fault::Fault::new("not yet"))
}
