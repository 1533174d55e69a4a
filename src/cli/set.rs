//! `vgpu set`.

use std::path::PathBuf;

use clap::ArgGroup;

use super::api::Api;
use super::error::CommandError;
use super::output::Output;
use super::vgpus;
use crate::control::HeadChange;
use crate::control::api::{Name, VgpuChange};
use crate::control::client::Client;
use crate::control::profile::{Class, LimitsChange, ShareChange, parse_bytes};

/// Change a vGPU: its monitors, or its share of the GPU's time and memory
///
/// A vGPU on offer changes at once. The change is kept for the next start too. vGPUs of VMs have monitors; those with
/// transport "vtest" have a share, and a limit for memory.
///
/// Examples: vgpu set desktop-7 --head 0=1920x1080 --head 1=off; vgpu set compute-1 --weight 200 --memory 8GiB
#[derive(Clone, Debug, clap::Args)]
#[command(
    override_usage = "vgpu set NAME [--head N=SIZE]... [--weight N] [--cap PERCENT] [--class CLASS] \
                      [--memory SIZE]\n       vgpu set --control SOCKET --head N=SIZE...",
    group = ArgGroup::new("change").args(["heads", "weight", "cap", "class", "memory"]).required(true).multiple(true)
)]
pub(super) struct SetArgs {
    /// Name of the vGPU
    #[arg(required_unless_present = "control", conflicts_with = "control")]
    name: Option<Name>,
    /// A head and its monitor: `1=1024x768`, or `1=off`; all are changed or none
    #[arg(long = "head", value_name = "N=SIZE")]
    heads: Vec<HeadChange>,
    /// Its part of the GPU's time where vGPUs compete, against the others' weights: 1 to 1000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "control")]
    weight: Option<u32>,
    /// Percent of the GPU's time that it gets at most; with fixed shares what it gets: 1 to 100
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100),
        conflicts_with = "control")]
    cap: Option<u32>,
    /// How long its submissions may wait; its process gets or loses priority on the GPU at its next start
    #[arg(long, conflicts_with = "control")]
    class: Option<Class>,
    /// How much its programs may allocate together, as in "8GiB": up to what its GPU has free, down to what they have
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, conflicts_with = "control")]
    memory: Option<u64>,
    /// Instead of a name: the control socket that `vgpu run --control` was given
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    api: Api,
}

/// Changes the monitors, the share and the limit.
pub(super) fn run(arguments: &SetArgs) -> Result<(), CommandError> {
    match (&arguments.name, &arguments.control) {
        (Some(name), _) => {
            let share = ShareChange { weight: arguments.weight, cap: arguments.cap, class: arguments.class };
            let share = (!share.is_empty()).then_some(share);
            let limits = LimitsChange { memory: arguments.memory };
            let limits = (!limits.is_empty()).then_some(limits);
            let change = VgpuChange { heads: arguments.heads.clone(), share, limits };
            let vgpu = arguments.api.client().set(name, &change)?;
            arguments.output.print(&vgpu, || {
                let table = vgpus::table(std::slice::from_ref(&vgpu));
                match vgpus::priority(&vgpu).filter(|_| arguments.class.is_some()) {
                    Some(priority) => format!("{table}\n\npriority: {priority}"),
                    None => table,
                }
            })
        }
        (None, Some(control)) => Ok(Client::new(control).set_heads(&arguments.heads)?),
        (None, None) => Err(CommandError::cli("neither a name nor --control says which vGPU to change")),
    }
}
