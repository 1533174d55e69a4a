//! IOMMU groups: what can only be handed over together, for the hardware does not keep it apart.

use serde::Serialize;

use super::address::PciAddress;
use super::tree::Reader;

/// The group that a GPU is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IommuGroup {
    /// Its number: a VMM opens `/dev/vfio/NUMBER`.
    pub number: u32,
    /// What else is in it, by address.
    pub others: Vec<Neighbour>,
}

/// Another device in a GPU's group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Where it is.
    pub address: PciAddress,
    /// Whether it is a bridge, which no guest gets and which may keep its driver.
    pub bridge: bool,
    /// What drives it.
    pub driver: Option<String>,
}

/// Upper 8 bits of a PCI class.
const BRIDGE: u32 = 0x06;

impl Neighbour {
    /// Whether its driver keeps the group from being handed over: VFIO wants each device of a group without a driver
    /// or with one that leaves it to VFIO.
    pub fn in_the_way(&self) -> bool {
        let harmless = |driver: &str| driver.contains("vfio") || driver == "pci-stub";
        !self.bridge && self.driver.as_deref().is_some_and(|driver| !harmless(driver))
    }
}

/// The group of the device in this folder; nothing where there is no IOMMU before it.
pub(super) fn group(reader: &mut Reader<'_>, folder: &str, own: PciAddress) -> Option<IommuGroup> {
    let link = format!("{folder}/iommu_group");
    let name = reader.link(&link)?;
    let Ok(number) = name.parse() else {
        reader.complain(&link, format!("leads to {name:?}, which is no group's number"));
        return None;
    };
    let names = reader.names(&format!("kernel/iommu_groups/{number}/devices"));
    let addresses = names.iter().filter_map(|name| name.parse().ok());
    let others = addresses.filter(|address| *address != own);
    Some(IommuGroup { number, others: others.map(|address| neighbour(reader, address)).collect() })
}

fn neighbour(reader: &mut Reader<'_>, address: PciAddress) -> Neighbour {
    let folder = format!("bus/pci/devices/{address}");
    let class = reader.hex(&format!("{folder}/class"));
    let bridge = class.is_some_and(|class| class >> 16 == BRIDGE);
    Neighbour { address, bridge, driver: reader.link(&format!("{folder}/driver")) }
}
