//! What a vGPU gets of its GPU's time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text;
use crate::sched::{self, Settings};

/// How long a vGPU's submissions may wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// For its turn
    #[default]
    Normal,
    /// Not at all, as long as it uses no more than its share
    Latency,
}

/// What a vGPU gets of its GPU's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Share {
    /// Its part where vGPUs compete, against the weights of the others.
    #[serde(deserialize_with = "text::within::<1, 1000, _>")]
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    pub weight: u32,
    /// Percent of the time that it gets at most; with fixed shares what it gets.
    #[serde(deserialize_with = "text::within::<1, 100, _>")]
    #[schema(minimum = 1, maximum = 100, default = 100)]
    pub cap: u32,
    /// How long its submissions may wait.
    pub class: Class,
}

impl Default for Share {
    fn default() -> Self {
        Self { weight: 100, cap: 100, class: Class::Normal }
    }
}

impl Share {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As the arbiter knows it.
    pub fn settings(&self) -> Settings {
        let class = match self.class {
            Class::Normal => sched::Class::Normal,
            Class::Latency => sched::Class::Latency,
        };
        Settings { weight: self.weight, cap_percent: self.cap, class }
    }
}
