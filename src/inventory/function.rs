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
    /// How the kernel resets it, in its words and in the order that it tries them, as `flr bus`; nothing where it
    /// knows no way. Kernels before 5.15 do not say which: `unknown`.
    pub reset_methods: Option<String>,
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
            reset_methods: reset_methods(&mut reader, &folder),
        })
    }

    /// Its folder below `/sys`.
    pub fn folder(address: PciAddress) -> String {
        format!("bus/pci/devices/{address}")
    }
}

/// The kernel leaves both files out where it knows no way.
fn reset_methods(reader: &mut Reader<'_>, folder: &str) -> Option<String> {
    let methods = reader.text(&format!("{folder}/reset_method")).filter(|text| !text.is_empty());
    methods.or_else(|| {
        let is_old = !reader.has(&format!("{folder}/reset_method")) && reader.has(&format!("{folder}/reset"));
        is_old.then(|| "unknown".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn how_a_function_is_reset_is_what_the_kernel_says() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("function");
        fs::create_dir(&folder).unwrap();
        let methods = || reset_methods(&mut Reader::new(root.path()), "function");

        assert_eq!(methods(), None);
        fs::write(folder.join("reset"), "").unwrap();
        assert_eq!(methods().as_deref(), Some("unknown"));
        fs::write(folder.join("reset_method"), "\n").unwrap();
        assert_eq!(methods(), None, "all ways were taken out");
        fs::write(folder.join("reset_method"), "flr bus\n").unwrap();
        assert_eq!(methods().as_deref(), Some("flr bus"));
    }
}
