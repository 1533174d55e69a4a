//! Which GPU is which, and by whose driver.

use serde::{Deserialize, Serialize};
use vulkanalia_sys as vk;

use super::driver::{Functions, address_of_mut};
use super::memory::heaps;
use crate::venus::CommandType;

/// What a GPU says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) found: Found,
    /// Its driver's name and version.
    pub(super) driver: String,
    kind: vk::PhysicalDeviceType,
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
}

impl Found {
    /// Whether it is what was asked for: a part of its name, or its UUID.
    pub fn is(&self, wanted: &str) -> bool {
        let uuid = wanted.strip_prefix("GPU-").unwrap_or(wanted);
        self.name.contains(wanted) || uuid.eq_ignore_ascii_case(&self.uuid)
    }
}

impl Identity {
    pub(super) fn of(functions: &Functions, device: u64) -> Self {
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut ids = vk::PhysicalDeviceIDProperties { next: (&raw mut driver).cast(), ..Default::default() };
        let mut properties =
            vk::PhysicalDeviceProperties2 { next: (&raw mut ids).cast(), ..Default::default() };
        let asked = functions
            .call(CommandType::GetPhysicalDeviceProperties2, &[device, address_of_mut(&mut properties)]);
        if asked.is_none() {
            let core = address_of_mut(&mut properties.properties);
            _ = functions.call(CommandType::GetPhysicalDeviceProperties, &[device, core]);
        }
        let kind = properties.properties.device_type;
        let words = [driver.driver_name.to_string_lossy(), driver.driver_info.to_string_lossy()];
        let words: Vec<_> = words.iter().filter(|word| !word.is_empty()).map(AsRef::as_ref).collect();
        Self {
            found: Found {
                name: properties.properties.device_name.to_string_lossy().into_owned(),
                uuid: uuid::Uuid::from_slice(&ids.device_uuid[..]).unwrap_or_default().to_string(),
                memory_bytes: match kind {
                    vk::PhysicalDeviceType::CPU => host_bytes(),
                    _ => heaps::bytes(functions, device),
                },
            },
            driver: if words.is_empty() { "unknown".to_owned() } else { words.join(" ") },
            kind,
        }
    }

    /// Whether it has no memory but the host's.
    pub(super) fn is_software(&self) -> bool {
        self.kind == vk::PhysicalDeviceType::CPU
    }

    /// Less is better where nothing was asked for.
    pub(super) fn rank(&self) -> u32 {
        match self.kind {
            vk::PhysicalDeviceType::DISCRETE_GPU => 0,
            vk::PhysicalDeviceType::CPU => 2,
            _ => 1,
        }
    }
}

/// What a driver in software has for its programs, whatever it says: older ones of lavapipe's always say 2 GiB.
fn host_bytes() -> u64 {
    nix::sys::sysinfo::sysinfo().map_or(0, |host| host.ram_total())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::vulkan::Gpu;

    fn gpu(name: &str, kind: vk::PhysicalDeviceType) -> Identity {
        let uuid = "d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0".to_owned();
        let found = Found { name: name.to_owned(), uuid, memory_bytes: 0 };
        Identity { found, driver: String::new(), kind }
    }

    #[test]
    fn a_gpu_is_found_by_a_part_of_its_name_or_by_its_uuid() {
        let gpu = gpu("NVIDIA H200", vk::PhysicalDeviceType::DISCRETE_GPU).found;

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
        use vk::PhysicalDeviceType as Kind;

        let mut kinds = [Kind::CPU, Kind::INTEGRATED_GPU, Kind::DISCRETE_GPU];
        kinds.sort_by_key(|kind| gpu("", *kind).rank());

        assert_eq!(kinds, [Kind::DISCRETE_GPU, Kind::INTEGRATED_GPU, Kind::CPU]);
    }
}
