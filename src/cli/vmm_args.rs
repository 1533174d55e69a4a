//! `vgpu args`.

use std::collections::BTreeMap;
use std::io::Write;

use super::api::Api;
use super::error::CommandError;
use super::output::{self, Format, Output};
use crate::control::api::Name;
use crate::control::profile::Transport;
use crate::control::vmm::{
    Argument, Configuration, Memory, Vmm, access, advice, environment, exports, shell_lines,
};

/// Print what gives a VM, or a program, this vGPU, to be pasted
///
/// For libvirt that is a whole domain as XML, for other VMMs options of the command line, the VM's memory included. For
/// a vGPU that programs use without a VM (transport = "vtest") it is the environment of such a program. Who may connect
/// to the vGPU is said on standard error.
///
/// Examples: vgpu args desktop-7 --vmm qemu --memory 8GiB; eval "$(vgpu args compute-1)"
#[derive(Clone, Debug, clap::Args)]
pub(super) struct VmmArgsArgs {
    #[command(flatten)]
    api: Api,
    /// The vGPU
    name: Name,
    /// What runs the VM, where there is one
    #[arg(long, value_enum)]
    vmm: Option<Vmm>,
    /// The VM's memory
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    memory: Memory,
    #[command(flatten)]
    output: Output,
}

const VMMS: &str = "say what runs it: --vmm qemu, cloud-hypervisor, crosvm or libvirt";

/// Prints the options or the domain.
pub(super) fn run(arguments: &VmmArgsArgs) -> Result<(), CommandError> {
    let vgpu = arguments.api.client().show(&arguments.name)?;
    // Whoever closed our standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{}", access(&vgpu));
    if let Some(advice) = arguments.vmm.and_then(|vmm| advice(&vgpu, vmm)) {
        let _ = writeln!(std::io::stderr(), "{advice}");
    }
    if vgpu.device().is_some() {
        return match arguments.vmm {
            Some(vmm) => print(arguments.output, vmm.configuration(&vgpu, arguments.memory)),
            None => Err(CommandError::cli(format_args!("{} is for a VM", arguments.name)).hint(VMMS)),
        };
    }
    match (vgpu.profile.transport, arguments.vmm) {
        (Transport::VfioUser, Some(Vmm::Crosvm)) => Err(CommandError::user(format_args!(
            "{} is offered by vfio-user, which crosvm has not",
            arguments.name
        ))
        .hint("crosvm takes vGPUs whose profile has transport = \"vhost-user\"")),
        (Transport::VhostUser | Transport::VfioUser, Some(vmm)) => {
            print(arguments.output, vmm.configuration(&vgpu, arguments.memory))
        }
        (Transport::VhostUser | Transport::VfioUser, None) => {
            Err(CommandError::cli(format_args!("{} is for a VM", arguments.name)).hint(VMMS))
        }
        (Transport::Vtest, None) => {
            let variables = environment(&vgpu.socket.unwrap_or_default());
            let map: BTreeMap<_, _> = variables.iter().cloned().collect();
            arguments.output.print(&map, || exports(variables))
        }
        (Transport::Vtest, Some(_)) => {
            Err(CommandError::user(format_args!("{} is for programs without a VM", arguments.name))
                .hint("leave out --vmm; VMs take vGPUs whose profile has transport = \"vhost-user\""))
        }
    }
}

fn print(output: Output, configuration: Configuration) -> Result<(), CommandError> {
    match configuration {
        Configuration::Arguments(list) => {
            let words: Vec<String> = list.iter().cloned().flat_map(Argument::words).collect();
            output.print(&words, || shell_lines(list))
        }
        Configuration::Xml(domain) if output.format == Format::Table => output::text(&domain),
        Configuration::Xml(_) => {
            Err(CommandError::cli("libvirt takes XML, and there is no other form of it").hint("leave out -o"))
        }
    }
}
