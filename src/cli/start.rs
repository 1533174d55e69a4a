//! `vgpu start`.

use super::api::{Api, each};
use super::error::CommandError;
use super::output::Output;
use super::vgpus;
use crate::control::api::{Name, VgpuList};

/// Put vGPUs on offer
///
/// Those that are already stay as they are.
///
/// Example: vgpu start desktop-7 desktop-8
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StartArgs {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<Name>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    api: Api,
}

/// Starts each, and prints those that are on offer.
pub(super) fn run(arguments: &StartArgs) -> Result<(), CommandError> {
    let client = arguments.api.client();
    let (vgpus, failed) = each(&arguments.names, |name| client.start(name));
    if !vgpus.is_empty() {
        let list = VgpuList { vgpus };
        arguments.output.print(&list, || vgpus::table(&list.vgpus))?;
    }
    failed
}
