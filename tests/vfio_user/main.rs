//! vfio-user over a real socket: a virtio-gpu as a PCI function, and as clients the `vfio_user` crate's and the tests'
//! own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]
#![allow(missing_docs)]

#[path = "../support/function.rs"]
mod function;
#[path = "../support/guest/mod.rs"]
mod guest;
mod hostile;
mod peer;
#[path = "../support/service.rs"]
mod service;
