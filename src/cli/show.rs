//! `vgpu show`.

use super::api::Api;
use super::error::CommandError;
use super::output::Output;
use super::vgpus;
use crate::control::api::Name;

/// Show a vGPU: its state, its heads, what its guest uses
///
/// Example: vgpu show desktop-7
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Its name
    name: Name,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    api: Api,
}

/// Prints all that is known of one vGPU.
pub(super) fn run(arguments: &ShowArgs) -> Result<(), CommandError> {
    let vgpu = arguments.api.client().show(&arguments.name)?;
    arguments.output.print(&vgpu, || vgpus::details(&vgpu))
}
