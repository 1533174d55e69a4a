//! Who may use a host's GPUs: carries out what [`sched`](crate::sched) decides.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sched::{Policy, Refused, Settings, Usage};

/// A vGPU as the arbiter knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantUsage {
    /// The vGPU's name.
    pub name: String,
    /// The UUID of the GPU that it is on; `None`: its process has not opened one yet.
    pub gpu: Option<String>,
    /// What it was sold.
    pub settings: Settings,
    /// What it got since it came.
    pub usage: Usage,
    /// Time with work to do, waiting or running, since it came.
    pub wanted_ns: u64,
    /// Bytes that it has allocated of its GPU's memory.
    pub memory_bytes: u64,
}

/// The arbiter of a host: GPUs by their UUIDs, vGPUs by their names.
#[derive(Debug, Default)]
pub struct Arbiter {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tenants: BTreeMap<String, Settings>,
    policies: BTreeMap<String, Policy>,
}

impl Arbiter {
    /// One that knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Other settings for a vGPU, from its next slice on.
    pub fn set(&self, name: &str, settings: Settings) -> Result<(), Refused> {
        settings.check()?;
        self.state().tenants.insert(name.to_owned(), settings);
        Ok(())
    }

    /// Another policy for a GPU, whether any vGPU is on it or not.
    pub fn set_policy(&self, gpu: &str, policy: Policy) -> Result<(), Refused> {
        self.state().policies.insert(gpu.to_owned(), policy);
        Ok(())
    }

    /// The policy of a GPU, and whether one tenant at a time runs on it now.
    pub fn policy(&self, gpu: &str) -> (Policy, bool) {
        (self.state().policies.get(gpu).copied().unwrap_or_default(), false)
    }

    /// What each vGPU got so far.
    pub fn usage(&self) -> Vec<TenantUsage> {
        let tenant = |(name, settings): (&String, &Settings)| TenantUsage {
            name: name.clone(),
            gpu: None,
            settings: *settings,
            usage: Usage::default(),
            wanted_ns: 0,
            memory_bytes: 0,
        };
        self.state().tenants.iter().map(tenant).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
