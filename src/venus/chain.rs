//! Chains of structures by `pNext`. Each starts with its type and the address of the next.

use vulkanalia_sys::StructureType;

use crate::sys::{Address, Arena};

const NEXT_OFFSET: u64 = 8;
/// Longer chains are no chain that was decoded.
const LENGTH_MAX: usize = 256;

fn word<const N: usize>(arena: &Arena, at: Address) -> Option<[u8; N]> {
    arena.bytes(at, N)?.try_into().ok()
}

fn next(arena: &Arena, at: Address) -> Option<Address> {
    word(arena, at.checked_add(NEXT_OFFSET)?).map(u64::from_ne_bytes)
}

fn kind(arena: &Arena, at: Address) -> Option<StructureType> {
    word(arena, at).map(|bytes| StructureType::from_raw(i32::from_ne_bytes(bytes)))
}

/// The structure of a type in the chain that starts at `first`, which may be a `pNext` or a structure itself.
pub fn find(arena: &Arena, first: Address, wanted: StructureType) -> Option<Address> {
    let mut at = first;
    for _ in 0..LENGTH_MAX {
        if kind(arena, at)? == wanted {
            return Some(at);
        }
        at = next(arena, at)?;
    }
    None
}

/// Takes every structure of a type out of the chain that follows the structure at `head`. Says where the last one lies.
pub fn unlink(arena: &mut Arena, head: Address, unwanted: StructureType) -> Option<Address> {
    let (mut before, mut found) = (head, None);
    for _ in 0..LENGTH_MAX {
        let Some(at) = next(arena, before) else { break };
        match kind(arena, at) {
            None => break,
            Some(kind) if kind == unwanted => {
                let after = next(arena, at).unwrap_or_default();
                set_next(arena, before, after);
                found = Some(at);
            }
            Some(_) => before = at,
        }
    }
    found
}

/// Puts the structure at `item` directly behind the structure at `head`.
pub fn prepend(arena: &mut Arena, head: Address, item: Address) {
    if let Some(after) = next(arena, head) {
        set_next(arena, item, after);
        set_next(arena, head, item);
    }
}

fn set_next(arena: &mut Arena, at: Address, next: Address) {
    if let Some(place) =
        at.checked_add(NEXT_OFFSET).and_then(|place| arena.bytes_mut(place, size_of::<Address>()))
    {
        place.copy_from_slice(&next.to_ne_bytes());
    }
}
