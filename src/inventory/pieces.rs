//! What of a GPU can be opened now, and by which device nodes: the GPU itself, a virtual function, an mdev, an instance
//! of NVIDIA's.
//!
//! Names of the nodes: Documentation/driver-api/vfio.rst and Documentation/gpu/drm-uapi.rst of Linux; of NVIDIA's, the
//! README of its driver and the guide for MIG ("Device nodes and capabilities").

use std::fmt;
use std::path::{Path, PathBuf};

use super::address::PciAddress;
use super::gpu::Gpu;
use super::tree::Reader;

/// What programs need of NVIDIA's driver beside the GPU's own node.
const NVIDIA_SHARED: [&str; 4] =
    ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"];
/// By which AMD's GPUs compute; the kernel looks there which render nodes a program may open.
const AMD_COMPUTE: &str = "/dev/kfd";
/// What VMMs open beside a group's node.
const VFIO_CONTAINER: &str = "/dev/vfio/vfio";
/// What they open beside the node of a device alone.
const IOMMUFD: &str = "/dev/iommu";

/// A part of a GPU that has device nodes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The GPU or function that it is, or is a part of.
    pub of: PciAddress,
    /// Which part.
    pub part: Part,
    /// What opens this piece and no other. None where nothing on the host has made them.
    pub nodes: Vec<PathBuf>,
    /// What whoever opens it opens as well, and others do too.
    pub shared: Vec<PathBuf>,
}

/// Which part of a GPU or function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it, for programs of the host.
    Host,
    /// All of it, for a VMM.
    Vfio,
    /// All of it, for nobody: it has no driver.
    Idle,
    /// A mediated device.
    Mdev {
        /// Its UUID.
        uuid: String,
    },
    /// A compute instance of a GPU of NVIDIA's in MIG mode.
    Mig {
        /// The GPU instance that it is in.
        gpu_instance: u32,
        /// Its number there.
        compute_instance: u32,
    },
}

/// The name on the command line: letters, digits, `-` and `.`, where addresses have colons.
impl fmt::Display for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.of.to_string().replace(':', "-");
        match &self.part {
            Part::Host | Part::Vfio | Part::Idle => out.write_str(&address),
            Part::Mdev { uuid } => out.write_str(uuid),
            Part::Mig { gpu_instance, compute_instance } => {
                write!(out, "{address}-gi{gpu_instance}-ci{compute_instance}")
            }
        }
    }
}

impl Gpu {
    /// What of it can be opened, on the host whose `/sys` lies at this root: the whole, unless it is cut into
    /// instances, and its mdevs. Nodes that are not there are left out: a VMM that knows but one of VFIO's ways does
    /// with one.
    pub fn pieces(&self, root: &Path) -> Vec<Piece> {
        let mut reader = Reader::new(root);
        let mut pieces = self.instances(&reader);
        if pieces.is_empty() {
            pieces.push(self.whole(&mut reader));
        }
        for uuid in self.mdev_types.iter().flat_map(|mdev_type| &mdev_type.devices) {
            let part = Part::Mdev { uuid: uuid.clone() };
            pieces.push(self.vfio(&mut reader, &format!("bus/mdev/devices/{uuid}"), part));
        }
        for piece in &mut pieces {
            // An instance is opened by the nodes of both instances that it is one of.
            let needs_all = matches!(piece.part, Part::Mig { .. });
            if needs_all && !piece.nodes.iter().all(|node| reader.has_node(node)) {
                piece.nodes.clear();
            }
            piece.nodes.retain(|node| reader.has_node(node));
            piece.shared.retain(|node| reader.has_node(node));
        }
        pieces
    }

    fn whole(&self, reader: &mut Reader<'_>) -> Piece {
        let folder = self.folder();
        let by_name = |driver: &String| driver.contains("vfio");
        if self.driver.as_ref().is_some_and(by_name) || reader.has(&format!("{folder}/vfio-dev")) {
            return self.vfio(reader, &folder, Part::Vfio);
        }
        let Some(driver) = &self.driver else {
            return Piece { of: self.address, part: Part::Idle, nodes: Vec::new(), shared: Vec::new() };
        };
        let shared = match driver.as_str() {
            "nvidia" => NVIDIA_SHARED.map(PathBuf::from).to_vec(),
            "amdgpu" => vec![AMD_COMPUTE.into()],
            _ => Vec::new(),
        };
        Piece { of: self.address, part: Part::Host, nodes: host_nodes(reader, &folder), shared }
    }

    /// What VFIO has of the device in this folder: the node of its group, and its own.
    fn vfio(&self, reader: &mut Reader<'_>, folder: &str, part: Part) -> Piece {
        let (group, devices) = (vfio_group(reader, folder), vfio_devices(reader, folder));
        let shared = [(group.is_some(), VFIO_CONTAINER), (!devices.is_empty(), IOMMUFD)];
        let shared = shared.into_iter().filter(|(is_used, _)| *is_used).map(|(_, node)| node.into());
        let nodes = group.into_iter().chain(devices).collect();
        Piece { of: self.address, part, nodes, shared: shared.collect() }
    }

    fn instances(&self, reader: &Reader<'_>) -> Vec<Piece> {
        let Some(minor) = nvidia_minor(reader, self.address) else { return Vec::new() };
        let mig = format!("driver/nvidia/capabilities/gpu{minor}/mig");
        let mut pieces = Vec::new();
        for gpu_instance in numbered(&reader.proc_names(&mig), "gi") {
            let folder = format!("{mig}/gi{gpu_instance}");
            for compute_instance in numbered(&reader.proc_names(&folder), "ci") {
                let access = [folder.clone(), format!("{folder}/ci{compute_instance}")];
                let nodes: Option<_> = access.iter().map(|folder| capability(reader, folder)).collect();
                let own = std::iter::once(nvidia_node(minor));
                let shared = own.chain(NVIDIA_SHARED.map(PathBuf::from)).collect();
                let part = Part::Mig { gpu_instance, compute_instance };
                pieces.push(Piece { of: self.address, part, nodes: nodes.unwrap_or_default(), shared });
            }
        }
        pieces
    }
}

/// Every node that the device in this folder below `/sys` has for itself, whoever made it.
pub(crate) fn own_nodes(root: &Path, folder: &str) -> Vec<PathBuf> {
    let mut reader = Reader::new(root);
    let group = vfio_group(&mut reader, folder).into_iter();
    group.chain(vfio_devices(&mut reader, folder)).chain(host_nodes(&mut reader, folder)).collect()
}

/// The node that opens a GPU instance to its programs, if its driver made one.
pub(crate) fn gpu_instance_node(root: &Path, of: PciAddress, gpu_instance: u32) -> Option<PathBuf> {
    let reader = Reader::new(root);
    let minor = nvidia_minor(&reader, of)?;
    capability(&reader, &format!("driver/nvidia/capabilities/gpu{minor}/mig/gi{gpu_instance}"))
}

/// The nodes that open these compute instances of a GPU instance to their programs.
pub(crate) fn instance_nodes(
    root: &Path,
    of: PciAddress,
    gpu_instance: u32,
    compute_instances: &[u32],
) -> Vec<PathBuf> {
    let reader = Reader::new(root);
    let Some(minor) = nvidia_minor(&reader, of) else { return Vec::new() };
    let folder = format!("driver/nvidia/capabilities/gpu{minor}/mig/gi{gpu_instance}");
    let node = |id: &u32| capability(&reader, &format!("{folder}/ci{id}"));
    compute_instances.iter().filter_map(node).collect()
}

/// The nodes that the host's driver made for its programs.
fn host_nodes(reader: &mut Reader<'_>, folder: &str) -> Vec<PathBuf> {
    let mut nodes = below(reader, &format!("{folder}/drm"), "/dev/dri");
    let address = folder.rsplit('/').next().and_then(|name| name.parse().ok());
    nodes.extend(address.and_then(|address| nvidia_minor(reader, address)).map(nvidia_node));
    nodes
}

fn vfio_group(reader: &mut Reader<'_>, folder: &str) -> Option<PathBuf> {
    reader.link(&format!("{folder}/iommu_group")).map(|number| Path::new("/dev/vfio").join(number))
}

fn vfio_devices(reader: &mut Reader<'_>, folder: &str) -> Vec<PathBuf> {
    below(reader, &format!("{folder}/vfio-dev"), "/dev/vfio/devices")
}

/// What NVIDIA's driver counts a GPU as; nothing where another driver has it.
fn nvidia_minor(reader: &Reader<'_>, address: PciAddress) -> Option<u32> {
    field(&reader.proc(&format!("driver/nvidia/gpus/{address}/information"))?, "Device Minor")
}

/// Nodes of the names that a folder below `/sys` has.
fn below(reader: &mut Reader<'_>, folder: &str, dev: &str) -> Vec<PathBuf> {
    reader.names(folder).iter().map(|name| Path::new(dev).join(name)).collect()
}

fn nvidia_node(minor: u32) -> PathBuf {
    format!("/dev/nvidia{minor}").into()
}

/// The node that opens an instance to whoever may open the node.
fn capability(reader: &Reader<'_>, folder: &str) -> Option<PathBuf> {
    let minor: u32 = field(&reader.proc(&format!("{folder}/access"))?, "DeviceFileMinor")?;
    Some(format!("/dev/nvidia-caps/nvidia-cap{minor}").into())
}

/// The number in a line `NAME: NUMBER`.
fn field(text: &str, name: &str) -> Option<u32> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    value.trim().parse().ok()
}

/// The numbers after this prefix, in order.
fn numbered(names: &[String], prefix: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> =
        names.iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests {
    use super::{field, numbered};

    #[test]
    fn a_number_is_found_behind_its_name_alone() {
        let text = "Model: \t\t NVIDIA H200\nDevice Minor: \t 12\nDevice Minor Version: 3";
        assert_eq!(field(text, "Device Minor"), Some(12));
        assert_eq!((field(text, "Minor"), field("DeviceFileMinor: x", "DeviceFileMinor")), (None, None));
    }

    #[test]
    fn instances_are_counted_as_numbers() {
        let names = ["gi10", "access", "gi2", "gix"].map(str::to_owned);
        assert_eq!(numbered(&names, "gi"), [2, 10]);
    }
}
