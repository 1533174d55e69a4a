//! `vgpu gpu plan`, `apply`, `assert`, `export` and `rollback`.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use super::super::error::CommandError;
use super::super::output::{self, Output};
use super::drain::{self, Drain};
use super::host::Hardware;
use crate::partition::{Change, Layout, PartitionError};

/// Print what a layout would change, and change nothing
///
/// A layout that cannot be had, or that would take away what a process has open, is refused as `vgpu gpu apply` refuses
/// it.
///
/// Example: vgpu gpu plan -f layout.toml
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    file: LayoutFile,
    #[command(flatten)]
    hardware: Hardware,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    output: Output,
}

/// Cut GPUs as a layout says
///
/// What is changed is printed before the first change. What was before is written down first, so that
/// `vgpu gpu rollback` puts it back, whether all changes are made or this is cut off.
///
/// Example: vgpu gpu apply -f layout.toml
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    file: LayoutFile,
    #[command(flatten)]
    hardware: Hardware,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    drain: Drain,
    #[command(flatten)]
    output: Output,
}

/// Fail, with exit code 1, unless GPUs are cut as a layout says
///
/// Example: vgpu gpu assert -f layout.toml
#[derive(Clone, Debug, clap::Args)]
pub(super) struct AssertArgs {
    #[command(flatten)]
    file: LayoutFile,
    #[command(flatten)]
    hardware: Hardware,
    #[command(flatten)]
    output: Output,
}

/// Print how GPUs are cut now, as a layout
///
/// Example: vgpu gpu export >layout.toml
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    hardware: Hardware,
}

/// Put back what was before the last `vgpu gpu apply`, however far it came
///
/// Example: vgpu gpu rollback
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RollbackArgs {
    #[command(flatten)]
    hardware: Hardware,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    drain: Drain,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Debug, clap::Args)]
struct LayoutFile {
    /// The layout, a TOML file
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    path: PathBuf,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct State {
    /// The daemon's state folder: which vGPUs have what, and what was before a change
    #[arg(long = "state", value_name = "DIR", default_value = "/var/lib/vgpu")]
    pub(super) folder: PathBuf,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Changes<'a> {
    changes: &'a [Change],
}

/// Prints what would be changed.
pub(super) fn plan(arguments: &PlanArgs) -> Result<(), CommandError> {
    let host = arguments.hardware.host().leased_by(&arguments.state.folder);
    let changes = host.plan(&arguments.file.read()?)?;
    print(arguments.output, &changes)
}

/// Changes it.
pub(super) fn apply(arguments: &ApplyArgs) -> Result<(), CommandError> {
    let layout = arguments.file.read()?;
    let mut printed = Ok(());
    let state = &arguments.state.folder;
    let host = arguments.hardware.host().leased_by(state);
    let apply = || {
        let told = |changes: &[Change]| printed = print(arguments.output, changes);
        host.apply(&mut arguments.hardware.kernel(), state, &layout, told)
    };
    arguments.drain.without(apply, PartitionError::vgpus)?;
    printed
}

/// Fails where something would have to be changed.
pub(super) fn assert(arguments: &AssertArgs) -> Result<(), CommandError> {
    let changes = arguments.hardware.host().plan(&arguments.file.read()?)?;
    print(arguments.output, &changes)?;
    match changes.len() {
        0 => Ok(()),
        count => {
            let file = arguments.file.path.display();
            let error = CommandError::user(format!(
                "GPUs are not cut as {file} says; changes that are missing: {count}"
            ));
            Err(error.hint("`vgpu gpu apply` makes them"))
        }
    }
}

/// Prints what is now.
pub(super) fn export(arguments: &ExportArgs) -> Result<(), CommandError> {
    output::text(&arguments.hardware.host().export()?.text())
}

/// Puts back what was.
pub(super) fn rollback(arguments: &RollbackArgs) -> Result<(), CommandError> {
    let mut printed = Ok(());
    let state = &arguments.state.folder;
    let host = arguments.hardware.host().leased_by(state);
    let roll_back = || {
        let told = |changes: &[Change]| printed = print(arguments.output, changes);
        host.rollback(&mut arguments.hardware.kernel(), state, told)
    };
    arguments.drain.without(roll_back, PartitionError::vgpus)?;
    printed
}

fn print(output: Output, changes: &[Change]) -> Result<(), CommandError> {
    let row = |change: &Change| vec![change.gpu.to_string(), change.what.clone(), change.step.to_string()];
    output.print(&Changes { changes }, || match changes {
        [] => "nothing to change".to_owned(),
        _ => output::table(&["GPU", "CHANGE", "WRITE"], changes.iter().map(row)),
    })
}

impl LayoutFile {
    fn read(&self) -> Result<Layout, CommandError> {
        let path = self.path.display();
        let text = fs::read_to_string(&self.path)
            .map_err(|error| CommandError::user(format!("cannot read the layout {path}: {error}")))?;
        Layout::parse(&text).map_err(|error| CommandError::user(format!("{path}, {error}")))
    }
}

impl From<PartitionError> for CommandError {
    fn from(error: PartitionError) -> Self {
        let host = Self::host(&error);
        let user = Self::user(&error);
        match error {
            PartitionError::Inventory(error) => error.into(),
            PartitionError::Unfit { remedy, .. } => user.hint(remedy),
            PartitionError::Leased { vgpus, .. } => user.hint(drain::hint(&vgpus)),
            PartitionError::InUse { .. } => {
                user.hint("stop who uses it first: what is in use is never taken away")
            }
            PartitionError::Users { .. } => user.hint("only root sees what all processes have open"),
            PartitionError::Write { .. } => {
                host.hint("`vgpu gpu rollback` puts back what was; the kernel's log (dmesg) may say why")
            }
            PartitionError::AfterReset { gpu, .. } => host.hint(format!(
                "reset it once nothing uses it: nvidia-smi -i {gpu} --gpu-reset; then the same command does the rest"
            )),
            PartitionError::Nvml(_) => host.hint("look whether NVIDIA's driver is loaded: nvidia-smi"),
            PartitionError::CutOff => user.hint("`vgpu gpu rollback` puts back what was before it"),
            PartitionError::NoJournal(_) => {
                user.hint("only a `vgpu gpu apply` with the same --state can be undone")
            }
            PartitionError::OtherTree { .. } => user.hint("give the same --sysfs-root, or another --state"),
            PartitionError::Busy => user.hint("try again when it is done"),
            PartitionError::State { .. } => {
                user.hint("give a folder that this user may write to with --state")
            }
        }
    }
}
