//! On which GPU a new vGPU goes where nobody said: decided from plain values, and the same for the same ones.
//!
//! Of the GPUs of the best tier those are left out that have too little memory free, or whose policy cannot hold with
//! one vGPU more. Of the others one is taken by what tells two of them apart first: the memory node that was asked for,
//! the strategy (how much of their time is spoken for, then how much memory is free), the faster link, the name.

use std::cmp::{Ordering, Reverse};
use std::fmt;

use super::{Policy, Settings};

/// How vGPUs are laid over GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Where the least is spoken for: each vGPU finds as much as can be.
    #[default]
    Spread,
    /// Where the most is spoken for and there is still room: other GPUs stay free, for large vGPUs or to be handed
    /// over.
    Pack,
}

/// A GPU that a vGPU could go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What it is called; no two are called the same.
    pub name: String,
    /// Less is better. Those of other tiers than the best are no choice.
    pub tier: u8,
    /// Whether it does not work now.
    pub lost: bool,
    /// Bytes of its memory that may be promised to one vGPU more.
    pub memory_bytes_free: u64,
    /// How its time is shared.
    pub policy: Policy,
    /// Those that share it.
    pub tenants: Vec<Settings>,
    /// The memory node that it is near to, if that is known.
    pub node: Option<u32>,
    /// What its link to the processors carries at most, in megatransfers a second over all lanes, if that is known.
    pub link: Option<u64>,
}

/// What a vGPU asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Bytes of a GPU's memory.
    pub memory_bytes: u64,
    /// Its share of the time.
    pub settings: Settings,
    /// The memory node that its VM is on.
    pub node: Option<u32>,
}

/// The GPU that was taken, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its place in the list.
    pub site: usize,
    /// Why, in words.
    pub why: String,
}

/// Why a GPU is none for a vGPU.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Misfit {
    Lost,
    Memory { free: u64 },
    Time { percent: u32 },
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => out.write_str("lost"),
            Self::Memory { free } => write!(out, "{}MiB of memory free", free >> 20),
            Self::Time { percent } => write!(out, "fixed shares would come to {percent} %"),
        }
    }
}

/// No GPU has room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no GPU has room: {}", .0.join("; "))]
pub struct NoRoom(pub Vec<String>);

impl Site {
    fn fit(&self, need: &Need) -> Result<(), Misfit> {
        if self.lost {
            return Err(Misfit::Lost);
        }
        if need.memory_bytes > self.memory_bytes_free {
            return Err(Misfit::Memory { free: self.memory_bytes_free });
        }
        let all = self.tenants.iter().copied().chain([need.settings]);
        let percent = all.clone().fold(0_u32, |sum, settings| sum.saturating_add(settings.cap_percent));
        self.policy.check(all).map_err(|_| Misfit::Time { percent })
    }

    /// How much of its time is spoken for: by weight where an idle share is others', else percents.
    fn spoken_for(&self) -> u64 {
        let share = |settings: &Settings| match self.policy {
            Policy::BestEffort => u64::from(settings.weight),
            Policy::EqualShare => 100,
            Policy::FixedShare => u64::from(settings.cap_percent),
        };
        self.tenants.iter().map(share).sum()
    }

    /// Near to the node that was asked for comes before what nobody knows, and that before what is near to another.
    fn distance(&self, need: &Need) -> u8 {
        match (need.node, self.node) {
            (Some(wanted), Some(node)) => {
                if wanted == node {
                    0
                } else {
                    2
                }
            }
            (Some(_), None) => 1,
            (None, _) => 0,
        }
    }
}

/// What tells two GPUs apart.
#[derive(Clone, Copy, Debug)]
enum Criterion {
    Node,
    Time,
    Memory,
    Link,
    Name,
}

const CRITERIA: [Criterion; 5] =
    [Criterion::Node, Criterion::Time, Criterion::Memory, Criterion::Link, Criterion::Name];

impl Criterion {
    fn compare(self, one: &Site, other: &Site, need: &Need, strategy: Strategy) -> Ordering {
        let by_strategy = |order: Ordering| if strategy == Strategy::Pack { order.reverse() } else { order };
        match self {
            Self::Node => one.distance(need).cmp(&other.distance(need)),
            Self::Time => by_strategy(one.spoken_for().cmp(&other.spoken_for())),
            Self::Memory => {
                by_strategy(Reverse(one.memory_bytes_free).cmp(&Reverse(other.memory_bytes_free)))
            }
            Self::Link => Reverse(one.link).cmp(&Reverse(other.link)),
            Self::Name => one.name.cmp(&other.name),
        }
    }

    /// Why the first of these was taken and not the other.
    fn words(self, taken: &Site, next: &Site, strategy: Strategy) -> String {
        let most = if strategy == Strategy::Pack { "most" } else { "least" };
        let mib = |site: &Site| site.memory_bytes_free >> 20;
        let name = &next.name;
        match self {
            Self::Node => format!("nearest to the memory node that was asked for; next {name}"),
            Self::Time => format!(
                "the {most} of its time is spoken for: {}, {} on {name}",
                taken.spoken_for(),
                next.spoken_for()
            ),
            Self::Memory => {
                let most = if strategy == Strategy::Pack { "least" } else { "most" };
                format!("the {most} memory is free on it: {}MiB, {}MiB on {name}", mib(taken), mib(next))
            }
            Self::Link => format!("the faster link; {name} is as free"),
            Self::Name => format!("the first by name; {name} is as good"),
        }
    }
}

/// Takes a GPU.
pub fn place(sites: &[Site], need: &Need, strategy: Strategy) -> Result<Choice, NoRoom> {
    let tier = sites.iter().map(|site| site.tier).min().unwrap_or_default();
    let mut fitting: Vec<(usize, &Site)> = Vec::new();
    let mut left_out: Vec<String> = Vec::new();
    for (index, site) in sites.iter().enumerate().filter(|(_, site)| site.tier == tier) {
        match site.fit(need) {
            Ok(()) => fitting.push((index, site)),
            Err(misfit) => left_out.push(format!("{}: {misfit}", site.name)),
        }
    }
    left_out.sort();
    let order = |one: &Site, other: &Site| {
        let orders = CRITERIA.map(|criterion| criterion.compare(one, other, need, strategy));
        orders.into_iter().fold(Ordering::Equal, Ordering::then)
    };
    fitting.sort_by(|(_, one), (_, other)| order(one, other));
    let Some((site, taken)) = fitting.first().copied() else { return Err(NoRoom(left_out)) };
    let reason = match fitting.get(1) {
        None if left_out.is_empty() => "the only one".to_owned(),
        None => "the only one with room".to_owned(),
        Some((_, next)) => {
            let apart = |criterion: &Criterion| criterion.compare(taken, next, need, strategy).is_lt();
            let criterion = CRITERIA.into_iter().find(apart).unwrap_or(Criterion::Name);
            criterion.words(taken, next, strategy)
        }
    };
    let name = if strategy == Strategy::Pack { "pack" } else { "spread" };
    let left_out = match left_out.is_empty() {
        true => String::new(),
        false => format!("; left out: {}", left_out.join("; ")),
    };
    Ok(Choice { site, why: format!("{name}: {reason}{left_out}") })
}
