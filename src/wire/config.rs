//! Feature bits, and the device's configuration space (virtio 1.3, 5.7.3 and 5.7.4).

use super::raw;

/// `VIRTIO_GPU_F_VIRGL`, as a bit number: there are contexts, of whatever kind.
pub const FEATURE_VIRGL: u32 = 0;
/// `VIRTIO_GPU_F_EDID`, as a bit number.
pub const FEATURE_EDID: u32 = 1;
/// `VIRTIO_GPU_F_RESOURCE_UUID`, as a bit number.
pub const FEATURE_RESOURCE_UUID: u32 = 2;
/// `VIRTIO_GPU_F_RESOURCE_BLOB`, as a bit number.
pub const FEATURE_RESOURCE_BLOB: u32 = 3;

/// `VIRTIO_GPU_F_CONTEXT_INIT`, as a bit number: a context says of which capability set it is.
pub const FEATURE_CONTEXT_INIT: u32 = 4;

/// `VIRTIO_GPU_SHM_ID_HOST_VISIBLE`: the shared memory region that blobs are mapped in (5.7.6.8).
pub const SHARED_MEMORY_HOST_VISIBLE: u8 = 1;

/// `VIRTIO_GPU_EVENT_DISPLAY`: a head was plugged in, unplugged or resized.
pub const EVENT_DISPLAY: u32 = 1 << 0;

/// What a guest reads in the configuration space (`virtio_gpu_config`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Events that the guest has not cleared yet.
    pub events_read: u32,
    /// Heads, plugged in or not.
    pub scanouts: u32,
    /// Capability sets.
    pub capsets: u32,
}

impl Config {
    /// Its bytes. `events_clear` is written, never read.
    pub fn encode(&self) -> [u8; 16] {
        let raw = raw::Config {
            events_read: self.events_read.into(),
            events_clear: 0.into(),
            num_scanouts: self.scanouts.into(),
            num_capsets: self.capsets.into(),
        };
        zerocopy::transmute!(raw)
    }
}

/// The events that a write to the configuration space clears; every other field ignores writes.
pub fn events_clear(offset: u32, bytes: &[u8]) -> u32 {
    let field = std::mem::offset_of!(raw::Config, events_clear);
    let mut clear = [0; 4];
    for (at, byte) in (offset as usize..).zip(bytes) {
        if let Some(to) = at.checked_sub(field).and_then(|at| clear.get_mut(at)) {
            *to = *byte;
        }
    }
    u32::from_le_bytes(clear)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_reads_events_and_counts_and_never_what_it_wrote() {
        let config = Config { events_read: 1, scanouts: 2, capsets: 0 };
        assert_eq!(config.encode(), [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn only_bytes_on_events_clear_clear_events() {
        assert_eq!(events_clear(4, &[1, 2, 3, 4]), 0x0403_0201);
        assert_eq!(events_clear(5, &[2, 3]), 0x0003_0200);
        assert_eq!(events_clear(0, &[0xff; 16]), 0xffff_ffff);
        assert_eq!(events_clear(0, &[0xff; 4]), 0);
        assert_eq!(events_clear(8, &[0xff; 4]), 0);
        assert_eq!(events_clear(u32::MAX, &[0xff; 4]), 0);
    }
}
