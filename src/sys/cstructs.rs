//! The structures of Vulkan that our code reads and writes in an [`Arena`](super::Arena).

use super::CStruct;

macro_rules! c_structs {
    ($($name:ident),* $(,)?) => {
        $(
            // SAFETY: a structure of the Vulkan registry: integers, floats, pointers, handles, and arrays of these.
            unsafe impl CStruct for vulkanalia_sys::$name {}
        )*
    };
}

// SAFETY: an integer.
unsafe impl CStruct for u32 {}
// SAFETY: an integer.
unsafe impl CStruct for u64 {}

c_structs! {
    BindSparseInfo,
    CommandBufferSubmitInfo,
    SemaphoreSubmitInfo,
    SubmitInfo,
    SubmitInfo2,
    TimelineSemaphoreSubmitInfo,
}
