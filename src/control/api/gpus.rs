//! The API's values about the host's GPUs: how vGPUs share them, and what each got.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Name;
use super::types::present;
use crate::control::profile::{Class, some_within};
use crate::control::{Code, Refusal};
use crate::inventory::PciAddress;
use crate::sched;

/// How the vGPUs of a GPU share its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// By weight; what one does not use, others get
    #[default]
    BestEffort,
    /// Each gets one part in as many as there are, and no more; weights say nothing
    EqualShare,
    /// Each gets its cap, whatever others do, and no more; caps must not come to more than 100 percent
    FixedShare,
}

/// The name in the API and on the command line.
impl fmt::Display for Policy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}

impl From<sched::Policy> for Policy {
    fn from(policy: sched::Policy) -> Self {
        match policy {
            sched::Policy::BestEffort => Self::BestEffort,
            sched::Policy::EqualShare => Self::EqualShare,
            sched::Policy::FixedShare => Self::FixedShare,
        }
    }
}

impl From<Policy> for sched::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::BestEffort => Self::BestEffort,
            Policy::EqualShare => Self::EqualShare,
            Policy::FixedShare => Self::FixedShare,
        }
    }
}

/// Whether a vGPU's work on its GPU goes before that of others, and if it should and does not, why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// It does not; nothing else was asked for yet.
    #[default]
    Ordinary,
    /// It does.
    Realtime,
    /// It does not, for the driver refused.
    Refused,
    /// It does not, and the driver will refuse: the vGPU's process was started without `CAP_SYS_NICE`.
    Incapable,
    /// It does not, for the driver cannot do it.
    Unsupported,
}

impl From<sched::Priority> for Priority {
    fn from(priority: sched::Priority) -> Self {
        match priority {
            sched::Priority::Ordinary => Self::Ordinary,
            sched::Priority::Realtime => Self::Realtime,
            sched::Priority::Refused => Self::Refused,
            sched::Priority::Incapable => Self::Incapable,
            sched::Priority::Unsupported => Self::Unsupported,
        }
    }
}

/// A GPU of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gpu {
    /// The name that its driver gives it.
    #[schema(example = "NVIDIA H200")]
    pub name: String,
    /// Its UUID.
    #[schema(example = "d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0")]
    pub uuid: String,
    /// Where it is on PCI, if its driver says so; a piece of a GPU may have an address of its own or that of the GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "0000:3b:00.0")]
    pub pci: Option<PciAddress>,
    /// Why it is lost, if it is: vGPUs on it have stopped until it is back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "XID 79: GPU has fallen off the bus.")]
    pub lost: Option<String>,
    /// How its vGPUs share it.
    pub policy: Policy,
    /// Whether one vGPU at a time runs on it now, because it is busy; else the hardware runs all beside each other.
    pub leased: bool,
    /// Bytes of its memory; of the host's, where it draws in software.
    pub memory_bytes: u64,
    /// Bytes of it that are promised: limits of the vGPUs on offer, and what their drivers take for themselves.
    pub memory_bytes_promised: u64,
    /// Bytes that those use, drivers included.
    pub memory_bytes_used: u64,
    /// Percent of its memory that is promised at most.
    #[schema(minimum = 100, maximum = 1000, example = 100)]
    pub overcommit: u32,
}

/// Every GPU of the host that Vulkan finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GpuList {
    /// They.
    pub gpus: Vec<Gpu>,
}

/// What to change about a GPU. What is left out stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GpuChange {
    /// How its vGPUs share it from now on.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Policy)]
    pub policy: Option<Policy>,
    /// Percent of its memory that is promised at most from now on. Who has a promise keeps it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_within::<100, 1000, _>")]
    #[schema(value_type = u32, minimum = 100, maximum = 1000, example = 150)]
    pub overcommit: Option<u32>,
}

impl GpuChange {
    /// Refuses what changes nothing.
    pub fn check(&self) -> Result<(), Refusal> {
        if *self == Self::default() {
            return Err(Refusal::new(
                Code::BadField,
                "neither `policy` nor `overcommit` says what to change",
            )
            .remedy("send at least one of them, like {\"policy\":\"equal-share\"}"));
        }
        Ok(())
    }
}

/// What a vGPU may have of its GPU, and what it got since it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VgpuUsage {
    /// Its name.
    pub name: Name,
    /// The UUID of the GPU that it is on; left out until its process has opened one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0")]
    pub gpu: Option<String>,
    /// Its part where vGPUs compete.
    pub weight: u32,
    /// Percent of the time that it gets at most.
    pub cap: u32,
    /// How long its submissions may wait.
    pub class: Class,
    /// Whether its work goes before that of others.
    pub priority: Priority,
    /// Time with work to do, waiting or running.
    pub wanted_ns: u64,
    /// Time of the GPU that it had.
    pub busy_ns: u64,
    /// Time with work to do and without leave to do it.
    pub wait_ns: u64,
    /// How often it waited.
    pub waits: u64,
    /// The longest that it waited at once.
    pub wait_max_ns: u64,
    /// How often it had the GPU to itself.
    pub slices: u64,
    /// For how long it had the GPU to itself.
    pub slice_ns: u64,
    /// Time by which it gave the GPU back too late.
    pub overshoot_ns: u64,
    /// Submissions that ended.
    pub submissions: u64,
    /// Bytes of its GPU's memory that it has allocated.
    pub memory_bytes_used: u64,
    /// Bytes that it may allocate.
    pub memory_bytes_max: u64,
    /// Bytes of its GPU's memory that the driver takes for itself; left out until its process has opened one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64)]
    pub memory_bytes_driver: Option<u64>,
}

/// What each vGPU got of its GPU; who was on none since the daemon started is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageList {
    /// When: nanoseconds of a clock of the host that does not jump. Two answers tell what was used in between.
    pub time_ns: u64,
    /// They, by name.
    pub vgpus: Vec<VgpuUsage>,
}

#[cfg(test)]
mod tests {
    use super::{Policy, sched};

    #[test]
    fn policies_have_the_names_of_the_command_line_and_survive_the_way_to_the_arbiter() {
        for (policy, name) in [
            (Policy::BestEffort, "best-effort"),
            (Policy::EqualShare, "equal-share"),
            (Policy::FixedShare, "fixed-share"),
        ] {
            assert_eq!(policy.to_string(), name);
            assert_eq!(Policy::from(sched::Policy::from(policy)), policy);
        }
    }
}
