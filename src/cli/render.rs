//! `vgpu render` and `vgpu rehearse`: the hidden verbs that run Vulkan commands, and find out what that takes.

use super::error::CommandError;
use super::{log, output};
use crate::control::spec::DeviceSpec;
use crate::render_process::{self, RenderProcessError};

/// Serve programs that use Vulkan, sealed
#[derive(clap::Args)]
pub(super) struct RenderArgs {
    /// What to serve, as JSON
    #[arg(value_name = "SPEC", value_parser = |text: &str| serde_json::from_str::<DeviceSpec>(text))]
    spec: DeviceSpec,
}

pub(super) fn run(arguments: &RenderArgs) -> Result<(), CommandError> {
    log::stand_for(&arguments.spec.name);
    render_process::run(&arguments.spec).map_err(|error| match error {
        // Trying again would end the same way.
        RenderProcessError::Gpu(_) => CommandError::user(error),
        RenderProcessError::Sandbox(_) if arguments.spec.require_sandbox => CommandError::user(error),
        _ => CommandError::host(error),
    })
}

/// Open a GPU and say what its driver needed for that, as JSON
#[derive(clap::Args)]
pub(super) struct RehearseArgs {
    /// A part of the GPU's name, or its UUID
    device: Option<String>,
}

pub(super) fn rehearse(arguments: &RehearseArgs) -> Result<(), CommandError> {
    output::json(&render_process::rehearse(arguments.device.clone()).map_err(CommandError::user)?)
}
