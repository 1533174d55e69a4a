//! Whether a GPU can be cut into the MIG instances that a layout asks for.

use super::super::error::PartitionError;
use super::super::layout::{GpuLayout, Instance};
use super::{asked, of_gpu, slices_of, words};
use crate::inventory::{Gpu, Method, Mig, MigProfile, NVML, Slices};

fn unfit(gpu: &Gpu, problem: impl Into<String>, remedy: impl Into<String>) -> PartitionError {
    PartitionError::Unfit { gpu: gpu.address, problem: problem.into(), remedy: remedy.into() }
}

/// Refuses a layout that speaks of instances where nobody knows which there are.
pub(in super::super) fn is_known(gpu: &Gpu, wanted: &GpuLayout) -> Result<(), PartitionError> {
    if wanted.mig_mode.is_none() && wanted.instances.is_none() {
        return Ok(());
    }
    match of_gpu(gpu) {
        None => Err(unknown(gpu)),
        Some(_) if asked(wanted).is_some() => is_read(gpu),
        Some(_) => Ok(()),
    }
}

/// Refuses a GPU that has instances, and does not say which.
pub(in super::super) fn is_read(gpu: &Gpu) -> Result<(), PartitionError> {
    if of_gpu(gpu).is_none_or(|mig| !mig.enabled || mig.gpu_instances.is_some()) {
        return Ok(());
    }
    let unread = gpu.unread.iter().find(|unread| unread.file.as_os_str() == NVML);
    let problem = unread.map_or("NVML does not say", |unread| unread.problem.as_str());
    Err(unfit(gpu, format!("its MIG instances cannot be read: {problem}"), "only root may"))
}

fn unknown(gpu: &Gpu) -> PartitionError {
    let way = gpu.ways.iter().find(|way| way.method == Method::Mig);
    match way.and_then(|way| way.reasons.iter().find(|reason| reason.forbids)) {
        Some(reason) => {
            let problem = format!("it has no MIG instances: {}: {}", reason.file.display(), reason.found);
            unfit(gpu, problem, reason.remedy.clone())
        }
        None => unfit(
            gpu,
            "whether it has MIG instances is not known: NVML was not asked",
            "only NVIDIA's GPUs have them; of another host's tree, name a library that knows them with --nvml",
        ),
    }
}

/// Refuses what cannot be.
pub(in super::super) fn check(gpu: &Gpu, wanted: &GpuLayout) -> Result<(), PartitionError> {
    is_known(gpu, wanted)?;
    let Some(mig) = of_gpu(gpu) else { return Ok(()) };
    let instances = wanted.instances.as_deref().unwrap_or_default();
    if instances.is_empty() {
        return Ok(());
    }
    mode(gpu, mig, wanted)?;
    let fit = Fit { gpu, mig, instances };
    instances.iter().try_for_each(|instance| fit.instance(instance))?;
    fit.overlaps()?;
    fit.counts()
}

/// The mode, which there must be for instances.
fn mode(gpu: &Gpu, mig: &Mig, wanted: &GpuLayout) -> Result<(), PartitionError> {
    match (wanted.mig_mode, mig.enabled) {
        (Some(true), _) | (None, true) => Ok(()),
        (Some(false), _) => {
            let problem = "MIG instances are laid out, and MIG mode is to be off";
            Err(unfit(gpu, problem, "leave out one of `mig` and `mig_mode = false`"))
        }
        (None, false) if mig.pending => {
            let remedy = format!(
                "reset it once nothing uses it: nvidia-smi -i {} --gpu-reset; then apply this again",
                gpu.address
            );
            Err(unfit(gpu, "MIG instances are laid out, and MIG mode is on after a reset only", remedy))
        }
        (None, false) => Err(unfit(
            gpu,
            "MIG instances are laid out, and MIG mode is off",
            "add `mig_mode = true` to the layout of this GPU",
        )),
    }
}

struct Fit<'a> {
    gpu: &'a Gpu,
    mig: &'a Mig,
    instances: &'a [Instance],
}

impl Fit<'_> {
    fn profile(&self, instance: &Instance) -> Option<&MigProfile> {
        self.mig.profiles.iter().find(|profile| profile.name == instance.profile)
    }

    /// Which slices it takes; nothing where the driver does not tell.
    fn slices(&self, instance: &Instance) -> Option<Slices> {
        let mut placements = self.profile(instance)?.placements.iter();
        placements.find(|place| place.start == instance.placement).copied()
    }

    fn instance(&self, instance: &Instance) -> Result<(), PartitionError> {
        let Some(profile) = self.profile(instance) else {
            let known: Vec<&str> = self.mig.profiles.iter().map(|profile| profile.name.as_str()).collect();
            let problem =
                format!("there is no MIG profile {}: it has {}", instance.profile, known.join(", "));
            return Err(unfit(self.gpu, problem, "choose one of them"));
        };
        if !profile.placements.is_empty() && self.slices(instance).is_none() {
            let possible = numbers(profile.placements.iter());
            let problem = format!("no {}: one may lie at {possible}", words(instance));
            return Err(unfit(self.gpu, problem, "choose one of these placements"));
        }
        self.compute(instance, profile)
    }

    fn compute(&self, instance: &Instance, profile: &MigProfile) -> Result<(), PartitionError> {
        let mut taken: u32 = 0;
        for name in instance.compute() {
            let Some(slices) = slices_of(name, &profile.name, profile.slices) else {
                let problem = format!("there is no compute instance {name} in {}", words(instance));
                let remedy = match profile.slices {
                    0 | 1 => format!("{} is the only one", profile.name),
                    all => format!(
                        "{0} is all of it, and 1c.{0} to {1}c.{0} are parts, as far as its driver has them",
                        profile.name,
                        all.saturating_sub(1)
                    ),
                };
                return Err(unfit(self.gpu, problem, remedy));
            };
            taken = taken.saturating_add(slices);
        }
        match taken > profile.slices {
            true => {
                let words = words(instance);
                let problem = format!(
                    "compute instances of {taken} slices are asked for in {words}, which has {}",
                    profile.slices
                );
                Err(unfit(self.gpu, problem, "ask for fewer or smaller ones"))
            }
            false => Ok(()),
        }
    }

    fn overlaps(&self) -> Result<(), PartitionError> {
        for (at, instance) in self.instances.iter().enumerate() {
            let overlap = |other: &&Instance| match (self.slices(instance), self.slices(other)) {
                (Some(one), Some(other)) => one.overlap(other),
                _ => instance.placement == other.placement,
            };
            if let Some(other) = self.instances.iter().take(at).find(overlap) {
                let problem = format!("{} and {} overlap", words(other), words(instance));
                return Err(unfit(self.gpu, problem, self.free_for(instance)));
            }
        }
        Ok(())
    }

    /// Where else an instance could lie.
    fn free_for(&self, instance: &Instance) -> String {
        let others = || self.instances.iter().filter(|other| !std::ptr::eq(*other, instance));
        let is_free = |place: &&Slices| {
            !others().filter_map(|other| self.slices(other)).any(|other| other.overlap(**place))
        };
        let placements = self.profile(instance).map_or(&[][..], |profile| &profile.placements);
        match numbers(placements.iter().filter(is_free)) {
            none if none.is_empty() => {
                format!("no place is left for a {} beside the others", instance.profile)
            }
            free => format!("free for a {} beside the others is {free}", instance.profile),
        }
    }

    fn counts(&self) -> Result<(), PartitionError> {
        for profile in &self.mig.profiles {
            let asked = self.instances.iter().filter(|instance| instance.profile == profile.name).count();
            let most = profile.instances_max;
            if u32::try_from(asked).unwrap_or(u32::MAX) > most {
                let problem =
                    format!("{asked} x {} are asked for, and {most} is the most that it has", profile.name);
                return Err(unfit(self.gpu, problem, format!("ask for {most} at most")));
            }
        }
        Ok(())
    }
}

fn numbers<'a>(placements: impl Iterator<Item = &'a Slices>) -> String {
    let starts: Vec<String> = placements.map(|place| place.start.to_string()).collect();
    starts.join(", ")
}
