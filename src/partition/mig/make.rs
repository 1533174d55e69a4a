//! Does what was planned, by NVIDIA's library, and looks whether it was done.

use std::io;

use super::MigCall;
use crate::inventory::PciAddress;
use crate::sys::{Nvml, NvmlComputeInstance, NvmlDevice, NvmlGpuInstance};

/// Makes one call. What the library says where it is done by a reset only.
pub(in super::super) fn make(nvml: &Nvml, gpu: PciAddress, call: &MigCall) -> io::Result<Option<String>> {
    // Found anew for each call: a mode that is switched may reset the GPU.
    let device = nvml.device(&gpu.to_string()).map_err(io::Error::other)?;
    match call {
        MigCall::SetMode(on) => return set_mode(&device, *on),
        MigCall::DestroyCompute { gpu_instance, compute_instance } => {
            destroy_compute(&device, *gpu_instance, *compute_instance)?;
        }
        MigCall::DestroyGpu { gpu_instance } => destroy_gpu(&device, *gpu_instance)?,
        MigCall::CreateGpu { profile, placement } => create_gpu(&device, profile, *placement)?,
        MigCall::CreateCompute { placement, slices } => create_compute(&device, *placement, *slices)?,
    }
    Ok(None)
}

fn set_mode(device: &NvmlDevice<'_>, on: bool) -> io::Result<Option<String>> {
    let waits = device.set_mig_mode(on).map_err(io::Error::other)?;
    let mode = device.mig_mode().map_err(io::Error::other)?;
    match waits {
        _ if mode.current == on => Ok(None),
        Some(why) => Ok(Some(why)),
        None if mode.pending == on => Ok(Some("it is pending".to_owned())),
        None => Err(io::Error::other("MIG mode is as before after it")),
    }
}

fn destroy_compute(device: &NvmlDevice<'_>, of: u32, id: u32) -> io::Result<()> {
    let gone = || no(format!("there is no compute instance {id} in GPU instance {of}"));
    let instance = gpu_instance(device, |info| info.0 == of)?.ok_or_else(gone)?;
    compute_instance(&instance, id)?.ok_or_else(gone)?.destroy().map_err(io::Error::other)?;
    match compute_instance(&instance, id)? {
        None => Ok(()),
        Some(_) => Err(no("it is still there after it")),
    }
}

fn destroy_gpu(device: &NvmlDevice<'_>, id: u32) -> io::Result<()> {
    let instance = gpu_instance(device, |info| info.0 == id)?;
    let instance = instance.ok_or_else(|| no(format!("there is no GPU instance {id}")))?;
    instance.destroy().map_err(io::Error::other)?;
    match gpu_instance(device, |info| info.0 == id)? {
        None => Ok(()),
        Some(_) => Err(no("it is still there after it")),
    }
}

fn create_gpu(device: &NvmlDevice<'_>, name: &str, start: u32) -> io::Result<()> {
    let profiles = device.profiles().map_err(io::Error::other)?;
    let profile = profiles.iter().find(|profile| profile.name == name);
    let profile = profile.ok_or_else(|| no(format!("there is no profile {name}")))?;
    let placements = device.placements(profile.id).map_err(io::Error::other)?;
    let placement = placements.into_iter().find(|placement| placement.start == start);
    let placement = placement.ok_or_else(|| no(format!("no {name} can lie at {start}")))?;
    device.create_gpu_instance(profile.id, placement).map_err(io::Error::other)?;
    match gpu_instance(device, |info| info.1 == start)? {
        Some(_) => Ok(()),
        None => Err(no("it is not there after it")),
    }
}

fn create_compute(device: &NvmlDevice<'_>, start: u32, slices: u32) -> io::Result<()> {
    let instance = gpu_instance(device, |info| info.1 == start)?;
    let instance = instance.ok_or_else(|| no(format!("there is no GPU instance at {start}")))?;
    let profiles = instance.compute_profiles().map_err(io::Error::other)?;
    let profile = profiles.iter().find(|profile| profile.slices == slices).ok_or_else(|| {
        let known: Vec<String> = profiles.iter().map(|profile| profile.slices.to_string()).collect();
        no(format!("its driver has none of {slices} slices there, but of {}", known.join(", ")))
    })?;
    let made = instance.create_compute_instance(*profile).map_err(io::Error::other)?;
    match made.info() {
        Ok(_) => Ok(()),
        Err(_) => Err(no("it is not there after it")),
    }
}

/// The first GPU instance whose number and place are these.
fn gpu_instance<'a>(
    device: &NvmlDevice<'a>,
    is: impl Fn((u32, u32)) -> bool,
) -> io::Result<Option<NvmlGpuInstance<'a>>> {
    for profile in device.profiles().map_err(io::Error::other)? {
        for instance in device.gpu_instances(profile.id, profile.instances_max).map_err(io::Error::other)? {
            let info = instance.info().map_err(io::Error::other)?;
            if is((info.id, info.placement.start)) {
                return Ok(Some(instance));
            }
        }
    }
    Ok(None)
}

fn compute_instance<'a>(of: &NvmlGpuInstance<'a>, id: u32) -> io::Result<Option<NvmlComputeInstance<'a>>> {
    for profile in of.compute_profiles().map_err(io::Error::other)? {
        for instance in of.compute_instances(profile).map_err(io::Error::other)? {
            if instance.info().map_err(io::Error::other)?.id == id {
                return Ok(Some(instance));
            }
        }
    }
    Ok(None)
}

fn no(what: impl Into<String>) -> io::Error {
    io::Error::other(what.into())
}
