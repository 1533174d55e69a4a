//! The command line.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::{
    cdi, create, daemon, delete, device, doctor, events, gpu, list, render, run, screenshot, set, show,
    start, stop, top, vmm_args,
};

/// GPUs for virtual machines, in user space
///
/// QEMU's and libvirt's conventions for vhost-user programs hold too: `vgpu --socket-path=PATH` and `vgpu --fd=N` are
/// short for `vgpu run` with the same options, and `vgpu --print-capabilities` prints what management software reads.
///
/// VGPU_LOG=debug in the environment makes the log say more. Exit codes: 1 what was asked for cannot be, 2 the command
/// line cannot be read, 3 the host failed.
#[derive(Parser)]
#[command(name = "vgpu", version)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    Daemon(daemon::DaemonArgs),
    Run(run::RunArgs),
    Create(create::CreateArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Set(set::SetArgs),
    Top(top::TopArgs),
    Gpu(gpu::GpuArgs),
    Start(start::StartArgs),
    Stop(stop::StopArgs),
    Delete(delete::DeleteArgs),
    Screenshot(screenshot::ScreenshotArgs),
    Events(events::EventsArgs),
    Args(vmm_args::VmmArgsArgs),
    Cdi(cdi::CdiArgs),
    Doctor(doctor::DoctorArgs),
    #[command(hide = true)]
    Device(device::DeviceArgs),
    #[command(hide = true)]
    Render(render::RenderArgs),
    #[command(hide = true)]
    Rehearse(render::RehearseArgs),
}

/// The arguments, with the verb that QEMU's convention leaves out.
pub(super) fn with_verb(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_run = |first: &OsString| {
        let name = first.to_string_lossy();
        ["--fd", "--socket-path"].contains(&name.split('=').next().unwrap_or_default())
    };
    if arguments.get(1).is_some_and(is_run) {
        arguments.insert(1, "run".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Cli, with_verb};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_options_of_qemus_convention_need_no_verb() {
        let with = |arguments: &[&str]| with_verb(arguments.iter().map(Into::into));

        assert_eq!(with(&["vgpu", "--fd=3"]), ["vgpu", "run", "--fd=3"]);
        assert_eq!(with(&["vgpu", "--socket-path", "a"]), ["vgpu", "run", "--socket-path", "a"]);
        assert_eq!(with(&["vgpu", "--fdx"]), ["vgpu", "--fdx"]);
    }
}
