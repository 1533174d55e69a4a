//! The structures of Vulkan that may lie in an [`Arena`](super::Arena), or be handed to a driver.

use vulkanalia_sys as vk;

use super::CStruct;

macro_rules! structures {
    ($($name:ty),+ $(,)?) => {
        // SAFETY: `repr(C)` structures of integers, floats, handles, raw pointers and functions that may be NULL.
        $(unsafe impl CStruct for $name {})+
    };
}

#[rustfmt::skip]
#[allow(missing_docs, reason = "the names are the registry's")]
mod registry;

pub use registry::*;

// What no command of Venus has, but commands of ours.
structures! {
    u8, u32, i32, u64, i64, f32,
    vk::DescriptorBindingFlags,
    vk::ImportMemoryHostPointerInfoEXT,
    [vk::QueueFamilyProperties; 16],
}
