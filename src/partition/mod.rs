//! Cuts GPUs as a layout says: virtual functions, their types, times and memory, mediated devices, and MIG instances.
//!
//! A layout says what is to be, not what to do; what it leaves out stays as it is. What is now, what was before and
//! what is wanted are all layouts, so that there is one way only to get from one to another:
//!
//! ```text
//!   now ──plan──▶ changes ──refuse what cannot be──▶ journal: before, wanted ──▶ step, step, … ──▶ finished
//!                                                        └── rollback: plan from what is now to what was before
//! ```
//!
//! # Crashes
//! A step is a write to a file of the kernel's, or a call of NVML's. What was before is on the disk before the first
//! one. Whatever then happens, and after however many of them,
//! `rollback` reads what is now and goes back from there; if that is cut off too, the next one goes on.
//!
//! A MIG mode that waits for a reset is no crash: `apply` goes on after it, and what was before the first one is kept.
//!
//! # Who uses a piece
//! A piece that a process has open is never taken away: not a virtual function, not its type, not an mdev, not a MIG
//! instance.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod apply;
mod error;
mod fit;
mod journal;
mod layout;
mod mig;
mod now;
mod plan;
mod users;

pub use apply::{Applied, Host, Kernel, Sysfs};
pub use error::PartitionError;
pub use journal::{Alone, alone};
pub use layout::{Function, GpuLayout, Instance, Layout, LayoutError, Mdev, Priority};
pub use mig::MigCall;
pub use plan::{Change, Step};
pub(crate) use users::who_has_open;
