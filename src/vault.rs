//! The memory of a vGPU that outlives its device process: a memfd with the pixels of its images, a record of its state,
//! and marks of what was on its way when the process died.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// The memory of a vGPU.
#[derive(Debug)]
pub struct Vault;

impl Vault {
    /// A new one.
    pub fn file(memory_bytes: u64) -> io::Result<OwnedFd> {
        let file = File::from(memfd_create("vgpu-vault", MFdFlags::MFD_CLOEXEC)?);
        file.set_len(memory_bytes)?;
        Ok(file.into())
    }
}
