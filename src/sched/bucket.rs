//! A share of time that may not be passed: it fills with the clock and is emptied by use.

use super::policy::WHOLE_PPM;

/// As much of a limit as fills in this time can be saved for later, and half as much makes an empty one ready again: a
/// GPU that was left alone is slow for a millisecond, so each time it is had for many.
pub(super) const LIMIT_FILL_NS: u64 = 200_000_000;
/// The same of a budget. What others wait for is no longer than that.
pub(super) const BUDGET_FILL_NS: u64 = 40_000_000;
/// What fits at least, or small shares would run in crumbs.
const DEPTH_MIN_NS: u64 = 1_000_000;
/// Use beyond what was there is paid back by waiting, up to this.
const DEBT_MAX_NS: i128 = 1_000_000_000;

const WHOLE: i128 = 1_000_000;

/// Time that may be used, at a rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    rate_ppm: u64,
    fill_ns: u64,
    /// Millionths of nanoseconds, so that nothing is lost however often it is filled.
    credit: i128,
    filled_ns: u64,
    empty: bool,
}

impl Bucket {
    /// A full one, that takes so long to fill.
    pub(super) fn new(rate_ppm: u64, fill_ns: u64, now_ns: u64) -> Self {
        let mut bucket = Self { rate_ppm, fill_ns, credit: 0, filled_ns: now_ns, empty: false };
        bucket.credit = bucket.depth();
        bucket
    }

    fn depth(&self) -> i128 {
        i128::from((self.rate_ppm * self.fill_ns).max(DEPTH_MIN_NS * WHOLE_PPM))
    }

    fn unlimited(&self) -> bool {
        self.rate_ppm >= WHOLE_PPM
    }

    /// Another rate from now on.
    pub(super) fn set_rate(&mut self, rate_ppm: u64, now_ns: u64) {
        self.fill(now_ns, 0);
        self.rate_ppm = rate_ppm;
        self.fill(now_ns, 0);
    }

    /// Lets time pass. What was used in the last `untold_ns` is yet to be told: what fills for it does not run over.
    pub(super) fn fill(&mut self, now_ns: u64, untold_ns: u64) {
        let passed_ns = now_ns.saturating_sub(self.filled_ns);
        self.filled_ns = self.filled_ns.max(now_ns);
        let filled = |ns: u64| i128::from(ns) * i128::from(self.rate_ppm);
        let most = self.depth() + filled(untold_ns);
        self.credit = (self.credit + filled(passed_ns)).min(most);
        self.empty = if self.empty { self.credit < self.depth() / 2 } else { self.credit <= 0 };
    }

    /// Notes that so much was used.
    pub(super) fn spend(&mut self, used_ns: u64) {
        self.credit = (self.credit - i128::from(used_ns) * WHOLE).max(-DEBT_MAX_NS * WHOLE);
        self.empty |= self.credit <= 0;
    }

    /// Whether something is left, or there is no limit.
    pub(super) fn ready(&self) -> bool {
        self.unlimited() || !self.empty
    }

    /// What may be used before it is empty; `None`: no limit.
    pub(super) fn left_ns(&self) -> Option<u64> {
        let left = || u64::try_from(self.credit / WHOLE).unwrap_or(0);
        (!self.unlimited()).then(left)
    }

    /// When it is ready again.
    pub(super) fn ready_at_ns(&self) -> Option<u64> {
        let missing = u128::try_from(self.depth() / 2 - self.credit).unwrap_or(0);
        let wait_ns = missing.div_ceil(u128::from(self.rate_ppm.max(1)));
        (!self.ready()).then(|| self.filled_ns.saturating_add(u64::try_from(wait_ns).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(rate_ppm: u64) -> Bucket {
        Bucket::new(rate_ppm, 40_000_000, 0)
    }

    #[test]
    fn an_empty_bucket_is_ready_at_the_time_that_it_tells_and_not_before() {
        let mut bucket = full(250_000);
        assert_eq!(bucket.left_ns(), Some(10_000_000));
        bucket.spend(17_000_001);
        assert!(!bucket.ready());
        let at_ns = bucket.ready_at_ns().unwrap();
        assert_eq!(at_ns, 48_000_004);
        bucket.fill(at_ns - 1, 0);
        assert!(!bucket.ready());
        bucket.fill(at_ns, 0);
        assert!(bucket.ready());
    }

    #[test]
    fn filling_often_gives_as_much_as_filling_once() {
        let (mut often, mut once) = (full(333_333), full(333_333));
        often.spend(900_000_000);
        once.spend(900_000_000);
        (0..=1_000_000).step_by(7).for_each(|now_ns| often.fill(now_ns, 0));
        often.fill(1_000_000, 0);
        once.fill(1_000_000, 0);
        assert_eq!(often.ready_at_ns(), once.ready_at_ns());
    }

    #[test]
    fn what_fills_while_use_is_untold_does_not_run_over() {
        let mut bucket = full(250_000);
        bucket.fill(100_000_000, 100_000_000);
        bucket.spend(35_000_000);
        assert!(!bucket.ready());
        let mut bucket = full(250_000);
        bucket.fill(100_000_000, 100_000_000);
        bucket.spend(34_000_000);
        assert_eq!(bucket.left_ns(), Some(1_000_000));
    }

    #[test]
    fn debt_is_bounded_and_so_is_what_is_saved() {
        let mut bucket = full(500_000);
        bucket.fill(u64::MAX, 0);
        assert_eq!(bucket.left_ns(), Some(20_000_000));
        let mut bucket = full(500_000);
        bucket.spend(u64::MAX);
        assert_eq!(bucket.ready_at_ns(), Some(2_020_000_000));
        assert_eq!(full(1_000_000).left_ns(), None);
    }
}
