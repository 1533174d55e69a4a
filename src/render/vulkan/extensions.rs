//! Which extensions guests are offered: those that the host's driver has, Venus can carry and we can keep safe.

use std::collections::BTreeMap;

use vulkanalia_sys as vk;

use crate::venus;

/// What needs a descriptor or an address of the host, and what the executor does not look through yet.
const WITHHELD: [&str; 12] = [
    "VK_EXT_command_serialization",
    "VK_EXT_descriptor_heap",
    "VK_EXT_host_image_copy",
    "VK_KHR_acceleration_structure",
    "VK_KHR_deferred_host_operations",
    "VK_KHR_external_fence_fd",
    "VK_KHR_ray_query",
    "VK_KHR_ray_tracing_maintenance1",
    "VK_KHR_ray_tracing_pipeline",
    "VK_KHR_ray_tracing_position_fetch",
    "VK_EXT_pipeline_library_group_handles",
    "VK_MESA_venus_protocol",
];

/// What we do ourselves, whether the driver has it or not, and its versions. Without semaphores by descriptor Mesa
/// shows no Vulkan newer than 1.2, and without the others nothing is shown (see dma_buf.rs).
const EMULATED: [(&str, u32); 5] = [
    ("VK_EXT_external_memory_dma_buf", 1),
    ("VK_EXT_image_drm_format_modifier", 2),
    ("VK_EXT_queue_family_foreign", 1),
    ("VK_KHR_external_memory_fd", 1),
    ("VK_KHR_external_semaphore_fd", 1),
];

/// What we need of the driver ourselves; enabled on every device that has it.
pub(super) const OWN: [&std::ffi::CStr; 2] = [c"VK_EXT_external_memory_host", c"VK_KHR_timeline_semaphore"];

/// The device extensions of the host, and those among them that guests may use.
#[derive(Default)]
pub(super) struct Extensions {
    host: BTreeMap<String, u32>,
    offered: Vec<vk::ExtensionProperties>,
}

impl Extensions {
    pub(super) fn new(host: &[vk::ExtensionProperties]) -> Self {
        let carried = carried();
        let emulated = EMULATED.map(|(name, spec_version)| {
            let extension_name = vk::StringArray::from_bytes(name.as_bytes());
            vk::ExtensionProperties { extension_name, spec_version }
        });
        let host_alone = host.iter().filter(|found| !is_emulated(&name(found)));
        let offered = host_alone.chain(&emulated).filter_map(|found| {
            let name = name(found);
            let newest = carried.get(name.as_str()).filter(|_| !WITHHELD.contains(&name.as_str()))?;
            Some(vk::ExtensionProperties { spec_version: found.spec_version.min(*newest), ..*found })
        });
        let offered = offered.collect();
        Self { host: host.iter().map(|found| (name(found), found.spec_version)).collect(), offered }
    }

    /// Whether the host's driver has it.
    pub(super) fn host_has(&self, name: &str) -> bool {
        self.host.contains_key(name)
    }

    /// What guests may use.
    pub(super) fn offered(&self) -> &[vk::ExtensionProperties] {
        &self.offered
    }

    /// Whether guests may use it.
    pub(super) fn offers(&self, name: &str) -> bool {
        self.offered.iter().any(|offered| offered.extension_name.to_string_lossy() == name)
    }
}

fn carried() -> BTreeMap<&'static str, u32> {
    venus::extensions().map(|(name, _, version)| (name, version)).collect()
}

/// Whether the driver is not to hear of it.
pub(super) fn is_emulated(name: &str) -> bool {
    EMULATED.iter().any(|(emulated, _)| *emulated == name)
}

/// Whether an extension of the instance is one that Venus carries. They are all about what devices can do.
pub(super) fn is_known(name: &str) -> bool {
    carried().contains_key(name)
}

fn name(properties: &vk::ExtensionProperties) -> String {
    properties.extension_name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(name: &str, spec_version: u32) -> vk::ExtensionProperties {
        vk::ExtensionProperties { extension_name: vk::StringArray::from_bytes(name.as_bytes()), spec_version }
    }

    #[test]
    fn what_the_host_has_and_venus_carries_is_offered_unless_it_needs_the_hosts_descriptors() {
        let host = ["VK_KHR_push_descriptor", "VK_KHR_external_fence_fd", "VK_NV_ray_tracing"];
        let extensions = Extensions::new(&host.map(|name| extension(name, 99)));

        assert!(extensions.offers("VK_KHR_push_descriptor"));
        assert!(extensions.offered().iter().all(|offered| offered.spec_version < 99));
        assert!(
            !extensions.offers("VK_KHR_external_fence_fd") && extensions.host_has("VK_KHR_external_fence_fd")
        );
        assert!(!extensions.offers("VK_NV_ray_tracing"));
        assert!(!extensions.offers("VK_KHR_maintenance1"));
        assert!(extensions.offers("VK_KHR_external_semaphore_fd"));
    }
}
