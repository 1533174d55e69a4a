//! The memory of a vGPU that outlives its device process: a memfd with the pixels of its images, a record of its state,
//! and marks of what was on its way when the process died.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]
