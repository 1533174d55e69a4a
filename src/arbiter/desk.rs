//! What the daemon knows of the vGPUs on its GPUs, and what it tells them.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::Fault;
use super::follower::SILENCE_MAX_NS;
use super::page::{OPEN_NS, Page, Turn};
use crate::fault;
use crate::sched::{
    Account, Action, Class, Config, Partition, Policy, Priority, Refused, Settings, TenantId,
    UNTIL_RECALLED_NS, Usage, Used,
};
use crate::sys::now_ns;

/// How often vGPUs look what they have on the GPU: one alone, several beside each other; the holder of a lease, and one
/// of the latency class.
const WATCH_ALONE_NS: u64 = 20_000_000;
const WATCH_BESIDE_NS: u64 = 1_000_000;
const WATCH_LEASE_NS: u64 = 100_000;

/// Who passes so late was stopped, or had no processor.
const STOPPED_NS: u64 = 50_000_000;

/// Who heard nothing from us for longer may have gone on without us.
const SILENT_NS: u64 = SILENCE_MAX_NS / 2;

/// How often those that wait hear that the daemon lives.
const BEAT_NS: u64 = 20_000_000;

/// A vGPU as the arbiter knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantUsage {
    /// The vGPU's name.
    pub name: String,
    /// The UUID of the GPU that it is on; `None`: its process has not opened one yet.
    pub gpu: Option<String>,
    /// What it was sold.
    pub settings: Settings,
    /// What priority its process says that it has on the GPU.
    pub priority: Priority,
    /// What it got since it came.
    pub usage: Usage,
    /// Time with work to do, waiting or running, since it came.
    pub wanted_ns: u64,
    /// Bytes that it has allocated of its GPU's memory.
    pub memory_bytes: u64,
    /// Bytes that its driver takes of it beside them; `None`: nobody knows before the GPU is open.
    pub driver_bytes: Option<u64>,
}

/// Every GPU and every vGPU.
#[derive(Debug, Default)]
pub(super) struct Hall {
    desks: BTreeMap<Uuid, Desk>,
    seats: BTreeMap<String, Seat>,
    policies: BTreeMap<Uuid, Policy>,
    ids: u32,
    /// The time that partitions know: it stands still while this process does.
    passed_ns: u64,
    /// Time for which it stood still.
    skipped_ns: u64,
    /// When somebody was to pass next.
    next_ns: Option<u64>,
    /// When somebody passed last, by the clock.
    real_ns: u64,
}

/// One GPU.
#[derive(Debug)]
struct Desk {
    partition: Partition,
    account: Account,
    /// Up to where use was told.
    settled_ns: u64,
}

/// One vGPU.
#[derive(Debug)]
struct Seat {
    id: TenantId,
    page: Page,
    /// Kept, so that it stays in the set that the thread sleeps on.
    kick: Arc<OwnedFd>,
    settings: Settings,
    gpu: Option<Uuid>,
    /// The partition has no room for its share; that was on the log.
    refused: bool,
    turn: Turn,
    gate: Gate,
    /// The last turn that it handed back.
    handed: u64,
    busy: bool,
    /// The class and the priority that its GPU's books go by.
    standing: (Class, Priority),
    /// What of its use is in the books.
    told: Used,
    /// It may have gone on without us, and need not have heard yet that we are back. Until it hands back.
    astray: bool,
    wanted_ns: u64,
}

/// Of a seat of which no books know yet.
const STANDING: (Class, Priority) = (Class::Normal, Priority::Ordinary);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Shut,
    Open,
    Lease,
    Closing,
}

impl Hall {
    pub(super) fn admit(
        &mut self,
        name: &str,
        settings: Settings,
        memory_bytes_max: u64,
        page: &impl AsFd,
        kick: Arc<OwnedFd>,
    ) -> io::Result<()> {
        let page = Page::map(page)?;
        page.set_memory_bytes_max(memory_bytes_max);
        page.set_class(settings.class);
        // A page that was in use goes on where it is: what was said before must not be mistaken for what is said now.
        let turn = Turn { number: page.turn().number.wrapping_add(1), ..Turn::default() };
        let told = used(&page);
        self.leave(name);
        self.ids += 1;
        let seat = Seat {
            id: TenantId(self.ids),
            page,
            kick,
            settings,
            gpu: None,
            refused: false,
            turn,
            gate: Gate::Shut,
            handed: turn.number,
            busy: false,
            standing: STANDING,
            told,
            astray: true,
            wanted_ns: 0,
        };
        self.seats.insert(name.to_owned(), seat);
        Ok(())
    }

    /// The first kick of which this holds.
    pub(super) fn kick(&self, wanted: impl Fn(&OwnedFd) -> bool) -> Option<&OwnedFd> {
        self.seats.values().map(|seat| &*seat.kick).find(|kick| wanted(kick))
    }

    pub(super) fn died(&mut self, name: &str) {
        let now_ns = self.passed_ns;
        let Some(seat) = self.seats.get_mut(name) else { return };
        let (id, gpu) = (seat.id, seat.gpu);
        seat.page.forget();
        (seat.gate, seat.busy, seat.told) = (Gate::Shut, false, Used::default());
        seat.standing = STANDING;
        seat.turn = Turn { number: seat.turn.number.wrapping_add(1), ..Turn::default() };
        seat.handed = seat.turn.number;
        seat.page.say(seat.turn);
        if let Some(desk) = gpu.and_then(|gpu| self.desks.get_mut(&gpu)) {
            desk.account.forget(id);
            let actions = desk.partition.died(id, now_ns);
            self.act(actions, &mut Vec::new());
        }
    }

    pub(super) fn leave(&mut self, name: &str) {
        let Some(seat) = self.seats.remove(name) else { return };
        if let Some(desk) = seat.gpu.and_then(|gpu| self.desks.get_mut(&gpu)) {
            desk.account.forget(seat.id);
            let actions = desk.partition.leave(seat.id, self.passed_ns);
            self.act(actions, &mut Vec::new());
        }
    }

    pub(super) fn set(&mut self, name: &str, settings: Settings) -> Result<(), Refused> {
        let Some(seat) = self.seats.get_mut(name) else { return Ok(()) };
        let (id, gpu) = (seat.id, seat.gpu);
        let mut actions = Vec::new();
        if let Some(desk) = gpu.and_then(|gpu| self.desks.get_mut(&gpu)) {
            actions = desk.partition.set(id, settings, self.passed_ns)?;
        }
        seat.settings = settings;
        seat.page.set_class(settings.class);
        self.act(actions, &mut Vec::new());
        Ok(())
    }

    /// Refuses a smaller limit with what is in use, if that is more.
    pub(super) fn limit_memory(&self, name: &str, bytes: u64) -> Result<(), u64> {
        self.seats.get(name).map_or(Ok(()), |seat| seat.page.limit_memory(bytes))
    }

    pub(super) fn set_policy(&mut self, gpu: &str, policy: Policy) -> Result<(), Refused> {
        let gpu = Uuid::parse_str(gpu).unwrap_or_default();
        let mut actions = Vec::new();
        if let Some(desk) = self.desks.get_mut(&gpu) {
            actions = desk.partition.set_policy(policy, self.passed_ns)?;
        }
        self.policies.insert(gpu, policy);
        self.act(actions, &mut Vec::new());
        Ok(())
    }

    pub(super) fn policy(&self, gpu: &str) -> (Policy, bool) {
        let gpu = Uuid::parse_str(gpu).unwrap_or_default();
        let leased = self.desks.get(&gpu).is_some_and(|desk| desk.partition.leased());
        (self.policies.get(&gpu).copied().unwrap_or_default(), leased)
    }

    pub(super) fn usage(&self) -> Vec<TenantUsage> {
        let tenant = |(name, seat): (&String, &Seat)| {
            let desk = seat.gpu.and_then(|gpu| self.desks.get(&gpu));
            TenantUsage {
                name: name.clone(),
                gpu: seat.gpu.map(|gpu| gpu.to_string()),
                settings: seat.settings,
                priority: seat.priority(),
                usage: desk.and_then(|desk| desk.partition.usage(seat.id)).unwrap_or_default(),
                wanted_ns: seat.wanted_ns,
                memory_bytes: seat.page.memory_bytes(),
                driver_bytes: seat.page.driver_bytes(),
            }
        };
        self.seats.iter().map(tenant).collect()
    }

    /// Takes in what render processes said and what time it is, and tells them what follows. Returns when to come again
    /// though nobody says anything, and what went wrong.
    pub(super) fn pass(&mut self, real_ns: u64) -> (Option<u64>, Vec<(String, Fault)>) {
        let now_ns = self.skip(real_ns.saturating_sub(self.skipped_ns));
        let passed_ns = now_ns.saturating_sub(std::mem::replace(&mut self.passed_ns, now_ns));
        let mut faults = Vec::new();
        let mut actions = Vec::new();
        let silent_ns = real_ns.saturating_sub(std::mem::replace(&mut self.real_ns, real_ns));
        for (name, seat) in &mut self.seats {
            seat.page.beat(real_ns);
            seat.astray |= silent_ns >= SILENT_NS;
            if seat.busy {
                seat.wanted_ns += passed_ns;
            }
            if seat.gpu.is_none() {
                actions.extend(arrive(&mut self.desks, &self.policies, name, seat, now_ns));
            }
            if let Some(desk) = seat.gpu.and_then(|gpu| self.desks.get_mut(&gpu)) {
                actions.extend(seat.stand(desk, now_ns));
                actions.extend(seat.hear(&mut desk.partition, now_ns));
            }
        }
        self.act(actions, &mut faults);
        let next = |desk: &Desk| desk.partition.next_deadline_ns();
        let due = |desk: &Desk| next(desk).is_some_and(|at_ns| at_ns <= now_ns);
        let gpus: Vec<Uuid> = self.desks.keys().copied().collect();
        for gpu in gpus {
            self.settle(gpu, now_ns);
            if let Some(desk) = self.desks.get_mut(&gpu).filter(|desk| due(desk)) {
                let actions = desk.partition.tick(now_ns);
                self.act(actions, &mut faults);
            }
        }
        self.next_ns = self.desks.values().filter_map(next).chain(self.beat(now_ns)).min();
        (self.next_ns.map(|at_ns| at_ns.saturating_add(self.skipped_ns)), faults)
    }

    /// Leaves out the time for which this process was stopped: nobody is late for what was not asked meanwhile, and
    /// what was used then was used without us.
    fn skip(&mut self, now_ns: u64) -> u64 {
        let Some(next_ns) = self.next_ns.filter(|next_ns| now_ns.saturating_sub(*next_ns) > STOPPED_NS)
        else {
            return now_ns;
        };
        self.skipped_ns += now_ns - next_ns;
        self.seats.values_mut().for_each(|seat| seat.told = used(&seat.page));
        next_ns
    }

    /// Tells a GPU's partition what tenants used that run beside others.
    fn settle(&mut self, gpu: Uuid, now_ns: u64) {
        let Some(desk) = self.desks.get_mut(&gpu) else { return };
        let since_ns = desk.settled_ns;
        if now_ns.saturating_sub(since_ns) < WATCH_BESIDE_NS {
            return;
        }
        desk.settled_ns = now_ns;
        let open = self.seats.values_mut().filter(|seat| seat.gpu == Some(gpu) && seat.gate == Gate::Open);
        let mut submissions = BTreeMap::new();
        for seat in open {
            let new = seat.untold();
            // A look that came late tells of more time than has passed: the rest is told next time.
            let busy_ns = new.busy_ns.min(now_ns - since_ns);
            desk.account.busy(seat.id, now_ns - busy_ns, now_ns);
            seat.told.busy_ns += busy_ns;
            seat.told.submissions += new.submissions;
            submissions.insert(seat.id, new.submissions);
        }
        let mut busy = desk.account.settle(now_ns);
        for (id, submissions) in submissions {
            let busy_ns = busy.remove(&id).unwrap_or_default();
            desk.partition.used(id, Used { busy_ns, submissions });
        }
    }

    /// When to look again for the sake of those that work, and has them look as often.
    fn beat(&self, now_ns: u64) -> Option<u64> {
        let mut soonest = None;
        for (gpu, desk) in &self.desks {
            let seats = || self.seats.values().filter(|seat| seat.gpu == Some(*gpu));
            let busy = seats().filter(|seat| seat.busy).count();
            let beside = busy > 1 && !desk.partition.leased();
            let shares = self.policies.get(gpu).is_some_and(|policy| *policy != Policy::BestEffort);
            let limited = |seat: &Seat| seat.settings.cap_percent < 100 || shares;
            for seat in seats().filter(|seat| seat.gate == Gate::Open) {
                // Its submissions are short, and over before the others' next look: it would use up no budget.
                let quick = busy > 1 && seat.settings.class == Class::Latency;
                seat.page.watch(match beside || limited(seat) {
                    _ if quick => WATCH_LEASE_NS,
                    true => WATCH_BESIDE_NS,
                    false => WATCH_ALONE_NS,
                });
            }
            let pace_ns = match busy {
                0 => continue,
                _ if beside => WATCH_BESIDE_NS,
                _ if seats().any(|seat| seat.busy && seat.gate == Gate::Open && limited(seat)) => {
                    WATCH_BESIDE_NS
                }
                _ => BEAT_NS,
            };
            soonest = Some(soonest.unwrap_or(u64::MAX).min(now_ns + pace_ns));
        }
        soonest
    }

    fn act(&mut self, actions: Vec<Action>, faults: &mut Vec<(String, Fault)>) {
        let skipped_ns = self.skipped_ns;
        for action in actions {
            let (Action::Open { tenant }
            | Action::Grant { tenant, .. }
            | Action::Recall { tenant }
            | Action::Warn { tenant, .. }
            | Action::Kill { tenant, .. }) = action;
            let Some((name, seat)) = self.seats.iter_mut().find(|(_, seat)| seat.id == tenant) else {
                continue;
            };
            tracing::trace!("{name}: {action:?}");
            match action {
                Action::Open { .. } => seat.say(Gate::Open, OPEN_NS, WATCH_BESIDE_NS),
                Action::Grant { until_ns: UNTIL_RECALLED_NS, .. } => {
                    seat.say(Gate::Lease, OPEN_NS, WATCH_BESIDE_NS);
                }
                Action::Grant { until_ns, .. } => {
                    fault::point("hand-over: decided");
                    seat.say(Gate::Lease, until_ns.saturating_add(skipped_ns), WATCH_LEASE_NS);
                    fault::point("hand-over: granted");
                }
                Action::Recall { .. } => {
                    seat.say(Gate::Closing, 0, WATCH_LEASE_NS);
                    fault::point("hand-over: recalled");
                }
                Action::Warn { offence, .. } => faults.push((name.clone(), Fault { offence, kill: false })),
                Action::Kill { offence, .. } => faults.push((name.clone(), Fault { offence, kill: true })),
            }
        }
    }
}

/// A vGPU's render process has opened its GPU.
fn arrive(
    desks: &mut BTreeMap<Uuid, Desk>,
    policies: &BTreeMap<Uuid, Policy>,
    name: &str,
    seat: &mut Seat,
    now_ns: u64,
) -> Vec<Action> {
    let Some(gpu) = seat.page.gpu() else { return Vec::new() };
    let desk = desks.entry(gpu).or_insert_with(|| Desk {
        partition: Partition::new(Config::default(), policies.get(&gpu).copied().unwrap_or_default()),
        account: Account::new(),
        settled_ns: now_ns,
    });
    match desk.partition.arrive(seat.id, seat.settings, now_ns) {
        Ok(actions) => {
            (seat.gpu, seat.refused) = (Some(gpu), false);
            seat.page.say(seat.turn);
            actions
        }
        Err(refused) => {
            // Tried again whenever anything changes.
            if !std::mem::replace(&mut seat.refused, true) {
                tracing::error!("{name} may not use its GPU: {refused}");
            }
            Vec::new()
        }
    }
}

impl Seat {
    /// Has its GPU's books go by its class and priority.
    ///
    /// Time that it had first is charged to it alone, in the latency class only: else friends could have theirs charged
    /// to whoever says that he was first. Of any other class it runs by turns, which whoever lies has to himself too.
    fn stand(&mut self, desk: &mut Desk, now_ns: u64) -> Vec<Action> {
        let standing = (self.settings.class, self.page.priority());
        if std::mem::replace(&mut self.standing, standing) == standing {
            return Vec::new();
        }
        let (class, first) = (standing.0, standing.1 == Priority::Realtime);
        desk.account.set_priority(self.id, first && class == Class::Latency);
        desk.partition.set_priority(self.id, first, now_ns)
    }

    /// Takes in what the render process says.
    fn hear(&mut self, partition: &mut Partition, now_ns: u64) -> Vec<Action> {
        let (handed, busy) = (self.page.handed(), self.page.is_busy());
        let mut actions = Vec::new();
        if busy != self.busy || handed != self.handed {
            tracing::trace!("{}: busy {busy}, handed {handed} of {}", self.id, self.turn.number);
        }
        if busy != self.busy {
            self.busy = busy;
            actions = match busy {
                true => partition.runnable(self.id, now_ns),
                false => partition.idle(self.id, now_ns),
            };
        }
        if handed == self.turn.number && handed != self.handed && self.gate != Gate::Open {
            self.handed = handed;
            (self.gate, self.astray) = (Gate::Shut, false);
            let new = self.take_untold();
            match self.page.hand_over_ns.load(Ordering::Relaxed) {
                0 => {}
                ns => partition.saw_hand_over(ns),
            }
            actions.extend(partition.handed_back(self.id, new, now_ns));
            fault::point("hand-over: heard");
        } else if self.gate == Gate::Shut && !self.astray && self.untold().submissions > 0 {
            let new = self.take_untold();
            partition.used(self.id, new);
            actions.extend(partition.trespassed(self.id, now_ns));
        }
        actions
    }

    /// What its process says of its priority. Why it has none, only whoever should have some wants to know.
    fn priority(&self) -> Priority {
        let said = self.page.priority();
        let of_interest = self.settings.class == Class::Latency || said == Priority::Realtime;
        if of_interest { said } else { Priority::Ordinary }
    }

    /// What it used and nobody was told of.
    fn untold(&self) -> Used {
        self.since_told(used(&self.page))
    }

    /// The same, which is to be told now.
    fn take_untold(&mut self) -> Used {
        let now = used(&self.page);
        let new = self.since_told(now);
        self.told = now;
        new
    }

    fn since_told(&self, now: Used) -> Used {
        Used {
            busy_ns: now.busy_ns.saturating_sub(self.told.busy_ns),
            submissions: now.submissions.saturating_sub(self.told.submissions),
        }
    }

    fn say(&mut self, gate: Gate, until_ns: u64, watch_ns: u64) {
        self.gate = gate;
        let number = self.turn.number.wrapping_add(1);
        self.turn = Turn { number, until_ns, watch_ns, said_ns: now_ns() };
        self.page.say(self.turn);
    }
}

fn used(page: &Page) -> Used {
    Used { busy_ns: page.busy_ns.load(Ordering::Relaxed), submissions: page.given.load(Ordering::Relaxed) }
}

#[cfg(test)]
mod tests;
