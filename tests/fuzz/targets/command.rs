//! What a guest may say: any sequence of requests on either queue, against a small guest memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vgpu::device::{Device, HeadSetup, Limits, Setup};
use vgpu::guest_memory::GuestMemory;
use vgpu::wire::{REPLY_BYTES_MAX, SCANOUTS_MAX, ScanoutId, Size};
use vm_memory::GuestAddress;

const MEMORY_BYTES_MAX: u64 = 1 << 20;

fn device() -> Device {
    let size = Size { width: 64, height: 48 };
    let head = |enabled| HeadSetup { size, enabled, refresh_hz: 60, name: "fuzz".into(), modes: vec![] };
    let limits = Limits { memory_bytes: MEMORY_BYTES_MAX, resources: 8, ..Limits::default() };
    let mut device = Device::new(Setup { heads: vec![head(true), head(false)], limits, serial: 1 }).unwrap();
    device.set_features(device.offered_features());
    device
}

fuzz_target!(|bytes: &[u8]| {
    let memory =
        GuestMemory::from_ranges(&[(GuestAddress(0), 0x4000), (GuestAddress(0x8000), 0x4000)]).unwrap();
    let mut device = device();
    let mut reply = Vec::new();
    let mut rest = bytes;
    // Each request stands behind two bytes: its queue and its length in units of four.
    while let [queue, length, tail @ ..] = rest {
        let (request, later) = tail.split_at(tail.len().min(usize::from(*length) * 4));
        rest = later;
        if queue & 1 == 0 {
            let _ = device.control(&memory, 0, request, &mut reply);
        } else {
            device.cursor(&memory, request, &mut reply);
        }
        assert!(reply.len() <= REPLY_BYTES_MAX);
        assert!(device.usage().bytes <= MEMORY_BYTES_MAX);
        for head in (0..SCANOUTS_MAX as u32).filter_map(ScanoutId::new) {
            if let Some(picture) = device.picture(&memory, head) {
                picture.append_bgrx(&picture.size.to_rect(), &mut Vec::new());
            }
        }
    }
    device.reset();
    assert_eq!(device.usage().bytes, 0);
});
