//! Who used the GPU, from the times at which tenants had work on it.
//!
//! A tenant's intervals are united, for its queues overlap. Each instant is divided evenly among the tenants that had
//! work on the GPU then. So the accounts come to the time that the GPU had work, to the nanosecond, and a tenant that
//! was alone is charged its own intervals. Where one has priority on the GPU the others get nothing, so the instant is
//! charged to it alone, or it would have more than its budget at others' cost.

use std::collections::{BTreeMap, BTreeSet};

use super::TenantId;

/// Intervals that are kept of one tenant. One more and its two oldest become one, with the gap between them.
const INTERVALS_MAX: usize = 1024;

/// Intervals that were reported and not yet divided. All times are of one clock, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Account {
    settled_ns: u64,
    first: BTreeSet<TenantId>,
    /// Start to end, apart from each other.
    busy: BTreeMap<TenantId, BTreeMap<u64, u64>>,
}

impl Account {
    /// An account that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// From what is settled next, a tenant's work goes before that of others on the GPU, or no longer does.
    pub fn set_priority(&mut self, tenant: TenantId, first: bool) {
        if first {
            self.first.insert(tenant);
        } else {
            self.first.remove(&tenant);
        }
    }

    /// Notes that a tenant had work on the GPU from `start_ns` to `end_ns`, in any order of tenants and times.
    ///
    /// Tells how much of it came too late, for [`Account::settle`] has gone past it: that is in no account.
    pub fn busy(&mut self, tenant: TenantId, start_ns: u64, end_ns: u64) -> u64 {
        let (start_ns, end_ns, late_ns) = {
            let start = start_ns.max(self.settled_ns);
            (start, end_ns.max(start), start.min(end_ns).saturating_sub(start_ns))
        };
        if start_ns == end_ns {
            return late_ns;
        }
        let own = self.busy.entry(tenant).or_default();
        unite(own, start_ns, end_ns);
        if own.len() > INTERVALS_MAX
            && let (Some((first_ns, _)), Some((_, next_end_ns))) = (own.pop_first(), own.pop_first())
        {
            own.insert(first_ns, next_end_ns);
        }
        late_ns
    }

    /// Divides the time up to `until_ns` and tells what each tenant used since the last time, in order.
    ///
    /// What does not divide evenly goes to the tenants with the lowest numbers, a nanosecond each.
    pub fn settle(&mut self, until_ns: u64) -> BTreeMap<TenantId, u64> {
        let mut used = BTreeMap::new();
        let mut edges: Vec<(u64, bool, TenantId)> = Vec::new();
        self.busy.retain(|tenant, own| {
            while let Some(entry) = own.first_entry().filter(|entry| *entry.key() < until_ns) {
                let (start_ns, end_ns) = entry.remove_entry();
                edges.extend([(start_ns, true, *tenant), (end_ns.min(until_ns), false, *tenant)]);
                if end_ns > until_ns {
                    own.insert(until_ns, end_ns);
                }
            }
            !own.is_empty()
        });
        self.settled_ns = self.settled_ns.max(until_ns);
        edges.sort_unstable();
        let mut active: BTreeMap<TenantId, u64> = BTreeMap::new();
        let mut last_ns = 0;
        for (at_ns, starts, tenant) in edges {
            divide(at_ns - last_ns, &mut active, &self.first);
            last_ns = at_ns;
            if starts {
                active.insert(tenant, 0);
            } else if let Some(ns) = active.remove(&tenant) {
                *used.entry(tenant).or_default() += ns;
            }
        }
        used
    }

    /// Forgets a tenant that is gone, with what was not settled.
    pub fn forget(&mut self, tenant: TenantId) {
        self.busy.remove(&tenant);
        self.first.remove(&tenant);
    }
}

/// Adds an interval to others that are apart from each other.
fn unite(own: &mut BTreeMap<u64, u64>, mut start_ns: u64, mut end_ns: u64) {
    while let Some((&other_ns, &other_end_ns)) = own.range(..=end_ns).next_back()
        && other_end_ns >= start_ns
    {
        own.remove(&other_ns);
        start_ns = start_ns.min(other_ns);
        end_ns = end_ns.max(other_end_ns);
    }
    own.insert(start_ns, end_ns);
}

fn divide(ns: u64, active: &mut BTreeMap<TenantId, u64>, first: &BTreeSet<TenantId>) {
    let some_first = active.keys().any(|tenant| first.contains(tenant));
    let runs = |tenant: &TenantId| !some_first || first.contains(tenant);
    let count = u64::try_from(active.keys().filter(|tenant| runs(tenant)).count()).unwrap_or(u64::MAX);
    if ns == 0 || count == 0 {
        return;
    }
    let (each_ns, mut rest_ns) = (ns / count, ns % count);
    for (_, used) in active.iter_mut().filter(|(tenant, _)| runs(tenant)) {
        *used += each_ns + u64::from(rest_ns > 0);
        rest_ns = rest_ns.saturating_sub(1);
    }
}
