//! `vgpu cdi`.

mod generate;
mod list;

use clap::Subcommand;

use super::error::CommandError;

/// Tell container runtimes of vGPUs and GPUs, by the Container Device Interface
///
/// podman, Docker, containerd and CRI-O read such files and take the names in them as devices.
///
/// Example: vgpu cdi generate vgpu && podman run --device vgpu.internal/vgpu=compute-1 IMAGE
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CdiArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    Generate(generate::GenerateArgs),
    List(list::ListArgs),
}

/// Does what the verb says.
pub(super) fn run(arguments: &CdiArgs) -> Result<(), CommandError> {
    match &arguments.verb {
        Verb::Generate(arguments) => generate::run(arguments),
        Verb::List(arguments) => list::run(arguments),
    }
}
