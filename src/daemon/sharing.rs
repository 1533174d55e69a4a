//! Who gets what of the host's GPUs, of their time and of their memory: what operators say of it, and what became of
//! it.

use std::cmp::Ordering;
use std::io;

use uuid::Uuid;

use super::Daemon;
use super::gpus::pick;
use super::manager::host_failed;
use super::slot::Work;
use super::store::Record;
use crate::arbiter::TenantUsage;
use crate::control::api::{Gpu, GpuChange, GpuList, Name, UsageList, Vgpu, VgpuUsage};
use crate::control::profile::{Profile, bytes_text};
use crate::control::{Code, Refusal};
use crate::render_process::Found;
use crate::sched::Refused;
use crate::sys::now_ns;

impl Daemon {
    /// Has what was written down of each GPU hold.
    pub(super) fn take_up_gpus(&self) -> io::Result<()> {
        for (gpu, change) in self.store.gpus()? {
            if let Err(refused) = self.tell_gpu(&gpu.to_string(), change) {
                tracing::error!("GPU {gpu} cannot be shared as it was: {refused}");
            }
        }
        Ok(())
    }

    /// Has the arbiter and the books do as the new record says, as far as they may refuse it. They know those only that
    /// are on offer.
    pub(super) fn tell(&self, name: &Name, work: &Work, record: &Record) -> Result<(), Refusal> {
        if work.unit.is_none() {
            return Ok(());
        }
        let (before, after) = (work.record.offered(), record.offered());
        if before.share != after.share {
            let told = self.arbiter.set(name.as_str(), after.share.settings());
            told.map_err(|refused| refuse(refused, "share.cap"))?;
        }
        let bytes = after.limits.memory;
        let told = match bytes.cmp(&before.limits.memory) {
            Ordering::Equal => Ok(()),
            // Programs get more once that is written down: it could not be had back from them.
            Ordering::Greater => self.ask(name, &after),
            Ordering::Less => {
                self.arbiter.limit_memory(name.as_str(), bytes).map_err(|used| in_use(bytes, used))
            }
        };
        told.inspect_err(|_| self.hold_to(name, work, &before))
    }

    /// Has them do as this profile says, which was agreed to before.
    pub(super) fn hold_to(&self, name: &Name, work: &Work, profile: &Profile) {
        if work.unit.is_none() || !profile.has_vulkan() {
            return;
        }
        if let Err(refused) = self.arbiter.set(name.as_str(), profile.share.settings()) {
            tracing::error!("{name}: its share may not be what was asked for: {refused}");
        }
        self.note(name, profile);
        _ = self.arbiter.limit_memory(name.as_str(), profile.limits.memory);
    }

    /// A vGPU with what its process says of its priority.
    pub(super) fn with_priority(&self, vgpu: Vgpu) -> Vgpu {
        let tenants = self.arbiter.usage();
        let tenant = tenants.into_iter().find(|tenant| tenant.name == vgpu.name.as_str());
        Vgpu { priority: tenant.map(|tenant| tenant.priority.into()), ..vgpu }
    }

    pub(super) fn used(&self) -> UsageList {
        let tenants = self.arbiter.usage();
        UsageList {
            time_ns: now_ns(),
            vgpus: tenants.into_iter().filter_map(|tenant| self.used_by(tenant)).collect(),
        }
    }

    /// Nothing if it was deleted just now.
    fn used_by(&self, tenant: TenantUsage) -> Option<VgpuUsage> {
        let name: Name = tenant.name.parse().ok()?;
        let memory_bytes_max = self.slot(&name).ok()?.shown().profile.limits.memory;
        let (settings, usage) = (tenant.settings, tenant.usage);
        Some(VgpuUsage {
            name,
            gpu: tenant.gpu,
            weight: settings.weight,
            cap: settings.cap_percent,
            class: settings.class.into(),
            priority: tenant.priority.into(),
            wanted_ns: tenant.wanted_ns,
            busy_ns: usage.busy_ns,
            wait_ns: usage.wait_ns,
            waits: usage.waits,
            wait_max_ns: usage.wait_max_ns,
            slices: usage.slices,
            slice_ns: usage.slice_ns,
            overshoot_ns: usage.overshoot_ns,
            submissions: usage.submissions,
            memory_bytes_used: tenant.memory_bytes,
            memory_bytes_max,
            memory_bytes_driver: tenant.driver_bytes,
        })
    }

    pub(super) fn list_gpus(&self) -> Result<GpuList, Refusal> {
        let gpus = self.gpus.all()?;
        Ok(GpuList { gpus: gpus.iter().map(|found| self.gpu(found, &gpus)).collect() })
    }

    fn gpu(&self, found: &Found, gpus: &[Found]) -> Gpu {
        let (policy, leased) = self.arbiter.policy(&found.uuid);
        let sums = self.sums(found, gpus);
        Gpu {
            name: found.name.clone(),
            uuid: found.uuid.clone(),
            pci: found.pci,
            lost: self.losses.why(&found.uuid),
            policy: policy.into(),
            leased,
            memory_bytes: found.memory_bytes,
            memory_bytes_promised: sums.promised,
            memory_bytes_used: sums.used,
            overcommit: self.promises.overcommit(&found.uuid),
        }
    }

    /// The arbiter alone knows whether it can be, so it is told first and what it did before is what it does again if
    /// nothing can be written down.
    pub(super) fn change_gpu(&self, gpu: &str, change: GpuChange) -> Result<Gpu, Refusal> {
        let gpus = self.gpus.all()?;
        let found = pick(&gpus, gpu)?;
        let uuid: Uuid = found.uuid.parse().map_err(|error| host_failed("the GPU has no UUID", error))?;
        let _alone = self.policies.lock();
        let before = GpuChange {
            policy: Some(self.arbiter.policy(&found.uuid).0.into()),
            overcommit: Some(self.promises.overcommit(&found.uuid)),
        };
        let after = GpuChange {
            policy: change.policy.or(before.policy),
            overcommit: change.overcommit.or(before.overcommit),
        };
        self.tell_gpu(&found.uuid, after).map_err(|refused| refuse(refused, "policy"))?;
        if let Err(error) = self.store.save_gpu(uuid, after) {
            if let Err(refused) = self.tell_gpu(&found.uuid, before) {
                tracing::error!("GPU {uuid} may not be shared as it was: {refused}");
            }
            return Err(host_failed("the change could not be written down", error));
        }
        Ok(self.gpu(found, &gpus))
    }

    fn tell_gpu(&self, uuid: &str, change: GpuChange) -> Result<(), Refused> {
        if let Some(policy) = change.policy {
            self.arbiter.set_policy(uuid, policy.into())?;
        }
        if let Some(percent) = change.overcommit {
            self.promises.set_overcommit(uuid, percent);
        }
        Ok(())
    }
}

/// Why a limit of so many bytes is not made: nobody can take memory back from a program.
fn in_use(bytes: u64, used: u64) -> Refusal {
    let (asked, used_mib) = (bytes_text(bytes), used.div_ceil(1 << 20));
    let message = format!("limits.memory is to be {asked}, but programs have allocated {used_mib}MiB");
    Refusal::new(Code::Conflict, message)
        .field("limits.memory")
        .remedy("end some programs first, or leave them as much; `vgpu top` shows what each vGPU uses")
}

/// Why a change of this field was not done.
fn refuse(refused: Refused, field: &str) -> Refusal {
    let bad = |field: &str| Refusal::new(Code::BadField, refused).field(field);
    match refused {
        Refused::Weight(_) => bad("share.weight"),
        Refused::Cap(_) => bad("share.cap"),
        Refused::Oversold(percent) => {
            let message = format!(
                "the caps of the vGPUs on this GPU would come to {percent} %, and with fixed shares they must not \
                 pass 100"
            );
            Refusal::new(Code::Conflict, message).field(field).remedy(
                "lower some with `vgpu set NAME --cap PERCENT`, or choose another policy with `vgpu gpu set`; \
                 `vgpu top` shows them",
            )
        }
        Refused::Unknown(_) | Refused::Present(_) => Refusal::new(Code::HostFailed, refused)
            .remedy("`vgpu stop` and `vgpu start` it; the daemon's log may say more"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Refused, refuse};

    #[test]
    fn what_the_arbiter_refuses_is_about_a_field_and_has_a_remedy() {
        for (refused, code, field) in [
            (Refused::Weight(0), Code::BadField, "share.weight"),
            (Refused::Cap(0), Code::BadField, "share.cap"),
            (Refused::Oversold(130), Code::Conflict, "policy"),
        ] {
            let refusal = refuse(refused, "policy");
            assert_eq!((refusal.code, refusal.field.as_deref()), (code, Some(field)));
        }
        let oversold = refuse(Refused::Oversold(130), "share.cap");
        assert!(oversold.message.contains("130 %") && oversold.remedy.unwrap().contains("--cap"));
    }
}
