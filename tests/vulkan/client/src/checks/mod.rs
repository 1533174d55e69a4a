//! The checks, by name.

pub mod compute;
pub mod graphics;
pub mod order;

use crate::gpu::{Gpu, Outcome};

pub type Check = fn(&Gpu) -> Outcome;

pub const CHECKS: [(&str, Check); 28] = [
    ("widths8", compute::widths8),
    ("widths16", compute::widths16),
    ("widths32", compute::widths32),
    ("widths64", compute::widths64),
    ("floats", compute::floats),
    ("push-constants", compute::push_constants),
    ("specialisation", compute::specialisation),
    ("indirect", compute::indirect),
    ("subgroups", compute::subgroups),
    ("atomics", compute::atomics),
    ("pipeline-cache", compute::pipeline_cache),
    ("copies", compute::copies),
    ("timestamps", order::timestamps),
    ("fences", order::fences),
    ("semaphores", order::semaphores),
    ("host-signal", order::host_signal),
    ("two-queues", order::two_queues),
    ("events", order::events),
    ("triangle", graphics::triangle),
    ("texture", graphics::texture),
    ("multisample", graphics::multisample),
    ("depth", graphics::depth),
    ("blend", graphics::blend),
    ("stencil", graphics::stencil),
    ("dynamic-rendering", graphics::dynamic_rendering),
    ("dynamic-multisample", graphics::dynamic_multisample),
    ("indirect-draws", graphics::indirect_draws),
    ("compute-to-graphics", graphics::compute_to_graphics),
];
