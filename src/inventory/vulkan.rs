//! Which of a host's PCI devices drivers for Vulkan find, as whoever asked them says.

use serde::Serialize;

use super::{Gpu, Inventory, InventoryError, Naming, PciAddress, named};

/// A device of Vulkan's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VulkanDevice {
    /// The name that its driver gives it.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
}

impl Inventory {
    /// Adds to each GPU what drivers find where it is (`VK_EXT_pci_bus_info`): several for a GPU that two drivers know,
    /// or that is cut into MIG instances.
    pub fn add_vulkan(&mut self, found: impl IntoIterator<Item = (PciAddress, VulkanDevice)>) {
        for (address, device) in found {
            if let Some(gpu) = self.devices.iter_mut().find(|gpu| gpu.address == address) {
                gpu.vulkan.push(device);
            }
        }
    }

    /// The GPU at an address, or the only one on which Vulkan has what a text names.
    pub fn find_named(&self, wanted: &str) -> Result<&Gpu, InventoryError> {
        if let Ok(address) = wanted.parse() {
            return self.find(address);
        }
        let all: Vec<_> =
            self.devices.iter().flat_map(|gpu| gpu.vulkan.iter().map(move |one| (gpu, one))).collect();
        let fitting = named(&all, wanted, |(gpu, device)| Naming {
            address: Some(gpu.address),
            uuid: &device.uuid,
            name: &device.name,
        });
        let mut fitting: Vec<&Gpu> = fitting.into_iter().map(|(gpu, _)| *gpu).collect();
        fitting.dedup_by_key(|gpu| gpu.address);
        match fitting[..] {
            [gpu] => Ok(gpu),
            _ => Err(InventoryError::NotNamed {
                wanted: wanted.to_owned(),
                fitting: fitting.into_iter().map(|gpu| gpu.address).collect(),
            }),
        }
    }
}
