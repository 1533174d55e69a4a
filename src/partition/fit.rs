//! Whether a layout can be had of a GPU, told before anything is changed.
//!
//! What is on functions that are not made yet cannot be known in advance: there the kernel's answer to the write
//! counts.

use std::path::Path;

use super::error::PartitionError;
use super::layout::{Function, GpuLayout, Mdev};
use super::mig;
use super::now::{self, profile};
use super::plan::{is_recut, missing, plan};
use crate::inventory::{Gpu, Inventory, MdevType, Method, Reason, unchangeable_vfs};

/// A GPU with what it is and what it is to be.
pub(super) struct Fit<'a> {
    pub(super) root: &'a Path,
    pub(super) inventory: &'a Inventory,
    pub(super) gpu: &'a Gpu,
    pub(super) now: &'a GpuLayout,
    pub(super) wanted: &'a GpuLayout,
}

impl Fit<'_> {
    /// Refuses what cannot be.
    pub(super) fn check(&self) -> Result<(), PartitionError> {
        if let Some(of) = self.gpu.physical_function {
            return Err(self.unfit("it is a virtual function", format!("lay out {of} instead, whose it is")));
        }
        mig::check(self.gpu, self.wanted)?;
        self.repeated()?;
        self.count()?;
        self.wanted.functions.iter().try_for_each(|function| self.function(function))?;
        missing(self.now, self.wanted).into_iter().try_for_each(|mdev| self.mdev(mdev))
    }

    fn unfit(&self, problem: impl Into<String>, remedy: impl Into<String>) -> PartitionError {
        PartitionError::Unfit { gpu: self.gpu.address, problem: problem.into(), remedy: remedy.into() }
    }

    fn repeated(&self) -> Result<(), PartitionError> {
        let functions = &self.wanted.functions;
        let numbers = |number| functions.iter().filter(|function| function.number == number).count();
        if let Some(twice) = functions.iter().find(|function| numbers(function.number) > 1) {
            return Err(self.unfit(format!("VF {} is named twice", twice.number), "name each VF once"));
        }
        let mdevs: Vec<&Mdev> = self.wanted.mdevs.iter().flatten().collect();
        let uuids = |uuid: &str| mdevs.iter().filter(|mdev| mdev.uuid == uuid).count();
        match mdevs.iter().find(|mdev| uuids(&mdev.uuid) > 1) {
            Some(twice) => {
                Err(self.unfit(format!("mdev {} is named twice", twice.uuid), "give each a UUID of its own"))
            }
            None => Ok(()),
        }
    }

    /// The number of functions.
    fn count(&self) -> Result<(), PartitionError> {
        if !is_recut(self.now, self.wanted) {
            return Ok(());
        }
        let asked = self.wanted.vfs.unwrap_or_default();
        let way = self.gpu.ways.iter().find(|way| way.method == Method::Sriov);
        let forbids = way.and_then(|way| way.reasons.iter().find(|reason| reason.forbids)).cloned();
        // Where there are none by SR-IOV, none is what there is.
        let forbids =
            forbids.or_else(|| unchangeable_vfs(self.gpu)).filter(|_| self.now.vfs.is_some() || asked > 0);
        if let Some(Reason { file, found, remedy, .. }) = forbids {
            return Err(
                self.unfit(format!("there cannot be {asked} VFs: {}: {found}", file.display()), remedy)
            );
        }
        let most = self.gpu.sriov.as_ref().map_or(0, |sriov| sriov.vfs_max);
        match asked > most {
            true => {
                let problem = format!("{asked} VFs are asked for, and {most} are the most that it has");
                Err(self.unfit(problem, format!("ask for {most} at most")))
            }
            false => Ok(()),
        }
    }

    fn function(&self, function: &Function) -> Result<(), PartitionError> {
        let number = function.number;
        self.is_there(number, &format!("VF {number} is laid out"))?;
        let missing = function.settings().into_iter().map(|(file, _)| profile(self.gpu, number, file));
        if let Some(file) = missing.into_iter().find(|file| !self.root.join(file).exists()) {
            let problem = format!("VF {number} cannot be set so: /sys/{file} is not there");
            let remedy =
                "only Intel's xe has such files: times and priority since Linux 6.19, memory since 7.0";
            return Err(self.unfit(problem, remedy));
        }
        match function.vgpu_type {
            Some(kind) => self.vgpu_type(number, kind),
            None => Ok(()),
        }
    }

    fn is_there(&self, number: u32, what: &str) -> Result<(), PartitionError> {
        let vfs = self.wanted.vfs.or(self.now.vfs).unwrap_or_default();
        match number < vfs {
            true => Ok(()),
            false => Err(self.unfit(
                format!("{what}, and there are to be {vfs}, counted from 0"),
                "raise `vfs`, or leave it out",
            )),
        }
    }

    fn vgpu_type(&self, number: u32, kind: u32) -> Result<(), PartitionError> {
        let functions = now::functions(self.inventory, self.gpu);
        let vf =
            functions.iter().find(|(other, _)| *other == number).filter(|_| !is_recut(self.now, self.wanted));
        // One that is not made yet tells nothing.
        let Some((_, vf)) = vf else { return Ok(()) };
        let Some(vgpu) = &vf.vendor_vfio else {
            let way = vf.ways.iter().find(|way| way.method == Method::VendorVfio);
            let reason = way.and_then(|way| way.reasons.iter().find(|reason| reason.forbids));
            let remedy = reason.map_or("only NVIDIA's functions have types of vGPU", |reason| &reason.remedy);
            return Err(self.unfit(format!("VF {number} ({}) takes no types of vGPU", vf.address), remedy));
        };
        let offered = vgpu.creatable.iter().any(|creatable| creatable.id == kind);
        let fits = kind == 0 || vgpu.current == Some(kind) || self.makes_room() || offered;
        if fits {
            return Ok(());
        }
        let free: Vec<String> =
            vgpu.creatable.iter().map(|creatable| format!("{} ({})", creatable.id, creatable.name)).collect();
        let free = if free.is_empty() {
            "no type is left".to_owned()
        } else {
            format!("free are {}", free.join(", "))
        };
        let problem = format!("VF {number} ({}) cannot be of type {kind}: {free}", vf.address);
        Err(self.unfit(problem, "choose one of these, or take back other vGPUs of this GPU"))
    }

    fn mdev(&self, mdev: &Mdev) -> Result<(), PartitionError> {
        let Some(number) = mdev.vf else { return self.mdev_on(self.gpu, mdev) };
        self.is_there(number, &format!("mdev {} is on VF {number}", mdev.uuid))?;
        let functions = now::functions(self.inventory, self.gpu);
        let vf =
            functions.iter().find(|(other, _)| *other == number).filter(|_| !is_recut(self.now, self.wanted));
        vf.map_or(Ok(()), |(_, vf)| self.mdev_on(vf, mdev))
    }

    fn mdev_on(&self, on: &Gpu, mdev: &Mdev) -> Result<(), PartitionError> {
        let others = self.inventory.devices.iter().filter(|gpu| self.is_elsewhere(gpu));
        if let Some(other) = others.into_iter().find(|gpu| has(gpu, &mdev.uuid)) {
            let problem = format!("there is an mdev {} already, on {}", mdev.uuid, other.address);
            return Err(self.unfit(problem, "give the new one another UUID (uuidgen)"));
        }
        let offered = |mdev_type: &&MdevType| mdev_type.id == mdev.kind;
        let Some(mdev_type) = on.mdev_types.iter().find(offered) else {
            let known: Vec<&str> = on.mdev_types.iter().map(|mdev_type| mdev_type.id.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let problem =
                format!("mdevs of type {} are not offered on {}: {known} are", mdev.kind, on.address);
            return Err(
                self.unfit(problem, format!("choose one of them; `vgpu gpu show {}` says more", on.address))
            );
        };
        if self.makes_room() {
            return Ok(());
        }
        let same = |other: &&&Mdev| other.kind == mdev.kind && other.vf == mdev.vf;
        let asked = missing(self.now, self.wanted).iter().filter(same).count();
        let free = mdev_type
            .available_instances
            .map_or(usize::MAX, |free| usize::try_from(free).unwrap_or(usize::MAX));
        match asked > free {
            true => {
                let problem = format!("mdevs of type {}: {asked} more asked for, {free} free", mdev.kind);
                Err(self.unfit(problem, "ask for fewer, or remove others"))
            }
            false => Ok(()),
        }
    }

    /// Whether something goes, and makes room of which only the driver knows how much.
    fn makes_room(&self) -> bool {
        !plan(self.gpu, self.now, self.wanted).taken.is_empty()
    }

    /// Whether this is neither the GPU nor one of its functions.
    fn is_elsewhere(&self, other: &Gpu) -> bool {
        let own = self.gpu.address;
        other.address != own && other.physical_function != Some(own)
    }
}

fn has(gpu: &Gpu, uuid: &str) -> bool {
    gpu.mdev_types.iter().any(|mdev_type| mdev_type.devices.iter().any(|device| device == uuid))
}
