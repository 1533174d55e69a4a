//! QEMU's command line.

use serde_json::json;

use super::{Argument, Memory, text};
use crate::control::api::Vgpu;

const DEVICE: &str = "vhost-user-gpu-pci";

pub(super) fn arguments(vgpu: &Vgpu, memory: Memory) -> Vec<Argument> {
    let size = format!("{}M", memory.mib);
    let Device { id, heads, xres, yres } = Device::of(vgpu);
    vec![
        Argument::new("-m", &size),
        // The guest's memory as a file, which QEMU hands to the vGPU.
        Argument::new("-object", format!("memory-backend-memfd,id=vgpu-memory,size={size},share=on")),
        // Without the machine's type: this adds to the one that is on the line already.
        Argument::new("-machine", "memory-backend=vgpu-memory"),
        socket(vgpu),
        Argument::new(
            "-device",
            format!("{DEVICE},chardev={id},max_outputs={heads},xres={xres},yres={yres}"),
        ),
    ]
}

/// The device and its socket, for a line that others make. As JSON it is made after their devices, and so takes an
/// address that they left free.
pub(super) fn device_arguments(vgpu: &Vgpu) -> [Argument; 2] {
    let Device { id, heads, xres, yres } = Device::of(vgpu);
    let device = json!({"driver": DEVICE, "chardev": id, "max_outputs": heads, "xres": xres, "yres": yres});
    [socket(vgpu), Argument::new("-device", device.to_string())]
}

/// QEMU itself tells the guest how many monitors there are, and the first one's size.
struct Device {
    id: String,
    heads: usize,
    xres: u32,
    yres: u32,
}

impl Device {
    fn of(vgpu: &Vgpu) -> Self {
        let heads = &vgpu.profile.heads;
        let size = heads.first().cloned().unwrap_or_default().size;
        Self { id: id(vgpu), heads: heads.len(), xres: size.width, yres: size.height }
    }
}

fn id(vgpu: &Vgpu) -> String {
    format!("vgpu-{}", vgpu.name)
}

fn socket(vgpu: &Vgpu) -> Argument {
    let path = text(&vgpu.socket).replace(',', ",,");
    Argument::new("-chardev", format!("socket,id={},path={path}", id(vgpu)))
}
