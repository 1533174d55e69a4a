//! What of GPUs' memory is promised to vGPUs: no more than there is, unless an operator says so.
//!
//! A vGPU on offer has a promise, be it in use or failing: for as much as its limit says, and for what its driver takes
//! of the GPU for itself. It is asked for before anything else is done. A vGPU that is stopped has none, so starting it
//! asks again; those that a daemon finds when it starts were promised theirs before, and are counted only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Daemon;
use super::slot::Held;
use super::store::Record;
use crate::arbiter::TenantUsage;
use crate::control::api::Name;
use crate::control::profile::{Profile, bytes_text};
use crate::control::{Code, Refusal};
use crate::render_process::Found;
use crate::sched::Settings;

/// Percent of a GPU's memory that is promised at most, unless an operator says otherwise.
const OVERCOMMIT_USUAL: u32 = 100;

/// All promises.
#[derive(Debug, Default)]
pub(super) struct Promises(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    entries: BTreeMap<Name, Entry>,
    /// Percents, by the GPU's UUID.
    overcommit: BTreeMap<String, u32>,
}

#[derive(Debug)]
struct Entry {
    /// As the profile names the GPU.
    device: Option<String>,
    bytes: u64,
    settings: Settings,
}

/// What a vGPU on offer holds; given back on drop.
#[derive(Debug)]
pub(super) struct Promise {
    all: Arc<Promises>,
    name: Name,
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.all.books().entries.remove(&self.name);
    }
}

impl Promises {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Percent of a GPU's memory that is promised at most.
    pub(super) fn overcommit(&self, uuid: &str) -> u32 {
        self.books().overcommit(uuid)
    }

    pub(super) fn set_overcommit(&self, uuid: &str, percent: u32) {
        self.books().overcommit.insert(uuid.to_owned(), percent);
    }
}

impl Books {
    fn overcommit(&self, uuid: &str) -> u32 {
        self.overcommit.get(uuid).copied().unwrap_or(OVERCOMMIT_USUAL)
    }
}

/// Of a GPU's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Bytes that are promised.
    pub(super) promised: u64,
    /// Bytes in use, as render processes say.
    pub(super) used: u64,
    /// The most that a driver takes for itself: so much is expected of one of which nobody knows yet.
    driver: u64,
}

/// Bytes of a GPU's memory that are promised at most.
fn most(gpu: &Found, overcommit: u32) -> u64 {
    let most = u128::from(gpu.memory_bytes) * u128::from(overcommit) / 100;
    u64::try_from(most).unwrap_or(u64::MAX)
}

/// A vGPU's limit, and what it uses and its driver takes, if that is known.
type Line = (u64, Option<u64>, Option<u64>);

impl Sums {
    fn of(lines: &[Line]) -> Self {
        let driver = lines.iter().filter_map(|(_, _, driver)| *driver).max().unwrap_or_default();
        let zero = Self { driver, ..Self::default() };
        lines.iter().fold(zero, |sums, (limit, used, taken)| Self {
            promised: sums.promised.saturating_add(*limit).saturating_add(taken.unwrap_or(driver)),
            used: sums.used.saturating_add(used.unwrap_or(0)).saturating_add(taken.unwrap_or(0)),
            driver,
        })
    }

    /// Refuses a limit for one vGPU more that leaves too little for these.
    fn admit(&self, limit: u64, gpu: &Found, overcommit: u32) -> Result<(), Refusal> {
        let most = most(gpu, overcommit);
        let free = most.saturating_sub(self.promised);
        if limit.checked_add(self.driver).is_some_and(|wanted| wanted <= free) {
            return Ok(());
        }
        let driver = match self.driver {
            0 => String::new(),
            bytes => format!(" and the driver takes {}MiB beside that", bytes.div_ceil(1 << 20)),
        };
        let (asked, Found { name, uuid, .. }) = (bytes_text(limit), gpu);
        let message = format!(
            "limits.memory is {asked}{driver}, but {}MiB of {}MiB are free on {name} ({uuid})",
            free >> 20,
            most >> 20
        );
        Err(Refusal::new(Code::Conflict, message).field("limits.memory").remedy(
            "make it smaller, or stop, delete or lower others: `vgpu gpu list` shows what is promised; `vgpu gpu set \
             GPU --overcommit PERCENT` allows for more than there is",
        ))
    }
}

impl Daemon {
    /// A place for a vGPU that is to be offered, and what it needs there.
    pub(super) fn grant(&self, name: &Name, record: &Record) -> Result<(Record, Option<Held>), Refusal> {
        let _alone = self.grants();
        let placement = self.placement(name, record)?;
        let record = Record { placement, ..record.clone() };
        let held = self.hold(name, &record)?;
        Ok((record, held))
    }

    /// What a vGPU needs to be on offer: nothing, if it is on no GPU.
    fn hold(&self, name: &Name, record: &Record) -> Result<Option<Held>, Refusal> {
        if record.spec.passthrough {
            return self.hold_piece(name, record);
        }
        let profile = record.offered();
        if !profile.has_vulkan() {
            return Ok(None);
        }
        self.ask(name, &profile)?;
        Ok(Some(Held::Memory(Promise { all: self.promises.clone(), name: name.clone() })))
    }

    /// The same for one that had it before. Who asked for a piece gets it only if it still can be handed over.
    pub(super) fn keep_hold(&self, name: &Name, record: &Record) -> Result<Option<Held>, Refusal> {
        if let (Some(wanted), true) = (&record.spec.on, record.spec.passthrough) {
            self.asked_for(wanted, &record.spec)?;
            return self.hold_piece(name, record);
        }
        let profile = record.offered();
        Ok(profile.has_vulkan().then(|| {
            self.note(name, &profile);
            Held::Memory(Promise { all: self.promises.clone(), name: name.clone() })
        }))
    }

    fn hold_piece(&self, name: &Name, record: &Record) -> Result<Option<Held>, Refusal> {
        let Some(placement) = &record.placement else { return Ok(None) };
        let lease = self.leases.take(&placement.piece, name).map_err(|refusal| refusal.field("on"))?;
        Ok(Some(Held::Piece(lease)))
    }

    /// Promises a vGPU as much as its profile says, instead of what it had, if that is there.
    pub(super) fn ask(&self, name: &Name, profile: &Profile) -> Result<(), Refusal> {
        // Both take their time, and what they tell is not what two that ask at once compete for.
        let gpu = self.gpus.find(profile.gpu.device.as_deref())?;
        let (gpus, tenants) = (self.gpus.all()?, self.arbiter.usage());
        let mut books = self.promises.books();
        let others = books.entries.iter().filter(|(other, _)| *other != name);
        let sums = Sums::of(&lines(others, &gpu, &gpus, &tenants));
        sums.admit(profile.limits.memory, &gpu, books.overcommit(&gpu.uuid))?;
        books.entries.insert(name.clone(), Entry::of(profile));
        Ok(())
    }

    /// Bytes that one vGPU more may be promised of a GPU, and what those on it are to get of its time.
    pub(super) fn room(&self, name: &Name, gpu: &Found, gpus: &[Found]) -> (u64, Vec<Settings>) {
        let usage = self.arbiter.usage();
        let books = self.promises.books();
        let others = || books.entries.iter().filter(|(other, _)| *other != name);
        let sums = Sums::of(&lines(others(), gpu, gpus, &usage));
        let free = most(gpu, books.overcommit(&gpu.uuid)).saturating_sub(sums.promised);
        let on_it = others().filter(|(_, entry)| entry.is_on(gpu, gpus));
        (free.saturating_sub(sums.driver), on_it.map(|(_, entry)| entry.settings).collect())
    }

    /// Writes down what a vGPU is promised, whether it is there or not.
    pub(super) fn note(&self, name: &Name, profile: &Profile) {
        self.promises.books().entries.insert(name.clone(), Entry::of(profile));
    }

    /// What is promised of a GPU's memory, and used of it.
    pub(super) fn sums(&self, gpu: &Found, gpus: &[Found]) -> Sums {
        let tenants = self.arbiter.usage();
        Sums::of(&lines(self.promises.books().entries.iter(), gpu, gpus, &tenants))
    }
}

impl Entry {
    fn is_on(&self, gpu: &Found, gpus: &[Found]) -> bool {
        let wanted = self.device.as_deref().unwrap_or_default();
        gpus.iter().find(|gpu| gpu.is(wanted)).is_some_and(|found| found.uuid == gpu.uuid)
    }

    fn of(profile: &Profile) -> Self {
        Self {
            device: profile.gpu.device.clone(),
            bytes: profile.limits.memory,
            settings: profile.share.settings(),
        }
    }
}

/// Those of these vGPUs that are on this GPU: by what their profiles say, for render processes may lie.
fn lines<'a>(
    entries: impl Iterator<Item = (&'a Name, &'a Entry)>,
    gpu: &Found,
    gpus: &[Found],
    tenants: &[TenantUsage],
) -> Vec<Line> {
    let line = |(name, entry): (&Name, &Entry)| {
        let tenant = tenants.iter().find(|tenant| tenant.name == name.as_str());
        (entry.bytes, tenant.map(|tenant| tenant.memory_bytes), tenant.and_then(|tenant| tenant.driver_bytes))
    };
    entries.filter(|(_, entry)| entry.is_on(gpu, gpus)).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render_process::Kind;

    const GIB: u64 = 1 << 30;

    fn gpu() -> Found {
        Found {
            name: "H200".to_owned(),
            uuid: "d1bb".to_owned(),
            memory_bytes: 140 * GIB,
            kind: Kind::Discrete,
            pci: None,
        }
    }

    #[test]
    fn all_that_there_is_is_promised_and_not_a_byte_more() {
        let sums = Sums::of(&[(100 * GIB, Some(5 * GIB), Some(0)), (30 * GIB, None, None)]);

        assert_eq!((sums.promised, sums.used), (130 * GIB, 5 * GIB));
        sums.admit(10 * GIB, &gpu(), 100).unwrap();
        let refusal = sums.admit(10 * GIB + 1, &gpu(), 100).unwrap_err();
        assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Conflict, Some("limits.memory")));
        let refusal = sums.admit(64 * GIB, &gpu(), 100).unwrap_err();
        assert_eq!(
            refusal.message,
            "limits.memory is 64GiB, but 10240MiB of 143360MiB are free on H200 (d1bb)"
        );
        assert!(refusal.remedy.unwrap().contains("vgpu gpu list"));
    }

    #[test]
    fn a_driver_of_which_nobody_knows_yet_takes_as_much_as_the_greediest() {
        let known = [(10 * GIB, None, Some(GIB)), (10 * GIB, None, Some(2 * GIB))];
        let sums = Sums::of(&[&known[..], &[(10 * GIB, None, None)]].concat());

        assert_eq!((sums.promised, sums.used), (35 * GIB, 3 * GIB));
        sums.admit(103 * GIB, &gpu(), 100).unwrap();
        let refusal = sums.admit(104 * GIB, &gpu(), 100).unwrap_err();
        assert_eq!(
            refusal.message,
            "limits.memory is 104GiB and the driver takes 2048MiB beside that, but 107520MiB of 143360MiB are free on \
             H200 (d1bb)"
        );
    }

    #[test]
    fn an_operator_may_promise_more_than_there_is_and_figures_never_pass_their_ends() {
        let sums = Sums::of(&[(140 * GIB, None, None)]);
        sums.admit(70 * GIB, &gpu(), 150).unwrap();
        assert!(sums.admit(71 * GIB, &gpu(), 150).unwrap_err().message.contains("71680MiB of 215040MiB"));

        let all = Sums::of(&[(u64::MAX, Some(u64::MAX), Some(u64::MAX)), (1, Some(1), Some(1))]);
        assert_eq!((all.promised, all.used), (u64::MAX, u64::MAX));
        assert!(all.admit(1, &gpu(), 1000).is_err());
        assert!(all.admit(u64::MAX, &Found { memory_bytes: u64::MAX, ..gpu() }, 1000).is_err());
    }

    #[test]
    fn a_vgpu_is_on_the_gpu_that_its_render_process_takes() {
        let named = |name: &str, uuid: &str| Found { name: name.to_owned(), uuid: uuid.to_owned(), ..gpu() };
        let gpus = [named("H200", "d1bb"), named("H200 NVL", "d1cc"), named("llvmpipe", "6d65")];
        let entries: Vec<(Name, Entry)> = [None, Some("H200"), Some("NVL"), Some("GPU-6D65"), Some("A100")]
            .into_iter()
            .zip(1..)
            .map(|(device, bytes)| {
                let entry = Entry { device: device.map(str::to_owned), bytes, settings: Settings::default() };
                (format!("vm-{bytes}").parse().unwrap(), entry)
            })
            .collect();
        let on = |gpu| lines(entries.iter().map(|(name, entry)| (name, entry)), gpu, &gpus, &[]);

        let limits = gpus.each_ref().map(|gpu| on(gpu).iter().map(|line| line.0).collect::<Vec<_>>());
        assert_eq!(limits, [vec![1, 2], vec![3], vec![4]]);
    }
}
