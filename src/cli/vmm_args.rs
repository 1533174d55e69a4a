//! `vgpu args`.

use std::io::Write;

use super::api::Api;
use super::error::CommandError;
use super::output::{self, Format, Output};
use crate::control::api::Name;
use crate::control::vmm::{Argument, Configuration, Memory, Vmm, access, shell_lines};

/// Print what gives a VM this vGPU, to be pasted
///
/// For libvirt that is a whole domain as XML, for the others options of the command line, the VM's memory included. Who
/// may connect to the vGPU is said on standard error.
///
/// Example: vgpu args desktop-7 --vmm qemu --memory 8GiB
#[derive(Clone, Debug, clap::Args)]
pub(super) struct VmmArgsArgs {
    #[command(flatten)]
    api: Api,
    /// The vGPU
    name: Name,
    /// What runs the VM
    #[arg(long, value_enum)]
    vmm: Vmm,
    /// The VM's memory
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    memory: Memory,
    #[command(flatten)]
    output: Output,
}

/// Prints the options or the domain.
pub(super) fn run(arguments: &VmmArgsArgs) -> Result<(), CommandError> {
    let vgpu = arguments.api.client().show(&arguments.name)?;
    // Whoever closed our standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{}", access(&vgpu));
    match arguments.vmm.configuration(&vgpu, arguments.memory) {
        Configuration::Arguments(list) => {
            let words: Vec<String> = list.iter().cloned().flat_map(Argument::words).collect();
            arguments.output.print(&words, || shell_lines(list))
        }
        Configuration::Xml(domain) if arguments.output.format == Format::Table => output::text(&domain),
        Configuration::Xml(_) => {
            Err(CommandError::cli("libvirt takes XML, and there is no other form of it").hint("leave out -o"))
        }
    }
}
