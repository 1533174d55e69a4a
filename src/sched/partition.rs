//! One GPU or a piece of one: events in, actions out.

use std::collections::BTreeMap;

use super::mode::{Mode, Wish};
use super::policy::{Entitlement, WHOLE_PPM};
use super::tenant::{Gate, Tenant};
use super::{
    Action, Class, Config, Offence, Policy, Refused, Settings, TenantId, UNTIL_RECALLED_NS, Usage, Used,
};

/// Who waits for so long runs next, for the shortest slice, whatever the weights: this, and so many slices of each.
const AGE_NS: u64 = 1_000_000_000;
const AGE_SLICES: u64 = 8;

/// What a hand-over is taken to cost, at least and at most.
const HAND_OVER_NS: (u64, u64) = (20_000, 800_000);

/// Decides who may use a partition.
///
/// Each event returns what follows from it. Between events nothing follows before [`Partition::next_deadline_ns`].
/// Events of tenants that are not there say nothing.
#[derive(Clone, Debug)]
pub struct Partition {
    config: Config,
    policy: Policy,
    tenants: BTreeMap<TenantId, Tenant>,
    mode: Mode,
    /// More than one tenant wants the GPU.
    contended: bool,
    /// Nobody wants the GPU that may have it.
    idle: bool,
    /// Somebody does not hand back, so that the others run beside it.
    stuck: bool,
    /// The least virtual runtime of those that want to run; never falls.
    floor: u128,
    now_ns: u64,
    actions: Vec<Action>,
}

/// Who waits for the lease, and for whom.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    /// Somebody waits.
    waits: bool,
    holder: Option<TenantId>,
    /// Nobody can have it yet: what runs without it, or ran with it, is on the GPU.
    blocked: bool,
}

impl Partition {
    /// A partition without tenants.
    pub fn new(config: Config, policy: Policy) -> Self {
        Self {
            config,
            policy,
            tenants: BTreeMap::new(),
            mode: Mode::new(),
            contended: false,
            idle: true,
            stuck: false,
            floor: 0,
            now_ns: 0,
            actions: Vec::new(),
        }
    }

    /// A tenant comes, or is met again by a new daemon. It has nothing to do and may not submit until told.
    pub fn arrive(
        &mut self,
        tenant: TenantId,
        settings: Settings,
        now_ns: u64,
    ) -> Result<Vec<Action>, Refused> {
        if self.tenants.contains_key(&tenant) {
            return Err(Refused::Present(tenant));
        }
        self.check(self.policy, Some((tenant, settings)))?;
        self.pass(now_ns);
        let entitlement = Entitlement { weight: 1, limit_ppm: WHOLE_PPM, share_ppm: WHOLE_PPM };
        self.tenants.insert(tenant, Tenant::new(settings, entitlement, self.floor, self.now_ns));
        self.entitle();
        Ok(self.decide())
    }

    /// A tenant's settings change.
    pub fn set(&mut self, tenant: TenantId, settings: Settings, now_ns: u64) -> Result<Vec<Action>, Refused> {
        if !self.tenants.contains_key(&tenant) {
            return Err(Refused::Unknown(tenant));
        }
        self.check(self.policy, Some((tenant, settings)))?;
        Ok(self.tell(tenant, now_ns, |own, _| own.settings = settings))
    }

    /// The policy changes.
    pub fn set_policy(&mut self, policy: Policy, now_ns: u64) -> Result<Vec<Action>, Refused> {
        self.check(policy, None)?;
        self.pass(now_ns);
        self.policy = policy;
        self.entitle();
        Ok(self.decide())
    }

    /// Handing the GPU over was seen to cost so much: from the grant until the GPU is at the new holder's work.
    ///
    /// It is a mean over all tenants and bounded, for a tenant may lie about it.
    pub fn saw_hand_over(&mut self, ns: u64) {
        let ns = ns.clamp(HAND_OVER_NS.0, HAND_OVER_NS.1);
        self.config.hand_over_ns = (7 * self.config.hand_over_ns + ns) / 8;
    }

    /// A tenant has work: something that waits to be given to the GPU, or is on it.
    pub fn runnable(&mut self, tenant: TenantId, now_ns: u64) -> Vec<Action> {
        let (config, floor) = (self.config, self.floor);
        self.tell(tenant, now_ns, |own, _| {
            if !own.runnable {
                own.wake(floor, &config);
            }
        })
    }

    /// A tenant has no work any more.
    pub fn idle(&mut self, tenant: TenantId, now_ns: u64) -> Vec<Action> {
        self.tell(tenant, now_ns, |own, now_ns| {
            if own.runnable {
                (own.runnable, own.idle_at_ns) = (false, now_ns);
            }
        })
    }

    /// A tenant without a lease used the GPU. What a lease used is told when it is handed back.
    ///
    /// What follows from it follows at the next event.
    pub fn used(&mut self, tenant: TenantId, used: Used) {
        let (floor, leased) = (self.floor, self.mode.leased());
        if let Some(own) = self.tenants.get_mut(&tenant) {
            own.spend(used);
            own.had_beside(used, leased, floor);
        }
    }

    /// A tenant may not submit any more, by an end of its lease, a [`Action::Recall`] or its own will, and nothing of
    /// it is on the GPU. `used`: what was not told before.
    pub fn handed_back(&mut self, tenant: TenantId, used: Used, now_ns: u64) -> Vec<Action> {
        let (floor, leased, hand_over_ns) = (self.floor, self.mode.leased(), self.config.hand_over_ns);
        self.tell(tenant, now_ns, |own, now_ns| {
            own.spend(used);
            own.had_beside(used, leased, floor);
            own.shut(floor, hand_over_ns, now_ns);
            own.fault.over();
        })
    }

    /// A tenant's render process has ended, with whatever it had on the GPU.
    pub fn died(&mut self, tenant: TenantId, now_ns: u64) -> Vec<Action> {
        let (floor, hand_over_ns) = (self.floor, self.config.hand_over_ns);
        self.tell(tenant, now_ns, |own, now_ns| {
            own.shut(floor, hand_over_ns, now_ns);
            own.fault.over();
            (own.runnable, own.idle_at_ns, own.first) = (false, 0, false);
        })
    }

    /// What a tenant has on the GPU goes before what others have from now on, until its process dies; or it does not.
    pub fn set_priority(&mut self, tenant: TenantId, first: bool, now_ns: u64) -> Vec<Action> {
        self.tell(tenant, now_ns, |own, _| own.first = first)
    }

    /// A tenant goes. Its process is gone or may not submit any more.
    pub fn leave(&mut self, tenant: TenantId, now_ns: u64) -> Vec<Action> {
        self.pass(now_ns);
        self.tenants.remove(&tenant);
        self.entitle();
        self.decide()
    }

    /// A tenant was seen on the GPU although it may not submit and has handed back.
    pub fn trespassed(&mut self, tenant: TenantId, now_ns: u64) -> Vec<Action> {
        self.pass(now_ns);
        let step = self.tenants.get_mut(&tenant).and_then(|own| own.fault.trespass(self.now_ns));
        self.actions.extend(step.map(|step| step.about(Offence::Trespass, tenant)));
        self.decide()
    }

    /// Time has passed. To be called at [`Partition::next_deadline_ns`], once what open tenants used was told.
    pub fn tick(&mut self, now_ns: u64) -> Vec<Action> {
        self.pass(now_ns);
        let open = self.tenants.values_mut().filter(|own| own.gate == Gate::Open);
        open.for_each(|own| own.told_at_ns = self.now_ns);
        self.decide()
    }

    /// What a tenant got so far.
    pub fn usage(&self, tenant: TenantId) -> Option<Usage> {
        Some(self.tenants.get(&tenant)?.usage)
    }

    /// Whether one tenant at a time runs, as opposed to all.
    pub fn leased(&self) -> bool {
        self.mode.leased()
    }

    fn check(&self, policy: Policy, change: Option<(TenantId, Settings)>) -> Result<(), Refused> {
        change.map_or(Ok(()), |(_, settings)| settings.check())?;
        let others = self.tenants.iter().filter(|(id, _)| change.is_none_or(|(changed, _)| changed != **id));
        policy.check(others.map(|(_, own)| own.settings).chain(change.map(|(_, settings)| settings)))
    }

    /// Notes what happened to one tenant, and decides.
    fn tell(&mut self, tenant: TenantId, now_ns: u64, note: impl FnOnce(&mut Tenant, u64)) -> Vec<Action> {
        self.pass(now_ns);
        if let Some(own) = self.tenants.get_mut(&tenant) {
            let settings = own.settings;
            note(own, self.now_ns);
            if own.settings != settings {
                self.entitle();
            }
        }
        self.decide()
    }

    /// Lets time pass up to an event.
    fn pass(&mut self, now_ns: u64) {
        let passed_ns = now_ns.saturating_sub(self.now_ns);
        self.now_ns += passed_ns;
        self.mode.pass(self.now_ns, self.contended);
        for own in self.tenants.values_mut() {
            own.fill(self.now_ns);
            if self.idle {
                own.forgive(passed_ns, self.floor);
            }
        }
    }

    /// Works out again what each tenant is entitled to.
    fn entitle(&mut self) {
        let count = u64::try_from(self.tenants.len()).unwrap_or(u64::MAX);
        let weights = self.tenants.values().map(|own| u64::from(own.settings.weight)).sum();
        for own in self.tenants.values_mut() {
            let entitlement = self.policy.entitlement(own.settings, count, weights);
            own.entitle(entitlement, self.floor, self.now_ns);
        }
    }

    fn decide(&mut self) -> Vec<Action> {
        let now_ns = self.now_ns;
        self.review();
        if now_ns >= self.mode.window_end_ns() {
            let done = self.tenants.iter().filter(|(_, own)| own.wanted);
            let done = done.map(|(id, own)| (*id, own.usage.submissions)).collect();
            self.mode.decide(now_ns, self.wish(), done);
            self.tenants.values_mut().for_each(|own| own.wanted = false);
        }
        let queue = self.set_gates();
        if self.mode.leased() && !self.stuck {
            self.lease(queue);
        }
        self.tenants.values_mut().for_each(|own| own.note_wait(now_ns));
        std::mem::take(&mut self.actions)
    }

    /// Ends leases whose time has come, and those of holders that pause for too long; warns and kills those that do
    /// not hand back; and sees who wants the GPU.
    fn review(&mut self) {
        let (now_ns, config) = (self.now_ns, self.config);
        let (mut least, mut competing) = (u128::MAX, 0);
        (self.idle, self.stuck) = (true, false);
        for (id, own) in &mut self.tenants {
            if own.wants_turn(now_ns, &config) {
                least = least.min(own.vruntime);
            }
            if own.gives_up(now_ns, &config) {
                self.actions.push(Action::Recall { tenant: *id });
            }
            let step = own.late(now_ns, &config);
            self.actions.extend(step.map(|step| step.about(Offence::Late, *id)));
            self.idle &= !own.runnable || !own.eligible(now_ns);
            self.stuck |= own.is_stuck(now_ns, &config);
            competing += u64::from(own.holds() || (own.runnable && own.takes_turns(now_ns)));
            own.wanted |= own.runnable || own.holds();
        }
        self.contended = competing > 1;
        if least != u128::MAX {
            self.floor = self.floor.max(least);
        }
    }

    /// What speaks for a lease: shares, or short submissions.
    fn wish(&self) -> Wish {
        let long_ns = self.config.hardware_slice_ns * if self.mode.leased() { 2 } else { 1 };
        let wanted = || self.tenants.values().filter(|own| own.wanted);
        if self.stuck {
            return Wish::Wait;
        }
        let Some(first) = wanted().next() else { return Wish::Overlap };
        let differs = |own: &Tenant| own.entitlement.weight != first.entitlement.weight;
        // The hardware gives most to those with the deepest queues, and what runs with priority leaves others nothing.
        let precedes = |own: &Tenant| own.first || own.settings.class == Class::Latency;
        let shares = |own: &Tenant| differs(own) || own.limited() || precedes(own);
        if wanted().any(shares) {
            return Wish::Lease;
        }
        if wanted().any(|own| own.submission_ns < long_ns) { Wish::Better } else { Wish::Overlap }
    }

    /// Opens and recalls whoever may or may not run beside others, and sees who waits for whom.
    fn set_gates(&mut self) -> Queue {
        let (now_ns, config) = (self.now_ns, self.config);
        let overlap = !self.mode.leased() || self.stuck;
        let mut queue = Queue::default();
        for (id, own) in &mut self.tenants {
            let open = own.eligible(now_ns) && (overlap || own.privileged());
            let recall = match own.gate {
                Gate::Shut if open => {
                    own.gate = Gate::Open;
                    self.actions.push(Action::Open { tenant: *id });
                    false
                }
                Gate::Open => !open,
                Gate::Lease { .. } => overlap,
                _ => false,
            };
            if recall {
                own.close(now_ns);
                self.actions.push(Action::Recall { tenant: *id });
            }
            queue.waits |= own.gate == Gate::Shut && own.wants_turn(now_ns, &config);
            queue.holder = queue.holder.or(own.holds().then_some(*id));
            queue.blocked |= own.in_the_way();
        }
        queue
    }

    /// Gives the lease to the next, or tells the holder when somebody came to wait for it.
    fn lease(&mut self, queue: Queue) {
        if let Some((id, own)) = queue.holder.and_then(|id| Some((id, self.tenants.get_mut(&id)?))) {
            let Gate::Lease { since_ns, until_ns, slice_ns } = own.gate else { return };
            let end_ns = own.lease_end_ns(since_ns, slice_ns, queue.waits, &self.config).max(self.now_ns);
            let longer = end_ns == UNTIL_RECALLED_NS && until_ns != UNTIL_RECALLED_NS;
            if longer || (queue.waits && end_ns < until_ns) {
                own.gate = Gate::Lease { since_ns, until_ns: end_ns, slice_ns };
                self.actions.push(Action::Grant { tenant: id, until_ns: end_ns });
            }
        } else if queue.waits && !queue.blocked {
            self.grant();
        }
    }

    /// Gives the lease to the one that waited longest of those that are less than a slice ahead of the last.
    ///
    /// By virtual runtime alone tenants of the same weight would overtake one another by the crumbs of their last
    /// slices, and wait twice as long. So they go in turns, and who is ahead gets so much less.
    fn grant(&mut self) {
        let (now_ns, config) = (self.now_ns, self.config);
        let waits = |own: &Tenant| own.gate == Gate::Shut && own.wants_turn(now_ns, &config);
        let waiting = || self.tenants.iter().filter(|(_, own)| waits(own));
        let mut order: Vec<_> = waiting().map(|(id, own)| (own.vruntime, *id)).collect();
        order.sort_unstable();
        let Some((least, _)) = order.first().copied() else { return };
        let since_ns = |own: &Tenant| own.waiting_at_ns.unwrap_or(now_ns);
        let first = |all: &mut dyn Iterator<Item = (&TenantId, &Tenant)>| {
            all.map(|(id, own)| (since_ns(own), own.vruntime, *id)).min()
        };
        let count = u64::try_from(order.len()).unwrap_or(u64::MAX);
        let age_ns = AGE_NS.saturating_add(count.saturating_mul(AGE_SLICES * config.slice_ns));
        let aged = first(&mut waiting()).filter(|(at_ns, ..)| now_ns.saturating_sub(*at_ns) >= age_ns);
        let near = first(&mut waiting().filter(|(_, own)| own.ahead_ns(least) < own.slice_ns(&config)));
        let Some((.., id)) = aged.or(near) else { return };
        let next = order.iter().find(|(_, other)| *other != id).map(|(vruntime, _)| *vruntime);
        let Some(own) = self.tenants.get_mut(&id) else { return };
        let whole_ns = own.slice_ns(&config);
        let behind_ns = next.map_or(0, |next| own.behind_ns(next)).min(config.slice_max_ns);
        let less_ns = whole_ns.saturating_sub(own.ahead_ns(least)).max(whole_ns / 2);
        let slice_ns = if aged.is_some() { config.slice_min_ns } else { behind_ns.max(less_ns) };
        let until_ns = own.lease_end_ns(now_ns, slice_ns, count > 1, &config);
        own.gate = Gate::Lease { since_ns: now_ns, until_ns, slice_ns };
        own.resumed = false;
        own.usage.slices += 1;
        self.actions.push(Action::Grant { tenant: id, until_ns });
    }

    /// When something follows although nothing happens; `None`: never.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        let now_ns = self.now_ns;
        let least_ns = now_ns.saturating_add(1);
        let own = self.tenants.values().filter_map(|own| self.deadline_ns(own)).min();
        let window = (self.contended || self.mode.leased()).then(|| self.mode.window_end_ns());
        own.into_iter().chain(window).min().map(|at_ns| at_ns.max(least_ns))
    }

    fn deadline_ns(&self, own: &Tenant) -> Option<u64> {
        let now_ns = self.now_ns;
        // How soon a bucket can be empty: as soon as if its tenant had the GPU alone since its use was told.
        let check = |left_ns: u64| own.told_at_ns + left_ns.max(self.config.slice_min_ns);
        let untold = own.runnable || own.idle_at_ns > own.told_at_ns;
        let quarantine = Some(own.fault.quarantined_until_ns()).filter(|at_ns| *at_ns > now_ns);
        match own.gate {
            Gate::Shut => {
                let budget = own.budget.ready_at_ns().filter(|_| own.settings.class == Class::Latency);
                let all = [quarantine, own.limit.ready_at_ns(), budget.filter(|_| own.eligible(now_ns))];
                all.into_iter().flatten().min()
            }
            Gate::Open => {
                let budget = own.budget.left_ns().filter(|_| own.settings.class == Class::Latency);
                own.limit.left_ns().into_iter().chain(budget).min().filter(|_| untold).map(check)
            }
            Gate::Lease { until_ns, .. } => {
                let pause = (!own.runnable).then(|| own.gives_up_ns(&self.config));
                Some(until_ns).filter(|at_ns| *at_ns != UNTIL_RECALLED_NS).into_iter().chain(pause).min()
            }
            Gate::Closing { due_ns, .. } => own.fault.next_ns(due_ns, &self.config),
        }
    }
}
