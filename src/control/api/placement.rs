//! The API's values about where a vGPU is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The GPU that a vGPU is on, or the piece of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Placement {
    /// By which name it can be asked for: its PCI address, or its UUID where it has no address of its own.
    #[schema(example = "0000:3b:00.0")]
    pub piece: String,
    /// What people call it.
    #[schema(example = "NVIDIA H200")]
    pub name: String,
    /// The UUID by which its driver for Vulkan knows it.
    #[schema(example = "d1bb6f7e-8f4f-4a0e-9d41-1c9a62a5c2f0")]
    pub uuid: String,
    /// Why it is this one.
    #[schema(example = "asked for as \"3b:00.0\"")]
    pub why: String,
}
