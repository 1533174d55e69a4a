//! A GPU for a vGPU of which nobody said where it is to be.

use super::placed;
use crate::control::api::{Name, Placement, VgpuSpec};
use crate::control::profile::{Profile, bytes_text};
use crate::control::{Code, Refusal};
use crate::daemon::Daemon;
use crate::inventory::{Gpu, Inventory, Names, named};
use crate::render_process::{Found, Kind};
use crate::sched::placement::{Need, Site, place};

impl Daemon {
    /// The GPU that suits it best, of those that its profile allows. Where there is but one it is that, and its room is
    /// looked at as for any.
    pub(super) fn choose(
        &self,
        name: &Name,
        spec: &VgpuSpec,
        profile: &Profile,
    ) -> Result<Placement, Refusal> {
        let device = profile.gpu.device.as_deref();
        self.gpus.find(device)?;
        let gpus = self.gpus.all()?;
        let fitting = named(&gpus, device.unwrap_or_default(), Found::naming);
        if let [only] = fitting[..] {
            let why = device.map_or("the only GPU".to_owned(), |device| format!("gpu.device is {device:?}"));
            let placement = placed(only, &gpus, why);
            return self.losses.check(&placement).map(|()| placement);
        }
        let inventory = Inventory::read(&self.sysfs, &Names::default()).ok();
        let sites: Vec<Site> =
            fitting.iter().map(|gpu| self.site(name, gpu, &gpus, inventory.as_ref())).collect();
        let need = Need {
            memory_bytes: profile.limits.memory,
            settings: profile.share.settings(),
            node: spec.numa_node,
        };
        let choice = place(&sites, &need, spec.strategy.unwrap_or_default().into()).map_err(|error| {
            let message = format!("limits.memory is {}, and {error}", bytes_text(need.memory_bytes));
            Refusal::new(Code::Conflict, message).field("limits.memory").remedy(
                "make it, or share.cap, smaller; or stop, delete or lower other vGPUs: `vgpu gpu list` shows what is \
                 promised, and why GPUs are lost",
            )
        })?;
        let gpu =
            fitting.get(choice.site).ok_or_else(|| Refusal::new(Code::HostFailed, "no GPU was chosen"))?;
        Ok(placed(gpu, &gpus, choice.why))
    }

    fn site(&self, name: &Name, gpu: &Found, gpus: &[Found], inventory: Option<&Inventory>) -> Site {
        let at = |address| inventory?.devices.iter().find(|device| Some(device.address) == address);
        let device = at(gpu.pci);
        let (memory_bytes_free, tenants) = self.room(name, gpu, gpus);
        Site {
            name: placed(gpu, gpus, String::new()).piece,
            tier: match gpu.kind {
                Kind::Discrete => 0,
                Kind::Integrated => 1,
                Kind::Software => 2,
            },
            lost: self.losses.why(&gpu.uuid).is_some(),
            memory_bytes_free,
            policy: self.arbiter.policy(&gpu.uuid).0,
            tenants,
            node: device.and_then(|device| device.numa_node),
            // Virtual functions have that of their card.
            link: device.and_then(|device| link(device).or_else(|| link(at(device.physical_function)?))),
        }
    }
}

/// Megatransfers a second over all lanes, of a speed such as `32.0 GT/s PCIe`.
fn link(gpu: &Gpu) -> Option<u64> {
    let link = gpu.link.as_ref()?;
    let (number, _) = link.speed_max.split_once(" GT/s")?;
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let tenths = whole.parse::<u64>().ok()?.checked_mul(10)?.checked_add(tenths.parse().ok()?)?;
    tenths.checked_mul(100)?.checked_mul(link.lanes_max?.into())
}

#[cfg(test)]
mod tests {
    use super::{Inventory, Names, link};

    #[test]
    fn a_link_is_as_fast_as_its_speed_times_its_lanes() {
        let sysfs = tempfile::tempdir().unwrap();
        let folder = sysfs.path().join("bus/pci/devices/0000:03:00.0");
        std::fs::create_dir_all(&folder).unwrap();
        let told = |speed: &str, lanes: &str| {
            let files = [("class", "0x030000"), ("vendor", "0x8086"), ("device", "0xe211")];
            for (file, text) in
                files.into_iter().chain([("max_link_speed", speed), ("max_link_width", lanes)])
            {
                std::fs::write(folder.join(file), text).unwrap();
            }
            link(&Inventory::read(sysfs.path(), &Names::default()).unwrap().devices[0])
        };

        assert_eq!(told("32.0 GT/s PCIe", "16"), Some(512_000));
        assert_eq!(told("2.5 GT/s PCIe", "1"), Some(2_500));
        assert_eq!(told("Unknown", "255"), None);
        assert_eq!(told("fast", "16"), None);
    }
}
