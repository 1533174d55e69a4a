//! `vgpu device`: the hidden verb that `vgpu run` starts.

use super::error::CommandError;
use super::log;
use crate::control::spec::DeviceSpec;
use crate::device_process::{self, DeviceProcessError};

/// Serve one VM, sealed
#[derive(clap::Args)]
pub(super) struct DeviceArgs {
    /// What to serve, as JSON
    #[arg(value_name = "SPEC", value_parser = |text: &str| serde_json::from_str::<DeviceSpec>(text))]
    spec: DeviceSpec,
}

pub(super) fn run(arguments: &DeviceArgs) -> Result<(), CommandError> {
    log::stand_for(&arguments.spec.name);
    device_process::run(&arguments.spec).map_err(|error| match error {
        // Trying again would end the same way.
        DeviceProcessError::Sandbox(_) if arguments.spec.require_sandbox => CommandError::user(error),
        _ => CommandError::host(error),
    })
}
