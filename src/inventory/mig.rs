//! MIG: what a GPU of NVIDIA's is cut into, and what it could be.
//!
//! A GPU instance has memory and processors of its own; programs run on the compute instances in it, which have its
//! processors among them.

use serde::Serialize;

use super::nvml::LIBRARY;
use super::tree::Unread;
use crate::sys::{NvmlDevice, NvmlError, NvmlGpuInstance, NvmlPlacement};

/// Instances of a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mig {
    /// Whether it is in the mode for them.
    pub enabled: bool,
    /// Whether it will be after a reset.
    pub pending: bool,
    /// What it could be cut into, by number.
    pub profiles: Vec<MigProfile>,
    /// What programs can use of it.
    pub instances: Vec<MigInstance>,
    /// What it is cut into, by where it lies; nothing where it is not in the mode, or where only root is told.
    pub gpu_instances: Option<Vec<GpuInstance>>,
}

/// A part of a GPU with memory and processors of its own, as programs see it: a compute instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigInstance {
    /// As `MIG-12345678-…`.
    pub uuid: String,
    /// As `1g.18gb`, or `1c.3g.71gb` where it has but a part of the processors.
    pub profile: String,
    /// The number of the GPU instance that it is in.
    pub gpu_instance: Option<u32>,
    /// Its number there.
    pub compute_instance: Option<u32>,
}

impl MigInstance {
    /// Whether Vulkan runs on it: profiles that allow graphics end so, all others compute only.
    pub fn has_graphics(&self) -> bool {
        self.profile.ends_with("+gfx")
    }
}

/// A kind of GPU instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigProfile {
    /// The number by which one is made.
    pub id: u32,
    /// As `1g.18gb`.
    pub name: String,
    /// How many there can be, if there is nothing else.
    pub instances_max: u32,
    /// How many more there could be now, where the GPU is in the mode for them.
    pub instances_free: Option<u32>,
    /// Bytes of memory of each.
    pub memory_bytes: u64,
    /// Streaming multiprocessors of each.
    pub multiprocessors: u32,
    /// Slices of processors of each, by which compute instances are made.
    pub slices: u32,
    /// Where one may lie; none where the driver does not tell.
    pub placements: Vec<Slices>,
}

/// Neighbouring slices: of a GPU's memory, or of a GPU instance's processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Slices {
    /// The first, from 0.
    pub start: u32,
    /// How many.
    pub size: u32,
}

impl Slices {
    /// Whether they have some in common.
    pub fn overlap(self, other: Self) -> bool {
        let end = |slices: Self| slices.start.saturating_add(slices.size);
        self.start < end(other) && other.start < end(self)
    }
}

impl From<NvmlPlacement> for Slices {
    fn from(placement: NvmlPlacement) -> Self {
        Self { start: placement.start, size: placement.size }
    }
}

/// A part of a GPU that has memory of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GpuInstance {
    /// Its number.
    pub id: u32,
    /// As `3g.71gb`.
    pub profile: String,
    /// Where in memory it lies.
    pub placement: Slices,
    /// Slices of processors that it has.
    pub slices: u32,
    /// What its processors are cut into, by where it lies.
    pub compute: Vec<ComputeInstance>,
}

/// A part of a GPU instance's processors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComputeInstance {
    /// Its number in the GPU instance.
    pub id: u32,
    /// How many of its slices it has.
    pub slices: u32,
    /// Which.
    pub placement: Slices,
}

/// What a GPU says of it. What root alone is told, and others are not, is noted as not read.
pub(super) fn mig(device: &NvmlDevice<'_>, unread: &mut Vec<Unread>) -> Result<Mig, NvmlError> {
    let mode = device.mig_mode()?;
    let (profiles, gpu_instances) = match cut(device, mode.current) {
        Ok(found) => found,
        Err(error) => {
            unread.push(Unread { file: LIBRARY.into(), problem: error.to_string() });
            (profiles(device, mode.current).unwrap_or_default(), None)
        }
    };
    let instances = instances(device);
    Ok(Mig { enabled: mode.current, pending: mode.pending, profiles, instances, gpu_instances })
}

/// What it can be cut into, and what it is.
fn cut(
    device: &NvmlDevice<'_>,
    enabled: bool,
) -> Result<(Vec<MigProfile>, Option<Vec<GpuInstance>>), NvmlError> {
    let profiles = profiles(device, enabled)?;
    let instances = if enabled { Some(gpu_instances(device, &profiles)?) } else { None };
    Ok((profiles, instances))
}

fn profiles(device: &NvmlDevice<'_>, enabled: bool) -> Result<Vec<MigProfile>, NvmlError> {
    let profiles = device.profiles()?.into_iter().map(|profile| MigProfile {
        id: profile.id,
        name: profile.name,
        instances_max: profile.instances_max,
        instances_free: if enabled { device.remaining(profile.id).ok() } else { None },
        memory_bytes: profile.memory_bytes,
        multiprocessors: profile.multiprocessors,
        slices: profile.slices,
        placements: device.placements(profile.id).unwrap_or_default().into_iter().map(Slices::from).collect(),
    });
    Ok(profiles.collect())
}

fn instances(device: &NvmlDevice<'_>) -> Vec<MigInstance> {
    let instances = device.mig_instances().unwrap_or_default().into_iter().filter_map(|instance| {
        let name = instance.name().ok()?;
        // Such as `NVIDIA H200 MIG 1g.18gb`.
        let profile = name.rsplit_once("MIG ").map_or(name.as_str(), |(_, profile)| profile);
        let (gpu_instance, compute_instance) = instance.instance_ids().ok().unzip();
        let uuid = instance.uuid().ok()?;
        Some(MigInstance { uuid, profile: profile.to_owned(), gpu_instance, compute_instance })
    });
    instances.collect()
}

fn gpu_instances(device: &NvmlDevice<'_>, profiles: &[MigProfile]) -> Result<Vec<GpuInstance>, NvmlError> {
    let mut found = Vec::new();
    for profile in profiles {
        for instance in device.gpu_instances(profile.id, profile.instances_max)? {
            let info = instance.info()?;
            found.push(GpuInstance {
                id: info.id,
                profile: profile.name.clone(),
                placement: info.placement.into(),
                slices: profile.slices,
                compute: compute_instances(&instance)?,
            });
        }
    }
    found.sort_by_key(|instance| instance.placement.start);
    Ok(found)
}

fn compute_instances(of: &NvmlGpuInstance<'_>) -> Result<Vec<ComputeInstance>, NvmlError> {
    let mut found = Vec::new();
    for profile in of.compute_profiles()? {
        for instance in of.compute_instances(profile)? {
            let info = instance.info()?;
            found.push(ComputeInstance {
                id: info.id,
                slices: profile.slices,
                placement: info.placement.into(),
            });
        }
    }
    found.sort_by_key(|instance| instance.placement.start);
    Ok(found)
}
