//! The API's values about where a vGPU is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::sched::placement;

/// How vGPUs are laid over GPUs where nobody says on which each is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// On the GPU of which the least is spoken for
    #[default]
    Spread,
    /// On the GPU of which the most is spoken for and that has room, so that others stay free
    Pack,
}

impl From<Strategy> for placement::Strategy {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Spread => Self::Spread,
            Strategy::Pack => Self::Pack,
        }
    }
}

/// The GPU that a vGPU is on, or the piece of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Placement {
    /// By which name it can be asked for: its PCI address, or its UUID where it has no address of its own.
    #[schema(example = "0000:3b:00.0")]
    pub piece: String,
    /// What people call it.
    #[schema(example = "NVIDIA H200")]
    pub name: String,
    /// The UUID by which its driver for Vulkan knows it; left out where the piece itself is handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0")]
    pub uuid: Option<String>,
    /// Where the piece itself is handed over: its folder, by which a VMM takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "/sys/bus/pci/devices/0000:3b:00.1")]
    pub device: Option<PathBuf>,
    /// Why it is this one.
    #[schema(example = "asked for as \"3b:00.0\"")]
    pub why: String,
}
