//! `vgpu cdi list`.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::error::CommandError;
use super::super::output::{self, Output};
use crate::control::cdi::{Device, FOLDER, FOLDER_KEPT, Spec, VENDOR};

/// List the vGPUs and GPUs that container runtimes know, and what of them the host has no longer
///
/// A runtime refuses to start a container with a device of which something is missing: write the file anew.
///
/// Example: vgpu cdi list
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// Where the runtimes look; again for each folder
    #[arg(long = "folder", value_name = "FOLDER", default_values = [FOLDER_KEPT, FOLDER])]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// A device that a runtime finds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    /// As `--device` takes it.
    device: String,
    /// What names it.
    file: PathBuf,
    /// What its container would get and the host has not.
    missing: Vec<PathBuf>,
}

/// Every device of ours.
#[derive(Serialize)]
struct Entries {
    devices: Vec<Entry>,
}

/// Prints them.
pub(super) fn run(arguments: &ListArgs) -> Result<(), CommandError> {
    let mut devices = Vec::new();
    for file in arguments.folders.iter().map(|folder| files(folder)).collect::<Result<Vec<_>, _>>()?.concat()
    {
        match read(&file) {
            Ok(spec) if spec.is_ours() => devices.extend(entries(&spec, &file)),
            Err(problem) if is_called_ours(&file) => {
                // Whoever closed our standard error does not want to know.
                let _ = writeln!(std::io::stderr(), "vgpu: not read: {}: {problem}", file.display());
            }
            Ok(_) | Err(_) => {}
        }
    }
    let list = Entries { devices };
    arguments.output.print(&list, || table(&list.devices))
}

/// The devices that a file names, with what is missing of them now.
pub(super) fn entries(spec: &Spec, file: &Path) -> Vec<Entry> {
    let entry = |device: &Device| {
        let paths = device.container_edits.host_paths();
        let missing = paths.into_iter().filter(|path| !path.exists()).map(Path::to_owned).collect();
        Entry { device: spec.name_of(device), file: file.to_owned(), missing }
    };
    spec.devices.iter().map(entry).collect()
}

/// A line for each.
pub(super) fn table(entries: &[Entry]) -> String {
    let row = |entry: &Entry| {
        let missing: Vec<String> = entry.missing.iter().map(|path| path.display().to_string()).collect();
        let missing = if missing.is_empty() { "-".to_owned() } else { missing.join(",") };
        vec![entry.device.clone(), entry.file.display().to_string(), missing]
    };
    output::table(&["DEVICE", "FILE", "MISSING"], entries.iter().map(row))
}

/// What runtimes read in a folder, sorted. There may be no such folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let found = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>());
    let mut found = match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        found => found.map_err(|error| {
            CommandError::user(format_args!("cannot list {}: {error}", folder.display()))
                .hint("give a folder that this user may read with --folder")
        })?,
    };
    found.retain(|path| path.extension().is_some_and(|ending| ending == "json" || ending == "yaml"));
    found.sort();
    Ok(found)
}

fn read(file: &Path) -> Result<Spec, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    serde_yaml_ng::from_str(&text).map_err(|error| error.to_string())
}

/// Files of others need not be such as we would write.
fn is_called_ours(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(VENDOR))
}
