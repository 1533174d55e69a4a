//! QEMU's command line.

use serde_json::{Map, Value, json};

use super::{Argument, Memory};
use crate::control::api::Vgpu;
use crate::control::profile::Transport;

const DEVICE: &str = "vhost-user-gpu-pci";

/// The only device that maps a vGPU's memory into the guest. It says nothing of itself: 16 is virtio's number of a GPU,
/// with its two queues and the bytes of its configuration space.
const WITH_VULKAN: &str = "vhost-user-test-device-pci";
const NUMBERS: [(&str, u32); 4] = [("virtio-id", 16), ("num_vqs", 2), ("vq_size", 256), ("config_size", 16)];

pub(super) fn arguments(vgpu: &Vgpu, memory: Memory) -> Vec<Argument> {
    let size = format!("{}M", memory.mib);
    let guest = [
        Argument::new("-m", &size),
        // The guest's memory as a file, which QEMU hands to the vGPU.
        Argument::new("-object", format!("memory-backend-memfd,id=vgpu-memory,size={size},share=on")),
        // Without the machine's type: this adds to the one that is on the line already.
        Argument::new("-machine", "memory-backend=vgpu-memory"),
    ];
    let device = match vgpu.profile.transport {
        Transport::VfioUser => vec![function(vgpu)],
        Transport::VhostUser | Transport::Vtest => {
            let Device { driver, id, numbers } = Device::of(vgpu);
            let numbers: String = numbers.iter().map(|(name, number)| format!(",{name}={number}")).collect();
            vec![socket(vgpu), Argument::new("-device", format!("{driver},chardev={id}{numbers}"))]
        }
    };
    guest.into_iter().chain(device).collect()
}

/// The device and its socket, for a line that others make. As JSON it is made after their devices, and so takes an
/// address that they left free.
pub(super) fn device_arguments(vgpu: &Vgpu) -> Vec<Argument> {
    if vgpu.profile.transport == Transport::VfioUser {
        return vec![function(vgpu)];
    }
    let Device { driver, id, numbers } = Device::of(vgpu);
    let words = [("driver", json!(driver)), ("chardev", json!(id))];
    let numbers = numbers.into_iter().map(|(name, number)| (name, json!(number)));
    let device: Map<_, _> =
        words.into_iter().chain(numbers).map(|(name, value)| (name.to_owned(), value)).collect();
    vec![socket(vgpu), Argument::new("-device", Value::Object(device).to_string())]
}

/// A PCI function (QEMU 10.1 or later). Its socket has no other form than JSON.
fn function(vgpu: &Vgpu) -> Argument {
    let socket = json!({ "type": "unix", "path": super::socket(vgpu) });
    Argument::new("-device", json!({ "driver": "vfio-user-pci", "socket": socket }).to_string())
}

/// Where QEMU has a display it tells the guest how many monitors there are, and the first one's size.
struct Device {
    driver: &'static str,
    id: String,
    numbers: Vec<(&'static str, u32)>,
}

impl Device {
    fn of(vgpu: &Vgpu) -> Self {
        if vgpu.profile.has_vulkan_in_vm() {
            return Self { driver: WITH_VULKAN, id: id(vgpu), numbers: NUMBERS.to_vec() };
        }
        let heads = &vgpu.profile.heads;
        let size = heads.first().cloned().unwrap_or_default().size;
        let count = u32::try_from(heads.len()).unwrap_or(u32::MAX);
        let numbers = vec![("max_outputs", count), ("xres", size.width), ("yres", size.height)];
        Self { driver: DEVICE, id: id(vgpu), numbers }
    }
}

fn id(vgpu: &Vgpu) -> String {
    format!("vgpu-{}", vgpu.name)
}

fn socket(vgpu: &Vgpu) -> Argument {
    let path = super::socket(vgpu).replace(',', ",,");
    Argument::new("-chardev", format!("socket,id={},path={path}", id(vgpu)))
}
