//! Who uses a piece: which processes have its device nodes open.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::PartitionError;
use super::plan::Piece;
use crate::inventory::{Gpu, own_nodes};
use crate::lease::{Lease, holders};

/// Refuses what would be taken away from somebody.
pub(super) fn check(
    root: &Path,
    gpu: &Gpu,
    pieces: &[Piece],
    leases: &[Lease],
) -> Result<(), PartitionError> {
    if pieces.is_empty() {
        return Ok(());
    }
    let open = open_nodes(root)?;
    for piece in pieces {
        let (folder, name) = match piece {
            Piece::Function(number) => {
                (format!("bus/pci/devices/{}/virtfn{number}", gpu.address), format!("VF {number}"))
            }
            Piece::Mdev(uuid) => (format!("bus/mdev/devices/{uuid}"), format!("mdev {uuid}")),
        };
        let vgpus = holders(leases, &piece_name(root, &folder));
        if !vgpus.is_empty() {
            return Err(PartitionError::Leased { gpu: gpu.address, piece: name, vgpus });
        }
        let nodes = own_nodes(root, &folder);
        if let Some(users) = nodes.iter().find_map(|node| open.get_key_value(node).map(words)) {
            return Err(PartitionError::InUse { gpu: gpu.address, piece: name, users });
        }
    }
    Ok(())
}

/// By which name vGPUs have the device in this folder: what the folder is called, or the link to it leads to.
fn piece_name(root: &Path, folder: &str) -> String {
    let path = fs::read_link(root.join(folder)).unwrap_or_else(|_| folder.into());
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Who has the device in this folder below `/sys` open, in words.
pub(crate) fn who_has_open(root: &Path, folder: &str) -> Result<Option<String>, PartitionError> {
    let open = open_nodes(root)?;
    let found = own_nodes(root, folder).into_iter().find_map(|node| open.get_key_value(&node).map(words));
    Ok(found)
}

fn words((node, users): (&PathBuf, &Vec<u32>)) -> String {
    let users: Vec<String> = users.iter().map(|pid| format!("process {pid}")).collect();
    format!("{} has {} open", users.join(", "), node.display())
}

/// The device nodes that processes have open, and which. A recorded tree without `/proc` beside it has no processes.
fn open_nodes(root: &Path) -> Result<BTreeMap<PathBuf, Vec<u32>>, PartitionError> {
    let mut open: BTreeMap<PathBuf, Vec<u32>> = BTreeMap::new();
    if !root.ends_with("sys") {
        return Ok(open);
    }
    let proc = root.with_file_name("proc");
    let processes = match fs::read_dir(&proc) {
        Ok(processes) => processes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(open),
        Err(error) => return Err(PartitionError::Users { path: proc, error }),
    };
    for pid in processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let folder = proc.join(pid.to_string()).join("fd");
        match targets(&folder) {
            Ok(nodes) => nodes.into_iter().for_each(|node| open.entry(node).or_default().push(pid)),
            // It ended.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(PartitionError::Users { path: folder, error }),
        }
    }
    Ok(open)
}

fn targets(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut nodes = Vec::new();
    for entry in fs::read_dir(folder)? {
        match fs::read_link(entry?.path()) {
            Ok(target) if target.starts_with("/dev") => nodes.push(target),
            Ok(_) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    nodes.sort();
    nodes.dedup();
    Ok(nodes)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}
