//! What operators say about a partition and its tenants, and what each tenant is entitled to by it.

use super::TenantId;

/// Millionths of a GPU's time.
pub(super) const WHOLE_PPM: u64 = 1_000_000;

/// How the tenants of a partition share it, by the names that vendors gave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// By weight; what one does not use, others get.
    #[default]
    BestEffort,
    /// Each tenant gets one part in as many as there are tenants, and no more. Weights say nothing.
    EqualShare,
    /// Each tenant gets its cap, whatever others do, and no more. Caps must not come to more than 100 %.
    FixedShare,
}

/// How long a tenant's submissions may wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// For its turn.
    #[default]
    Normal,
    /// Not at all, as long as it uses no more than its share.
    Latency,
}

/// What an operator says about a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its part where tenants compete, against the others' weights: 1 to 1000.
    pub weight: u32,
    /// Percent of the partition's time that it gets at most: 1 to 100.
    pub cap_percent: u32,
    /// How long its submissions may wait.
    pub class: Class,
}

impl Default for Settings {
    fn default() -> Self {
        Self { weight: 100, cap_percent: 100, class: Class::Normal }
    }
}

/// Why something was not done. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A weight out of range.
    #[error("{0} is no weight; use 1 to 1000")]
    Weight(u32),
    /// A cap out of range.
    #[error("{0} percent is no cap; use 1 to 100")]
    Cap(u32),
    /// Fixed shares that do not fit into the partition.
    #[error("the caps of the tenants come to {0} %; with fixed shares they must not pass 100, so lower some")]
    Oversold(u32),
    /// No such tenant.
    #[error("{0} is not on this partition; look at its tenants")]
    Unknown(TenantId),
    /// It is there already.
    #[error("{0} is on this partition already; change its settings instead")]
    Present(TenantId),
}

impl Settings {
    /// Whether the figures are in range.
    pub fn check(&self) -> Result<(), Refused> {
        if !(1..=1000).contains(&self.weight) {
            return Err(Refused::Weight(self.weight));
        }
        if !(1..=100).contains(&self.cap_percent) {
            return Err(Refused::Cap(self.cap_percent));
        }
        Ok(())
    }
}

/// What a tenant is entitled to among the present ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entitlement {
    /// Where tenants compete.
    pub weight: u32,
    /// The most that it gets, in millionths of the time.
    pub limit_ppm: u64,
    /// What it gets if all compete, in millionths of the time.
    pub share_ppm: u64,
}

impl Policy {
    /// Whether this policy can hold for all these tenants.
    pub(super) fn check(self, tenants: impl Iterator<Item = Settings>) -> Result<(), Refused> {
        let sum = tenants.map(|settings| settings.cap_percent).sum();
        if self == Policy::FixedShare && sum > 100 { Err(Refused::Oversold(sum)) } else { Ok(()) }
    }

    /// What one of `count` tenants gets that weigh `weights` together.
    pub(super) fn entitlement(self, settings: Settings, count: u64, weights: u64) -> Entitlement {
        let cap_ppm = u64::from(settings.cap_percent) * (WHOLE_PPM / 100);
        let equal_ppm = WHOLE_PPM / count.max(1);
        let (weight, limit_ppm, share_ppm) = match self {
            Policy::BestEffort => {
                (settings.weight, cap_ppm, u64::from(settings.weight) * WHOLE_PPM / weights.max(1))
            }
            Policy::EqualShare => (1, cap_ppm.min(equal_ppm), equal_ppm),
            Policy::FixedShare => (settings.cap_percent, cap_ppm, cap_ppm),
        };
        Entitlement { weight, limit_ppm, share_ppm: share_ppm.min(limit_ppm) }
    }
}
