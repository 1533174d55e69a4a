//! How GPUs are cut now, as a layout.

use std::fs;
use std::path::Path;

use super::layout::{Function, GpuLayout, Instance, Layout, Mdev, Priority};
use super::mig::{compute_name, of_gpu as mig_of};
use crate::inventory::{Gpu, GpuInstance, Inventory};

/// All GPUs that can be cut, each with everything that a layout can say of it.
pub(super) fn layout(root: &Path, inventory: &Inventory) -> Layout {
    let cut = |gpu: &&Gpu| {
        let whole = gpu.physical_function.is_none();
        whole && (gpu.sriov.is_some() || !gpu.mdev_types.is_empty() || mig_of(gpu).is_some())
    };
    Layout { gpus: inventory.devices.iter().filter(cut).map(|gpu| of_gpu(root, inventory, gpu)).collect() }
}

/// One GPU.
pub(super) fn of_gpu(root: &Path, inventory: &Inventory, gpu: &Gpu) -> GpuLayout {
    let vfs = functions(inventory, gpu);
    let on_vf = |(number, vf): (u32, &Gpu)| mdevs(vf, Some(number));
    let has_types = !gpu.mdev_types.is_empty() || vfs.iter().any(|(_, vf)| !vf.mdev_types.is_empty());
    let all = mdevs(gpu, None).into_iter().chain(vfs.iter().copied().flat_map(on_vf)).collect();
    let functions = vfs.iter().map(|(number, vf)| function(root, gpu, *number, vf));
    GpuLayout {
        address: gpu.address,
        vfs: gpu.sriov.as_ref().map(|_| u32::try_from(vfs.len()).unwrap_or(u32::MAX)),
        drivers_autoprobe: gpu.sriov.as_ref().and_then(|sriov| sriov.drivers_autoprobe),
        mig_mode: mig_of(gpu).map(|mig| mig.enabled),
        instances: mig_of(gpu)
            .and_then(|mig| Some(mig.gpu_instances.as_ref()?.iter().map(instance).collect())),
        mdevs: has_types.then_some(all),
        functions: functions
            .filter(|function| *function != Function { number: function.number, ..Function::default() })
            .collect(),
    }
}

/// A GPU instance.
pub(super) fn instance(found: &GpuInstance) -> Instance {
    let is_whole = found.compute.len() == 1 && found.compute.iter().all(|one| one.slices == found.slices);
    let compute = found.compute.iter().map(|one| compute_name(found, one.slices));
    Instance {
        profile: found.profile.clone(),
        placement: found.placement.start,
        compute: (!is_whole).then(|| compute.collect()),
    }
}

/// A GPU's virtual functions, with their numbers.
pub(super) fn functions<'a>(inventory: &'a Inventory, gpu: &Gpu) -> Vec<(u32, &'a Gpu)> {
    let addresses = gpu.sriov.as_ref().map_or(&[][..], |sriov| &sriov.vfs);
    let find = |(number, address)| Some((number, inventory.find(address).ok()?));
    (0_u32..).zip(addresses.iter().copied()).filter_map(find).collect()
}

fn mdevs(gpu: &Gpu, vf: Option<u32>) -> Vec<Mdev> {
    let of_type = |mdev_type: &crate::inventory::MdevType| {
        let kind = mdev_type.id.clone();
        let mdev = move |uuid: &String| Mdev { uuid: uuid.clone(), kind: kind.clone(), vf };
        mdev_type.devices.iter().map(mdev).collect::<Vec<_>>()
    };
    gpu.mdev_types.iter().flat_map(of_type).collect()
}

fn function(root: &Path, gpu: &Gpu, number: u32, vf: &Gpu) -> Function {
    let read = |file| read(root, &profile(gpu, number, file));
    let priority = read("sched_priority").and_then(|text| match chosen(&text)? {
        "low" => Some(Priority::Low),
        "normal" => Some(Priority::Normal),
        "high" => Some(Priority::High),
        _ => None,
    });
    Function {
        number,
        vgpu_type: vf.vendor_vfio.as_ref().map(|vgpu| vgpu.current.unwrap_or_default()),
        exec_quantum_ms: read("exec_quantum_ms").and_then(|text| text.parse().ok()),
        preempt_timeout_us: read("preempt_timeout_us").and_then(|text| text.parse().ok()),
        sched_priority: priority,
        vram_quota_bytes: read("vram_quota").and_then(|text| text.parse().ok()),
    }
}

/// The file of a setting of Intel's xe, which counts functions from 1.
pub(super) fn profile(gpu: &Gpu, number: u32, file: &str) -> String {
    format!("{}/sriov_admin/vf{}/profile/{file}", folder(gpu), number.saturating_add(1))
}

/// A GPU's folder below `/sys`.
pub(super) fn folder(gpu: &Gpu) -> String {
    format!("bus/pci/devices/{}", gpu.address)
}

/// What is in brackets.
fn chosen(text: &str) -> Option<&str> {
    text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
}

pub(super) fn read(root: &Path, path: &str) -> Option<String> {
    Some(fs::read_to_string(root.join(path)).ok()?.trim().to_owned())
}
