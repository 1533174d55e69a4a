//! How long a guest may wait for leave at most, by what the policy promises.

use vgpu::sched::{Class, Config, Policy, Settings};

use crate::world::{MS, SECOND};

/// Who waits for so long runs next: this, and so many slices of each tenant.
const AGE_NS: u64 = SECOND;
const AGE_SLICES: u64 = 8;

/// What one can owe at most, of its virtual runtime and of its limit, and what of a limit must fill before it runs.
const DEBT_MAX_NS: u64 = SECOND;
const READY_NS: u64 = 25 * MS;

/// The longest quarantine.
const QUARANTINE_NS: u64 = 64 * SECOND;

/// A holder may pause for no longer while others wait: Mesa's sleep, and the arbiter's way.
pub(crate) const PAUSE_MAX_NS: u64 = 750_000;

/// What tenants there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) policy: Policy,
    pub(crate) tenants: u64,
}

impl Crowd {
    /// How long one may wait that owes nothing: until it is the oldest, and then for each that is as old. A turn ends
    /// when it is due, or the arbiter warns and lets the others run.
    fn starvation_ns(self) -> u64 {
        let config = Config::default();
        let turn_ns = config.slice_max_ns + config.warn_after_ns;
        AGE_NS + self.tenants * (AGE_SLICES * config.slice_ns + turn_ns)
    }

    /// Whether nothing but others' work may keep one from running.
    pub(crate) fn is_free(self, settings: Settings) -> bool {
        self.policy == Policy::BestEffort && settings.cap_percent == 100 && settings.class == Class::Normal
    }

    /// How long one waits at most.
    fn longest_ns(self, settings: Settings, quarantined: bool) -> u64 {
        let cap_ppm = u64::from(settings.cap_percent) * 10_000;
        let rate_ppm = match self.policy {
            Policy::EqualShare => cap_ppm.min(1_000_000 / self.tenants.max(1)),
            _ => cap_ppm,
        };
        let owes_ns = if rate_ppm < 1_000_000 { (DEBT_MAX_NS + READY_NS) * 1_000_000 / rate_ppm } else { 0 };
        self.starvation_ns() + owes_ns + if quarantined { QUARANTINE_NS } else { 0 }
    }
}

/// The wait of one guest for leave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wait {
    since_ns: Option<u64>,
    allowed_ns: u64,
    /// The longest wait of all, in hundredths of what was allowed.
    pub(crate) worst_percent: u64,
    /// It was killed, so until then it may be in quarantine.
    quarantined_until_ns: u64,
}

impl Wait {
    /// Since when; `None`: it has leave, or nothing to do.
    pub(crate) fn since_ns(&self) -> Option<u64> {
        self.since_ns
    }

    /// It is killed, for what it did.
    pub(crate) fn quarantine(&mut self, now_ns: u64) {
        self.quarantined_until_ns = now_ns + QUARANTINE_NS;
    }

    pub(crate) fn is_quarantined(&self, now_ns: u64) -> bool {
        now_ns < self.quarantined_until_ns
    }

    /// Notes whether it waits now. What was allowed at any time of the wait is.
    pub(crate) fn note(&mut self, waits: bool, settings: Settings, crowd: Crowd, now_ns: u64) {
        if !waits {
            (self.since_ns, self.allowed_ns) = (None, 0);
            return;
        }
        let waited_ns = now_ns - *self.since_ns.get_or_insert(now_ns);
        self.allowed_ns = self.allowed_ns.max(crowd.longest_ns(settings, self.is_quarantined(now_ns)));
        self.worst_percent = self.worst_percent.max(waited_ns * 100 / self.allowed_ns);
        assert!(
            waited_ns <= self.allowed_ns,
            "a wait of {waited_ns} ns passes {} ns, with {settings:?} of {crowd:?}",
            self.allowed_ns
        );
    }
}
