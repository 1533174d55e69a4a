//! The thread in a render process that does what the page says: gives the vGPU's clients leave to submit, takes it, and
//! hands back once nothing of theirs is on the GPU.
//!
//! No guest's thread waits for it. While a vGPU is alone it looks a few times a second; while others wait for what it
//! has on the GPU, as often as the daemon says.

use std::sync::Arc;
use std::time::Duration;

use super::page::{OPEN_NS, Page, Turn};
use crate::render::vulkan::{Leave, Look};
use crate::sys::atomic::Ordering;
use crate::sys::{now_ns, yield_now};

/// A daemon that is silent for so long while somebody waits for it is dead or stopped: the hardware's slices do then.
pub(super) const SILENCE_MAX_NS: u64 = 80_000_000;

/// How often a vGPU that waits looks whether the daemon lives.
const DOUBT: Duration = Duration::from_millis(20);

/// Between two looks there may be a pause of a program that is not idle.
const PAUSE_MIN_NS: u64 = 50_000;

/// How long to look without sleeping at what is about to end.
const SPIN_NS: u64 = 60_000;

/// Between looks at what ends later.
const DRAIN: Duration = Duration::from_micros(50);

/// In one of so many leases it looks without sleeping until something is done, to see what the hand-over took.
const PROBED: u64 = 16;

/// A hand-over does not take so long, and nobody is to look at it for longer.
const HAND_OVER_MAX_NS: u64 = 1_000_000;

/// A time, and how many submissions had gone then.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    at_ns: u64,
    given: u64,
}

/// What the GPU got done by when, since a lease began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    /// When the daemon gave the lease, and when it began here.
    pub said_ns: u64,
    pub began_ns: u64,
    /// Counted from when the process began, as all counts here.
    pub before: u64,
    pub first: Option<(u64, u64)>,
}

impl Probe {
    /// What the hand-over took, if the GPU always had something to do until now, when so much was done: what the first
    /// thing took more than those after it, the way of the daemon's word, and the way back, which is as long.
    pub(super) fn hand_over_ns(&self, now_ns: u64, done: u64) -> Option<u64> {
        let (first_ns, first) = self.first?;
        let each_ns = now_ns.saturating_sub(first_ns).checked_div(done.saturating_sub(first))?;
        let expected_ns = each_ns.saturating_mul(first.saturating_sub(self.before));
        let way_ns = self.began_ns.saturating_sub(self.said_ns).min(HAND_OVER_MAX_NS);
        let more_ns = first_ns.saturating_sub(self.began_ns).saturating_sub(expected_ns);
        Some(more_ns + 2 * way_ns)
    }
}

/// What the thread knows.
pub(super) struct Follower {
    page: Arc<Page>,
    tell_daemon: Box<dyn Fn() + Send>,
    leave: Arc<Leave>,
    turn: Turn,
    /// Until when there is leave by the turn.
    until_ns: u64,
    /// When leave began.
    began: Mark,
    /// Since when is not known how long submissions take, of leave without end.
    learned: Mark,
    /// The look before the current one.
    last: Mark,
    leases: u64,
    /// While a hand-over is looked at.
    probe: Option<Probe>,
    /// Since when nothing was there to do.
    rests_since_ns: Option<u64>,
    waits_since_ns: Option<u64>,
    /// The daemon's last beat, when it was given up.
    orphaned_at_ns: Option<u64>,
}

/// When to look again.
enum Next {
    Now,
    In(Duration),
    WhenRung,
}

impl Follower {
    /// From now on clients have leave only when the page says so, or its writer is silent. `tell_daemon` is to have the
    /// daemon look.
    pub(super) fn new(page: Page, leave: Arc<Leave>, tell_daemon: impl Fn() + Send + 'static) -> Self {
        let page = Arc::new(page);
        let bell = Arc::clone(&page);
        leave.set_bell(move || bell.ring());
        leave.take();
        Self {
            page,
            tell_daemon: Box::new(tell_daemon),
            leave,
            turn: Turn::default(),
            until_ns: 0,
            began: Mark::default(),
            learned: Mark::default(),
            last: Mark::default(),
            leases: 0,
            probe: None,
            rests_since_ns: None,
            waits_since_ns: None,
            orphaned_at_ns: None,
        }
    }

    /// Looks, does what follows, and sleeps until it is to look again.
    pub(super) fn round(&mut self) {
        let bell = self.page.bell();
        match self.step() {
            Next::Now => yield_now(),
            Next::In(time) => self.page.sleep(bell, Some(time)),
            Next::WhenRung => self.page.sleep(bell, None),
        }
    }

    fn step(&mut self) -> Next {
        let turn = self.page.turn();
        if turn.number != self.turn.number {
            self.obey(turn);
        }
        self.turn.watch_ns = turn.watch_ns;
        // What is listened for must be known before the look, so that nothing between the two is missed.
        let listens = if self.until_ns == OPEN_NS { Leave::WENT } else { Leave::WENT | Leave::WAITS };
        let rests = self.rests_since_ns.is_some();
        self.leave.listen(if rests { listens } else { listens & Leave::WAITS });
        let now_ns = now_ns();
        if self.until_ns != OPEN_NS && now_ns >= self.until_ns {
            self.until_ns = 0;
            self.leave.take();
        }
        let look = self.leave.look();
        let now = Mark { at_ns: now_ns, given: self.leave.given() };
        let rests = !look.ran && !look.waits && now.given == self.last.given;
        let rested = self.rests_since_ns.is_some();
        let since_ns = rests.then(|| self.rests_since_ns.unwrap_or(now_ns));
        self.rests_since_ns = since_ns;
        // A short pause between two submissions is none.
        let idle = since_ns.is_some_and(|since_ns| now_ns - since_ns >= PAUSE_MIN_NS);
        if !rested {
            self.account(now, look, idle);
        }
        self.last = now;
        self.page.given.store(now.given, Ordering::Relaxed);
        match self.until_ns {
            0 => self.shut(now, look),
            OPEN_NS => self.open(now, look, idle),
            until_ns => self.hold(now, look, idle, until_ns),
        }
    }

    /// What the daemon says holds from now on.
    fn obey(&mut self, turn: Turn) {
        let goes_on = self.until_ns != 0 && turn.until_ns != 0;
        (self.turn, self.until_ns, self.orphaned_at_ns) = (turn, turn.until_ns, None);
        match turn.until_ns {
            0 => self.leave.take(),
            until_ns if goes_on => self.leave.extend(until_ns),
            until_ns => self.begin(until_ns),
        }
    }

    fn begin(&mut self, until_ns: u64) {
        self.leave.give(until_ns);
        self.began = Mark { at_ns: now_ns(), given: self.leave.given() };
        (self.last, self.learned, self.waits_since_ns) = (self.began, self.began, None);
        self.leases += u64::from(until_ns != OPEN_NS);
        let probes = until_ns != OPEN_NS && self.leases.is_multiple_of(PROBED);
        self.probe = probes.then(|| Probe {
            said_ns: self.turn.said_ns,
            began_ns: self.began.at_ns,
            before: self.leave.done(),
            first: None,
        });
        self.leave.advance();
    }

    /// Adds up what was on the GPU since the last look, which saw something. Under a lease the pauses between
    /// submissions count too, for nobody else can use them; else it is a sample.
    fn account(&mut self, now: Mark, look: Look, idle: bool) {
        let passed_ns = now.at_ns.saturating_sub(self.last.at_ns);
        let leased = self.until_ns != OPEN_NS;
        if look.ran || (leased && !idle && now.given != self.began.given && self.until_ns != 0) {
            self.page.busy_ns.fetch_add(passed_ns, Ordering::Relaxed);
        }
    }

    /// No leave: hands back as soon as nothing is on the GPU.
    fn shut(&mut self, now: Mark, look: Look) -> Next {
        if look.runs {
            return if now.at_ns.saturating_sub(self.turn.until_ns.min(now.at_ns)) < SPIN_NS {
                Next::Now
            } else {
                Next::In(DRAIN)
            };
        }
        let told = self.page.set_busy(look.waits);
        if self.page.handed() != self.turn.number {
            self.learn(self.began, now);
            self.tell_hand_over(now, look);
            self.page.hand_back(self.turn.number);
            (self.tell_daemon)();
        } else if told {
            (self.tell_daemon)();
        }
        if !look.waits {
            self.waits_since_ns = None;
            return Next::WhenRung;
        }
        let since_ns = *self.waits_since_ns.get_or_insert(now.at_ns);
        let beat_ns = self.page.beat_ns();
        if now.at_ns.saturating_sub(beat_ns.max(since_ns)) >= SILENCE_MAX_NS {
            self.orphaned_at_ns = Some(beat_ns);
            self.until_ns = OPEN_NS;
            self.begin(OPEN_NS);
        }
        Next::In(DOUBT)
    }

    /// Leave without end, or until recalled.
    fn open(&mut self, now: Mark, look: Look, idle: bool) -> Next {
        if self.orphaned_at_ns.is_some_and(|beat_ns| self.page.beat_ns() != beat_ns) {
            // The daemon is back: what it said last holds again.
            self.turn.number = self.turn.number.wrapping_sub(1);
            self.orphaned_at_ns = None;
            self.until_ns = 0;
            self.leave.take();
            return Next::Now;
        }
        if look.runs && now.at_ns.saturating_sub(self.learned.at_ns) >= 10_000_000 {
            self.learn(self.learned, now);
            self.learned = now;
        }
        if self.page.set_busy(!idle) {
            (self.tell_daemon)();
        }
        let passed_ns = now.at_ns.saturating_sub(self.began.at_ns);
        match self.orphaned_at_ns {
            _ if idle => Next::WhenRung,
            Some(_) => Next::In(DOUBT),
            // At first the GPU is idle more often: what waited comes, and then its program sleeps for a while.
            None => Next::In(Duration::from_nanos(self.turn.watch_ns.min(passed_ns).max(PAUSE_MIN_NS))),
        }
    }

    /// Leave until a time, alone.
    fn hold(&mut self, now: Mark, look: Look, idle: bool, until_ns: u64) -> Next {
        if !look.runs && look.waits {
            // It was sooner done than was thought. If what waits does not fit even so, the rest is for others.
            self.learn(self.began, now);
            self.leave.advance();
            if self.leave.given() == now.given {
                self.until_ns = 0;
                self.leave.take();
            }
            return Next::Now;
        }
        if self.page.set_busy(!idle) {
            (self.tell_daemon)();
        }
        if self.probes(now) {
            return Next::Now;
        }
        let left_ns = until_ns.saturating_sub(now.at_ns);
        let watch_ns = self.turn.watch_ns.max(PAUSE_MIN_NS);
        match left_ns {
            ..SPIN_NS => Next::Now,
            _ => Next::In(Duration::from_nanos(watch_ns.min(left_ns - SPIN_NS).max(1))),
        }
    }

    /// Whether it is still to be seen how long the GPU takes until it has done the first thing under this lease.
    fn probes(&mut self, now: Mark) -> bool {
        let Some(probe) = self.probe.as_mut().filter(|probe| probe.first.is_none()) else { return false };
        let done = self.leave.done();
        probe.first = (done != probe.before).then_some((now.at_ns, done));
        probe.first.is_none() && now.at_ns.saturating_sub(self.began.at_ns) < HAND_OVER_MAX_NS
    }

    /// Says what the hand-over to the lease that ends took, of a program that always had something to do.
    fn tell_hand_over(&mut self, now: Mark, look: Look) {
        let Some(probe) = self.probe.take().filter(|_| look.waits) else { return };
        if let Some(took_ns) = probe.hand_over_ns(now.at_ns, self.leave.done()) {
            self.page.hand_over_ns.store(took_ns, Ordering::Relaxed);
        }
    }

    /// Notes how long a submission takes, by those since then: at least as quick as it was, or slower by and by, for
    /// others may have been at work beside it.
    fn learn(&mut self, since: Mark, now: Mark) {
        let passed_ns = now.at_ns.saturating_sub(since.at_ns);
        let count = now.given.saturating_sub(since.given);
        if let Some(each_ns) = passed_ns.checked_div(count) {
            let before_ns = self.leave.each_ns();
            let slower = before_ns > 0 && each_ns > before_ns;
            self.leave.set_each(if slower { before_ns.midpoint(each_ns) } else { each_ns });
        }
    }
}
