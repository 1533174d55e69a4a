//! Why a function is not bound as it should be.

use std::io;
use std::path::PathBuf;

use crate::inventory::{InventoryError, PciAddress, Reason};
use crate::partition::PartitionError;

/// Why a function is not bound, or not given back. Only [`BindError::Write`] comes after something was changed.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The host cannot be looked at, or there is no such function.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Who uses it cannot be told.
    #[error(transparent)]
    Users(#[from] PartitionError),
    /// No IOMMU is before it: a guest's device could reach all memory of the host.
    #[error("{address} cannot be kept apart: {}: {}", reason.file.display(), reason.found)]
    NoIommu {
        /// Which.
        address: PciAddress,
        /// Why not, and what to do.
        reason: Box<Reason>,
    },
    /// Its group is handed over as one.
    #[error("{address} shares IOMMU group {group} with {}", others.join(", "))]
    Group {
        /// Which.
        address: PciAddress,
        /// The group's number.
        group: u32,
        /// What else drivers of the host hold, with the drivers.
        others: Vec<String>,
        /// The addresses of all of them, this one first.
        all: Vec<PciAddress>,
    },
    /// Virtual functions are made of it.
    #[error("virtual functions are made of {0}")]
    HasFunctions(PciAddress),
    /// vfio-pci is not there.
    #[error("/sys/bus/pci/drivers/vfio-pci is not there: the driver is not loaded")]
    NoDriver,
    /// vGPUs have it.
    #[error("{address} is leased to vGPU {}", vgpus.join(", "))]
    Leased {
        /// Which.
        address: PciAddress,
        /// Who.
        vgpus: Vec<String>,
    },
    /// A process has it open.
    #[error("{address} is in use: {users}")]
    InUse {
        /// Which.
        address: PciAddress,
        /// Who, and by which device node.
        users: String,
    },
    /// It is to be opened as a VMM does, and another driver has it.
    #[error("{address} is not bound to vfio-pci: its driver is {}", driver.as_deref().unwrap_or("none"))]
    NotBound {
        /// Which.
        address: PciAddress,
        /// What drives it.
        driver: Option<String>,
    },
    /// It was not bound by us.
    #[error("{address} was not bound by vgpu: nothing is written down in {}", path.display())]
    NotOurs {
        /// Which.
        address: PciAddress,
        /// Where it would be.
        path: PathBuf,
    },
    /// What is written down is of another tree.
    #[error("what is written down of {address} is of {}", of.display())]
    OtherTree {
        /// Which.
        address: PciAddress,
        /// The tree that was changed.
        of: PathBuf,
    },
    /// The kernel did not take a write.
    #[error("{address}: {text:?} > /sys/{file}: {error}")]
    Write {
        /// Which.
        address: PciAddress,
        /// The file below `/sys`.
        file: String,
        /// What was written.
        text: String,
        /// What the kernel said, or shows.
        error: io::Error,
    },
    /// Another one binds functions right now.
    #[error("another process binds functions right now")]
    Busy,
    /// What was before cannot be written down or read.
    #[error("cannot use {}: {error}", path.display())]
    State {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl BindError {
    /// The vGPUs in the way, if it is that.
    pub fn vgpus(&self) -> &[String] {
        match self {
            Self::Leased { vgpus, .. } => vgpus,
            _ => &[],
        }
    }
}

/// What a function that is bound cannot do.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A VMM could not open it either.
    #[error("cannot open {address}: {error}")]
    Open {
        /// Which.
        address: PciAddress,
        /// What the kernel said.
        error: io::Error,
    },
    /// Memory cannot be mapped for it.
    #[error("cannot map memory for {address}: {error}")]
    Dma {
        /// Which.
        address: PciAddress,
        /// What the kernel said.
        error: io::Error,
    },
    /// Its interrupts do not arrive.
    #[error("MSI-X interrupt 0 of {address} does not arrive: {error}")]
    Interrupt {
        /// Which.
        address: PciAddress,
        /// What the kernel said.
        error: io::Error,
    },
    /// Nothing resets it alone.
    #[error(
        "{0} cannot be reset: the kernel knows no way that leaves others alone (reset_method in its folder below /sys)"
    )]
    NoReset(PciAddress),
    /// Its reset failed.
    #[error("cannot reset {address}: {error}")]
    Reset {
        /// Which.
        address: PciAddress,
        /// What the kernel said.
        error: io::Error,
    },
    /// What was in it is there for whoever gets it next.
    #[error("memory of {address} outlives its reset: BAR {bar} holds {kept} of {marked} marks")]
    Kept {
        /// Which.
        address: PciAddress,
        /// Of BAR 0 to 5.
        bar: u32,
        /// Marks that are still there.
        kept: u64,
        /// Marks that were.
        marked: u64,
    },
}
