//! Why GPUs are not cut as they should be.

use std::io;
use std::path::PathBuf;

use super::plan::Change;
use crate::inventory::{InventoryError, PciAddress};
use crate::sys::NvmlError;

/// Why GPUs are not cut as a layout says. Unless it says otherwise nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    /// The host cannot be looked at, or the layout names a GPU that is not there.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The layout cannot be had of this GPU.
    #[error("{gpu}: {problem}")]
    Unfit {
        /// The GPU.
        gpu: PciAddress,
        /// What was asked for and what there is.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// vGPUs have what would be taken away.
    #[error("{gpu}: {piece} is leased to vGPU {}", vgpus.join(", "))]
    Leased {
        /// The GPU.
        gpu: PciAddress,
        /// What of it.
        piece: String,
        /// Which.
        vgpus: Vec<String>,
    },
    /// A process uses what would be taken away.
    #[error("{gpu}: {piece} is in use: {users}")]
    InUse {
        /// The GPU.
        gpu: PciAddress,
        /// What of it.
        piece: String,
        /// Who, and by which device node.
        users: String,
    },
    /// Who uses pieces cannot be told.
    #[error("cannot tell who uses pieces: {}: {error}", path.display())]
    Users {
        /// What could not be read.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The kernel, or NVML, did not take a change. Those before it are made.
    #[error("{change}: {error}; {done} of {all} changes are made")]
    Write {
        /// Which.
        change: Box<Change>,
        /// What the kernel said, or shows.
        error: io::Error,
        /// How many were made before it.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// MIG mode is not switched before the GPU was reset. The changes before that are made.
    #[error("{gpu}: MIG mode is switched by a reset only: {why}; {done} of {all} changes are made")]
    AfterReset {
        /// The GPU.
        gpu: PciAddress,
        /// What NVML said.
        why: String,
        /// How many were made before it.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// NVIDIA's library cannot be used any more.
    #[error("NVML: {0}")]
    Nvml(#[from] NvmlError),
    /// An earlier change was cut off.
    #[error("an earlier change of GPUs was cut off")]
    CutOff,
    /// Nothing was changed that could be put back.
    #[error("no change of GPUs is written down in {}", .0.display())]
    NoJournal(PathBuf),
    /// What is written down is of another tree.
    #[error("the change that is written down is one of {}, not of {}", of.display(), asked.display())]
    OtherTree {
        /// The tree that was changed.
        of: PathBuf,
        /// The tree that is asked about.
        asked: PathBuf,
    },
    /// Another one changes GPUs right now.
    #[error("another process changes GPUs right now")]
    Busy,
    /// What is done cannot be written down, or what was cannot be read.
    #[error("cannot use {}: {error}", path.display())]
    State {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl PartitionError {
    /// The vGPUs in the way, if it is that.
    pub fn vgpus(&self) -> &[String] {
        match self {
            Self::Leased { vgpus, .. } => vgpus,
            _ => &[],
        }
    }
}
