//! vgpu gives each of many virtual machines a GPU of its own, in user space.
//!
//! This is the map. A module imports only from rows below its own:
//!
//! | row | modules | job |
//! |---|---|---|
//! | 7 | [`cli`] | one file per verb; nothing below it touches the terminal |
//! | 6 | [`daemon`], [`doctor`] | every vGPU of a host, and the API; what on a host is in vGPUs' way |
//! | 5 | [`supervisor`] | composition root: sockets and restarts of one vGPU |
//! | 5 | [`device_process`], [`render_process`] | composition roots: open, seal, serve a VM, or Vulkan programs |
//! | 4 | [`control`], [`transport`] | operators' requests; bytes on sockets and rings |
//! | 3 | [`arbiter`] | who may use a host's GPUs, and when: threads and pages |
//! | 3 | [`device`], [`sandbox`] | the virtio-gpu of one vGPU, knows no queue; what a sealed process may do |
//! | 2 | [`render`], [`display`] | images; who sees them |
//! | 3 | [`vfio`] | PCI functions bound to vfio-pci, and back to their drivers |
//! | 2 | [`partition`] | cuts GPUs as a layout says |
//! | 2 | [`link`] | between a device and the process that renders for it |
//! | 1 | [`wire`], [`venus`] | bytes of virtio-gpu, and of Vulkan commands |
//! | 1 | [`sched`] | who may use a GPU, and how long |
//! | 1 | [`inventory`] | the GPUs of a host, and what each can be cut into |
//! | 1 | [`lease`] | which pieces of GPUs vGPUs have |
//! | 1 | [`vault`], [`heap`], [`quota`], [`guest_memory`], [`guest_log`] | memory that outlives us, accounts, log |
//! | 0 | [`sys`], [`fault`] | unsafe; where tests end or stop us |
//!
//! Architecture invariant: guest bytes are read by safe Rust only. Shared memory is copied once, then checked.

pub mod arbiter;
pub mod cli;
pub mod control;
pub mod daemon;
pub mod device;
pub mod device_process;
pub mod display;
pub mod doctor;
pub mod fault;
pub mod guest_log;
pub mod guest_memory;
pub mod heap;
pub mod inventory;
pub mod lease;
pub mod link;
pub mod partition;
pub mod quota;
pub mod render;
pub mod render_process;
pub mod sandbox;
pub mod sched;
pub mod supervisor;
pub mod sys;
pub mod transport;
pub mod vault;
pub mod venus;
pub mod vfio;
pub mod wire;
