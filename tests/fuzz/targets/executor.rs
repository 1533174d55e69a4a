//! Commands for fuzzing what carries them: eight bytes each, some of which reply, none of which does anything.

#![allow(dead_code, reason = "each target uses its part")]

use std::os::fd::OwnedFd;
use std::sync::Arc;

use vgpu::quota::Part;
use vgpu::render::venus::{Executor, Renderer};
use vgpu::render::vulkan::{Reason, Worker};
use vgpu::sys::sealed_file;
use vgpu::venus::Malformed;

pub struct Nothing;

impl Executor for Nothing {
    fn execute(&self, stream: &[u8], worker: &mut Worker) -> Result<usize, Malformed> {
        let [number, _, _, _, flags, ..] = stream else { return Err(Malformed::NoCommand) };
        if *number > 0xf0 || stream.len() < 8 {
            return Err(Malformed::NoCommand);
        }
        if flags & 1 != 0 {
            worker.reply.resize(usize::from(*number), *number);
        }
        Ok(8)
    }

    fn export(&self, memory_id: u64, bytes: u64) -> Result<OwnedFd, String> {
        if memory_id > 4 {
            return Err("no such memory".to_owned());
        }
        sealed_file(bytes).map_err(|error| error.to_string())
    }

    fn fence(&self, _: u32, done: Box<dyn FnOnce() + Send>) {
        done();
    }

    fn lose(&self, _: Reason) {}
}

pub struct Contexts;

impl Renderer for Contexts {
    fn capset(&self) -> [u8; 160] {
        [1; 160]
    }

    fn context(&self, _: &str, _: &Part) -> Arc<dyn Executor> {
        Arc::new(Nothing)
    }
}
