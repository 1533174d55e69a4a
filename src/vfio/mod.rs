//! PCI functions for VMs: bound to vfio-pci, tried and reset as a VMM has them, and given back to the drivers that had
//! them.
//!
//! What was before is on the disk before the first write, a file for each function. Both ways read what is now and go
//! on from there, so one that was cut off, at whichever write, is mended by doing either again.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod bind;
mod device;
mod error;
mod journal;

pub use bind::Binder;
pub use device::{Device, Memory, Region};
pub use error::{BindError, DeviceError};
pub use journal::{Alone, alone};
