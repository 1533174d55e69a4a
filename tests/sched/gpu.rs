//! A GPU as the H200 was measured: it serves those that have work in turns, and each change costs.

use std::collections::{BTreeSet, VecDeque};

/// Two tenants whose submissions take 74 us got one done in 245 us, four in 253; with 19 us it was 200.
pub(crate) const SWITCH_NS: u64 = 175_000;
/// To a context of REALTIME priority: 0.109 ms on average instead of 0.099.
const PREEMPT_NS: u64 = 10_000;
const SLICE_NS: u64 = 2_000_000;

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Switching { to: usize, end_ns: u64 },
    Running { who: usize, since_ns: u64, end_ns: u64 },
}

#[derive(Debug)]
pub(crate) struct Gpu {
    queues: Vec<VecDeque<u64>>,
    ready: BTreeSet<usize>,
    realtime: Vec<bool>,
    /// What each tenant's work took, changes not counted.
    pub(crate) worked_ns: Vec<u64>,
    state: State,
    last: usize,
    slice_end_ns: u64,
}

impl Gpu {
    pub(crate) fn new() -> Self {
        let (queues, realtime, worked_ns) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            queues,
            ready: BTreeSet::new(),
            realtime,
            worked_ns,
            state: State::Idle,
            last: usize::MAX,
            slice_end_ns: 0,
        }
    }

    pub(crate) fn add(&mut self, realtime: bool) {
        self.queues.push(VecDeque::new());
        self.realtime.push(realtime);
        self.worked_ns.push(0);
    }

    pub(crate) fn has_work(&self, who: usize) -> bool {
        !self.queues[who].is_empty()
    }

    pub(crate) fn queued_ns(&self, who: usize) -> u64 {
        self.queues[who].iter().fold(0, |sum: u64, ns| sum.saturating_add(*ns))
    }

    pub(crate) fn idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(crate) fn push(&mut self, who: usize, work_ns: u64, now_ns: u64) {
        self.queues[who].push_back(work_ns);
        self.ready.insert(who);
        match self.state {
            State::Idle => self.dispatch(now_ns),
            State::Running { who: other, .. } if self.realtime[who] && !self.realtime[other] => {
                self.progress(now_ns);
                self.dispatch(now_ns);
            }
            _ => {}
        }
    }

    /// The tenant's process has ended.
    pub(crate) fn drop_work(&mut self, who: usize, now_ns: u64) {
        self.progress(now_ns);
        self.queues[who].clear();
        self.ready.remove(&who);
        self.dispatch(now_ns);
    }

    pub(crate) fn next_ns(&self) -> Option<u64> {
        match self.state {
            State::Idle => None,
            State::Switching { end_ns, .. } | State::Running { end_ns, .. } => Some(end_ns),
        }
    }

    /// To be called at `next_ns`. Tells whose submission ended.
    pub(crate) fn step(&mut self, now_ns: u64) -> Option<usize> {
        match self.state {
            State::Idle => None,
            State::Switching { to, .. } => {
                self.run(to, now_ns);
                None
            }
            State::Running { who, .. } => {
                self.progress(now_ns);
                let done = self.queues[who].front() == Some(&0);
                if done {
                    self.queues[who].pop_front();
                }
                if !done || !self.has_work(who) {
                    self.dispatch(now_ns);
                } else {
                    self.run(who, now_ns);
                }
                done.then_some(who)
            }
        }
    }

    fn progress(&mut self, now_ns: u64) {
        if let State::Running { who, since_ns, end_ns } = self.state {
            let ran_ns = now_ns - since_ns;
            self.worked_ns[who] += ran_ns;
            self.queues[who][0] -= ran_ns;
            self.state = State::Running { who, since_ns: now_ns, end_ns };
        }
    }

    fn run(&mut self, who: usize, now_ns: u64) {
        let Some(left_ns) = self.queues[who].front() else { return self.dispatch(now_ns) };
        let end_ns = now_ns.saturating_add(*left_ns).min(self.slice_end_ns.max(now_ns));
        self.state = State::Running { who, since_ns: now_ns, end_ns };
    }

    /// Those with priority first, then in turns.
    fn dispatch(&mut self, now_ns: u64) {
        self.ready.retain(|who| !self.queues[*who].is_empty());
        let urgent = self.ready.iter().find(|who| self.realtime[**who]);
        let next = self.ready.range(self.last.saturating_add(1)..).next().or(self.ready.first());
        let Some(&who) = urgent.or(next) else {
            self.state = State::Idle;
            return;
        };
        let cost_ns = if self.realtime[who] { PREEMPT_NS } else { SWITCH_NS };
        let start_ns = if who == self.last { now_ns } else { now_ns + cost_ns };
        (self.slice_end_ns, self.last) = (start_ns + SLICE_NS, who);
        if start_ns == now_ns {
            self.run(who, now_ns);
        } else {
            self.state = State::Switching { to: who, end_ns: start_ns };
        }
    }
}
