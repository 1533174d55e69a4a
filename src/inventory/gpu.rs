//! One GPU, or a virtual function of one, as the kernel shows it.

use serde::{Serialize, Serializer};

use super::address::PciAddress;
use super::iommu::{self, IommuGroup};
use super::mdev::{self, MdevType};
use super::names::{AMD, Names};
use super::nvml::NvmlFacts;
use super::sriov::{self, Sriov};
use super::tree::{Reader, Unread};
use super::vendor_vfio::{self, VendorVfio};
use super::vulkan::VulkanDevice;
use super::ways::{self, Way};

/// A GPU of a host, or a virtual function of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// Where it is.
    pub address: PciAddress,
    /// Who made it.
    #[serde(serialize_with = "id")]
    pub vendor_id: u16,
    /// What it is.
    #[serde(serialize_with = "id")]
    pub device_id: u16,
    /// Who made it, in words.
    pub vendor: Option<String>,
    /// What it is, in words.
    pub name: Option<String>,
    /// The driver of the host that it is bound to.
    pub driver: Option<String>,
    /// What can only be handed over with it; nothing where no IOMMU is before it.
    pub iommu_group: Option<IommuGroup>,
    /// The memory that it is near to; nothing where all of it is.
    pub numa_node: Option<u32>,
    /// Whether the firmware showed its messages on it.
    pub boot_vga: bool,
    /// How it is connected; virtual functions have no connection of their own.
    pub link: Option<Link>,
    /// The function that this one is a virtual function of.
    pub physical_function: Option<PciAddress>,
    /// Its own virtual functions.
    pub sriov: Option<Sriov>,
    /// The mediated devices that its driver offers.
    pub mdev_types: Vec<MdevType>,
    /// What NVIDIA's vGPU host driver offers on this virtual function.
    pub vendor_vfio: Option<VendorVfio>,
    /// What NVIDIA's management library says of it, where it was asked.
    pub nvml: Option<NvmlFacts>,
    /// What drivers for Vulkan find there, where they were asked.
    pub vulkan: Vec<VulkanDevice>,
    /// What it can be cut into, and what keeps it from that.
    pub ways: Vec<Way>,
    /// What could not be read of it.
    pub unread: Vec<Unread>,
}

/// A connection to PCI Express, in the kernel's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The most that the GPU can, as `32.0 GT/s PCIe`.
    pub speed_max: String,
    /// What it runs at; GPUs that idle slow down.
    pub speed: Option<String>,
    /// Lanes that the GPU has.
    pub lanes_max: Option<u32>,
    /// Lanes that it uses.
    pub lanes: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's interface")]
fn id<S: Serializer>(id: &u16, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("0x{id:04x}"))
}

/// Upper 8 bits of the PCI class of what draws: VGA, 3D and other display controllers.
const DISPLAY: u32 = 0x03;
/// Upper 16 bits of that of what computes alone. AMD's Instinct since MI300 says so; others that do are no GPUs.
const ACCELERATOR: u32 = 0x1200;

impl Gpu {
    /// Reads the device at this address; nothing where it is no GPU, or has gone.
    pub(super) fn read(
        root: &std::path::Path,
        address: PciAddress,
        names: &Names,
    ) -> Result<Self, Vec<Unread>> {
        let mut reader = Reader::new(root);
        let folder = format!("bus/pci/devices/{address}");
        let mut id = |file| {
            let value = reader.hex(&format!("{folder}/{file}"));
            value.and_then(|value| u16::try_from(value).ok())
        };
        let (vendor_id, device_id) = (id("vendor"), id("device"));
        let class = reader.hex(&format!("{folder}/class"));
        let (Some(vendor_id), Some(device_id), Some(class)) = (vendor_id, device_id, class) else {
            if reader.unread.is_empty() {
                reader.complain(&folder, "vanished while it was looked at");
            }
            return Err(reader.unread);
        };
        if class >> 16 != DISPLAY && (vendor_id, class >> 8) != (AMD, ACCELERATOR) {
            return Err(Vec::new());
        }
        let mut gpu = Self {
            address,
            vendor_id,
            device_id,
            vendor: names.vendor(vendor_id),
            name: names.device(vendor_id, device_id),
            driver: reader.link(&format!("{folder}/driver")),
            iommu_group: iommu::group(&mut reader, &folder, address),
            // -1 where the host has but one.
            numa_node: reader
                .number(&format!("{folder}/numa_node"))
                .and_then(|node: i32| node.try_into().ok()),
            boot_vga: reader.text(&format!("{folder}/boot_vga")).is_some_and(|text| text == "1"),
            link: link(&mut reader, &folder),
            physical_function: reader.link(&format!("{folder}/physfn")).and_then(|name| name.parse().ok()),
            sriov: sriov::sriov(&mut reader, &folder),
            mdev_types: mdev::types(&mut reader, &folder),
            vendor_vfio: vendor_vfio::vendor_vfio(&mut reader, &folder),
            nvml: None,
            vulkan: Vec::new(),
            ways: Vec::new(),
            unread: Vec::new(),
        };
        gpu.ways = ways::ways(&mut reader, &gpu);
        if !reader.has(&folder) {
            reader.complain(&folder, "vanished while it was looked at");
        }
        gpu.unread = reader.unread;
        Ok(gpu)
    }

    /// What to call it where there is little room.
    pub fn title(&self) -> String {
        if let Some(model) = self.nvml.as_ref().and_then(|facts| facts.model.as_ref()) {
            return model.clone();
        }
        let unnamed = || format!("{:04x}:{:04x}", self.vendor_id, self.device_id);
        match (&self.vendor, &self.name) {
            (Some(vendor), Some(name)) => format!("{vendor} {name}"),
            (Some(vendor), None) => format!("{vendor} {:04x}", self.device_id),
            (None, Some(name)) => name.clone(),
            (None, None) => unnamed(),
        }
    }

    /// Its folder below `/sys`.
    pub(super) fn folder(&self) -> String {
        format!("bus/pci/devices/{}", self.address)
    }
}

fn link(reader: &mut Reader<'_>, folder: &str) -> Option<Link> {
    // Virtual functions and devices inside of the processor say that they know none.
    let known = |speed: &String| !speed.starts_with("Unknown");
    let speed_max = reader.text(&format!("{folder}/max_link_speed")).filter(known)?;
    Some(Link {
        speed_max,
        speed: reader.text(&format!("{folder}/current_link_speed")).filter(known),
        lanes_max: reader.number(&format!("{folder}/max_link_width")),
        lanes: reader.number(&format!("{folder}/current_link_width")),
    })
}
