//! Where the parts of a ring lie in shared memory, as a client asks for it and as we take it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The buffer is copied out at once, so this is memory of ours too.
pub const BUFFER_BYTES_MAX: u64 = 16 << 20;

/// `VkRingCreateInfoMESA` and what may be chained to it, as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the protocol's")]
pub struct RingInfo {
    pub resource_id: u32,
    pub offset: u64,
    pub size: u64,
    pub idle_timeout_ns: u64,
    pub head_offset: u64,
    pub tail_offset: u64,
    pub status_offset: u64,
    pub buffer_offset: u64,
    pub buffer_size: u64,
    pub extra_offset: u64,
    pub extra_size: u64,
    /// From `VkRingMonitorInfoMESA`.
    pub report_period_us: Option<u32>,
    /// From `VkRingPriorityInfoMESA`: a nice value.
    pub priority: Option<i32>,
}

/// What is wrong with a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A part that ends beyond the ring, or a ring beyond its memory.
    #[error("the ring's {0} ends beyond the memory that is given for it")]
    Outside(&'static str),
    /// A part that begins between two words.
    #[error("the ring's {0} begins at no multiple of four")]
    Unaligned(&'static str),
    /// Two parts with a byte in common.
    #[error("the ring's {0} and its {1} overlap")]
    Overlap(&'static str, &'static str),
    /// A buffer that cannot be one.
    #[error("the ring's buffer has {0} bytes, and not a power of two up to {BUFFER_BYTES_MAX}")]
    Buffer(u64),
    /// A monitor that is to report all the time.
    #[error("the ring's monitor is to report every 0 us")]
    Period,
}

/// A layout that was checked: offsets in the memory itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) head: u64,
    pub(super) tail: u64,
    pub(super) status: u64,
    pub(super) buffer: u64,
    pub(super) buffer_bytes: u32,
    pub(super) extra: Range<u64>,
}

impl RingInfo {
    /// Checks everything that a client could have got wrong, against the bytes that the memory has.
    pub(super) fn layout(&self, memory_bytes: u64) -> Result<Layout, LayoutError> {
        let ring = self.part(0, self.size).filter(|ring| ring.end <= memory_bytes);
        let ring = ring.ok_or(LayoutError::Outside("memory"))?;
        let parts = [
            ("head", self.head_offset, 4),
            ("tail", self.tail_offset, 4),
            ("status", self.status_offset, 4),
            ("buffer", self.buffer_offset, self.buffer_size),
            ("extra region", self.extra_offset, self.extra_size),
        ];
        let mut taken: Vec<(&'static str, Range<u64>)> = Vec::with_capacity(parts.len());
        for (name, offset, bytes) in parts {
            let part = self.part(offset, bytes).filter(|part| part.end <= ring.end);
            let part = part.ok_or(LayoutError::Outside(name))?;
            if !part.start.is_multiple_of(4) {
                return Err(LayoutError::Unaligned(name));
            }
            let other = taken.iter().find(|(_, other)| part.start < other.end && other.start < part.end);
            if let Some((other, _)) = other {
                return Err(LayoutError::Overlap(other, name));
            }
            taken.push((name, part));
        }
        if !self.buffer_size.is_power_of_two() || self.buffer_size > BUFFER_BYTES_MAX {
            return Err(LayoutError::Buffer(self.buffer_size));
        }
        if self.report_period_us == Some(0) {
            return Err(LayoutError::Period);
        }
        // The sums below were made above.
        let place = |offset: u64| self.offset.wrapping_add(offset);
        Ok(Layout {
            head: place(self.head_offset),
            tail: place(self.tail_offset),
            status: place(self.status_offset),
            buffer: place(self.buffer_offset),
            buffer_bytes: u32::try_from(self.buffer_size).unwrap_or_default(),
            extra: place(self.extra_offset)..place(self.extra_offset).wrapping_add(self.extra_size),
        })
    }

    fn part(&self, offset: u64, bytes: u64) -> Option<Range<u64>> {
        let start = self.offset.checked_add(offset)?;
        Some(start..start.checked_add(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Mesa lays a ring out.
    fn info() -> RingInfo {
        RingInfo {
            resource_id: 1,
            size: 192 + 4096 + 4,
            idle_timeout_ns: 1_000_000,
            tail_offset: 64,
            status_offset: 128,
            buffer_offset: 192,
            buffer_size: 4096,
            extra_offset: 192 + 4096,
            extra_size: 4,
            ..RingInfo::default()
        }
    }

    fn wrong(change: impl FnOnce(&mut RingInfo)) -> LayoutError {
        let mut info = info();
        change(&mut info);
        info.layout(8192).unwrap_err()
    }

    #[test]
    fn a_ring_may_lie_anywhere_in_its_memory() {
        let layout = RingInfo { offset: 64, ..info() }.layout(8192).unwrap();
        assert_eq!((layout.head, layout.tail, layout.status), (64, 128, 192));
        assert_eq!((layout.buffer, layout.buffer_bytes, layout.extra), (256, 4096, 4352..4356));
        assert!(
            RingInfo { extra_offset: 0, extra_size: 0, ..info() }.layout(8192).is_ok(),
            "no extra region"
        );
    }

    #[test]
    fn parts_outside_the_memory_are_refused() {
        use LayoutError::Outside;
        assert_eq!(wrong(|info| info.size = 8193), Outside("memory"));
        assert_eq!(wrong(|info| info.offset = u64::MAX), Outside("memory"));
        assert_eq!(wrong(|info| info.size = 192), Outside("buffer"));
        assert_eq!(wrong(|info| info.head_offset = u64::MAX - 1), Outside("head"));
        assert_eq!(wrong(|info| info.buffer_size = u64::MAX), Outside("buffer"));
        assert_eq!(wrong(|info| info.extra_size = 8), Outside("extra region"));
    }

    #[test]
    fn unaligned_and_overlapping_parts_are_refused() {
        use LayoutError::{Overlap, Unaligned};
        assert_eq!(wrong(|info| info.tail_offset = 66), Unaligned("tail"));
        assert_eq!(wrong(|info| info.tail_offset = 0), Overlap("head", "tail"));
        assert_eq!(wrong(|info| info.buffer_offset = 128), Overlap("status", "buffer"));
        assert_eq!(wrong(|info| info.extra_offset = 4096), Overlap("buffer", "extra region"));
        assert_eq!(wrong(|info| info.offset = 2), Unaligned("head"));
    }

    #[test]
    fn buffers_of_odd_sizes_are_refused() {
        use LayoutError::Buffer;
        assert_eq!(wrong(|info| info.buffer_size = 4092), Buffer(4092));
        assert_eq!(wrong(|info| info.buffer_size = 0), Buffer(0));
        let large =
            RingInfo { size: 64 << 20, buffer_size: 32 << 20, extra_size: 0, extra_offset: 0, ..info() };
        assert_eq!(large.layout(64 << 20), Err(Buffer(32 << 20)));
    }

    #[test]
    fn a_monitor_that_never_rests_is_refused() {
        assert_eq!(wrong(|info| info.report_period_us = Some(0)), LayoutError::Period);
    }
}
