//! Numbers in an arena, as the tables speak of them.

use super::tables::{Count, Rule};
use crate::sys::{Address, Arena};

/// Where `pNext` lies in each structure that has one.
pub(super) const NEXT_AT: usize = 8;

/// The number of 4 or 8 bytes at an offset from an address; 0 behind NULL.
pub(super) fn read(arena: &Arena, base: Address, at: usize, bytes: usize) -> u64 {
    let mut number = [0; 8];
    let found = base.checked_add(at as u64).and_then(|place| arena.bytes(place, bytes));
    if let (Some(found), Some(number)) = (found, number.get_mut(..bytes)) {
        number.copy_from_slice(found);
    }
    u64::from_le_bytes(number)
}

/// The pointer at an offset from an address.
pub(super) fn pointer(arena: &Arena, base: Address, at: usize) -> Address {
    read(arena, base, at, size_of::<Address>())
}

/// The `sType` of the structure at an address; that of VkApplicationInfo, which is in no chain, if none is there.
pub(super) fn kind(arena: &Arena, at: Address) -> i32 {
    i32::from_le_bytes(*read(arena, at, 0, size_of::<i32>()).to_le_bytes().first_chunk().unwrap_or(&[0; 4]))
}

/// Where each element of an array lies.
pub(super) fn places(start: Address, count: usize, stride: usize) -> impl Iterator<Item = Address> {
    (0..count as u64).map(move |index| start + index * stride as u64)
}

impl Count {
    /// The length of an array that is a member of the structure at `base`.
    pub(super) fn read(self, arena: &Arena, base: Address) -> u64 {
        match self {
            Self::Fixed(count) => count,
            Self::Behind { pointer, at, bytes } => {
                read(arena, read(arena, base, pointer, size_of::<Address>()), at, bytes)
            }
            Self::Member { at, bytes, rule } => {
                let number = read(arena, base, at, bytes);
                match rule {
                    Rule::Same => number,
                    Rule::Quarter => number / 4,
                    Rule::Words => number.div_ceil(32),
                }
            }
        }
    }
}
