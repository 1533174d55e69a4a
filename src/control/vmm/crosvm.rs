//! The command line of `crosvm run`.

use super::{Argument, Memory};
use crate::control::api::Vgpu;

pub(super) fn arguments(vgpu: &Vgpu, memory: Memory) -> Vec<Argument> {
    let socket = super::socket(vgpu).replace('\\', "\\\\").replace('"', "\\\"");
    vec![
        Argument::new("--mem", format!("size={}", memory.mib)),
        // Left alone, crosvm offers the guest queues of 32768 descriptors; a vGPU takes 1024 at most.
        Argument::new("--vhost-user", format!("type=gpu,socket=\"{socket}\",max-queue-size=256")),
    ]
}
