//! `vgpu stop`.

use super::api::{Api, each};
use super::error::CommandError;
use super::output::Output;
use super::vgpus;
use crate::control::api::{Name, VgpuList};

/// Take vGPUs off offer; a VM that has one loses it
///
/// Those that are already stay as they are. They are kept for `vgpu start`.
///
/// Example: vgpu stop desktop-7 desktop-8
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StopArgs {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<Name>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    api: Api,
}

/// Stops each, and prints those that are off offer.
pub(super) fn run(arguments: &StopArgs) -> Result<(), CommandError> {
    let client = arguments.api.client();
    let (vgpus, failed) = each(&arguments.names, |name| client.stop(name));
    if !vgpus.is_empty() {
        let list = VgpuList { vgpus };
        arguments.output.print(&list, || vgpus::table(&list.vgpus))?;
    }
    failed
}
