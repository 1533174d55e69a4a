//! What a partition knows about one tenant.

use super::bucket::{BUDGET_FILL_NS, Bucket, LIMIT_FILL_NS};
use super::fault::{Fault, Step};
use super::policy::Entitlement;
use super::{Class, Config, Settings, UNTIL_RECALLED_NS, Used};

/// Virtual runtime of a nanosecond at weight 1.
const VIRTUAL: u128 = 1_000_000;

/// Overruns are paid back by waiting, up to so much time of the tenant's own.
const DEBT_MAX_NS: u64 = 1_000_000_000;

/// Whether a tenant may submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// No, and nothing of it is on the GPU.
    Shut,
    /// Yes, beside others.
    Open,
    /// Yes, alone, since then and until then. Others' turn comes after `slice_ns`.
    Lease { since_ns: u64, until_ns: u64, slice_ns: u64 },
    /// No more since `due_ns`, but what it submitted may be on the GPU; it held the lease since `since_ns`.
    Closing { due_ns: u64, since_ns: Option<u64> },
}

/// What a tenant got, since it arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// GPU time.
    pub busy_ns: u64,
    /// Submissions that ended.
    pub submissions: u64,
    /// Time with work to do and without leave to do it.
    pub wait_ns: u64,
    /// The longest such time.
    pub wait_max_ns: u64,
    /// How often it waited.
    pub waits: u64,
    /// Leases that it had.
    pub slices: u64,
    /// Time that it had the GPU by leases.
    pub slice_ns: u64,
    /// Time by which it handed back too late.
    pub overshoot_ns: u64,
    /// The longest such time.
    pub overshoot_max_ns: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Tenant {
    pub settings: Settings,
    pub entitlement: Entitlement,
    pub gate: Gate,
    pub runnable: bool,
    /// What it has on the GPU goes before what others have.
    pub first: bool,
    /// It wanted the GPU at some time of the current window.
    pub wanted: bool,
    /// It paused and went on since it got the lease.
    pub resumed: bool,
    /// While it is not runnable; 0: its process has done nothing yet.
    pub idle_at_ns: u64,
    /// What it used up to then is in the books.
    pub told_at_ns: u64,
    /// While it is runnable and may not submit.
    pub waiting_at_ns: Option<u64>,
    pub vruntime: u128,
    /// The most that it gets.
    pub limit: Bucket,
    /// What it gets without waiting, in the latency class.
    pub budget: Bucket,
    /// How long its submissions take, on average; 0: not known.
    pub submission_ns: u64,
    pub fault: Fault,
    pub usage: Usage,
}

impl Tenant {
    pub(super) fn new(settings: Settings, entitlement: Entitlement, floor: u128, now_ns: u64) -> Self {
        Self {
            settings,
            entitlement,
            gate: Gate::Shut,
            runnable: false,
            first: false,
            wanted: false,
            resumed: false,
            idle_at_ns: 0,
            told_at_ns: now_ns,
            waiting_at_ns: None,
            vruntime: floor,
            limit: Bucket::new(entitlement.limit_ppm, LIMIT_FILL_NS, now_ns),
            budget: Bucket::new(entitlement.share_ppm, BUDGET_FILL_NS, now_ns),
            submission_ns: 0,
            fault: Fault::default(),
            usage: Usage::default(),
        }
    }

    /// Another entitlement. What it owes or is owed stays as much time of its own, whatever that weighs from now on.
    pub(super) fn entitle(&mut self, entitlement: Entitlement, floor: u128, now_ns: u64) {
        if self.entitlement != entitlement {
            let (ahead_ns, behind_ns) = (self.ahead_ns(floor), self.behind_ns(floor));
            self.entitlement = entitlement;
            let ahead = floor + self.virtual_of(ahead_ns);
            self.vruntime = ahead.saturating_sub(self.virtual_of(behind_ns));
            self.limit.set_rate(entitlement.limit_ppm, now_ns);
            self.budget.set_rate(entitlement.share_ppm, now_ns);
        }
    }

    /// Virtual runtime of so much time.
    fn virtual_of(&self, ns: u64) -> u128 {
        u128::from(ns) * VIRTUAL / u128::from(self.entitlement.weight)
    }

    /// Time of its own in a difference of virtual runtimes.
    fn own_ns(&self, difference: u128) -> u64 {
        u64::try_from(difference * u128::from(self.entitlement.weight) / VIRTUAL).unwrap_or(u64::MAX)
    }

    /// How long it can run before its virtual runtime passes that of another.
    pub(super) fn behind_ns(&self, other: u128) -> u64 {
        self.own_ns(other.saturating_sub(self.vruntime))
    }

    /// How long it ran since its virtual runtime passed that of another.
    pub(super) fn ahead_ns(&self, other: u128) -> u64 {
        self.own_ns(self.vruntime.saturating_sub(other))
    }

    /// It ran while it had no lease. That is no debt, for nobody waited for it; unless it is one that needs no lease
    /// when others do.
    pub(super) fn had_beside(&mut self, used: Used, leased: bool, floor: u128) {
        if leased && self.settings.class == Class::Latency && !self.leased() {
            self.had(used.busy_ns, floor);
        }
    }

    /// It had the GPU.
    fn had(&mut self, ns: u64, floor: u128) {
        let debt_max = floor + self.virtual_of(DEBT_MAX_NS);
        self.vruntime = (self.vruntime + self.virtual_of(ns)).min(debt_max.max(self.vruntime));
    }

    /// Nobody wanted the GPU for so long: what it owes of that, nobody waits for any more.
    pub(super) fn forgive(&mut self, ns: u64, floor: u128) {
        if self.vruntime > floor {
            self.vruntime = self.vruntime.saturating_sub(self.virtual_of(ns)).max(floor);
        }
    }

    /// It comes back from sleep: it may be ahead of others, but not far.
    pub(super) fn wake(&mut self, floor: u128, config: &Config) {
        self.vruntime = self.vruntime.max(floor.saturating_sub(self.virtual_of(config.slice_min_ns)));
        (self.runnable, self.resumed) = (true, true);
    }

    /// Until when it may pause with a lease.
    pub(super) fn gives_up_ns(&self, config: &Config) -> u64 {
        let patience_ns = if self.resumed { config.patience_ns() } else { config.wake_up_ns };
        self.idle_at_ns.saturating_add(patience_ns)
    }

    /// Ends its lease when that has come to its end, or it pauses for too long. Tells whether it is to be recalled.
    pub(super) fn gives_up(&mut self, now_ns: u64, config: &Config) -> bool {
        let Gate::Lease { until_ns, .. } = self.gate else { return false };
        let ended = now_ns >= until_ns;
        if ended || (!self.runnable && now_ns >= self.gives_up_ns(config)) {
            self.close(until_ns.min(now_ns));
            return !ended;
        }
        false
    }

    /// What is to be done about it if it does not hand back.
    pub(super) fn late(&mut self, now_ns: u64, config: &Config) -> Option<Step> {
        let Gate::Closing { due_ns, .. } = self.gate else { return None };
        self.fault.late(due_ns, now_ns, config)
    }

    /// Whether it does not hand back, so that the others run beside it.
    pub(super) fn is_stuck(&self, now_ns: u64, config: &Config) -> bool {
        let late = |due_ns: u64| now_ns.saturating_sub(due_ns) >= config.warn_after_ns;
        matches!(self.gate, Gate::Closing { due_ns, .. } if late(due_ns))
    }

    pub(super) fn spend(&mut self, used: Used) {
        self.limit.spend(used.busy_ns);
        self.budget.spend(used.busy_ns);
        // A render process that was taken over may tell anything.
        self.usage.busy_ns = self.usage.busy_ns.saturating_add(used.busy_ns);
        self.usage.submissions = self.usage.submissions.saturating_add(used.submissions);
        if let Some(each_ns) = used.busy_ns.checked_div(used.submissions) {
            let known = self.submission_ns != 0;
            self.submission_ns = if known { self.submission_ns / 4 * 3 + each_ns / 4 } else { each_ns };
        }
    }

    pub(super) fn fill(&mut self, now_ns: u64) {
        if self.gate == Gate::Shut {
            self.told_at_ns = now_ns;
        }
        let used_until_ns = if self.runnable { now_ns } else { self.idle_at_ns };
        let untold_ns = used_until_ns.saturating_sub(self.told_at_ns);
        self.limit.fill(now_ns, untold_ns);
        self.budget.fill(now_ns, untold_ns);
    }

    /// Whether it may run at all if it is its turn.
    pub(super) fn eligible(&self, now_ns: u64) -> bool {
        self.limit.ready() && now_ns >= self.fault.quarantined_until_ns()
    }

    /// Whether it gets less than the whole even if nobody else wants it.
    pub(super) fn limited(&self) -> bool {
        self.limit.left_ns().is_some()
    }

    /// Whether it may run although another has the lease.
    pub(super) fn privileged(&self) -> bool {
        self.settings.class == Class::Latency && self.budget.ready()
    }

    /// Whether it gets the GPU in its turn, and only so.
    pub(super) fn takes_turns(&self, now_ns: u64) -> bool {
        now_ns >= self.fault.quarantined_until_ns() && !self.privileged()
    }

    /// Whether it wants its turn: also if it paused just now, for a program that waits for the end of each submission
    /// has nothing to do whenever it hands back, and would lose its turn by that.
    pub(super) fn wants_turn(&self, now_ns: u64, config: &Config) -> bool {
        let paused = self.idle_at_ns > now_ns.saturating_sub(config.patience_ns());
        (self.runnable || paused) && self.takes_turns(now_ns) && self.limit.ready()
    }

    /// Whether what it has on the GPU is there by a lease.
    fn leased(&self) -> bool {
        matches!(self.gate, Gate::Lease { .. } | Gate::Closing { since_ns: Some(_), .. })
    }

    pub(super) fn holds(&self) -> bool {
        matches!(self.gate, Gate::Lease { .. })
    }

    /// When a lease ends: with its slice if somebody waits, and with what is left under the limit in any case.
    pub(super) fn lease_end_ns(&self, since_ns: u64, slice_ns: u64, waits: bool, config: &Config) -> u64 {
        let slice_end_ns = if waits { since_ns + slice_ns } else { UNTIL_RECALLED_NS };
        let limit_ns = |left_ns: u64| since_ns + left_ns.max(config.slice_min_ns);
        self.limit.left_ns().map_or(slice_end_ns, |left_ns| slice_end_ns.min(limit_ns(left_ns)))
    }

    /// Whether nobody can have the lease because of it. What is on the GPU of a latency tenant disturbs nobody long.
    pub(super) fn in_the_way(&self) -> bool {
        match self.gate {
            Gate::Shut => false,
            Gate::Lease { .. } | Gate::Closing { since_ns: Some(_), .. } => true,
            Gate::Open | Gate::Closing { since_ns: None, .. } => self.settings.class == Class::Normal,
        }
    }

    /// Its lease or leave to submit ends now, or ended when it was due.
    pub(super) fn close(&mut self, due_ns: u64) {
        self.gate = match self.gate {
            Gate::Open => Gate::Closing { due_ns, since_ns: None },
            Gate::Lease { since_ns, .. } => Gate::Closing { due_ns, since_ns: Some(since_ns) },
            gate => gate,
        };
    }

    /// Nothing of it is on the GPU and it may not submit.
    ///
    /// A lease counts with the time that it kept others away, pauses included: a tenant that makes little of its lease
    /// must not get more of them. That time is measured here, so no tenant can give it out for less. The hand-over
    /// counts for nobody, or whoever has short slices would get less.
    pub(super) fn shut(&mut self, floor: u128, hand_over_ns: u64, now_ns: u64) {
        let (held_ns, due_ns) = match self.gate {
            Gate::Lease { since_ns, until_ns, .. } => (Some(now_ns.saturating_sub(since_ns)), until_ns),
            Gate::Closing { since_ns, due_ns } => {
                (since_ns.map(|since| now_ns.saturating_sub(since)), due_ns)
            }
            _ => (None, now_ns),
        };
        if let Some(held_ns) = held_ns {
            self.had(held_ns.saturating_sub(hand_over_ns).max(held_ns / 2), floor);
            let late_ns = now_ns.saturating_sub(due_ns);
            self.usage.slice_ns += held_ns;
            self.usage.overshoot_ns += late_ns;
            self.usage.overshoot_max_ns = self.usage.overshoot_max_ns.max(late_ns);
        }
        self.gate = Gate::Shut;
    }

    /// Keeps the books on waiting, after whatever happened.
    pub(super) fn note_wait(&mut self, now_ns: u64) {
        let waits = self.runnable && self.gate == Gate::Shut;
        match self.waiting_at_ns {
            None if waits => {
                self.waiting_at_ns = Some(now_ns);
                self.usage.waits += 1;
            }
            Some(since_ns) if !waits => {
                let ns = now_ns.saturating_sub(since_ns);
                self.usage.wait_ns += ns;
                self.usage.wait_max_ns = self.usage.wait_max_ns.max(ns);
                self.waiting_at_ns = None;
            }
            _ => {}
        }
    }

    /// How long a slice of its own should be, with the hand-over.
    ///
    /// Long enough that hand-overs cost little and that a few submissions fit. The part of the last submission that
    /// passes the end is taken off in advance, so that others wait no longer.
    pub(super) fn slice_ns(&self, config: &Config) -> u64 {
        let (most_ns, long_ns) = (config.slice_ns, config.slice_max_ns.max(config.slice_ns));
        if self.submission_ns > most_ns {
            return self.submission_ns.min(long_ns);
        }
        let wanted_ns = (50 * config.hand_over_ns).max(4 * self.submission_ns).min(most_ns);
        let spare_ns = config.hand_over_ns + self.submission_ns;
        wanted_ns.saturating_sub(spare_ns).max(wanted_ns / 2).max(config.slice_min_ns)
    }
}
