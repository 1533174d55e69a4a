//! `vgpu delete`.

use super::api::{Api, each};
use super::error::CommandError;
use crate::control::Code;
use crate::control::api::{ApiError, Name};

/// Stop vGPUs and forget them; a VM that has one loses it
///
/// Example: vgpu delete --ignore-not-found desktop-7 desktop-8
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DeleteArgs {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<Name>,
    /// Let a vGPU that is not there be no error
    #[arg(long)]
    ignore_not_found: bool,
    #[command(flatten)]
    api: Api,
}

/// Deletes each.
pub(super) fn run(arguments: &DeleteArgs) -> Result<(), CommandError> {
    let client = arguments.api.client();
    let delete = |name: &Name| match client.delete(name) {
        Err(ApiError::Refused(refusal)) if arguments.ignore_not_found && refusal.code == Code::NotFound => {
            Ok(())
        }
        other => other,
    };
    each(&arguments.names, delete).1
}
