//! `vgpu start`.

use super::error::CommandError;
use super::several::Several;
use crate::control::api::Client;

/// Put vGPUs on offer
///
/// Those that are already stay as they are.
///
/// Example: vgpu start desktop-7 desktop-8
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StartArgs {
    #[command(flatten)]
    several: Several,
}

/// Starts each, and prints those that are on offer.
pub(super) fn run(arguments: &StartArgs) -> Result<(), CommandError> {
    arguments.several.each(Client::start)
}
