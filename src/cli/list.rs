//! `vgpu list`.

use super::api::Api;
use super::error::CommandError;
use super::output::Output;
use super::vgpus;

/// List all vGPUs
///
/// Example: vgpu list -o json
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    api: Api,
}

/// Prints every vGPU.
pub(super) fn run(arguments: &ListArgs) -> Result<(), CommandError> {
    let list = arguments.api.client().list()?;
    arguments.output.print(&list, || vgpus::table(&list.vgpus))
}
