//! Who gets what of the host's GPUs: what operators say of it, and what became of it.

use std::io;

use nix::time::{ClockId, clock_gettime};
use uuid::Uuid;

use super::Daemon;
use super::gpus::pick;
use super::manager::host_failed;
use super::slot::Work;
use super::store::Record;
use crate::arbiter::TenantUsage;
use crate::control::api::{Gpu, GpuChange, GpuList, Name, UsageList, VgpuUsage};
use crate::control::{Code, Refusal};
use crate::render_process::Found;
use crate::sched::Refused;

impl Daemon {
    /// Gives the arbiter what was written down of each GPU.
    pub(super) fn take_up_policies(&self) -> io::Result<()> {
        for (gpu, policy) in self.store.policies()? {
            if let Err(refused) = self.arbiter.set_policy(&gpu.to_string(), policy.into()) {
                tracing::error!("GPU {gpu} cannot have the policy {policy}: {refused}");
            }
        }
        Ok(())
    }

    /// Has the arbiter do as the new record says. It knows those only that are on offer.
    pub(super) fn tell_share(&self, name: &Name, work: &Work, record: &Record) -> Result<(), Refusal> {
        if work.unit.is_none() || work.record.share == record.share {
            return Ok(());
        }
        let settings = record.profile().share.settings();
        self.arbiter.set(name.as_str(), settings).map_err(|refused| refuse(refused, "share.cap"))
    }

    /// Has the arbiter do again as it did before [`Self::tell_share`].
    pub(super) fn untell_share(&self, name: &Name, work: &Work, record: &Record) {
        if work.unit.is_some()
            && work.record.share != record.share
            && let Err(refused) = self.arbiter.set(name.as_str(), work.record.profile().share.settings())
        {
            tracing::error!("{name}: its share may not be what it was: {refused}");
        }
    }

    pub(super) fn used(&self) -> UsageList {
        let tenants = self.arbiter.usage();
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(std::time::Duration::from).unwrap_or_default();
        let time_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        UsageList { time_ns, vgpus: tenants.into_iter().filter_map(|tenant| self.used_by(tenant)).collect() }
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
        })
    }

    pub(super) fn list_gpus(&self) -> Result<GpuList, Refusal> {
        Ok(GpuList { gpus: self.gpus.all()?.into_iter().map(|found| self.gpu(found)).collect() })
    }

    fn gpu(&self, Found { name, uuid }: Found) -> Gpu {
        let (policy, leased) = self.arbiter.policy(&uuid);
        Gpu { name, uuid, policy: policy.into(), leased }
    }

    /// The arbiter alone knows whether it can be, so it is told first and what it did before is what it does again if
    /// nothing can be written down.
    pub(super) fn change_gpu(&self, gpu: &str, change: GpuChange) -> Result<Gpu, Refusal> {
        let gpus = self.gpus.all()?;
        let found = pick(&gpus, gpu)?;
        let uuid: Uuid = found.uuid.parse().map_err(|error| host_failed("the GPU has no UUID", error))?;
        let _alone = self.policies.lock();
        let (before, _) = self.arbiter.policy(&found.uuid);
        let told = self.arbiter.set_policy(&found.uuid, change.policy.into());
        told.map_err(|refused| refuse(refused, "policy"))?;
        if let Err(error) = self.store.save_policy(uuid, change.policy) {
            if let Err(refused) = self.arbiter.set_policy(&found.uuid, before) {
                tracing::error!("GPU {uuid} may not have the policy that it had: {refused}");
            }
            return Err(host_failed("the policy could not be written down", error));
        }
        Ok(self.gpu(found.clone()))
    }
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
