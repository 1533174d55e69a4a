//! What NVIDIA's management library knows of GPUs, beside what the kernel shows. It speaks of this host alone.

use serde::Serialize;

use super::gpu::Gpu;
use super::mig::{Mig, mig};
use super::tree::Unread;
use super::ways;
use crate::sys::{Nvml, NvmlDevice};

/// What its driver's packages call the library.
pub const LIBRARY: &str = "libnvidia-ml.so.1";

/// What NVML says of a GPU. What it does not tell is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NvmlFacts {
    /// What its maker calls it.
    pub model: Option<String>,
    /// As `GPU-12345678-…`; in Vulkan it is the same without `GPU-`.
    pub uuid: Option<String>,
    /// Its driver's version.
    pub driver_version: Option<String>,
    /// Bytes of its memory.
    pub memory_bytes: Option<u64>,
    /// Bytes of it that nothing uses.
    pub memory_bytes_free: Option<u64>,
    /// Whether it is cut into instances, and which it could be; nothing where it has no MIG.
    pub mig: Option<Mig>,
    /// The programs that have it open, as far as NVML tells.
    pub processes: Vec<GpuProcess>,
    /// How well its memory is.
    pub health: Health,
}

/// A program that computes or draws on a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GpuProcess {
    /// Its number.
    pub pid: u32,
    /// The number of the GPU instance that it uses, if the GPU is cut into such.
    pub gpu_instance: Option<u32>,
    /// The number of the compute instance there.
    pub compute_instance: Option<u32>,
}

/// How well a GPU's memory is. That a GPU was lost (an XID) is no state that could be read: it is an event in the
/// kernel's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Errors since the driver was loaded that were corrected; nothing where memory is not checked.
    pub ecc_corrected: Option<u64>,
    /// Errors since then that were not.
    pub ecc_uncorrected: Option<u64>,
    /// Rows of memory that were replaced by spare ones.
    pub rows_replaced: Option<u32>,
    /// Whether a row waits for a reset to be replaced.
    pub reset_pending: bool,
    /// Whether spare rows have run out: the card wants to be replaced.
    pub spares_exhausted: bool,
}

/// Adds what NVML says to the physical functions among these GPUs that are NVIDIA's.
pub(super) fn ask<'a>(gpus: impl Iterator<Item = &'a mut Gpu>, library: &str) {
    let nvml = Nvml::open(library).map_err(|error| error.to_string());
    for gpu in gpus {
        let facts = nvml.as_ref().map_err(Clone::clone).and_then(|nvml| {
            let device = nvml.device(&gpu.address.to_string()).map_err(|error| error.to_string())?;
            Ok(facts(nvml, &device, &mut gpu.unread))
        });
        gpu.ways.push(ways::mig(gpu, facts.as_ref().map_err(String::as_str)));
        gpu.nvml = facts.ok();
    }
}

fn facts(nvml: &Nvml, device: &NvmlDevice<'_>, unread: &mut Vec<Unread>) -> NvmlFacts {
    let memory = device.memory().ok();
    NvmlFacts {
        model: device.name().ok(),
        uuid: device.uuid().ok(),
        driver_version: nvml.driver_version().ok(),
        memory_bytes: memory.map(|memory| memory.total),
        memory_bytes_free: memory.map(|memory| memory.free),
        mig: mig(device, unread).ok(),
        processes: processes(device),
        health: health(device),
    }
}

fn processes(device: &NvmlDevice<'_>) -> Vec<GpuProcess> {
    let processes = device.processes().unwrap_or_default().into_iter().map(|process| GpuProcess {
        pid: process.pid,
        gpu_instance: process.gpu_instance,
        compute_instance: process.compute_instance,
    });
    processes.collect()
}

fn health(device: &NvmlDevice<'_>) -> Health {
    let rows = device.rows().ok();
    Health {
        ecc_corrected: device.ecc_errors(true).ok(),
        ecc_uncorrected: device.ecc_errors(false).ok(),
        rows_replaced: rows.map(|rows| rows.corrected.saturating_add(rows.uncorrected)),
        reset_pending: rows.is_some_and(|rows| rows.pending),
        spares_exhausted: rows.is_some_and(|rows| rows.failed),
    }
}
