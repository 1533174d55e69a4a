//! Any PCI function, GPU or not: what can be handed over, or must go with it.

use std::path::Path;

use super::address::PciAddress;
use super::iommu::{self, IommuGroup};
use super::tree::Reader;
use super::ways::{Reason, no_group};
use super::{InventoryError, addresses, near};

/// A PCI function as the kernel shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Where it is.
    pub address: PciAddress,
    /// What drives it.
    pub driver: Option<String>,
    /// The one driver that may have it, if it is kept for one.
    pub driver_override: Option<String>,
    /// What can only be handed over with it, or why nothing keeps it apart from the host.
    pub group: Result<IommuGroup, Reason>,
    /// Whether virtual functions are made of it.
    pub has_functions: bool,
}

impl Function {
    /// Reads the one at an address.
    pub fn read(root: &Path, address: PciAddress) -> Result<Self, InventoryError> {
        let folder = Self::folder(address);
        let mut reader = Reader::new(root);
        if !reader.has(&folder) {
            return Err(InventoryError::NoFunction { address, near: near(address, addresses(root)?) });
        }
        let group = iommu::group(&mut reader, &folder, address);
        Ok(Self {
            address,
            driver: reader.link(&format!("{folder}/driver")),
            driver_override: reader
                .text(&format!("{folder}/driver_override"))
                .filter(|text| !text.is_empty() && text != "(null)"),
            group: group.ok_or_else(|| no_group(&mut reader, &folder)),
            has_functions: reader.has(&format!("{folder}/virtfn0")),
        })
    }

    /// Its folder below `/sys`.
    pub fn folder(address: PciAddress) -> String {
        format!("bus/pci/devices/{address}")
    }
}
