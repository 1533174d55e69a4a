//! Which GPU is which, and by whose driver.

use serde::{Deserialize, Serialize};
use vulkanalia_sys as vk;

use super::driver::{Functions, address_of_mut};
use super::memory::heaps;
use crate::inventory::{Naming, PciAddress, named};
use crate::venus::CommandType;

/// What a GPU says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) found: Found,
    /// Its driver's name and version.
    pub(super) driver: String,
}

/// What a GPU is made of. Less is better where nothing was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A card with memory of its own.
    Discrete,
    /// Other hardware: a part of the processor, or what a hypervisor made.
    Integrated,
    /// A program that draws.
    Software,
}

/// A GPU that is there; whether it can be used is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its UUID, as NVIDIA's tools write it, without what they put in front.
    pub uuid: String,
    /// Bytes of its memory; of the host's, where it draws in software.
    pub memory_bytes: u64,
    /// What it is made of.
    pub kind: Kind,
    /// Where it is on PCI, if its driver says so (`VK_EXT_pci_bus_info`); a MIG instance is where its GPU is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci: Option<PciAddress>,
}

impl Found {
    /// Whether it is what was asked for: a part of its name, its UUID, or its PCI address.
    pub fn is(&self, wanted: &str) -> bool {
        !named(std::slice::from_ref(self), wanted, Self::naming).is_empty()
    }

    /// What it can be called by.
    pub fn naming(&self) -> Naming<'_> {
        Naming { address: self.pci, uuid: &self.uuid, name: &self.name }
    }
}

impl Identity {
    /// What the driver says of this device; where it is, if it has the extension for that.
    pub(super) fn of(functions: &Functions, device: u64, says_where: bool) -> Self {
        let mut bus = vk::PhysicalDevicePCIBusInfoPropertiesEXT::default();
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        if says_where {
            driver.next = (&raw mut bus).cast();
        }
        let mut ids = vk::PhysicalDeviceIDProperties { next: (&raw mut driver).cast(), ..Default::default() };
        let mut properties =
            vk::PhysicalDeviceProperties2 { next: (&raw mut ids).cast(), ..Default::default() };
        let asked = functions
            .call(CommandType::GetPhysicalDeviceProperties2, &[device, address_of_mut(&mut properties)]);
        if asked.is_none() {
            let core = address_of_mut(&mut properties.properties);
            _ = functions.call(CommandType::GetPhysicalDeviceProperties, &[device, core]);
        }
        let kind = match properties.properties.device_type {
            vk::PhysicalDeviceType::DISCRETE_GPU => Kind::Discrete,
            vk::PhysicalDeviceType::CPU => Kind::Software,
            _ => Kind::Integrated,
        };
        let words = [driver.driver_name.to_string_lossy(), driver.driver_info.to_string_lossy()];
        let words: Vec<_> = words.iter().filter(|word| !word.is_empty()).map(AsRef::as_ref).collect();
        Self {
            found: Found {
                name: properties.properties.device_name.to_string_lossy().into_owned(),
                uuid: uuid::Uuid::from_slice(&ids.device_uuid[..]).unwrap_or_default().to_string(),
                memory_bytes: match kind {
                    Kind::Software => host_bytes(),
                    Kind::Discrete | Kind::Integrated => heaps::bytes(functions, device),
                },
                kind,
                pci: says_where.then(|| address(&bus)).flatten(),
            },
            driver: if words.is_empty() { "unknown".to_owned() } else { words.join(" ") },
        }
    }

    /// Whether it has no memory but the host's.
    pub(super) fn is_software(&self) -> bool {
        self.found.kind == Kind::Software
    }
}

/// Nothing where a driver says what is none.
fn address(bus: &vk::PhysicalDevicePCIBusInfoPropertiesEXT) -> Option<PciAddress> {
    PciAddress::new(
        bus.pci_domain,
        bus.pci_bus.try_into().ok()?,
        bus.pci_device.try_into().ok()?,
        bus.pci_function.try_into().ok()?,
    )
}

/// What a driver in software has for its programs, whatever it says: older ones of lavapipe's always say 2 GiB.
fn host_bytes() -> u64 {
    nix::sys::sysinfo::sysinfo().map_or(0, |host| host.ram_total())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::vulkan::Gpu;

    fn gpu(name: &str) -> Found {
        let uuid = "d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0".to_owned();
        Found { name: name.to_owned(), uuid, memory_bytes: 0, kind: Kind::Discrete, pci: None }
    }

    #[test]
    fn a_gpu_is_found_by_a_part_of_its_name_or_by_its_uuid() {
        let gpu = gpu("NVIDIA H200");

        for wanted in
            ["", "H200", "GPU-d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0", "D1BB6F7E-8f4f-4a0e-9d41-1c9a62a5c2f0"]
        {
            assert!(gpu.is(wanted), "{wanted}");
        }
        assert!(!gpu.is("H100") && !gpu.is("GPU-d1bb6f7e"));
    }

    #[test]
    fn a_gpu_in_software_has_the_memory_of_the_host() {
        let told = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = told.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));

        let gpus = Gpu::all().unwrap();

        let found = gpus.into_iter().find(|gpu| gpu.is("llvmpipe")).unwrap();
        assert_eq!(found.memory_bytes, total.unwrap().parse::<u64>().unwrap() << 10);
    }

    #[test]
    fn hardware_comes_before_software() {
        let mut kinds = [Kind::Software, Kind::Integrated, Kind::Discrete];
        kinds.sort();

        assert_eq!(kinds, [Kind::Discrete, Kind::Integrated, Kind::Software]);
    }

    #[test]
    fn what_a_driver_says_of_pci_is_an_address_or_nothing() {
        let bus = |device| vk::PhysicalDevicePCIBusInfoPropertiesEXT {
            pci_domain: 0x1_0000,
            pci_bus: 0xe1,
            pci_device: device,
            pci_function: 2,
            ..Default::default()
        };

        assert_eq!(address(&bus(3)).unwrap().to_string(), "10000:e1:03.2");
        assert_eq!((address(&bus(32)), address(&bus(u32::MAX))), (None, None));
    }
}
