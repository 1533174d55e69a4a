//! All `unsafe` code of ours: calls to the operating system that no crate of ours wraps safely.
#![allow(unsafe_code)]

mod arena;
mod clock;
mod cstructs;
mod descriptors;
mod futex;
mod heap;
mod inherited;
mod mapping;
mod nvml;
mod pages;
mod process;
mod shared_memory;
mod thread;
mod vfio;

pub use arena::{Address, Arena, CStruct, Full};
pub use clock::now_ns;
pub use cstructs::*;
pub use descriptors::{DESCRIPTORS_MAX, peek_from_start, receive_with_descriptors};
pub use futex::{futex_wait, futex_wake};
pub use heap::share_one_heap;
pub use inherited::{adopt_fd, close_all_on_exec, hear_of_children};
pub use mapping::{Mapping, SharedFile};
pub use nvml::{
    Nvml, NvmlComputeInstance, NvmlComputeProfile, NvmlDevice, NvmlError, NvmlGpuInstance, NvmlInstanceInfo,
    NvmlMemory, NvmlMigMode, NvmlPlacement, NvmlProcess, NvmlProfile, NvmlRows,
};
pub use pages::Pages;
pub use process::{kill_process, process_handle};
pub use shared_memory::{SharedMemory, SharedWord, sealed_file};
/// What words of [`SharedMemory`] are. tests/loom has others in their place, and so tries each order of things.
pub use std::sync::atomic;
pub use std::thread::yield_now;
pub use thread::be_nice;
pub use vfio::{DmaMemory, function_descriptor, reset_function};
