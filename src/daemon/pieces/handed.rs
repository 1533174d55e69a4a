//! Pieces that are handed over as they are: a PCI function, or a mediated device.

use std::path::Path;

use super::absent;
use crate::control::api::Placement;
use crate::control::{Code, Refusal};
use crate::inventory::{Gpu, Inventory, PciAddress, named};
use crate::render_process::Found;

/// The piece of this name, if it is fit to be handed over now.
pub(super) fn find(wanted: &str, gpus: &[Found], inventory: &Inventory) -> Result<Placement, Refusal> {
    let at = address(wanted, gpus);
    if let Some(gpu) = inventory.devices.iter().find(|gpu| Some(gpu.address) == at) {
        is_free(gpu)?;
        return Ok(placed(&gpu.address.to_string(), gpu.title(), "pci", wanted));
    }
    let mut kinds = inventory.devices.iter().flat_map(|gpu| &gpu.mdev_types);
    if let Some(kind) = kinds.find(|kind| kind.devices.iter().any(|uuid| uuid == wanted)) {
        return Ok(placed(wanted, kind.name.clone().unwrap_or_else(|| kind.id.clone()), "mdev", wanted));
    }
    if let [gpu, ..] = named(gpus, wanted, Found::naming)[..] {
        let message =
            format!("{} ({}) is no PCI function: there is nothing to hand over", gpu.name, gpu.uuid);
        return Err(
            Refusal::new(Code::Conflict, message).remedy("leave --passthrough out: vGPUs on it share it")
        );
    }
    Err(absent::unknown(wanted, gpus, inventory))
}

/// Where the piece of this name is on PCI.
fn address(wanted: &str, gpus: &[Found]) -> Option<PciAddress> {
    wanted.parse().ok().or_else(|| match named(gpus, wanted, Found::naming)[..] {
        [gpu] => gpu.pci,
        _ => None,
    })
}

/// Refuses a function that a VM could not open.
fn is_free(gpu: &Gpu) -> Result<(), Refusal> {
    let at = gpu.address;
    let refuse = |message: String, remedy: String| Err(Refusal::new(Code::Conflict, message).remedy(remedy));
    if let Some(vgpu) = &gpu.vendor_vfio {
        return match vgpu.current {
            Some(_) => Ok(()),
            None => refuse(
                format!("{at} has no type of vGPU yet, so there is nothing to hand over"),
                "give it one: `vgpu gpu apply` with a layout that says its vgpu_type".to_owned(),
            ),
        };
    }
    match gpu.driver.as_deref() {
        Some("vfio-pci") if gpu.iommu_group.is_some() => Ok(()),
        Some("vfio-pci") => refuse(
            format!("{at} is in no IOMMU group, so a guest's device could reach all memory of the host"),
            format!("`vgpu gpu show {at}` says what is missing"),
        ),
        driver => refuse(
            format!("{at} is not bound to vfio-pci; its driver is {}", driver.unwrap_or("none")),
            format!("take it from the host first: `vgpu gpu bind {at}`"),
        ),
    }
}

fn placed(piece: &str, name: String, bus: &str, wanted: &str) -> Placement {
    Placement {
        piece: piece.to_owned(),
        name,
        uuid: None,
        device: Some(Path::new("/sys/bus").join(bus).join("devices").join(piece)),
        why: format!("asked for as {wanted:?}"),
    }
}
