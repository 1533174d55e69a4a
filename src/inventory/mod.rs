//! The GPUs of a host as its kernel shows them in `/sys`, what each can be cut into, and why not where it cannot.
//!
//! Nothing here changes anything. Everything is read below a root, so that a copy of another host's `/sys` can be
//! looked at; `/proc` is looked for beside it.
//!
//! Names and layouts of the files: Documentation/ABI/testing/sysfs-bus-pci, sysfs-bus-vfio-mdev and
//! sysfs-driver-intel-xe-sriov of Linux, and the guide of NVIDIA's vGPU software.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod address;
mod function;
mod gpu;
mod iommu;
mod kernel_log;
mod mdev;
mod mig;
mod names;
mod naming;
mod nvml;
mod pieces;
mod sriov;
mod tree;
mod vendor_vfio;
mod vulkan;
mod ways;

pub use address::{NoAddress, PciAddress};
pub use function::Function;
pub use gpu::{Gpu, Link};
pub use iommu::{IommuGroup, Neighbour};
pub use kernel_log::{KernelLog, Xid};
pub use mdev::MdevType;
pub use mig::{ComputeInstance, GpuInstance, Mig, MigInstance, MigProfile, Slices};
pub use names::Names;
pub use naming::{Naming, named};
pub use nvml::{GpuProcess, Health, LIBRARY as NVML, NvmlFacts};
pub use pieces::{Part, Piece};
pub(crate) use pieces::{gpu_instance_node, instance_nodes, own_nodes};
pub use sriov::Sriov;
pub use tree::Unread;
pub use vendor_vfio::{VendorVfio, VgpuType};
pub use vulkan::VulkanDevice;
pub(crate) use ways::unchangeable_vfs;
pub use ways::{Method, Reason, Way};

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Where the kernel shows itself.
pub const SYSFS: &str = "/sys";

const DEVICES: &str = "bus/pci/devices";

/// The GPUs of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// They and their virtual functions, by address.
    pub devices: Vec<Gpu>,
    /// PCI devices of which cannot be told whether they are GPUs.
    pub unread: Vec<Unread>,
}

/// Why a host cannot be looked at, or a GPU cannot be found on it.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// There is no list of PCI devices.
    #[error("cannot list PCI devices: {}: {error}", path.display())]
    NoDevices {
        /// Where it should be.
        path: PathBuf,
        /// What the host said.
        error: io::Error,
    },
    /// There is no GPU at that address.
    #[error("there is no GPU at {address}")]
    NoGpu {
        /// What was asked for.
        address: PciAddress,
        /// The GPUs that there are, those first that are most likely meant.
        near: Vec<PciAddress>,
    },
    /// What is no address names no GPU, or more than one.
    #[error("{wanted:?} names {} on PCI that Vulkan finds", count(fitting))]
    NotNamed {
        /// What was asked for.
        wanted: String,
        /// Those that it names.
        fitting: Vec<PciAddress>,
    },
    /// There is no PCI function at that address.
    #[error("there is no PCI function at {address}")]
    NoFunction {
        /// What was asked for.
        address: PciAddress,
        /// Those that there are, those first that are most likely meant.
        near: Vec<PciAddress>,
    },
}

fn count(gpus: &[PciAddress]) -> &'static str {
    if gpus.is_empty() { "no GPU" } else { "more than one GPU" }
}

/// How many addresses are proposed where one is wrong.
const NEAR_MAX: usize = 3;

impl Inventory {
    /// Looks at the host whose `/sys` lies at this root.
    pub fn read(root: &Path, names: &Names) -> Result<Self, InventoryError> {
        let mut inventory = Self { devices: Vec::new(), unread: Vec::new() };
        for address in addresses(root)? {
            match Gpu::read(root, address, names) {
                Ok(gpu) => inventory.devices.push(gpu),
                Err(unread) => inventory.unread.extend(unread),
            }
        }
        Ok(inventory)
    }

    /// Adds what NVIDIA's management library, of this name or path, says of this host's GPUs. Where it cannot be loaded
    /// the GPUs' ways say so.
    pub fn ask_nvml(&mut self, library: &str) {
        let ours = |gpu: &&mut Gpu| gpu.vendor_id == names::NVIDIA && gpu.physical_function.is_none();
        let mut gpus = self.devices.iter_mut().filter(ours).peekable();
        if gpus.peek().is_some() {
            nvml::ask(gpus, library);
        }
    }

    /// The GPU at an address.
    pub fn find(&self, address: PciAddress) -> Result<&Gpu, InventoryError> {
        let found = self.devices.iter().find(|gpu| gpu.address == address);
        found.ok_or_else(|| InventoryError::NoGpu { address, near: self.near(address) })
    }

    fn near(&self, address: PciAddress) -> Vec<PciAddress> {
        near(address, self.devices.iter().map(|gpu| gpu.address).collect())
    }
}

/// Every PCI function of a host, sorted.
fn addresses(root: &Path) -> Result<Vec<PciAddress>, InventoryError> {
    let path = root.join(DEVICES);
    let addresses = std::fs::read_dir(&path).and_then(|entries| {
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().parse().ok())).collect()
    });
    let addresses: Vec<Option<PciAddress>> =
        addresses.map_err(|error| InventoryError::NoDevices { path, error })?;
    let mut addresses: Vec<PciAddress> = addresses.into_iter().flatten().collect();
    addresses.sort();
    Ok(addresses)
}

/// Those that look most like this one.
fn near(address: PciAddress, mut others: Vec<PciAddress>) -> Vec<PciAddress> {
    let wanted = address.to_string();
    others.sort_by_key(|address| strsim::levenshtein(&wanted, &address.to_string()));
    others.truncate(NEAR_MAX);
    others
}
