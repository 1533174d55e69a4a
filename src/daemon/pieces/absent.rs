//! Why no vGPU can be on what was asked for: the kernel or NVML may know it though Vulkan does not.

use crate::control::{Code, Refusal};
use crate::inventory::{Gpu, Inventory, Mig, PciAddress};
use crate::render_process::Found;

/// How many names are proposed where one is wrong.
const NEAR_MAX: usize = 3;

/// The refusal of a name that none of the GPUs that Vulkan finds has.
pub(super) fn refuse(wanted: &str, gpus: &[Found], inventory: &Inventory) -> Refusal {
    let at = wanted.parse::<PciAddress>().ok();
    if let Some(gpu) = inventory.devices.iter().find(|gpu| Some(gpu.address) == at) {
        return undriven(gpu);
    }
    let mdevs = |gpu: &Gpu| gpu.mdev_types.iter().any(|kind| kind.devices.iter().any(|uuid| uuid == wanted));
    if let Some(gpu) = inventory.devices.iter().find(|gpu| mdevs(gpu)) {
        let message = format!("{wanted} is a mediated device of {}, which only a VM can use", gpu.address);
        return Refusal::new(Code::Conflict, message).remedy("hand it over as it is, with --passthrough");
    }
    let instance = inventory.devices.iter().find_map(|gpu| {
        let mig = gpu.nvml.as_ref()?.mig.as_ref()?;
        mig.instances.iter().find(|instance| instance.uuid == wanted).map(|instance| (gpu, instance))
    });
    if let Some((gpu, instance)) = instance {
        return match instance.has_graphics() {
            true => unfound(wanted, gpu),
            false => {
                let profile = &instance.profile;
                let message = format!(
                    "{wanted} is a MIG instance of profile {profile}, which only computes: no Vulkan"
                );
                Refusal::new(Code::Conflict, message).remedy(
                    "take one whose profile allows graphics (its name ends in +gfx), or share the whole GPU by time: \
                     switch MIG off",
                )
            }
        };
    }
    unknown(wanted, gpus, inventory)
}

/// The refusal of a name that nothing here has.
pub(super) fn unknown(wanted: &str, gpus: &[Found], inventory: &Inventory) -> Refusal {
    let near = near(wanted, gpus, inventory);
    let message = match near.is_empty() {
        true => format!("{wanted:?} is no GPU here, nor a piece of one: there are none"),
        false => format!("{wanted:?} is no GPU here, nor a piece of one; like it are {}", near.join(", ")),
    };
    Refusal::new(Code::NotFound, message)
        .remedy("give the PCI address, the UUID or a part of the name of one that `vgpu gpu list` lists")
}

/// Why Vulkan does not find what is at an address.
fn undriven(gpu: &Gpu) -> Refusal {
    let at = gpu.address;
    let conflict = |message: String| Refusal::new(Code::Conflict, message);
    let mig = gpu.nvml.as_ref().and_then(|facts| facts.mig.as_ref()).filter(|mig| mig.enabled);
    match (gpu.driver.as_deref(), mig) {
        (Some("vfio-pci"), _) => conflict(format!("{at} is bound to vfio-pci: no driver of this host draws on it"))
            .remedy(format_args!(
                "hand it over as it is, with --passthrough; or give it back with `vgpu gpu unbind {at}`"
            )),
        (None, _) => conflict(format!("{at} has no driver, so nothing draws on it")).remedy(format_args!(
            "bind its driver: echo {at} >/sys/bus/pci/drivers_probe; or `vgpu gpu bind {at}` and --passthrough"
        )),
        (Some(_), Some(mig)) => conflict(format!("{at} is cut into MIG instances: nothing runs on the whole"))
            .remedy(instances(mig)),
        (Some(_), None) => unfound(&at.to_string(), gpu),
    }
}

/// The instances on which Vulkan runs.
fn instances(mig: &Mig) -> String {
    let fitting: Vec<&str> = mig
        .instances
        .iter()
        .filter(|instance| instance.has_graphics())
        .map(|instance| instance.uuid.as_str())
        .collect();
    match fitting.is_empty() {
        true => {
            "none of them allows graphics: make one whose profile ends in +gfx, or switch MIG off".to_owned()
        }
        false => format!("name one of those that allow graphics: {}", fitting.join(", ")),
    }
}

fn unfound(piece: &str, gpu: &Gpu) -> Refusal {
    let driver = gpu.driver.as_deref().unwrap_or("-");
    let message = format!("{piece} is driven by {driver}, but no driver for Vulkan finds it");
    Refusal::new(Code::Conflict, message)
        .remedy("install its driver for Vulkan; `vgpu doctor` says which are found and what is in the way")
}

/// All that could be named, what is most like it first.
fn near(wanted: &str, gpus: &[Found], inventory: &Inventory) -> Vec<String> {
    let mut names: Vec<String> = inventory.devices.iter().map(|gpu| gpu.address.to_string()).collect();
    names.extend(gpus.iter().flat_map(|gpu| [gpu.name.clone(), gpu.uuid.clone()]));
    let pieces = inventory.devices.iter().flat_map(|gpu| {
        let mdevs = gpu.mdev_types.iter().flat_map(|kind| kind.devices.iter());
        let mig = gpu.nvml.iter().flat_map(|facts| facts.mig.iter().flat_map(|mig| &mig.instances));
        mdevs.chain(mig.map(|instance| &instance.uuid))
    });
    names.extend(pieces.cloned());
    let wanted = wanted.to_lowercase();
    names.sort_by_key(|name| strsim::levenshtein(&wanted, &name.to_lowercase()));
    names.dedup();
    names.truncate(NEAR_MAX);
    names
}
