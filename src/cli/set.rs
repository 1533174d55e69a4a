//! `vgpu set`.

use std::path::PathBuf;

use super::api::Api;
use super::error::CommandError;
use super::output::Output;
use super::vgpus;
use crate::control::HeadChange;
use crate::control::api::{Name, VgpuChange};
use crate::control::client::Client;

/// Plug monitors into a vGPU, resize them, or take them away
///
/// The guest of a vGPU on offer sees it at once. The change is kept for the next start too.
///
/// Example: vgpu set desktop-7 --head 0=1920x1080 --head 1=off
#[derive(Clone, Debug, clap::Args)]
#[command(
    override_usage = "vgpu set NAME --head N=SIZE...\n       vgpu set --control SOCKET --head N=SIZE..."
)]
pub(super) struct SetArgs {
    /// Name of the vGPU
    #[arg(required_unless_present = "control", conflicts_with = "control")]
    name: Option<Name>,
    /// A head and its monitor: `1=1024x768`, or `1=off`; all are changed or none
    #[arg(long = "head", value_name = "N=SIZE", required = true)]
    heads: Vec<HeadChange>,
    /// Instead of a name: the control socket that `vgpu run --control` was given
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    api: Api,
}

/// Changes the monitors.
pub(super) fn run(arguments: &SetArgs) -> Result<(), CommandError> {
    match (&arguments.name, &arguments.control) {
        (Some(name), _) => {
            let change = VgpuChange { heads: arguments.heads.clone() };
            let vgpu = arguments.api.client().set(name, &change)?;
            arguments.output.print(&vgpu, || vgpus::table(std::slice::from_ref(&vgpu)))
        }
        (None, Some(control)) => Ok(Client::new(control).set_heads(&arguments.heads)?),
        (None, None) => Err(CommandError::cli("neither a name nor --control says which vGPU to change")),
    }
}
