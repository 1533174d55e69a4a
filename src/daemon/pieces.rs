//! The GPU that a vGPU is on, or the piece of one: as it was asked for.

mod absent;
mod choose;
mod handed;
mod lease;

pub(super) use lease::{Lease, Leases};

use super::Daemon;
use super::gpus::ambiguous;
use super::store::Record;
use crate::control::api::{Name, Placement, VgpuSpec};
use crate::control::{Code, Refusal};
use crate::inventory::{Inventory, NVML, Names, named};
use crate::render_process::Found;
use crate::{partition, vfio};

impl Daemon {
    /// Where a vGPU is to be that is about to be offered: as was asked for, or else where it suits best; nowhere if it
    /// needs no GPU.
    pub(super) fn placement(&self, name: &Name, record: &Record) -> Result<Option<Placement>, Refusal> {
        let profile = record.profile();
        match &record.spec.on {
            Some(wanted) => self.asked_for(wanted, &record.spec).map(Some),
            None if profile.has_vulkan() => self.choose(name, &record.spec, &profile).map(Some),
            None => Ok(None),
        }
    }

    /// The piece that was asked for by this name, if it is as it must be.
    pub(super) fn asked_for(&self, wanted: &str, spec: &VgpuSpec) -> Result<Placement, Refusal> {
        let gpus = self.gpus.all_with(|gpus| !named(gpus, wanted, Found::naming).is_empty());
        // What is handed over may be all that there is of GPUs.
        let gpus = if spec.passthrough { gpus.unwrap_or_default() } else { gpus? };
        if spec.passthrough {
            return handed::find(wanted, &gpus, &self.inventory()).map_err(|refusal| refusal.field("on"));
        }
        match named(&gpus, wanted, Found::naming)[..] {
            [gpu] => {
                let placement = placed(gpu, &gpus, format!("asked for as {wanted:?}"));
                self.losses.check(&placement).map_err(|refusal| refusal.field("on"))?;
                Ok(placement)
            }
            [] => Err(absent::refuse(wanted, &gpus, &self.inventory()).field("on")),
            ref several => Err(ambiguous(wanted, several).field("on")),
        }
    }

    /// Keeps others from cutting GPUs and from binding functions as long as what it gives lives, if a piece is to be
    /// handed over: what it is found to be it still is when that is written down.
    pub(super) fn hold_still(
        &self,
        spec: &VgpuSpec,
    ) -> Result<Option<(partition::Alone, vfio::Alone)>, Refusal> {
        if !spec.passthrough {
            return Ok(None);
        }
        let state = self.store.state();
        let busy = |what: &dyn std::fmt::Display| {
            Refusal::new(Code::Busy, format_args!("the piece may change right now: {what}"))
                .remedy("try again in a moment")
        };
        let cutting = partition::alone(state).map_err(|error| busy(&error))?;
        let binding = vfio::alone(state).map_err(|error| busy(&error))?;
        Ok(Some((cutting, binding)))
    }

    /// What this host has on PCI; nothing where it has no PCI.
    pub(super) fn inventory(&self) -> Inventory {
        let read = Inventory::read(&self.sysfs, &Names::of_host());
        let mut inventory = read.unwrap_or(Inventory { devices: Vec::new(), unread: Vec::new() });
        inventory.ask_nvml(NVML);
        inventory
    }
}

/// On this one of the host's GPUs.
pub(super) fn placed(gpu: &Found, gpus: &[Found], why: String) -> Placement {
    let is_alone = |address| gpus.iter().filter(|other| other.pci == Some(address)).count() == 1;
    Placement {
        piece: gpu
            .pci
            .filter(|address| is_alone(*address))
            .map_or_else(|| gpu.uuid.clone(), |at| at.to_string()),
        name: gpu.name.clone(),
        uuid: Some(gpu.uuid.clone()),
        device: None,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, placed};
    use crate::render_process::Kind;

    #[test]
    fn a_piece_is_named_by_its_address_unless_others_are_there_too() {
        let found = |uuid: &str, address: &str| Found {
            name: "H200".to_owned(),
            uuid: uuid.to_owned(),
            memory_bytes: 0,
            kind: Kind::Discrete,
            pci: address.parse().ok(),
        };
        let gpus =
            [found("d1aa", "3b:00.0"), found("d1bb", "41:00.0"), found("d1cc", "41:00.0"), found("6d65", "")];

        let pieces = gpus.each_ref().map(|gpu| placed(gpu, &gpus, String::new()).piece);

        assert_eq!(pieces, ["0000:3b:00.0", "d1bb", "d1cc", "6d65"]);
    }
}
