//! `vgpu gpu`.

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use super::api::Api;
use super::error::CommandError;
use super::output::{self, Output, memory_text};
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
    /// PROMISED is how much of its memory the vGPUs on offer may use, USED how much they do, both with what drivers
    /// take for themselves. The first time this may take seconds: drivers are loaded for it.
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
    /// The change is done at once, and kept for later daemons. What is promised already stays promised.
    ///
    /// Example: vgpu gpu set H200 --policy fixed-share --overcommit 150
    Set {
        /// Its UUID, or a part of its name that no other GPU has in its
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        gpu: String,
        #[command(flatten)]
        change: Change,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        api: Api,
    },
}

#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Change {
    /// How its vGPUs share its time
    #[arg(long)]
    policy: Option<Policy>,
    /// Percent of its memory that is promised to vGPUs at most: 100 to 1000, 100 unless told otherwise
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(100..=1000))]
    overcommit: Option<u32>,
}

/// Lists GPUs, or changes one.
pub(super) fn run(arguments: &GpuArgs) -> Result<(), CommandError> {
    match &arguments.verb {
        Verb::List { output, api } => {
            let list = api.client().gpus()?;
            output.print(&list, || table(&list.gpus))
        }
        Verb::Set { gpu, change: Change { policy, overcommit }, output, api } => {
            let change = GpuChange { policy: *policy, overcommit: *overcommit };
            let gpu = api.client().set_gpu(gpu, change)?;
            output.print(&gpu, || table(std::slice::from_ref(&gpu)))
        }
    }
}

fn table(gpus: &[Gpu]) -> String {
    let row = |gpu: &Gpu| {
        let leased = if gpu.leased { "yes" } else { "no" };
        let of = |bytes: u64, most: u64| format!("{} of {}", memory_text(bytes), memory_text(most));
        let most = gpu.memory_bytes.saturating_mul(gpu.overcommit.into()) / 100;
        vec![
            gpu.name.clone(),
            gpu.policy.to_string(),
            leased.to_owned(),
            of(gpu.memory_bytes_promised, most),
            of(gpu.memory_bytes_used, gpu.memory_bytes),
            gpu.uuid.clone(),
        ]
    };
    output::table(&["NAME", "POLICY", "LEASED", "PROMISED", "USED", "UUID"], gpus.iter().map(row))
}
