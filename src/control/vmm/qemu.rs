//! QEMU's command line.

use super::{Argument, Memory, text};
use crate::control::api::Vgpu;

pub(super) fn arguments(vgpu: &Vgpu, memory: Memory) -> Vec<Argument> {
    let mut arguments = memory_arguments(memory);
    arguments.extend(device_arguments(vgpu));
    arguments
}

/// The guest's memory as a file that QEMU hands to the vGPU.
fn memory_arguments(memory: Memory) -> Vec<Argument> {
    let size = format!("{}M", memory.mib);
    vec![
        Argument::new("-m", &size),
        Argument::new("-object", format!("memory-backend-memfd,id=vgpu-memory,size={size},share=on")),
        // Without the machine's type: this adds to the one that is on the line already.
        Argument::new("-machine", "memory-backend=vgpu-memory"),
    ]
}

/// The device and its socket. QEMU itself tells the guest how many monitors there are, and the first one's size.
pub(super) fn device_arguments(vgpu: &Vgpu) -> [Argument; 2] {
    let id = format!("vgpu-{}", vgpu.name);
    let path = text(&vgpu.socket).replace(',', ",,");
    let heads = &vgpu.profile.heads;
    let size = heads
        .first()
        .map_or_else(String::new, |head| format!(",xres={},yres={}", head.size.width, head.size.height));
    [
        Argument::new("-chardev", format!("socket,id={id},path={path}")),
        Argument::new(
            "-device",
            format!("vhost-user-gpu-pci,chardev={id},max_outputs={}{size}", heads.len()),
        ),
    ]
}
