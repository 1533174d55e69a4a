//! Numbers in an arena, as the tables speak of them.

use super::tables::{Count, Rule};
use crate::sys::{Address, Arena};

/// Where `pNext` lies in each structure that has one.
pub(super) const NEXT_AT: usize = 8;

/// The number of so many bytes at an offset from an address; 0 behind NULL.
#[inline(always)]
pub(super) fn read(arena: &Arena, base: Address, at: usize, bytes: usize) -> u64 {
    let place = base.wrapping_add(at as u64);
    match bytes {
        8 => chunk(arena, place).map_or(0, u64::from_ne_bytes),
        4 => chunk(arena, place).map_or(0, |bytes| u32::from_ne_bytes(bytes).into()),
        2 => chunk(arena, place).map_or(0, |bytes| u16::from_ne_bytes(bytes).into()),
        _ => chunk(arena, place).map_or(0, |[byte]| byte.into()),
    }
}

fn chunk<const BYTES: usize>(arena: &Arena, place: Address) -> Option<[u8; BYTES]> {
    arena.bytes(place, BYTES)?.try_into().ok()
}

/// The pointer at an offset from an address.
pub(super) fn pointer(arena: &Arena, base: Address, at: usize) -> Address {
    read(arena, base, at, size_of::<Address>())
}

/// The `sType` of the structure at an address; that of VkApplicationInfo, which is in no chain, if none is there.
pub(super) fn kind(arena: &Arena, at: Address) -> i32 {
    chunk(arena, at).map_or(0, i32::from_ne_bytes)
}

/// Where each element of an array lies.
pub(super) fn places(start: Address, count: usize, stride: usize) -> impl Iterator<Item = Address> {
    (0..count as u64).map(move |index| start + index * stride as u64)
}

impl Count {
    /// The length of an array that is a member of the structure at `base`.
    #[inline]
    pub(super) fn read(self, arena: &Arena, base: Address) -> u64 {
        match self {
            Self::Fixed(count) => count,
            Self::Behind { pointer, at, bytes } => {
                read(arena, read(arena, base, pointer, size_of::<Address>()), at, bytes)
            }
            Self::Member { at, bytes, rule } => rule.length(read(arena, base, at, bytes)),
        }
    }
}

impl Rule {
    /// The length that a member gives.
    #[inline]
    pub(super) fn length(self, member: u64) -> u64 {
        match self {
            Self::Same => member,
            Self::Quarter => member / 4,
            Self::Words => member.div_ceil(32),
        }
    }
}
