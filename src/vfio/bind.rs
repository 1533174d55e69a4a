//! Binds and gives back.

use std::io;
use std::path::{Path, PathBuf};

use super::error::BindError;
use super::journal::{Before, Journal};
use crate::inventory::{Function, IommuGroup, Neighbour, PciAddress};
use crate::lease::{holders, leases};
use crate::partition::{Kernel, who_has_open};

const VFIO_PCI: &str = "vfio-pci";

/// Binds the functions of a host.
#[derive(Debug)]
pub struct Binder<'a> {
    root: &'a Path,
    state: &'a Path,
}

impl<'a> Binder<'a> {
    /// Of the host whose `/sys` lies at this root; what was before is kept in the daemon's state folder.
    pub fn new(root: &'a Path, state: &'a Path) -> Self {
        Self { root, state }
    }

    /// Binds these functions to vfio-pci, and gives the IOMMU groups that they are in. All of a group goes at once.
    pub fn bind(
        &self,
        kernel: &mut dyn Kernel,
        addresses: &[PciAddress],
    ) -> Result<Vec<IommuGroup>, BindError> {
        let journal = Journal::open(self.state)?;
        let functions: Vec<Function> =
            addresses.iter().map(|address| Function::read(self.root, *address)).collect::<Result<_, _>>()?;
        let groups =
            functions.iter().map(|function| self.fit(function, addresses)).collect::<Result<_, _>>()?;
        for function in &functions {
            self.bind_one(kernel, &journal, function)?;
        }
        Ok(groups)
    }

    /// Gives a function back to what had it before.
    pub fn unbind(&self, kernel: &mut dyn Kernel, address: PciAddress) -> Result<Function, BindError> {
        let journal = Journal::open(self.state)?;
        let function = Function::read(self.root, address)?;
        self.is_free(address)?;
        let Some(before) = journal.read(address)? else {
            return Err(BindError::NotOurs { address, path: journal.path(address) });
        };
        self.is_of_this_tree(address, &before)?;
        self.is_unused(address)?;
        if function.driver.as_deref() == Some(VFIO_PCI) {
            self.take_from_driver(kernel, address)?;
        }
        let kept = before.driver_override.clone().unwrap_or_default();
        if function.driver_override != before.driver_override {
            // An empty line ends it.
            let text = format!("{kept}\n");
            self.write(kernel, address, format!("{}/driver_override", Function::folder(address)), &text)?;
        }
        if let Some(driver) = before.driver
            && self.driver(address)?.is_none()
        {
            self.write(kernel, address, format!("bus/pci/drivers/{driver}/bind"), &address.to_string())?;
            self.expect_driver(address, &format!("bus/pci/drivers/{driver}/bind"), Some(&driver))?;
        }
        journal.clear(address)?;
        Ok(Function::read(self.root, address)?)
    }

    /// The group of a function that is bound, and that nobody has.
    pub fn bound(&self, address: PciAddress) -> Result<IommuGroup, BindError> {
        let function = Function::read(self.root, address)?;
        if function.driver.as_deref() != Some(VFIO_PCI) {
            return Err(BindError::NotBound { address, driver: function.driver });
        }
        let group = viable(&function, &[])?;
        self.is_free(address)?;
        self.is_unused(address)?;
        Ok(group.clone())
    }

    /// Refuses what must not be bound.
    fn fit(&self, function: &Function, together: &[PciAddress]) -> Result<IommuGroup, BindError> {
        let address = function.address;
        let group = viable(function, together)?;
        if function.has_functions {
            return Err(BindError::HasFunctions(address));
        }
        if !self.root.join("bus/pci/drivers").join(VFIO_PCI).exists() {
            return Err(BindError::NoDriver);
        }
        self.is_free(address)?;
        self.is_unused(address)?;
        Ok(group.clone())
    }

    fn bind_one(
        &self,
        kernel: &mut dyn Kernel,
        journal: &Journal,
        function: &Function,
    ) -> Result<(), BindError> {
        let address = function.address;
        let is_bound = function.driver.as_deref() == Some(VFIO_PCI);
        let is_kept = function.driver_override.as_deref() == Some(VFIO_PCI);
        match journal.read(address)? {
            // On its way, or bound already.
            Some(before) if is_bound || is_kept || function.driver.is_none() => {
                self.is_of_this_tree(address, &before)?;
            }
            // Bound by somebody else, who is to take it back.
            None if is_bound => return Ok(()),
            _ => journal.write(address, &self.before(function)?)?,
        }
        let folder = Function::folder(address);
        if !is_kept {
            self.write(kernel, address, format!("{folder}/driver_override"), VFIO_PCI)?;
        }
        if function.driver.is_some() && !is_bound {
            self.take_from_driver(kernel, address)?;
        }
        if !is_bound {
            self.write(kernel, address, "bus/pci/drivers_probe".to_owned(), &address.to_string())?;
            self.expect_driver(address, "bus/pci/drivers_probe", Some(VFIO_PCI))?;
        }
        Ok(())
    }

    fn before(&self, function: &Function) -> Result<Before, BindError> {
        let Function { driver, driver_override, .. } = function.clone();
        Ok(Before { root: self.tree()?, driver, driver_override })
    }

    fn tree(&self) -> Result<PathBuf, BindError> {
        let failed = |error| BindError::State { path: self.root.to_owned(), error };
        self.root.canonicalize().map_err(failed)
    }

    fn is_of_this_tree(&self, address: PciAddress, before: &Before) -> Result<(), BindError> {
        match before.root == self.tree()? {
            true => Ok(()),
            false => Err(BindError::OtherTree { address, of: before.root.clone() }),
        }
    }

    fn is_free(&self, address: PciAddress) -> Result<(), BindError> {
        let leases = leases(self.state).map_err(|(path, error)| BindError::State { path, error })?;
        match holders(&leases, &address.to_string()) {
            vgpus if vgpus.is_empty() => Ok(()),
            vgpus => Err(BindError::Leased { address, vgpus }),
        }
    }

    fn is_unused(&self, address: PciAddress) -> Result<(), BindError> {
        match who_has_open(self.root, &Function::folder(address))? {
            Some(users) => Err(BindError::InUse { address, users }),
            None => Ok(()),
        }
    }

    fn take_from_driver(&self, kernel: &mut dyn Kernel, address: PciAddress) -> Result<(), BindError> {
        let file = format!("{}/driver/unbind", Function::folder(address));
        self.write(kernel, address, file.clone(), &address.to_string())?;
        self.expect_driver(address, &file, None)
    }

    fn driver(&self, address: PciAddress) -> Result<Option<String>, BindError> {
        Ok(Function::read(self.root, address)?.driver)
    }

    fn write(
        &self,
        kernel: &mut dyn Kernel,
        address: PciAddress,
        file: String,
        text: &str,
    ) -> Result<(), BindError> {
        let written = kernel.write(&file, text);
        written.map_err(|error| BindError::Write { address, file, text: text.trim().to_owned(), error })
    }

    /// The kernel takes a write and may bind nothing: what the link says counts.
    fn expect_driver(&self, address: PciAddress, file: &str, wanted: Option<&str>) -> Result<(), BindError> {
        let driver = self.driver(address)?;
        if driver.as_deref() == wanted {
            return Ok(());
        }
        let error =
            io::Error::other(format!("its driver is {} after it", driver.as_deref().unwrap_or("none")));
        let text = address.to_string();
        Err(BindError::Write { address, file: file.to_owned(), text, error })
    }
}

/// The group of a function, if all that drivers of the host hold of it goes together.
fn viable<'f>(function: &'f Function, together: &[PciAddress]) -> Result<&'f IommuGroup, BindError> {
    let address = function.address;
    let group = match &function.group {
        Ok(group) => group,
        Err(reason) => {
            return Err(BindError::NoIommu { address, reason: Box::new(reason.clone()) });
        }
    };
    let held = |other: &&Neighbour| other.in_the_way() && !together.contains(&other.address);
    let held: Vec<&Neighbour> = group.others.iter().filter(held).collect();
    if !held.is_empty() {
        let text =
            |other: &&Neighbour| format!("{} ({})", other.address, other.driver.as_deref().unwrap_or("-"));
        let all = std::iter::once(address).chain(held.iter().map(|other| other.address)).collect();
        let others = held.iter().map(text).collect();
        return Err(BindError::Group { address, group: group.number, others, all });
    }
    Ok(group)
}
