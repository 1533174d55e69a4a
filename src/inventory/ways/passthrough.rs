//! A whole function for a VM, by vfio-pci.

use super::super::gpu::Gpu;
use super::super::iommu::Neighbour;
use super::super::tree::Reader;
use super::{Method, Reason, Way, host};

pub(super) fn way(reader: &mut Reader<'_>, gpu: &Gpu) -> Way {
    let mut reasons: Vec<Reason> = host::no_iommu(reader, gpu).into_iter().collect();
    reasons.extend(neighbours(gpu));
    reasons.extend(no_vfio(reader));
    reasons.extend(of_vendor_driver(gpu));
    reasons.extend(with_functions(gpu));
    reasons.extend(console(gpu));
    let pieces = match (&gpu.physical_function, &gpu.iommu_group) {
        (Some(of), _) => format!("a virtual function of {of}"),
        (None, Some(group)) if !group.others.is_empty() => {
            format!("the whole GPU, with {} more in its group", group.others.len())
        }
        (None, _) => "the whole GPU".to_owned(),
    };
    Way::new(Method::Passthrough, pieces, reasons)
}

/// Devices of its group that drivers of the host hold.
fn neighbours(gpu: &Gpu) -> Option<Reason> {
    let group = gpu.iommu_group.as_ref()?;
    let held: Vec<&Neighbour> = group.others.iter().filter(|other| other.in_the_way()).collect();
    let (own, strangers): (Vec<&Neighbour>, Vec<&Neighbour>) =
        held.iter().partition(|other| other.address.shares_slot(gpu.address));
    let text = |neighbour: &&Neighbour| {
        format!("{} ({})", neighbour.address, neighbour.driver.as_deref().unwrap_or_default())
    };
    let list = |neighbours: &[&Neighbour]| neighbours.iter().map(text).collect::<Vec<_>>().join(", ");
    let file = format!("kernel/iommu_groups/{}/devices", group.number);
    if let [_, ..] = strangers.as_slice() {
        return Some(Reason::forbids(
            &file,
            format!("{} would have to go with it", list(&strangers)),
            "put the card into another slot, one whose root port or switch has ACS, or switch ACS on in the firmware; \
             or take these from their drivers and hand over all of the group",
        ));
    }
    let [_, ..] = own.as_slice() else { return None };
    let remedy = format!("bind {} to vfio-pci as well: the VM gets the whole card", list(&own));
    Some(Reason::lessens(&file, format!("{} must go with it", list(&own)), remedy))
}

fn no_vfio(reader: &Reader<'_>) -> Option<Reason> {
    let folder = "bus/pci/drivers/vfio-pci";
    (!reader.has(folder)).then(|| {
        let remedy = "modprobe vfio-pci, of a kernel with CONFIG_VFIO_PCI";
        Reason::forbids(folder, "not there: its driver is not loaded", remedy)
    })
}

/// Its driver makes a VFIO device of such a function itself, and vfio-pci is refused with EINVAL.
fn of_vendor_driver(gpu: &Gpu) -> Option<Reason> {
    gpu.vendor_vfio.as_ref()?;
    let file = format!("{}/nvidia", gpu.folder());
    Some(Reason::forbids(
        &file,
        "there: the function belongs to NVIDIA's vGPU host driver",
        "give it a type of vGPU instead, see vendor-vfio",
    ))
}

fn with_functions(gpu: &Gpu) -> Option<Reason> {
    let count = gpu.sriov.as_ref()?.vfs.len();
    (count > 0).then(|| {
        let file = format!("{}/sriov_numvfs", gpu.folder());
        let found = format!("{count} virtual functions are made of it");
        Reason::forbids(&file, found, format!("take them back first: echo 0 >/sys/{file}"))
    })
}

fn console(gpu: &Gpu) -> Option<Reason> {
    gpu.boot_vga.then(|| {
        let file = format!("{}/boot_vga", gpu.folder());
        let found = "1: the firmware's and perhaps the host's console is on it";
        Reason::lessens(
            &file,
            found,
            "let the firmware start on another GPU, or use the host without a screen",
        )
    })
}
