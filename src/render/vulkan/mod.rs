//! Execution of guests' Vulkan commands by the host's driver.

mod gate;
mod memory;
mod queue;
