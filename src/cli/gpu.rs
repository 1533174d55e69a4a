//! `vgpu gpu`.

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use super::api::Api;
use super::error::CommandError;
use super::output::{self, Output};
use crate::control::api::{Gpu, GpuChange, Policy};

/// List the host's GPUs, or say how vGPUs share one
///
/// Example: vgpu gpu set H200 --policy equal-share
#[derive(Clone, Debug, clap::Args)]
pub(super) struct GpuArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// List all GPUs that Vulkan finds
    ///
    /// The first time this may take seconds: drivers are loaded for it.
    ///
    /// Example: vgpu gpu list -o json
    List {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        api: Api,
    },
    /// Say how vGPUs share a GPU
    ///
    /// The change is done at once, and kept for later daemons.
    ///
    /// Example: vgpu gpu set H200 --policy fixed-share
    Set {
        /// Its UUID, or a part of its name that no other GPU has in its
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        gpu: String,
        /// How its vGPUs share its time
        #[arg(long)]
        policy: Policy,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        api: Api,
    },
}

/// Lists GPUs, or changes one.
pub(super) fn run(arguments: &GpuArgs) -> Result<(), CommandError> {
    match &arguments.verb {
        Verb::List { output, api } => {
            let list = api.client().gpus()?;
            output.print(&list, || table(&list.gpus))
        }
        Verb::Set { gpu, policy, output, api } => {
            let gpu = api.client().set_gpu(gpu, GpuChange { policy: *policy })?;
            output.print(&gpu, || table(std::slice::from_ref(&gpu)))
        }
    }
}

fn table(gpus: &[Gpu]) -> String {
    let row = |gpu: &Gpu| {
        let leased = if gpu.leased { "yes" } else { "no" };
        vec![gpu.name.clone(), gpu.policy.to_string(), leased.to_owned(), gpu.uuid.clone()]
    };
    output::table(&["NAME", "POLICY", "LEASED", "UUID"], gpus.iter().map(row))
}
