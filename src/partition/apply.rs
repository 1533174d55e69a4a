//! Plans, does and undoes.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::PartitionError;
use super::fit::Fit;
use super::journal::{Journal, Record};
use super::layout::Layout;
use super::plan::{Change, Plan, Proof, Step, plan};
use super::{mig, now, users};
use crate::inventory::{Inventory, Names};
use crate::lease::leases;
use crate::sys::Nvml;

/// What takes writes.
pub trait Kernel {
    /// Writes a text to a file below `/sys`, at once and whole.
    fn write(&mut self, file: &str, text: &str) -> io::Result<()>;
}

/// The kernel itself, or a tree that does nothing of its own.
#[derive(Clone, Debug)]
pub struct Sysfs {
    /// Its `/sys`.
    pub root: PathBuf,
}

impl Kernel for Sysfs {
    fn write(&mut self, file: &str, text: &str) -> io::Result<()> {
        // Never made: a file that vanished is an error. The kernel does not mind what is cut off first.
        let mut open = OpenOptions::new().write(true).truncate(true).open(self.root.join(file))?;
        open.write_all(text.as_bytes())?;
        #[cfg(feature = "faults")]
        crate::fault::reach(&format!("sysfs: {}", file.rsplit('/').next().unwrap_or(file)));
        Ok(())
    }
}

/// A host whose GPUs are cut.
#[derive(Debug)]
pub struct Host<'a> {
    root: &'a Path,
    state: Option<&'a Path>,
    nvml: Option<&'a str>,
}

/// What is looked at before something is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Whether it can be, and whether what it takes away is used.
    Fit,
    /// The latter alone: what was can be, whatever drivers offer halfway.
    Users,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// In this order.
    pub changes: Vec<Change>,
}

impl<'a> Host<'a> {
    /// The host whose `/sys` lies at this root.
    pub fn new(root: &'a Path) -> Self {
        Self { root, state: None, nvml: None }
    }

    /// What vGPUs have, whose daemon keeps its state in this folder, is not to be taken away.
    #[must_use]
    pub fn leased_by(self, state: &'a Path) -> Self {
        Self { state: Some(state), ..self }
    }

    /// NVIDIA's management library of this name or path knows its GPUs; without one their MIG instances are not known.
    #[must_use]
    pub fn known_to(self, nvml: Option<&'a str>) -> Self {
        Self { nvml, ..self }
    }

    /// How its GPUs are cut now: a layout that changes nothing.
    pub fn export(&self) -> Result<Layout, PartitionError> {
        let inventory = self.look()?;
        let layout = now::layout(self.root, &inventory);
        // What cannot be read is not to be missing in it.
        layout.gpus.iter().try_for_each(|gpu| mig::is_read(inventory.find(gpu.address)?))?;
        Ok(layout)
    }

    /// What a layout would change; refuses one that cannot be, or that takes away what is in use.
    pub fn plan(&self, wanted: &Layout) -> Result<Vec<Change>, PartitionError> {
        Ok(self.consider(wanted, Check::Fit)?.1)
    }

    /// Does what a layout says. `told` hears of all changes before the first one is made.
    pub fn apply(
        &self,
        kernel: &mut dyn Kernel,
        state: &Path,
        wanted: &Layout,
        told: impl FnOnce(&[Change]),
    ) -> Result<Applied, PartitionError> {
        let journal = Journal::open(state)?;
        let root = self.tree()?;
        let last = journal.last()?.filter(|record| !record.finished);
        if last.as_ref().is_some_and(|record| !record.waiting || record.root != root) {
            return Err(PartitionError::CutOff);
        }
        let (before, changes) = self.consider(wanted, Check::Fit)?;
        told(&changes);
        if changes.is_empty() && last.is_none() {
            return Ok(Applied { changes });
        }
        // What was before the part that waited for a reset is what was before.
        let before = last.map_or_else(|| before.clone(), |record| record.before.and(before.clone()));
        let mut record = Record { root, before, wanted: wanted.clone(), finished: false, waiting: false };
        journal.write(&record)?;
        let made = self.make(kernel, &changes);
        record.finished = made.is_ok();
        record.waiting = matches!(made, Err(PartitionError::AfterReset { .. }));
        if record.finished || record.waiting {
            journal.write(&record)?;
        }
        made.map(|()| Applied { changes })
    }

    /// Puts back what was before the last change, however far that came.
    pub fn rollback(
        &self,
        kernel: &mut dyn Kernel,
        state: &Path,
        told: impl FnOnce(&[Change]),
    ) -> Result<Applied, PartitionError> {
        let journal = Journal::open(state)?;
        let Some(mut record) = journal.last()? else { return Err(PartitionError::NoJournal(journal.path())) };
        let asked = self.tree()?;
        if record.root != asked {
            return Err(PartitionError::OtherTree { of: record.root, asked });
        }
        let (_, changes) = self.consider(&record.before, Check::Users)?;
        told(&changes);
        // From here on neither layout holds until this is through.
        (record.finished, record.waiting) = (false, false);
        journal.write(&record)?;
        self.make(kernel, &changes)?;
        journal.clear()?;
        Ok(Applied { changes })
    }

    fn look(&self) -> Result<Inventory, PartitionError> {
        let mut inventory = Inventory::read(self.root, &Names::default())?;
        if let Some(library) = self.nvml {
            inventory.ask_nvml(library);
        }
        Ok(inventory)
    }

    fn tree(&self) -> Result<PathBuf, PartitionError> {
        let failed = |error| PartitionError::State { path: self.root.to_owned(), error };
        self.root.canonicalize().map_err(failed)
    }

    /// What is now of the GPUs that a layout names, and what it would change.
    fn consider(&self, wanted: &Layout, check: Check) -> Result<(Layout, Vec<Change>), PartitionError> {
        let inventory = self.look()?;
        let leases = self.state.map_or_else(|| Ok(Vec::new()), leases);
        let leases = leases.map_err(|(path, error)| PartitionError::State { path, error })?;
        let mut before = Layout::default();
        let mut changes = Vec::new();
        for wanted in &wanted.gpus {
            let gpu = inventory.find(wanted.address)?;
            if before.gpus.iter().any(|other| other.address == wanted.address) {
                let problem = "it is laid out twice".to_owned();
                let remedy = "put everything about it under one [[gpu]]".to_owned();
                return Err(PartitionError::Unfit { gpu: wanted.address, problem, remedy });
            }
            let now = now::of_gpu(self.root, &inventory, gpu);
            if check == Check::Fit {
                Fit { root: self.root, inventory: &inventory, gpu, now: &now, wanted }.check()?;
            }
            mig::is_known(gpu, wanted)?;
            let Plan { changes: more, taken } = plan(gpu, &now, wanted);
            users::check(self.root, gpu, &taken, &leases)?;
            changes.extend(more);
            before.gpus.push(now);
        }
        Ok((before, changes))
    }

    fn make(&self, kernel: &mut dyn Kernel, changes: &[Change]) -> Result<(), PartitionError> {
        let by_nvml = changes.iter().any(|change| matches!(change.step, Step::Nvml { .. }));
        // That changes are to be made by it says that it could be asked.
        let nvml = self.nvml.filter(|_| by_nvml).map(Nvml::open).transpose()?;
        let all = changes.len();
        for (done, change) in changes.iter().enumerate() {
            let made = match (&change.step, &nvml) {
                (Step::Write { file, write }, _) => {
                    kernel.write(file, write).and_then(|()| self.prove(change, file, write)).map(|()| None)
                }
                (Step::Nvml { nvml: call }, Some(nvml)) => mig::make(nvml, change.gpu, call),
                (Step::Nvml { .. }, None) => Err(io::Error::from(io::ErrorKind::Unsupported)),
            };
            match made {
                Ok(None) => {}
                Ok(Some(why)) => return Err(PartitionError::AfterReset { gpu: change.gpu, why, done, all }),
                Err(error) => {
                    let change = Box::new(change.clone());
                    return Err(PartitionError::Write { change, error, done, all });
                }
            }
        }
        Ok(())
    }

    /// Whether the kernel did what it was told.
    fn prove(&self, change: &Change, file: &str, write: &str) -> io::Result<()> {
        let there = |path: &str| self.root.join(path).symlink_metadata().is_ok();
        match &change.proof {
            Proof::Reads => {
                let says = now::read(self.root, file).unwrap_or_default();
                match says == write {
                    true => Ok(()),
                    false => Err(io::Error::other(format!("/sys/{file} says {says:?} after it"))),
                }
            }
            Proof::Exists(path) if !there(path) => {
                Err(io::Error::other(format!("/sys/{path} did not appear")))
            }
            Proof::Gone(path) if there(path) => Err(io::Error::other(format!("/sys/{path} is still there"))),
            _ => Ok(()),
        }
    }
}
