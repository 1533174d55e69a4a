//! MIG instances of NVIDIA's GPUs: the calls of its library that get from what is to what is to be.
//!
//! What lies as it should stays, and so do programs on it. All else goes before anything comes, and compute instances
//! go before the GPU instances that they are in. Where an instance lies and what is in it make it the one that it is;
//! numbers are the driver's to give.

mod fit;
mod make;

pub(super) use fit::{check, is_known, is_read};
pub(super) use make::make;

use std::fmt;

use serde::{Serialize, Serializer};

use super::layout::{GpuLayout, Instance};
use super::now;
use super::plan::Piece;
use crate::inventory::{ComputeInstance, Gpu, GpuInstance, Mig};

/// A call of NVML's that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigCall {
    /// Switches the mode.
    SetMode(bool),
    /// Destroys a compute instance.
    DestroyCompute {
        /// The number of the GPU instance that it is in.
        gpu_instance: u32,
        /// Its number there.
        compute_instance: u32,
    },
    /// Destroys a GPU instance.
    DestroyGpu {
        /// Its number.
        gpu_instance: u32,
    },
    /// Makes a GPU instance.
    CreateGpu {
        /// Its kind.
        profile: String,
        /// The first slice of memory that it has.
        placement: u32,
    },
    /// Makes a compute instance.
    CreateCompute {
        /// The first slice of memory of the GPU instance that it is to be in, whose number is known once it is there.
        placement: u32,
        /// How many slices of processors it has.
        slices: u32,
    },
}

impl fmt::Display for MigCall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetMode(on) => write!(out, "nvmlDeviceSetMigMode({})", u32::from(*on)),
            Self::DestroyCompute { gpu_instance, compute_instance } => {
                write!(out, "nvmlComputeInstanceDestroy({gpu_instance}/{compute_instance})")
            }
            Self::DestroyGpu { gpu_instance } => write!(out, "nvmlGpuInstanceDestroy({gpu_instance})"),
            Self::CreateGpu { profile, placement } => {
                write!(out, "nvmlDeviceCreateGpuInstanceWithPlacement({profile}, {placement})")
            }
            Self::CreateCompute { placement, slices } => {
                write!(out, "nvmlGpuInstanceCreateComputeInstance({slices} slices, at {placement})")
            }
        }
    }
}

impl Serialize for MigCall {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// What to call, each in words too, and what that takes away.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) calls: Vec<(String, MigCall)>,
    pub(super) taken: Vec<Piece>,
}

/// What NVML says of a GPU's instances, if it was asked and there can be some.
pub(super) fn of_gpu(gpu: &Gpu) -> Option<&Mig> {
    gpu.nvml.as_ref()?.mig.as_ref()
}

/// What layouts call a compute instance of so many slices.
pub(super) fn compute_name(of: &GpuInstance, slices: u32) -> String {
    match slices == of.slices {
        true => of.profile.clone(),
        false => format!("{slices}c.{}", of.profile),
    }
}

/// How many slices a compute instance of this name has, in GPU instances of a profile with so many.
fn slices_of(name: &str, profile: &str, all: u32) -> Option<u32> {
    if name == profile {
        return Some(all);
    }
    let count = name.strip_suffix(profile)?.strip_suffix("c.")?;
    count.parse().ok().filter(|count| (1..all).contains(count))
}

/// The instances that a layout asks for, if it says: without the mode there are none.
fn asked(wanted: &GpuLayout) -> Option<&[Instance]> {
    match wanted.mig_mode {
        Some(false) => Some(&[]),
        _ => wanted.instances.as_deref(),
    }
}

/// The calls that get a GPU from one layout to another, in order.
pub(super) fn plan(gpu: &Gpu, now: &GpuLayout, wanted: &GpuLayout) -> Plan {
    let mut plan = Plan::default();
    let Some(mig) = of_gpu(gpu) else { return plan };
    let there = mig.gpu_instances.as_deref().unwrap_or_default();
    let asked = asked(wanted);
    for found in there {
        plan.destroy(found, asked);
    }
    if let Some(on) = wanted.mig_mode.filter(|on| mig.enabled != *on || mig.pending != *on) {
        plan.switch(on, mig, now);
    }
    for instance in asked.unwrap_or_default() {
        plan.create(instance, there, mig);
    }
    plan
}

impl Plan {
    fn call(&mut self, what: String, call: MigCall) {
        self.calls.push((what, call));
    }

    /// What of an instance is not as asked for.
    fn destroy(&mut self, found: &GpuInstance, asked: Option<&[Instance]>) {
        let Some(asked) = asked else { return };
        let own = now::instance(found);
        let kept = asked.iter().find(|instance| instance.lies_as(&own));
        for compute in unwanted(found, kept) {
            let (gpu_instance, compute_instance) = (found.id, compute.id);
            let name = compute_name(found, compute.slices);
            let what = format!("destroy compute instance {name} ({compute_instance}) of {}", words(&own));
            self.call(what, MigCall::DestroyCompute { gpu_instance, compute_instance });
            self.taken.push(Piece::Compute(found.clone(), compute_instance));
        }
        if kept.is_none() {
            let what = format!("destroy GPU instance {} ({})", words(&own), found.id);
            self.call(what, MigCall::DestroyGpu { gpu_instance: found.id });
            self.taken.push(Piece::Instance(found.clone()));
        }
    }

    fn switch(&mut self, on: bool, mig: &Mig, now: &GpuLayout) {
        let what = if on { "switch MIG mode on" } else { "switch MIG mode off" };
        self.call(what.to_owned(), MigCall::SetMode(on));
        if mig.enabled != on {
            self.taken.push(Piece::Whole);
            self.taken.extend((0..now.vfs.unwrap_or_default()).map(Piece::Function));
        }
    }

    /// What of an instance that is asked for is not there.
    fn create(&mut self, instance: &Instance, there: &[GpuInstance], mig: &Mig) {
        let Instance { profile, placement, .. } = instance;
        let kept = there.iter().find(|found| now::instance(found).lies_as(instance));
        if kept.is_none() {
            let call = MigCall::CreateGpu { profile: profile.clone(), placement: *placement };
            self.call(format!("make GPU instance {}", words(instance)), call);
        }
        let mut staying: Vec<String> =
            kept.map(|found| names(found, &unwanted(found, Some(instance)))).unwrap_or_default();
        let all = mig.profiles.iter().find(|known| known.name == *profile).map_or(0, |known| known.slices);
        for name in instance.compute() {
            if let Some(at) = staying.iter().position(|other| other == name) {
                staying.remove(at);
                continue;
            }
            let slices = slices_of(name, profile, all).unwrap_or_default();
            let what = format!("make compute instance {name} in {}", words(instance));
            self.call(what, MigCall::CreateCompute { placement: *placement, slices });
        }
    }
}

/// The compute instances of a GPU instance that are to go: of those that are alike the last, so that what goes
/// leaves neighbouring slices.
fn unwanted<'a>(found: &'a GpuInstance, kept: Option<&Instance>) -> Vec<&'a ComputeInstance> {
    let mut asked = kept.map(Instance::compute).unwrap_or_default();
    let goes = |compute: &&ComputeInstance| {
        let name = compute_name(found, compute.slices);
        match asked.iter().position(|asked| *asked == name) {
            Some(at) => {
                asked.remove(at);
                false
            }
            None => true,
        }
    };
    found.compute.iter().filter(goes).collect()
}

/// What stays where these go.
fn names(found: &GpuInstance, going: &[&ComputeInstance]) -> Vec<String> {
    let stays = found.compute.iter().filter(|compute| !going.contains(compute));
    stays.map(|compute| compute_name(found, compute.slices)).collect()
}

/// As `3g.71gb at 4`.
fn words(instance: &Instance) -> String {
    format!("{} at {}", instance.profile, instance.placement)
}
