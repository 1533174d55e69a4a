//! Guests, their renders' gates, the GPU and the partition that decides, on one simulated clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use vgpu::sched::{Account, Action, Config, Partition, Policy, Settings, TenantId, Usage, Used};

use crate::bounds::{Crowd, PAUSE_MAX_NS, Wait};
use crate::gpu::{Gpu, SWITCH_NS};

pub(crate) const US: u64 = 1_000;
pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;

/// From a grant to the first submission of the tenant that gets it.
const WAKE_NS: u64 = 20 * US;

/// What a guest's program does: it keeps `depth` submissions of `work_ns` going, and pauses before each new one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) work_ns: u64,
    pub(crate) pause_ns: u64,
    pub(crate) depth: usize,
    pub(crate) realtime: bool,
    /// It waits as Mesa does, see [`seen_after`].
    pub(crate) sleeps: bool,
}

/// Submit, wait, submit again: what the fills of the measurements did.
pub(crate) fn fills(work_ns: u64) -> Program {
    Program { work_ns, pause_ns: 11 * US, depth: 1, realtime: false, sleeps: false }
}

/// The same by Mesa's driver for guests.
pub(crate) fn venus(work_ns: u64) -> Program {
    Program { sleeps: true, ..fills(work_ns) }
}

/// When Mesa sees the end of what it waits for that ends after such a time: at once in the first 0.4 ms, then it
/// sleeps 16 times for 0.16 ms, and twice as often twice as long each time. A sleep takes 50 us more.
fn seen_after(wait_ns: u64) -> u64 {
    let (mut seen_ns, mut sleep_ns, mut count) = (400 * US, 160 * US, 16);
    if wait_ns <= seen_ns {
        return wait_ns;
    }
    loop {
        let period_ns = sleep_ns + 50 * US;
        let polls = (wait_ns - seen_ns).div_ceil(period_ns);
        if polls <= count {
            return seen_ns + polls * period_ns;
        }
        seen_ns += count * period_ns;
        (sleep_ns, count) = (2 * sleep_ns, 2 * count);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Leave {
    No,
    Open { from_ns: u64 },
    Lease { from_ns: u64, until_ns: u64 },
    Closing,
}

#[derive(Debug)]
struct Guest {
    program: Program,
    running: bool,
    /// Submissions of an earlier program are none of the current one's.
    epoch: u64,
    held: VecDeque<u64>,
    outstanding: usize,
    leave: Leave,
    /// Does not hand back.
    deaf: bool,
    busy_since_ns: Option<u64>,
    used: Used,
    submitted_at_ns: VecDeque<u64>,
    /// It waits for the end of its first submission since then.
    waits_since_ns: u64,
    /// Of each submission, from the guest's call to the end of it.
    latencies_ns: Vec<u64>,
    /// When its last submission ended.
    rests_since_ns: u64,
    settings: Settings,
    /// It is on the partition.
    present: bool,
    wait: Wait,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Submit { who: usize, epoch: u64 },
    Wake { who: usize },
}

pub(crate) struct World {
    pub(crate) now_ns: u64,
    pub(crate) partition: Partition,
    pub(crate) gpu: Gpu,
    account: Account,
    policy: Policy,
    guests: Vec<Guest>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    /// All that was asked for besides opening, granting and recalling.
    pub(crate) warned: Vec<(u64, Action)>,
    pub(crate) grants: u64,
    pub(crate) openings: u64,
    /// Time in which the GPU did nothing although a submission waited; a holder's short pauses are none.
    pub(crate) lost_ns: u64,
    /// The part of it for which neither a cap, a share, a quarantine nor one that does not hand back is a reason.
    pub(crate) wasted_ns: u64,
    /// The hardware's slices only: the partition is not asked.
    pub(crate) unmanaged: bool,
}

impl World {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            now_ns: 0,
            partition: Partition::new(Config::default(), policy),
            gpu: Gpu::new(),
            account: Account::new(),
            policy,
            guests: Vec::new(),
            events: BinaryHeap::new(),
            sequence: 0,
            warned: Vec::new(),
            grants: 0,
            openings: 0,
            lost_ns: 0,
            wasted_ns: 0,
            unmanaged: false,
        }
    }

    /// A world with these programs, running from now on.
    pub(crate) fn with(policy: Policy, programs: &[(Program, Settings)]) -> Self {
        let mut world = Self::new(policy);
        world.fill(programs);
        world
    }

    /// The same without an arbiter.
    pub(crate) fn hardware(programs: &[Program]) -> Self {
        let mut world = Self::new(Policy::BestEffort);
        world.unmanaged = true;
        let plain: Vec<_> = programs.iter().map(|program| (*program, Settings::default())).collect();
        world.fill(&plain);
        world
    }

    fn fill(&mut self, programs: &[(Program, Settings)]) {
        for (program, settings) in programs {
            let who = self.arrive(*program, *settings);
            self.start(who);
        }
    }

    pub(crate) fn arrive(&mut self, program: Program, settings: Settings) -> usize {
        let who = self.guests.len();
        self.guests.push(Guest {
            program,
            running: false,
            epoch: 0,
            held: VecDeque::new(),
            outstanding: 0,
            leave: if self.unmanaged { Leave::Open { from_ns: 0 } } else { Leave::No },
            deaf: false,
            busy_since_ns: None,
            used: Used::default(),
            submitted_at_ns: VecDeque::new(),
            waits_since_ns: 0,
            latencies_ns: Vec::new(),
            rests_since_ns: 0,
            settings,
            present: true,
            wait: Wait::default(),
        });
        self.gpu.add(program.realtime);
        self.account.set_priority(id(who), program.realtime);
        if !self.unmanaged {
            let actions = self.partition.arrive(id(who), settings, self.now_ns).unwrap();
            self.act(actions);
            let actions = self.partition.set_priority(id(who), program.realtime, self.now_ns);
            self.act(actions);
        }
        who
    }

    pub(crate) fn start(&mut self, who: usize) {
        let guest = &mut self.guests[who];
        if !guest.running {
            (guest.running, guest.epoch) = (true, guest.epoch + 1);
            let (epoch, missing) = (guest.epoch, guest.program.depth.saturating_sub(guest.outstanding));
            (0..missing).for_each(|_| self.at(self.now_ns, Event::Submit { who, epoch }));
        }
    }

    pub(crate) fn stop(&mut self, who: usize) {
        self.guests[who].running = false;
    }

    pub(crate) fn set_work_ns(&mut self, who: usize, work_ns: u64) {
        self.guests[who].program.work_ns = work_ns;
    }

    /// Another program, from its next start on.
    pub(crate) fn set_program(&mut self, who: usize, program: Program) {
        self.guests[who].program = program;
    }

    /// How many there were, those that left included.
    pub(crate) fn tenants(&self) -> usize {
        self.guests.len()
    }

    /// From now on it does not hand back, or does so again.
    pub(crate) fn set_deaf(&mut self, who: usize, deaf: bool) {
        self.guests[who].deaf = deaf;
        self.hand_back(who);
    }

    pub(crate) fn set(&mut self, who: usize, settings: Settings) {
        self.guests[who].settings = settings;
        let actions = self.partition.set(id(who), settings, self.now_ns).unwrap();
        self.act(actions);
    }

    pub(crate) fn set_policy(&mut self, policy: Policy) {
        let actions = self.partition.set_policy(policy, self.now_ns).unwrap();
        self.policy = policy;
        self.act(actions);
    }

    /// It was seen on the GPU although it has no leave, and had handed back.
    pub(crate) fn trespass(&mut self, who: usize) {
        if self.guests[who].leave == Leave::No {
            let actions = self.partition.trespassed(id(who), self.now_ns);
            self.act(actions);
        }
    }

    /// Its render is gone, with all that it had.
    pub(crate) fn die(&mut self, who: usize) {
        self.end_process(who);
        let actions = self.partition.died(id(who), self.now_ns);
        self.act(actions);
    }

    pub(crate) fn leave(&mut self, who: usize) {
        self.end_process(who);
        self.account.forget(id(who));
        self.guests[who].present = false;
        let actions = self.partition.leave(id(who), self.now_ns);
        self.act(actions);
    }

    fn end_process(&mut self, who: usize) {
        self.gpu.drop_work(who, self.now_ns);
        self.note_busy(who);
        let guest = &mut self.guests[who];
        guest.held.clear();
        guest.submitted_at_ns.clear();
        (guest.running, guest.outstanding, guest.leave, guest.deaf) = (false, 0, Leave::No, false);
        guest.epoch += 1;
        guest.used = Used::default();
    }

    pub(crate) fn usage(&self, who: usize) -> Usage {
        self.partition.usage(id(who)).unwrap()
    }

    pub(crate) fn worked_ns(&self, who: usize) -> u64 {
        self.gpu.worked_ns[who]
    }

    pub(crate) fn worked_in_all_ns(&self) -> u64 {
        self.gpu.worked_ns.iter().sum()
    }

    /// The latency that one submission in a hundred passes.
    pub(crate) fn p99_ns(&self, who: usize) -> u64 {
        let mut all = self.guests[who].latencies_ns.clone();
        all.sort_unstable();
        all[all.len() * 99 / 100]
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, for_ns: u64) {
        let end_ns = self.now_ns + for_ns;
        let mut deadline_ns = self.deadline_ns();
        loop {
            let event_ns = self.events.peek().map(|Reverse((at_ns, ..))| *at_ns);
            let gpu_ns = self.gpu.next_ns();
            let next_ns = [deadline_ns, event_ns, gpu_ns].into_iter().flatten().min().unwrap_or(u64::MAX);
            assert!(
                next_ns >= self.now_ns,
                "{deadline_ns:?} {event_ns:?} {gpu_ns:?} are before {}",
                self.now_ns
            );
            if self.gpu.idle() && self.somebody_waits() {
                let ns = next_ns.min(end_ns) - self.now_ns;
                self.lost_ns += ns;
                self.wasted_ns += if self.has_reason_to_idle() { 0 } else { ns };
            }
            if next_ns > end_ns {
                self.now_ns = end_ns;
                return;
            }
            self.now_ns = next_ns;
            if gpu_ns == Some(next_ns) {
                if !self.step_gpu() {
                    continue;
                }
            } else if event_ns == Some(next_ns) {
                let Some(Reverse((.., event))) = self.events.pop() else { continue };
                self.handle(event);
            } else {
                self.report();
                let actions = self.partition.tick(self.now_ns);
                self.act(actions);
            }
            (0..self.guests.len()).for_each(|who| self.hand_back(who));
            self.check();
            deadline_ns = self.deadline_ns();
        }
    }

    fn deadline_ns(&self) -> Option<u64> {
        if self.unmanaged { None } else { self.partition.next_deadline_ns() }
    }

    fn at(&mut self, at_ns: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((at_ns, self.sequence, event)));
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Submit { who, epoch } => {
                let guest = &mut self.guests[who];
                if !guest.running || guest.epoch != epoch {
                    return;
                }
                guest.held.push_back(guest.program.work_ns);
                guest.submitted_at_ns.push_back(self.now_ns);
                guest.outstanding += 1;
                if guest.outstanding == 1 && !self.unmanaged {
                    let actions = self.partition.runnable(id(who), self.now_ns);
                    self.act(actions);
                }
                self.release(who);
            }
            Event::Wake { who } => self.release(who),
        }
    }

    /// Whether a submission waits though nobody who pauses for a moment has the lease.
    fn somebody_waits(&self) -> bool {
        let holds =
            |guest: &Guest| matches!(guest.leave, Leave::Lease { from_ns, .. } if from_ns <= self.now_ns);
        self.guests.iter().any(|guest| !guest.held.is_empty()) && !self.guests.iter().any(holds)
    }

    /// Whether all that wait may do so for another reason than others' work.
    fn has_reason_to_idle(&self) -> bool {
        let crowd = self.crowd();
        let free = |guest: &Guest| crowd.is_free(guest.settings) && !guest.wait.is_quarantined(self.now_ns);
        self.guests.iter().all(|guest| guest.held.is_empty() || !free(guest))
            || self.guests.iter().any(|guest| guest.deaf)
    }

    fn crowd(&self) -> Crowd {
        let tenants = u64::try_from(self.guests.iter().filter(|guest| guest.present).count()).unwrap();
        Crowd { policy: self.policy, tenants }
    }

    /// The worst wait, in hundredths of what was allowed.
    pub(crate) fn worst_wait_percent(&self) -> u64 {
        self.guests.iter().map(|guest| guest.wait.worst_percent).max().unwrap_or(0)
    }

    /// Tells whether a submission ended.
    fn step_gpu(&mut self) -> bool {
        let Some(who) = self.gpu.step(self.now_ns) else { return false };
        self.note_busy(who);
        let guest = &mut self.guests[who];
        guest.outstanding -= 1;
        guest.rests_since_ns = self.now_ns;
        guest.used.submissions += 1;
        let submitted_at_ns = guest.submitted_at_ns.pop_front().unwrap_or(self.now_ns);
        let since_ns = guest.waits_since_ns.max(submitted_at_ns).min(self.now_ns);
        let wait_ns = self.now_ns - since_ns;
        let seen_ns = since_ns + if guest.program.sleeps { seen_after(wait_ns) } else { wait_ns };
        guest.waits_since_ns = seen_ns;
        guest.latencies_ns.push(seen_ns - submitted_at_ns);
        let (epoch, at_ns) = (guest.epoch, seen_ns + guest.program.pause_ns);
        if guest.running {
            self.at(at_ns, Event::Submit { who, epoch });
        }
        self.release(who);
        if self.guests[who].outstanding == 0 && !self.unmanaged {
            let actions = self.partition.idle(id(who), self.now_ns);
            self.act(actions);
        }
        true
    }

    /// Gives the GPU what may go, and under a lease no more than ends in time.
    fn release(&mut self, who: usize) {
        while let Some(&work_ns) = self.guests[who].held.front() {
            let queued_ns = self.gpu.queued_ns(who);
            let may = match self.guests[who].leave {
                Leave::Open { from_ns } => self.now_ns >= from_ns,
                Leave::Lease { from_ns, until_ns } => {
                    let room = queued_ns == 0 || self.now_ns + queued_ns < until_ns;
                    self.now_ns >= from_ns && self.now_ns < until_ns && room
                }
                Leave::No | Leave::Closing => false,
            };
            if !may {
                return;
            }
            self.guests[who].held.pop_front();
            self.guests[who].busy_since_ns.get_or_insert(self.now_ns);
            self.gpu.push(who, work_ns, self.now_ns);
        }
    }

    /// The end of a tenant's time on the GPU, if it is one.
    fn note_busy(&mut self, who: usize) {
        let since_ns = if self.gpu.has_work(who) { None } else { self.guests[who].busy_since_ns.take() };
        if let Some(since_ns) = since_ns {
            self.account.busy(id(who), since_ns, self.now_ns);
        }
    }

    fn settle(&mut self) {
        for (who, guest) in self.guests.iter_mut().enumerate() {
            if let Some(since_ns) = guest.busy_since_ns.replace(self.now_ns) {
                self.account.busy(id(who), since_ns, self.now_ns);
            }
            if !self.gpu.has_work(who) {
                guest.busy_since_ns = None;
            }
        }
        for (TenantId(who), ns) in self.account.settle(self.now_ns) {
            self.guests[usize::try_from(who).unwrap()].used.busy_ns += ns;
        }
    }

    /// Tells what those used that have no lease.
    fn report(&mut self) {
        self.settle();
        for who in 0..self.guests.len() {
            if matches!(self.guests[who].leave, Leave::Open { .. })
                && self.guests[who].used != Used::default()
            {
                let used = std::mem::take(&mut self.guests[who].used);
                self.partition.used(id(who), used);
            }
        }
    }

    /// Hands back if that is due.
    fn hand_back(&mut self, who: usize) {
        let guest = &self.guests[who];
        let due = match guest.leave {
            Leave::Closing => true,
            Leave::Lease { until_ns, .. } => self.now_ns >= until_ns,
            _ => false,
        };
        if due && !guest.deaf && !self.gpu.has_work(who) {
            self.settle();
            if matches!(std::mem::replace(&mut self.guests[who].leave, Leave::No), Leave::Lease { .. }) {
                self.partition.saw_hand_over(WAKE_NS + SWITCH_NS);
            }
            let used = std::mem::take(&mut self.guests[who].used);
            let actions = self.partition.handed_back(id(who), used, self.now_ns);
            self.act(actions);
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        let from_ns = self.now_ns + WAKE_NS;
        for action in actions {
            match action {
                Action::Open { tenant } => {
                    let who = place(tenant);
                    assert_eq!(self.guests[who].leave, Leave::No, "{who} is opened though it may submit");
                    self.openings += 1;
                    self.guests[who].leave = Leave::Open { from_ns };
                    self.at(from_ns, Event::Wake { who });
                }
                Action::Grant { tenant, until_ns } => {
                    let who = place(tenant);
                    let from_ns = match self.guests[who].leave {
                        Leave::Lease { from_ns, .. } => from_ns,
                        Leave::No => from_ns,
                        other => panic!("{who} gets the lease while {other:?}"),
                    };
                    self.grants += 1;
                    self.guests[who].leave = Leave::Lease { from_ns, until_ns };
                    self.at(from_ns.max(self.now_ns), Event::Wake { who });
                }
                Action::Recall { tenant } => {
                    let who = place(tenant);
                    assert!(
                        !matches!(self.guests[who].leave, Leave::No | Leave::Closing),
                        "{who} has nothing"
                    );
                    self.guests[who].leave = Leave::Closing;
                    self.hand_back(who);
                }
                Action::Warn { .. } => self.warned.push((self.now_ns, action)),
                Action::Kill { tenant, .. } => {
                    self.warned.push((self.now_ns, action));
                    self.guests[place(tenant)].wait.quarantine(self.now_ns);
                    self.die(place(tenant));
                }
            }
        }
    }

    /// What must hold at all times.
    fn check(&mut self) {
        let holders = self.guests.iter().filter(|guest| matches!(guest.leave, Leave::Lease { .. })).count();
        assert!(holders <= 1, "{holders} hold the lease");
        if self.unmanaged {
            return;
        }
        if let Some(who) =
            self.guests.iter().position(|guest| !guest.held.is_empty() && guest.leave == Leave::No)
        {
            let sure =
                self.deadline_ns().is_some() || self.guests.iter().any(|guest| guest.leave != Leave::No);
            assert!(sure, "{who} waits for something that never comes");
        }
        let alone =
            |guest: &Guest| matches!(guest.leave, Leave::Lease { until_ns, .. } if until_ns > self.now_ns);
        assert!(self.partition.leased() || !self.guests.iter().any(alone), "a lease while all overlap");
        self.check_waits();
    }

    /// Nobody waits for longer than it must, nor for a holder that has nothing to do.
    fn check_waits(&mut self) {
        let (now_ns, crowd) = (self.now_ns, self.crowd());
        let (mut waits_since_ns, mut rests_since_ns) = (u64::MAX, None);
        for guest in &mut self.guests {
            let waits = guest.leave == Leave::No && !guest.held.is_empty();
            guest.wait.note(waits, guest.settings, crowd, now_ns);
            match (guest.leave, guest.wait.since_ns()) {
                (Leave::Lease { from_ns, until_ns }, _) if guest.outstanding == 0 && now_ns < until_ns => {
                    rests_since_ns = Some(from_ns.max(guest.rests_since_ns));
                }
                (_, Some(since_ns))
                    if crowd.is_free(guest.settings) && !guest.wait.is_quarantined(now_ns) =>
                {
                    waits_since_ns = waits_since_ns.min(since_ns);
                }
                _ => {}
            }
        }
        let rests_ns =
            rests_since_ns.map_or(0, |since_ns| now_ns.saturating_sub(waits_since_ns.max(since_ns)));
        assert!(
            rests_ns <= PAUSE_MAX_NS,
            "one that has nothing to do keeps others waiting for {rests_ns} ns"
        );
    }
}

pub(crate) fn id(who: usize) -> TenantId {
    TenantId(u32::try_from(who).unwrap())
}

fn place(tenant: TenantId) -> usize {
    usize::try_from(tenant.0).unwrap()
}
