//! What to do to get from one layout to another.

use std::fmt;

use serde::Serialize;

use super::layout::{Function, GpuLayout, Mdev};
use super::mig::{self, MigCall};
use super::now::{folder, profile};
use crate::inventory::{Gpu, GpuInstance, PciAddress};

/// One step on the way from what is to what is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The GPU.
    pub gpu: PciAddress,
    /// What of it, in words.
    pub what: String,
    /// By what it is changed.
    #[serde(flatten)]
    pub step: Step,
    /// What shows that it was done.
    #[serde(skip)]
    pub(super) proof: Proof,
}

/// By what something is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// A write to a file of the kernel's.
    Write {
        /// The file below `/sys`.
        file: String,
        /// What is written.
        write: String,
    },
    /// A call of NVIDIA's management library.
    Nvml {
        /// Which.
        nvml: MigCall,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { file, write } => write!(out, "{write} > /sys/{file}"),
            Self::Nvml { nvml } => nvml.fmt(out),
        }
    }
}

/// What shows that a change was made: the kernel may take a write and do less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing: drivers may round.
    Nothing,
    /// The file reads as it was written.
    Reads,
    /// Something is there.
    Exists(String),
    /// Something is there no more.
    Gone(String),
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.gpu, self.what)
    }
}

/// Something that changes take away, which nobody may be using.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A virtual function, by number, or its type.
    Function(u32),
    /// A mediated device, by UUID.
    Mdev(String),
    /// All of the GPU.
    Whole,
    /// A MIG instance, with all that is in it.
    Instance(GpuInstance),
    /// A compute instance in one, by number.
    Compute(GpuInstance, u32),
}

/// What to do to a GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) taken: Vec<Piece>,
}

/// Whether the virtual functions are made anew: the kernel lets their number go up from 0 only.
pub(super) fn is_recut(now: &GpuLayout, wanted: &GpuLayout) -> bool {
    wanted.vfs.is_some() && wanted.vfs != now.vfs
}

/// The mediated devices that are to go.
fn unwanted<'a>(now: &'a GpuLayout, wanted: &GpuLayout) -> Vec<&'a Mdev> {
    let recut = is_recut(now, wanted);
    let stays = |mdev: &Mdev| {
        let asked = wanted.mdevs.as_ref().is_none_or(|list| list.contains(mdev));
        asked && (!recut || mdev.vf.is_none())
    };
    now.mdevs.iter().flatten().filter(|mdev| !stays(mdev)).collect()
}

/// The mediated devices that are to come.
pub(super) fn missing<'a>(now: &GpuLayout, wanted: &'a GpuLayout) -> Vec<&'a Mdev> {
    let gone = unwanted(now, wanted);
    let there = |mdev: &Mdev| now.mdevs.iter().flatten().any(|other| other == mdev) && !gone.contains(&mdev);
    wanted.mdevs.iter().flatten().filter(|mdev| !there(mdev)).collect()
}

/// The steps that get a GPU from one layout to another, in order: what is on functions goes before they do, and comes
/// after them.
pub(super) fn plan(gpu: &Gpu, now: &GpuLayout, wanted: &GpuLayout) -> Plan {
    let mut planner = Planner { gpu, now, wanted, recut: is_recut(now, wanted), plan: Plan::default() };
    planner.remove_mdevs();
    planner.take_types();
    planner.take_functions();
    planner.cut_into_instances();
    planner.set_autoprobe();
    planner.set_profiles();
    planner.make_functions();
    planner.give_types();
    planner.make_mdevs();
    planner.plan
}

struct Planner<'a> {
    gpu: &'a Gpu,
    now: &'a GpuLayout,
    wanted: &'a GpuLayout,
    recut: bool,
    plan: Plan,
}

impl Planner<'_> {
    fn change(&mut self, what: String, file: String, write: &str, proof: Proof) {
        let step = Step::Write { file, write: write.to_owned() };
        self.plan.changes.push(Change { gpu: self.gpu.address, what, step, proof });
    }

    fn remove_mdevs(&mut self) {
        for mdev in unwanted(self.now, self.wanted) {
            let there = format!("bus/mdev/devices/{}", mdev.uuid);
            let what = format!("remove mdev {} ({})", mdev.uuid, mdev.kind);
            self.change(what, format!("{there}/remove"), "1", Proof::Gone(there));
            self.plan.taken.push(Piece::Mdev(mdev.uuid.clone()));
        }
    }

    fn take_types(&mut self) {
        for Function { number, vgpu_type, .. } in &self.now.functions {
            let Some(before) = vgpu_type.filter(|kind| *kind != 0) else { continue };
            let asked = of_number(self.wanted, *number).and_then(|function| function.vgpu_type);
            if self.recut || asked.is_some_and(|asked| asked != before) {
                let what = format!("take type {before} from VF {number}");
                self.change(what, type_file(self.gpu, *number), "0", Proof::Reads);
                self.plan.taken.push(Piece::Function(*number));
            }
        }
    }

    fn take_functions(&mut self) {
        if self.recut
            && let Some(count) = self.now.vfs.filter(|count| *count > 0)
        {
            let file = format!("{}/sriov_numvfs", folder(self.gpu));
            self.change(format!("take back {count} VFs"), file, "0", Proof::Reads);
            self.plan.taken.extend((0..count).map(Piece::Function));
        }
    }

    /// While there are no functions that would be made anew: types of vGPU on functions are made of instances.
    fn cut_into_instances(&mut self) {
        let mig::Plan { calls, taken } = mig::plan(self.gpu, self.now, self.wanted);
        let change = |(what, nvml)| {
            let step = Step::Nvml { nvml };
            // The library's own answer is looked at after each call.
            Change { gpu: self.gpu.address, what, step, proof: Proof::Nothing }
        };
        self.plan.changes.extend(calls.into_iter().map(change));
        self.plan.taken.extend(taken);
    }

    fn set_autoprobe(&mut self) {
        let Some(probe) = self.wanted.drivers_autoprobe else { return };
        if self.now.drivers_autoprobe != Some(probe) {
            let what = if probe { "bind new VFs to host drivers" } else { "leave new VFs without a driver" };
            let file = format!("{}/sriov_drivers_autoprobe", folder(self.gpu));
            self.change(what.to_owned(), file, if probe { "1" } else { "0" }, Proof::Reads);
        }
    }

    /// Before functions are made: memory that is set then keeps the driver from sharing it out itself.
    fn set_profiles(&mut self) {
        for function in &self.wanted.functions {
            let before = of_number(self.now, function.number).filter(|_| !self.recut);
            let before = before.map(Function::settings).unwrap_or_default();
            for setting in function.settings().into_iter().filter(|setting| !before.contains(setting)) {
                let (file, value) = setting;
                let what = format!("set {file} of VF {} to {value}", function.number);
                self.change(what, profile(self.gpu, function.number, file), &value, Proof::Nothing);
            }
        }
    }

    fn make_functions(&mut self) {
        if self.recut
            && let Some(count) = self.wanted.vfs.filter(|count| *count > 0)
        {
            let file = format!("{}/sriov_numvfs", folder(self.gpu));
            self.change(format!("make {count} VFs"), file, &count.to_string(), Proof::Reads);
        }
    }

    fn give_types(&mut self) {
        for Function { number, vgpu_type, .. } in &self.wanted.functions {
            let Some(kind) = vgpu_type.filter(|kind| *kind != 0) else { continue };
            let before = of_number(self.now, *number).and_then(|function| function.vgpu_type);
            if self.recut || before != Some(kind) {
                let file = type_file(self.gpu, *number);
                self.change(format!("give VF {number} type {kind}"), file, &kind.to_string(), Proof::Reads);
            }
        }
    }

    fn make_mdevs(&mut self) {
        for mdev in missing(self.now, self.wanted) {
            let on = mdev.vf.map(|number| format!(" on VF {number}")).unwrap_or_default();
            let what = format!("make mdev {} ({}){on}", mdev.uuid, mdev.kind);
            let file = format!("{}/mdev_supported_types/{}/create", parent(self.gpu, mdev.vf), mdev.kind);
            let there = Proof::Exists(format!("bus/mdev/devices/{}", mdev.uuid));
            self.change(what, file, &mdev.uuid, there);
        }
    }
}

fn of_number(layout: &GpuLayout, number: u32) -> Option<&Function> {
    layout.functions.iter().find(|function| function.number == number)
}

/// The folder of what mediated devices are made on.
fn parent(gpu: &Gpu, vf: Option<u32>) -> String {
    match vf {
        Some(number) => format!("{}/virtfn{number}", folder(gpu)),
        None => folder(gpu),
    }
}

fn type_file(gpu: &Gpu, number: u32) -> String {
    format!("{}/nvidia/current_vgpu_type", parent(gpu, Some(number)))
}
