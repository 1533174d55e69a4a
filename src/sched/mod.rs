//! Who may use a GPU, and how long: decisions only, for one [`Partition`] each. No thread, no clock, no I/O here.
//!
//! The arbiter tells what happens and when, and does what the returned [`Action`]s say. A simulator does the same in
//! tests, so what they show holds for the arbiter.
//!
//! ```text
//!            arrive, set, runnable, idle, used, handed_back, died, leave, tick
//!                                       |
//!         mode: overlap or lease? ->  gates  <- buckets: caps, budgets;  faults: warn, kill, quarantine
//!                                       |
//!                       Open, Grant, Recall, Warn, Kill
//! ```
//!
//! - **Overlap:** every tenant may submit and the hardware slices. So it is while the GPU is not saturated, while one
//!   tenant is alone, while a lease was seen to bring no more or cannot, for all submissions are longer than the
//!   hardware's slices, and nobody has another weight or priority; and while somebody does not hand back. Nobody is in
//!   debt for what it used then.
//! - **Lease:** one tenant at a time runs, the one with the least virtual runtime: time that it had the GPU, divided by
//!   its weight. Tenants that are near each other take turns. Who slept comes back no more than
//!   [`Config::slice_min_ns`] ahead of the others. Who overran waits, unless nobody wants the GPU for as long.
//! - **Caps, equal and fixed shares** are a bucket that fills with the clock, in overlap and lease alike. Who has
//!   emptied it may not run, even if nobody else wants to.
//! - **A latency tenant** runs beside whoever holds the lease, out of a bucket that fills at its share. Once that is
//!   empty it waits for its turn like others until half of it has filled.
//! - **Whoever has priority on the GPU** and is no latency tenant any more runs by turns alone: beside others it would
//!   leave them nothing.
//!
//! What follows if it is not heeded was seen in the simulator:
//! - A lease's holder submits only what will end before the lease does, and hands back without being told, even with
//!   work held: else nobody's wait is bounded, or all wait for ever.
//! - A recalled tenant that has nothing on the GPU hands back at once. Who sleeps cannot, so the arbiter does it.
//! - Before each [`Partition::tick`] the use of open tenants is settled and told. A holder's is told when it hands
//!   back. Nothing is told twice.
//! - Under a lease `runnable` and `idle` must be exact; while tenants overlap they may be samples.
//! - [`Account::set_priority`] is for tenants to whom the driver granted it, and [`Partition::trespassed`] for use that
//!   was seen when the drain was over for sure.
//!
//! Times are nanoseconds of one clock that does not jump. A time before the last one counts as the last one.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod account;
mod bucket;
mod fault;
mod mode;
mod partition;
pub mod placement;
mod policy;
mod priority;
mod tenant;

use std::fmt;

pub use account::Account;
pub use partition::Partition;
pub use policy::{Class, Policy, Refused, Settings};
pub use priority::Priority;
pub use tenant::Usage;

/// A vGPU, by a number of the arbiter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(pub u32);

impl fmt::Display for TenantId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "tenant {}", self.0)
    }
}

/// The end of a lease that nobody else waits for.
pub const UNTIL_RECALLED_NS: u64 = u64::MAX;

/// What the arbiter has to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The tenant may submit, beside others, until it is recalled.
    Open {
        /// Who.
        tenant: TenantId,
    },
    /// The tenant may submit, alone, until that time. Then it hands back without being told. For a tenant that has the
    /// lease already: another end of it.
    Grant {
        /// Who.
        tenant: TenantId,
        /// When it must have stopped submitting; [`UNTIL_RECALLED_NS`]: when recalled.
        until_ns: u64,
    },
    /// The tenant may not submit any more. It hands back when nothing of it is on the GPU; at once if nothing is.
    Recall {
        /// Who.
        tenant: TenantId,
    },
    /// The tenant does not do as it is told: tell its operator.
    Warn {
        /// Who.
        tenant: TenantId,
        /// What it does.
        offence: Offence,
    },
    /// The same, and too long: end its render process, then tell that it died.
    Kill {
        /// Who.
        tenant: TenantId,
        /// What it does.
        offence: Offence,
    },
}

/// What a tenant does that does not do as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// It does not hand back.
    Late,
    /// It submits though it has handed back.
    Trespass,
}

/// What a tenant used of the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Time, by its [`Account`].
    pub busy_ns: u64,
    /// Submissions that ended in it.
    pub submissions: u64,
}

/// The figures by which a partition decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// What it costs to hand the GPU to another tenant, as measured. Slices are 50 times as long where that fits.
    pub hand_over_ns: u64,
    /// The shortest slice, and how far a tenant that slept may be ahead of others.
    pub slice_min_ns: u64,
    /// The longest slice, with its hand-over, unless submissions are longer.
    pub slice_ns: u64,
    /// The longest slice of all: for long submissions, or while the others pay back.
    pub slice_max_ns: u64,
    /// The hardware's own slice: a lease brings nothing to submissions that are as long.
    pub hardware_slice_ns: u64,
    /// A holder may pause so long at least before the lease goes on to a tenant that waits.
    pub patience_ns: u64,
    /// The same before it submits anything new: its program may sleep, as it had to wait.
    pub wake_up_ns: u64,
    /// A tenant that is so late to hand back is warned, and the others run beside it.
    pub warn_after_ns: u64,
    /// One that is so late is killed.
    pub kill_after_ns: u64,
}

impl Config {
    fn patience_ns(&self) -> u64 {
        self.patience_ns.max(self.hand_over_ns)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hand_over_ns: 150_000,
            slice_min_ns: 500_000,
            slice_ns: 3_800_000,
            slice_max_ns: 20_000_000,
            hardware_slice_ns: 2_000_000,
            patience_ns: 100_000,
            // Mesa looks each 0.7 ms when it has waited for 15 ms.
            wake_up_ns: 700_000,
            warn_after_ns: 100_000_000,
            kill_after_ns: 10_000_000_000,
        }
    }
}
