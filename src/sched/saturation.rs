//! Whether tenants overlap or lease, from what was seen.
//!
//! Overlapping is what the hardware does without us. It is best while tenants pause between submissions, for one
//! works in another's pauses. It is bad when several want the GPU all the time, for each change between small
//! submissions costs more than they do. A lease is the other way round.
//!
//! So tenants lease once at least two of them wanted the GPU for three quarters of a window. They overlap again once
//! that falls under a quarter, or once a fifth of the time went to holders that paused so long that they lost the
//! lease. A lease that ended so was a trial that failed: each one doubles the time to the next.

/// Time between two decisions.
pub(super) const WINDOW_NS: u64 = 20_000_000;
const TRIAL_NS: (u64, u64) = (100_000_000, 10_000_000_000);
/// A lease that lasted so long was none that failed.
const PROVEN_NS: u64 = 1_000_000_000;

/// What was seen in the current window, and what was decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saturation {
    leased: bool,
    leased_at_ns: u64,
    window_at_ns: u64,
    seen_ns: u64,
    contended_ns: u64,
    wasted_ns: u64,
    retry_ns: u64,
    retry_at_ns: u64,
}

impl Saturation {
    /// Overlapping.
    pub(super) fn new() -> Self {
        Self {
            leased: false,
            leased_at_ns: 0,
            window_at_ns: 0,
            seen_ns: 0,
            contended_ns: 0,
            wasted_ns: 0,
            retry_ns: TRIAL_NS.0,
            retry_at_ns: 0,
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

    /// A holder paused for so long that the lease went on to another.
    pub(super) fn waste(&mut self, ns: u64) {
        self.wasted_ns += ns;
    }

    /// Ends a window and decides. `pays`: a lease would be better for them than the hardware's slices.
    pub(super) fn decide(&mut self, now_ns: u64, pays: bool) {
        let window_ns = now_ns.saturating_sub(self.window_at_ns).max(1);
        let failed = self.wasted_ns.saturating_mul(5) >= window_ns;
        let contended = self.contended_ns.saturating_mul(4);
        if self.leased {
            if now_ns - self.leased_at_ns >= PROVEN_NS {
                self.retry_ns = TRIAL_NS.0;
            }
            if failed {
                self.retry_at_ns = now_ns + self.retry_ns;
                self.retry_ns = (2 * self.retry_ns).min(TRIAL_NS.1);
            }
            self.leased = pays && !failed && contended >= window_ns;
        } else if pays && contended >= window_ns.saturating_mul(3) && now_ns >= self.retry_at_ns {
            (self.leased, self.leased_at_ns) = (true, now_ns);
        }
        (self.window_at_ns, self.contended_ns, self.wasted_ns) = (now_ns, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets windows pass in which so many of 100 parts were contended and wasted.
    fn windows(seen: &mut Saturation, count: u64, contended: u64, wasted: u64) {
        for _ in 0..count {
            let start_ns = seen.seen_ns;
            seen.pass(start_ns + WINDOW_NS * contended / 100, true);
            seen.pass(start_ns + WINDOW_NS, false);
            seen.waste(WINDOW_NS * wasted / 100);
            seen.decide(start_ns + WINDOW_NS, true);
        }
    }

    #[test]
    fn between_the_thresholds_it_stays_as_it_is() {
        let mut seen = Saturation::new();
        windows(&mut seen, 3, 74, 0);
        assert!(!seen.leased());
        windows(&mut seen, 1, 75, 0);
        assert!(seen.leased());
        windows(&mut seen, 3, 25, 19);
        assert!(seen.leased());
        windows(&mut seen, 1, 24, 0);
        assert!(!seen.leased());
    }

    #[test]
    fn a_lease_that_wastes_time_is_tried_ever_more_rarely_until_one_is_proven() {
        let mut seen = Saturation::new();
        let mut trials = 0;
        for _ in 0..50 * 60 {
            let wasted = if seen.leased() { 20 } else { 0 };
            windows(&mut seen, 1, 100, wasted);
            trials += u32::from(seen.leased());
        }
        assert!((8..=14).contains(&trials), "{trials} trials in a minute");
        assert_eq!(seen.retry_ns, TRIAL_NS.1);
        windows(&mut seen, 50 * 12, 100, 0);
        assert!(seen.leased());
        assert_eq!(seen.retry_ns, TRIAL_NS.0);
    }

    #[test]
    fn a_lease_that_does_not_pay_is_none() {
        let mut seen = Saturation::new();
        windows(&mut seen, 2, 100, 0);
        let end_ns = seen.seen_ns + WINDOW_NS;
        seen.pass(end_ns, true);
        seen.decide(end_ns, false);
        assert!(!seen.leased());
    }
}
