//! `vgpu create`.

use std::io::Write;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::api::Api;
use super::error::CommandError;
use super::output::{self, Format};
use super::{run, vgpus};
use crate::control::api::{Change, Name, Placement, Strategy, VgpuSpec};
use crate::control::profile::Profile;

/// Create a vGPU, put it on offer, and print the socket for its VM
///
/// With --passthrough the VM gets a piece of a GPU itself, and its folder below /sys is printed. Nobody else gets that
/// piece, nor is it taken away, until the vGPU is stopped.
///
/// The same again changes nothing, so that scripts can be run twice.
///
/// Examples: vgpu create desktop-7 --profile desktop.toml; vgpu create cad-1 --on 3b:00.1 --passthrough
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CreateArgs {
    /// Its name: letters, digits, `.`, `_` and `-`
    name: Name,
    /// What the guest gets, and who may connect (TOML)
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Where its VM connects, in a folder that the daemon allows; NAME.sock in the first of them if left out
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The GPU that it is to be on, or the piece of one: PCI address, UUID, or a part of its name
    #[arg(long, value_name = "PIECE", value_parser = NonEmptyStringValueParser::new())]
    on: Option<String>,
    /// Hand that piece over as it is, for one VM: a PCI function bound to vfio-pci, or a mediated device
    #[arg(long, requires = "on", conflicts_with_all = ["profile", "socket"])]
    passthrough: bool,
    /// How a GPU is chosen without --on, where there are several: spread unless told otherwise
    #[arg(long, conflicts_with = "on")]
    strategy: Option<Strategy>,
    /// The memory node that its VM is on: a GPU near to it is chosen before others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..1024), conflicts_with = "on")]
    numa_node: Option<u32>,
    /// Say on standard error on which GPU it is and why, as `vgpu show` does
    #[arg(long)]
    explain: bool,
    /// Print the vGPU instead of its socket
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    api: Api,
}

/// Makes a vGPU, or finds that the same is there.
pub(super) fn run(arguments: &CreateArgs) -> Result<(), CommandError> {
    let profile = arguments.profile.as_deref().map_or_else(|| Ok(Profile::default()), run::read_profile)?;
    // The daemon has another working directory.
    let socket =
        arguments.socket.as_ref().map(std::path::absolute).transpose().map_err(CommandError::host)?;
    if let Some(path) = socket.as_ref().filter(|path| path.to_str().is_none()) {
        return Err(CommandError::cli(format_args!("the socket's path {} is not UTF-8", path.display())));
    }
    let CreateArgs { on, passthrough, strategy, numa_node, .. } = arguments.clone();
    let spec = VgpuSpec { profile, socket, on, passthrough, strategy, numa_node };
    let vgpu = match arguments.api.client().create(&arguments.name, &spec)? {
        Change::Made(vgpu) => vgpu,
        Change::Same(vgpu) => {
            let _ = writeln!(std::io::stderr(), "vgpu: {} is there already, and the same", arguments.name);
            vgpu
        }
    };
    if let Some(placement) = vgpu.placement.as_ref().filter(|_| arguments.explain) {
        let Placement { piece, name, why, .. } = placement;
        let _ = writeln!(std::io::stderr(), "vgpu: on {piece} ({name}), {why}");
    }
    match arguments.format {
        Some(format) => format.print(&vgpu, || vgpus::table(std::slice::from_ref(&vgpu))),
        None => output::text(&vgpus::way_in(&vgpu)),
    }
}
