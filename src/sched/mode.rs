//! Whether tenants overlap or lease: what brings more of the two, by trial.
//!
//! Overlapping is what the hardware does without us. It is best while tenants pause between submissions, for one
//! works in another's pauses. It is bad when several want the GPU all the time, for each change between small
//! submissions costs more than they do. A lease is the other way round. What a change costs differs from GPU to GPU,
//! and how programs wait from one to the other, so no figure of ours decides.
//!
//! While at least two want the GPU for half of a window, the other way is tried now and then, and kept if tenants get
//! more done, by the mean of what each gets against what it got before. Each trial that fails doubles the time to the
//! next. When the GPU is wanted by less, tenants overlap; what was better is tried first when it is wanted again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::TenantId;

/// Time between two decisions.
pub(super) const WINDOW_NS: u64 = 20_000_000;

/// What is compared is what was done in so much time, a window after the change; or, until each tenant got something
/// done, in more.
const SAMPLE_NS: (u64, u64) = (80_000_000, 1_000_000_000);

/// From one trial to the next, at least and at most.
const INTERVAL_NS: (u64, u64) = (500_000_000, 10_000_000_000);

/// Less is no gain.
const GAIN: f64 = 1.03;

/// No tenant counts for more, be it that it got nothing done for want of a turn.
const PART_MAX: f64 = 10.0;

/// What speaks for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing: the hardware's slices do as well.
    Overlap,
    /// It may bring more.
    Better,
    /// Shares are not kept otherwise.
    Lease,
    /// What is seen now says nothing.
    Wait,
}

/// Submissions that each tenant got done so far.
type Done = BTreeMap<TenantId, u64>;

/// The same in a second.
type Rates = BTreeMap<TenantId, f64>;

/// What was seen in the current window, and what was decided.
#[derive(Clone, Debug)]
pub(super) struct Mode {
    leased: bool,
    /// The better way, as far as is known.
    prefers_lease: bool,
    window_at_ns: u64,
    seen_ns: u64,
    contended_ns: u64,
    /// Where the sample begins; none in the window after a change.
    sample: Option<(u64, Done)>,
    /// While the other way is on trial: what the better one brought.
    before: Option<Rates>,
    interval_ns: u64,
    next_trial_ns: u64,
}

impl Mode {
    /// Overlapping.
    pub(super) fn new() -> Self {
        Self {
            leased: false,
            prefers_lease: false,
            window_at_ns: 0,
            seen_ns: 0,
            contended_ns: 0,
            sample: None,
            before: None,
            interval_ns: INTERVAL_NS.0,
            next_trial_ns: 0,
        }
    }

    /// Whether one tenant at a time runs.
    pub(super) fn leased(&self) -> bool {
        self.leased
    }

    /// When the current window ends.
    pub(super) fn window_end_ns(&self) -> u64 {
        self.window_at_ns.saturating_add(WINDOW_NS)
    }

    /// Time has passed; all the while more than one tenant wanted the GPU, or not.
    pub(super) fn pass(&mut self, now_ns: u64, contended: bool) {
        if contended {
            self.contended_ns += now_ns.saturating_sub(self.seen_ns);
        }
        self.seen_ns = self.seen_ns.max(now_ns);
    }

    /// Ends a window and decides. `done`: by those that wanted the GPU in it, since they came.
    pub(super) fn decide(&mut self, now_ns: u64, wish: Wish, done: Done) {
        let window_ns = now_ns.saturating_sub(self.window_at_ns).max(1);
        let part = if self.leased { 4 } else { 2 };
        let contended = self.contended_ns.saturating_mul(part) >= window_ns;
        (self.window_at_ns, self.contended_ns) = (now_ns, 0);
        if wish == Wish::Better && contended {
            return self.compare(now_ns, done);
        }
        (self.sample, self.before) = (None, None);
        if wish != Wish::Wait {
            self.leased = contended && wish == Wish::Lease;
        }
    }

    fn compare(&mut self, now_ns: u64, done: Done) {
        if self.before.is_none() && self.leased != self.prefers_lease {
            return self.change();
        }
        let Some((since_ns, before)) = &self.sample else {
            self.sample = Some((now_ns, done));
            return;
        };
        let (passed_ns, rates) = (now_ns - since_ns, rates(before, &done, now_ns - since_ns));
        let complete = rates.values().all(|rate| *rate > 0.0);
        if passed_ns < if complete { SAMPLE_NS.0 } else { SAMPLE_NS.1 } {
            return;
        }
        self.sample = Some((now_ns, done));
        if let Some(before) = self.before.take() {
            self.end_trial(now_ns, gains(&before, &rates));
        } else if now_ns >= self.next_trial_ns {
            self.before = Some(rates);
            self.change();
        }
    }

    fn end_trial(&mut self, now_ns: u64, won: bool) {
        if won {
            (self.prefers_lease, self.interval_ns) = (self.leased, INTERVAL_NS.0);
        } else {
            self.change();
        }
        self.next_trial_ns = now_ns + self.interval_ns;
        self.interval_ns = (2 * self.interval_ns).min(INTERVAL_NS.1);
    }

    fn change(&mut self) {
        (self.leased, self.sample) = (!self.leased, None);
    }
}

fn rates(before: &Done, after: &Done, ns: u64) -> Rates {
    let seconds = Duration::from_nanos(ns).as_secs_f64();
    let rate = |(tenant, count): (&TenantId, &u64)| {
        let new = u32::try_from(count.saturating_sub(*before.get(tenant)?)).unwrap_or(u32::MAX);
        Some((*tenant, f64::from(new) / seconds))
    };
    after.iter().filter_map(rate).collect()
}

/// Whether tenants get more done than before, those that were there before as now.
fn gains(before: &Rates, after: &Rates) -> bool {
    let part = |(tenant, rate): (&TenantId, &f64)| {
        let before = before.get(tenant).filter(|before| **before > 0.0)?;
        Some((rate / before).clamp(PART_MAX.recip(), PART_MAX).ln())
    };
    let parts: Vec<f64> = after.iter().filter_map(part).collect();
    let count = f64::from(u32::try_from(parts.len()).unwrap_or(u32::MAX));
    !parts.is_empty() && parts.iter().sum::<f64>() >= GAIN.ln() * count
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = 100;

    /// Two tenants of which each gets so much done in a window, overlapping or leasing.
    struct Pair {
        mode: Mode,
        windows: u64,
        done: u64,
        rates: (u64, u64),
    }

    impl Pair {
        fn new(overlapping: u64, leasing: u64) -> Self {
            Self { mode: Mode::new(), windows: 0, done: 0, rates: (overlapping, leasing) }
        }

        /// Lets windows pass that are contended for so many of 100 parts. Returns how many of them had leases.
        fn pass(&mut self, count: u64, contended: u64, wish: Wish) -> u64 {
            let mut leased = 0;
            for _ in 0..count {
                let start_ns = self.windows * WINDOW_NS;
                self.windows += 1;
                let was_leased = self.mode.leased();
                leased += u64::from(was_leased);
                self.done += if was_leased { self.rates.1 } else { self.rates.0 };
                self.mode.pass(start_ns + WINDOW_NS * contended / 100, true);
                self.mode.pass(start_ns + WINDOW_NS, false);
                let done = [1, 2].map(|id| (TenantId(id), self.done));
                self.mode.decide(start_ns + WINDOW_NS, wish, done.into());
            }
            leased
        }
    }

    #[test]
    fn what_brings_more_is_found_and_the_other_is_tried_ever_more_rarely() {
        for (overlapping, leasing) in [(100, 104), (100, 300), (100, 97), (100, 102)] {
            let mut pair = Pair::new(overlapping, leasing);
            let leased = pair.pass(50 * 60, ALL, Wish::Better);
            let part = leased as f64 / (50.0 * 60.0);
            let fit = if leasing > 103 { (0.97..1.0).contains(&part) } else { (0.001..0.03).contains(&part) };
            assert!(fit, "leased for {part} of the time at {overlapping} to {leasing}");
            assert_eq!(pair.mode.interval_ns, INTERVAL_NS.1);
        }
    }

    #[test]
    fn it_follows_tenants_that_change() {
        let mut pair = Pair::new(100, 300);
        pair.pass(50 * 60, ALL, Wish::Better);
        pair.rates = (100, 80);
        pair.pass(50 * 11, ALL, Wish::Better);
        assert!(!pair.mode.leased());
    }

    #[test]
    fn a_gpu_that_is_wanted_by_less_is_not_leased_and_one_that_is_wanted_again_is_as_before() {
        let mut pair = Pair::new(100, 300);
        pair.pass(20, ALL, Wish::Better);
        assert!(pair.mode.leased());
        assert_eq!(pair.pass(3, 25, Wish::Better), 3);
        pair.pass(1, 24, Wish::Better);
        assert_eq!(pair.pass(3, 49, Wish::Better), 0);
        pair.pass(1, 50, Wish::Better);
        assert!(pair.mode.leased());
    }

    #[test]
    fn shares_are_leased_at_once_and_what_brings_nothing_never() {
        let mut pair = Pair::new(100, 50);
        assert_eq!(pair.pass(50, ALL, Wish::Lease), 49);
        assert_eq!(pair.pass(1, ALL, Wish::Overlap), 1);
        assert_eq!(pair.pass(50, ALL, Wish::Overlap), 0);
    }
}
