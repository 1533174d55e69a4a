//! `vgpu set`.

use std::path::PathBuf;

use super::error::CommandError;
use crate::control::HeadChange;
use crate::control::client::Client;

/// Plug monitors into a running vGPU, resize them, or take them away
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SetArgs {
    /// Control socket of the vGPU, as given to `vgpu run --control`
    #[arg(long, value_name = "SOCKET")]
    control: PathBuf,
    /// A head and its monitor: `1=1024x768`, or `1=off`; all are changed or none
    #[arg(long = "head", value_name = "N=SIZE", required = true)]
    heads: Vec<HeadChange>,
}

/// Changes the monitors.
pub(super) fn run(arguments: &SetArgs) -> Result<(), CommandError> {
    Ok(Client::new(&arguments.control).set_heads(&arguments.heads)?)
}
