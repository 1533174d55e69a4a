//! What comes after a device process: arithmetic, with the time passed in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A device process that lived as long is not failing at its start.
const HEALTHY: Duration = Duration::from_secs(1);

/// The waits before a device process is started again after it failed at its start.
const DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(10)];

/// So many deaths of one VM's device processes in so short a time, and the VM is given up: what it said kills them.
const DEATHS_MAX: usize = 10;
const DEATHS_WITHIN: Duration = Duration::from_secs(10);

/// How a device process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It served its VM to the end.
    Orderly,
    /// It died while it served a VM, or programs that use Vulkan.
    InUse,
    /// It died, or did not start, and nobody was there.
    Unused,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start one for the next VM.
    Fresh,
    /// Start one that goes on with whom it served.
    TakeOver,
    /// Send those away, then start one for the next.
    GiveUp,
    /// The same try again, later.
    Wait(Duration),
}

#[derive(Debug)]
pub(super) struct Plan {
    delay: Duration,
    deaths: VecDeque<Instant>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { delay: DELAYS[0], deaths: VecDeque::new() }
    }
}

impl Plan {
    /// After a device process that was started at `started` ended.
    pub(super) fn after(&mut self, end: End, started: Instant, now: Instant) -> Next {
        if end == End::Orderly || now.duration_since(started) >= HEALTHY {
            self.delay = DELAYS[0];
        }
        match end {
            End::Orderly => {
                self.deaths.clear();
                Next::Fresh
            }
            End::InUse => self.after_death(now),
            End::Unused => Next::Wait(self.delay()),
        }
    }

    /// The wait until a start that failed is tried again; longer each time.
    pub(super) fn delay(&mut self) -> Duration {
        let delay = self.delay;
        self.delay = (delay * 2).min(DELAYS[1]);
        delay
    }

    fn after_death(&mut self, now: Instant) -> Next {
        self.deaths.retain(|death| now.duration_since(*death) < DEATHS_WITHIN);
        self.deaths.push_back(now);
        if self.deaths.len() < DEATHS_MAX {
            return Next::TakeOver;
        }
        self.deaths.clear();
        Next::GiveUp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    fn after(plan: &mut Plan, end: End, lived: Duration, now: Instant) -> Next {
        plan.after(end, now - lived, now)
    }

    #[test]
    fn the_next_vm_is_served_at_once_after_an_orderly_end() {
        let mut plan = Plan::default();

        assert_eq!(after(&mut plan, End::Orderly, AT_ONCE, Instant::now()), Next::Fresh);
    }

    #[test]
    fn failures_at_the_start_are_tried_again_later_and_later() {
        let (mut plan, now) = (Plan::default(), Instant::now() + HEALTHY);
        let mut waits: Vec<Duration> = Vec::new();

        for _ in 0..9 {
            let Next::Wait(wait) = after(&mut plan, End::Unused, AT_ONCE, now) else { panic!() };
            waits.push(wait);
        }

        assert_eq!(waits[..3], [100, 200, 400].map(Duration::from_millis));
        assert_eq!(waits[8], DELAYS[1]);
        assert_eq!(after(&mut plan, End::Unused, HEALTHY, now), Next::Wait(DELAYS[0]), "it had worked");
    }

    #[test]
    fn a_vm_whose_device_processes_die_in_short_order_is_given_up() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        for _ in 1..DEATHS_MAX {
            assert_eq!(after(&mut plan, End::InUse, AT_ONCE, now), Next::TakeOver);
        }

        assert_eq!(after(&mut plan, End::InUse, AT_ONCE, now), Next::GiveUp);

        assert_eq!(after(&mut plan, End::InUse, AT_ONCE, now), Next::TakeOver, "the next VM begins anew");
    }

    #[test]
    fn deaths_that_are_long_ago_or_of_another_vm_do_not_count() {
        let (mut plan, mut now) = (Plan::default(), Instant::now());
        for _ in 0..3 * DEATHS_MAX {
            assert_eq!(after(&mut plan, End::InUse, AT_ONCE, now), Next::TakeOver);
            now += DEATHS_WITHIN / 4 + Duration::from_millis(1);
        }
        for _ in 0..3 * DEATHS_MAX {
            after(&mut plan, End::InUse, AT_ONCE, now);
            assert_eq!(after(&mut plan, End::Orderly, AT_ONCE, now), Next::Fresh);
        }
    }
}
