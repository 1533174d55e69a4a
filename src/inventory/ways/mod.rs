//! The ways to hand out a GPU or pieces of it, and what is in the way of each.
//!
//! A reason names the file that was read and what to do. What is told is what the kernel shows: only an attempt
//! proves more.

mod host;
mod mdev;
mod mig;
mod passthrough;
mod sriov;
mod vendor_vfio;

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::gpu::Gpu;
use super::names::NVIDIA;
use super::tree::{Reader, host_path};

pub(super) use host::no_group;
pub(super) use mig::way as mig;
pub(crate) use sriov::unchangeable as unchangeable_vfs;

/// How a GPU, or a piece of it, gets to a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The function as it is, by vfio-pci.
    Passthrough,
    /// Virtual functions.
    Sriov,
    /// Mediated devices of its driver.
    Mdev,
    /// vGPUs of NVIDIA's vGPU host driver on virtual functions.
    VendorVfio,
    /// Instances of NVIDIA's GPUs, with memory and processors of their own.
    Mig,
}

/// The name on the command line and in layouts.
impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}

/// What can be had of a GPU by one method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The method.
    pub method: Method,
    /// Whether nothing that was found forbids it.
    pub possible: bool,
    /// What there is and what there could be.
    pub pieces: String,
    /// What forbids it or lessens it.
    pub reasons: Vec<Reason>,
}

/// Why something cannot be had, or only in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Whether it forbids the method; else it makes less of it.
    pub forbids: bool,
    /// The file that says so, as the host calls it.
    pub file: PathBuf,
    /// What is there.
    pub found: String,
    /// What to do about it.
    pub remedy: String,
}

impl Reason {
    /// Something that forbids a method; the path is one below `/sys`.
    fn forbids(path: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { forbids: true, file: host_path(path), found: found.into(), remedy: remedy.into() }
    }

    /// Something that makes less of it.
    fn lessens(path: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { forbids: false, ..Self::forbids(path, found, remedy) }
    }
}

impl Way {
    fn new(method: Method, pieces: impl Into<String>, reasons: Vec<Reason>) -> Self {
        let possible = !reasons.iter().any(|reason| reason.forbids);
        Self { method, possible, pieces: pieces.into(), reasons }
    }
}

/// Every way that a GPU like this could be handed out.
pub(super) fn ways(reader: &mut Reader<'_>, gpu: &Gpu) -> Vec<Way> {
    let mut ways = vec![passthrough::way(reader, gpu)];
    // Virtual functions have none of their own, and only NVIDIA's driver divides them further.
    if gpu.physical_function.is_none() {
        ways.push(sriov::way(reader, gpu));
    }
    if gpu.physical_function.is_none() || gpu.vendor_id == NVIDIA {
        ways.push(mdev::way(reader, gpu));
    }
    if gpu.vendor_id == NVIDIA {
        ways.push(vendor_vfio::way(reader, gpu));
    }
    ways
}
