//! What follows when a tenant does not do as it is told.

use super::{Action, Config, Offence, TenantId};

/// Trespasses within this time are counted together.
const STRIKES_NS: u64 = 10_000_000_000;
const STRIKES_MAX: u32 = 3;
/// The first quarantine, and the longest; each doubles.
const QUARANTINE_NS: (u64, u64) = (1_000_000_000, 64_000_000_000);
/// After so long without a kill the next quarantine is a first one.
const FORGIVEN_NS: u64 = 600_000_000_000;

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Warn,
    Kill,
}

impl Step {
    pub(super) fn about(self, offence: Offence, tenant: TenantId) -> Action {
        match self {
            Step::Warn => Action::Warn { tenant, offence },
            Step::Kill => Action::Kill { tenant, offence },
        }
    }
}

/// How far it has come with a tenant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fault {
    warned: bool,
    killed: bool,
    strikes: u32,
    struck_at_ns: u64,
    quarantine_ns: u64,
    quarantined_until_ns: u64,
}

impl Fault {
    /// It should have handed back at `due_ns` and has not. At most one step at a time.
    pub(super) fn late(&mut self, due_ns: u64, now_ns: u64, config: &Config) -> Option<Step> {
        let late_ns = now_ns.saturating_sub(due_ns);
        if late_ns >= config.kill_after_ns && !self.killed {
            return Some(self.kill(now_ns));
        }
        (late_ns >= config.warn_after_ns && !std::mem::replace(&mut self.warned, true)).then_some(Step::Warn)
    }

    /// When the next step is to be taken about what was due at `due_ns`.
    pub(super) fn next_ns(&self, due_ns: u64, config: &Config) -> Option<u64> {
        let steps = [(self.warned, config.warn_after_ns), (self.killed, config.kill_after_ns)];
        steps.iter().find(|(taken, _)| !taken).map(|(_, after_ns)| due_ns.saturating_add(*after_ns))
    }

    /// It ran when it was not its turn.
    pub(super) fn trespass(&mut self, now_ns: u64) -> Option<Step> {
        if self.killed {
            return None;
        }
        if now_ns.saturating_sub(self.struck_at_ns) > STRIKES_NS {
            self.strikes = 0;
        }
        self.struck_at_ns = now_ns;
        self.strikes += 1;
        if self.strikes >= STRIKES_MAX { Some(self.kill(now_ns)) } else { Some(Step::Warn) }
    }

    fn kill(&mut self, now_ns: u64) -> Step {
        if now_ns.saturating_sub(self.quarantined_until_ns) > FORGIVEN_NS {
            self.quarantine_ns = 0;
        }
        self.quarantine_ns = (2 * self.quarantine_ns).clamp(QUARANTINE_NS.0, QUARANTINE_NS.1);
        self.quarantined_until_ns = now_ns.saturating_add(self.quarantine_ns);
        (self.warned, self.killed, self.strikes) = (true, true, 0);
        Step::Kill
    }

    /// It handed back, or is dead.
    pub(super) fn over(&mut self) {
        (self.warned, self.killed) = (false, false);
    }

    /// Until when it may not run.
    pub(super) fn quarantined_until_ns(&self) -> u64 {
        self.quarantined_until_ns
    }
}
