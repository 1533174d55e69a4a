//! `vgpu stop`.

use super::error::CommandError;
use super::several::Several;
use crate::control::api::Client;

/// Take vGPUs off offer; a VM that has one loses it
///
/// Those that are already stay as they are. They are kept for `vgpu start`.
///
/// Example: vgpu stop desktop-7 desktop-8
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StopArgs {
    #[command(flatten)]
    several: Several,
}

/// Stops each, and prints those that are off offer.
pub(super) fn run(arguments: &StopArgs) -> Result<(), CommandError> {
    arguments.several.each(Client::stop)
}
