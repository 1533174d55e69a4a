//! Which GPU is which, and by whose driver.

use vulkanalia_sys as vk;

use super::driver::{Functions, address_of_mut};
use crate::venus::CommandType;

/// What a GPU says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its name.
    pub(super) name: String,
    /// Its driver's name and version.
    pub(super) driver: String,
    /// As NVIDIA's tools write it, without what they put in front.
    uuid: String,
    kind: vk::PhysicalDeviceType,
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
        let words = [driver.driver_name.to_string_lossy(), driver.driver_info.to_string_lossy()];
        let words: Vec<_> = words.iter().filter(|word| !word.is_empty()).map(AsRef::as_ref).collect();
        Self {
            name: properties.properties.device_name.to_string_lossy().into_owned(),
            driver: if words.is_empty() { "unknown".to_owned() } else { words.join(" ") },
            uuid: uuid::Uuid::from_slice(&ids.device_uuid[..]).unwrap_or_default().to_string(),
            kind: properties.properties.device_type,
        }
    }

    /// Whether it is what was asked for: a part of its name, or its UUID.
    pub(super) fn is(&self, wanted: &str) -> bool {
        let uuid = wanted.strip_prefix("GPU-").unwrap_or(wanted);
        self.name.contains(wanted) || uuid.eq_ignore_ascii_case(&self.uuid)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(name: &str, kind: vk::PhysicalDeviceType) -> Identity {
        let uuid = "d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0".to_owned();
        Identity { name: name.to_owned(), driver: String::new(), uuid, kind }
    }

    #[test]
    fn a_gpu_is_found_by_a_part_of_its_name_or_by_its_uuid() {
        let gpu = gpu("NVIDIA H200", vk::PhysicalDeviceType::DISCRETE_GPU);

        for wanted in
            ["", "H200", "GPU-d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0", "D1BB6F7E-8f4f-4a0e-9d41-1c9a62a5c2f0"]
        {
            assert!(gpu.is(wanted), "{wanted}");
        }
        assert!(!gpu.is("H100") && !gpu.is("GPU-d1bb6f7e"));
    }

    #[test]
    fn hardware_comes_before_software() {
        use vk::PhysicalDeviceType as Kind;

        let mut kinds = [Kind::CPU, Kind::INTEGRATED_GPU, Kind::DISCRETE_GPU];
        kinds.sort_by_key(|kind| gpu("", *kind).rank());

        assert_eq!(kinds, [Kind::DISCRETE_GPU, Kind::INTEGRATED_GPU, Kind::CPU]);
    }
}
