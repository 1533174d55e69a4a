//! `vgpu gpu`.

mod drain;
mod hardware;
mod host;
mod layout;
mod list;
mod vfio;

pub(super) use host::Hardware;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use super::api::Api;
use super::error::CommandError;
use super::output::Output;
use crate::control::api::{GpuChange, Policy};

/// List the host's GPUs, cut them, or say how vGPUs share one
///
/// Example: vgpu gpu show 3b:00.0
#[derive(Clone, Debug, clap::Args)]
pub(super) struct GpuArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    List(list::ListArgs),
    Show(hardware::ShowArgs),
    Plan(layout::PlanArgs),
    Apply(layout::ApplyArgs),
    Assert(layout::AssertArgs),
    Export(layout::ExportArgs),
    Rollback(layout::RollbackArgs),
    Bind(vfio::BindArgs),
    Unbind(vfio::UnbindArgs),
    Check(vfio::CheckArgs),
    Reset(vfio::ResetArgs),
    /// Say how vGPUs share a GPU
    ///
    /// The change is done at once, and kept for later daemons. What is promised already stays promised.
    ///
    /// Example: vgpu gpu set H200 --policy fixed-share --overcommit 150
    Set {
        /// Its PCI address, its UUID, or a part of its name that no other GPU has in its
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

/// Does what the verb says.
pub(super) fn run(arguments: &GpuArgs) -> Result<(), CommandError> {
    match &arguments.verb {
        Verb::List(arguments) => list::run(arguments),
        Verb::Show(arguments) => hardware::show(arguments),
        Verb::Plan(arguments) => layout::plan(arguments),
        Verb::Apply(arguments) => layout::apply(arguments),
        Verb::Assert(arguments) => layout::assert(arguments),
        Verb::Export(arguments) => layout::export(arguments),
        Verb::Rollback(arguments) => layout::rollback(arguments),
        Verb::Bind(arguments) => vfio::bind(arguments),
        Verb::Unbind(arguments) => vfio::unbind(arguments),
        Verb::Check(arguments) => vfio::check(arguments),
        Verb::Reset(arguments) => vfio::reset(arguments),
        Verb::Set { gpu, change: Change { policy, overcommit }, output, api } => {
            let change = GpuChange { policy: *policy, overcommit: *overcommit };
            let gpu = api.client().set_gpu(gpu, change)?;
            output.print(&gpu, || list::shared(std::slice::from_ref(&gpu)))
        }
    }
}
