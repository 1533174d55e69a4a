//! Who uses a piece: which processes have its device nodes open.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::PartitionError;
use super::plan::Piece;
use crate::inventory::{
    Gpu, GpuInstance, GpuProcess, MigInstance, gpu_instance_node, instance_nodes, own_nodes,
};
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
        let Looked { name, names, nodes, pids } = look(root, gpu, piece);
        let mut vgpus: Vec<String> = names.iter().flat_map(|name| holders(leases, name)).collect();
        vgpus.sort();
        vgpus.dedup();
        if !vgpus.is_empty() {
            return Err(PartitionError::Leased { gpu: gpu.address, piece: name, vgpus });
        }
        let by_node = nodes.iter().find_map(|node| open.get_key_value(node).map(words));
        let by_nvml = || pids.first().map(|pid| format!("process {pid} runs on it, says NVML"));
        if let Some(users) = by_node.or_else(by_nvml) {
            return Err(PartitionError::InUse { gpu: gpu.address, piece: name, users });
        }
    }
    Ok(())
}

/// What is to be known of a piece.
struct Looked {
    /// What it is called.
    name: String,
    /// By which names vGPUs may have it.
    names: Vec<String>,
    /// What opens it.
    nodes: Vec<PathBuf>,
    /// Programs on it that another one than the kernel tells of.
    pids: Vec<u32>,
}

fn look(root: &Path, gpu: &Gpu, piece: &Piece) -> Looked {
    match piece {
        Piece::Function(number) => {
            let folder = format!("bus/pci/devices/{}/virtfn{number}", gpu.address);
            look_at_device(root, &folder, format!("VF {number}"))
        }
        Piece::Mdev(uuid) => {
            look_at_device(root, &format!("bus/mdev/devices/{uuid}"), format!("mdev {uuid}"))
        }
        Piece::Whole => Looked {
            name: "the whole GPU".to_owned(),
            names: gpu_names(gpu).chain(instance_names(gpu, |_| true)).collect(),
            nodes: own_nodes(root, &format!("bus/pci/devices/{}", gpu.address)),
            pids: pids(gpu, |_| true),
        },
        Piece::Instance(found) => {
            let GpuInstance { id, profile, placement, compute, .. } = found;
            let computes: Vec<u32> = compute.iter().map(|compute| compute.id).collect();
            let mut nodes = instance_nodes(root, gpu.address, *id, &computes);
            nodes.extend(gpu_instance_node(root, gpu.address, *id));
            Looked {
                name: format!("GPU instance {profile} at {}", placement.start),
                names: instance_names(gpu, |instance| instance.gpu_instance == Some(*id)),
                nodes,
                pids: pids(gpu, |process| process.gpu_instance == Some(*id)),
            }
        }
        Piece::Compute(of, id) => Looked {
            name: format!("compute instance {id} of {} at {}", of.profile, of.placement.start),
            names: instance_names(gpu, |instance| {
                (instance.gpu_instance, instance.compute_instance) == (Some(of.id), Some(*id))
            }),
            nodes: instance_nodes(root, gpu.address, of.id, &[*id]),
            pids: pids(gpu, |process| {
                (process.gpu_instance, process.compute_instance) == (Some(of.id), Some(*id))
            }),
        },
    }
}

fn look_at_device(root: &Path, folder: &str, name: String) -> Looked {
    Looked { name, names: vec![piece_name(root, folder)], nodes: own_nodes(root, folder), pids: Vec::new() }
}

/// By which UUIDs vGPUs may have a GPU, as NVIDIA writes it and as Vulkan does.
fn gpu_names(gpu: &Gpu) -> impl Iterator<Item = String> {
    let uuid = gpu.nvml.as_ref().and_then(|facts| facts.uuid.clone()).into_iter();
    uuid.flat_map(|uuid| [uuid.strip_prefix("GPU-").unwrap_or(&uuid).to_owned(), uuid])
}

/// By which names vGPUs may have MIG instances: by UUID, as NVIDIA writes it and as Vulkan does; or, where Vulkan finds
/// but one there, by the GPU's address.
fn instance_names(gpu: &Gpu, is: impl Fn(&MigInstance) -> bool) -> Vec<String> {
    let instances = gpu.nvml.iter().filter_map(|facts| facts.mig.as_ref()).flat_map(|mig| &mig.instances);
    let uuids = instances.filter(|instance| is(instance)).map(|instance| instance.uuid.as_str());
    let bare = |uuid: &str| uuid.strip_prefix("MIG-").unwrap_or(uuid).to_owned();
    let names = uuids.flat_map(|uuid| [uuid.to_owned(), bare(uuid)]);
    std::iter::once(gpu.address.to_string()).chain(names).collect()
}

fn pids(gpu: &Gpu, is: impl Fn(&GpuProcess) -> bool) -> Vec<u32> {
    let processes = gpu.nvml.iter().flat_map(|facts| &facts.processes);
    processes.filter(|process| is(process)).map(|process| process.pid).collect()
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
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // What NVML opens here to tell how a GPU is cut does not keep it from being cut.
    for pid in pids.filter(|pid| *pid != std::process::id()) {
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
