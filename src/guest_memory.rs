//! Guest memory, and the scattered pages of it that a guest gives a resource.
//!
//! A [`Backing`] holds guest addresses, never host pointers: the VMM may change its memory table at any time, so each
//! read looks the address up in the table of that moment and fails if it is gone.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryRegion, GuestRegionMmap};

/// The guest's memory as the VMM last described it.
pub type GuestMemory = vm_memory::GuestMemoryMmap<()>;

/// A range that is not, or no longer, guest memory, or that ends beyond the backing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bytes {offset}..{} of a backing of {len} bytes are not guest memory", offset.saturating_add(*wanted))]
pub struct OutOfReach {
    offset: u64,
    wanted: u64,
    len: u64,
}

/// Guest memory with the region that was read last: pages of one buffer nearly always lie in the same one, and to look
/// each up anew costs a third of what copying it does.
struct Source<'m> {
    memory: &'m GuestMemory,
    region: Option<&'m GuestRegionMmap<()>>,
}

impl Source<'_> {
    fn read(&mut self, address: GuestAddress, into: &mut [u8]) -> Option<()> {
        if self.region.is_none_or(|region| region.to_region_addr(address).is_none()) {
            self.region = self.memory.find_region(address);
        }
        let start = self.region?.to_region_addr(address)?;
        match self.region?.get_slice(start, into.len()) {
            Ok(slice) => {
                slice.copy_to(into);
                Some(())
            }
            // It goes on in the next region.
            Err(_) => self.memory.read_slice(into, address).ok(),
        }
    }
}

/// Guest pages in the order in which a resource reads them (virtio 1.3, 5.7.6.8, `virtio_gpu_mem_entry`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backing {
    pieces: Vec<Piece>,
    len: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    /// First byte of the backing that lies in this piece.
    start: u64,
    address: u64,
    len: u64,
}

impl Backing {
    /// Bytes of host memory that a list takes for each entry, before neighbours are joined.
    pub const BYTES_PER_ENTRY: u64 = size_of::<Piece>() as u64;

    /// Joins entries of (guest address, bytes); neighbours become one piece and empty ones vanish.
    pub fn new(entries: impl IntoIterator<Item = (u64, u32)>) -> Self {
        let mut backing = Self::default();
        for (address, len) in entries {
            backing.push(address, u64::from(len));
        }
        backing.pieces.shrink_to_fit();
        backing
    }

    /// The list that has these pieces; `None` if they are more bytes than there can be.
    pub fn from_pieces(pieces: &[(u64, u64)]) -> Option<Self> {
        let mut backing = Self { pieces: Vec::with_capacity(pieces.len()), len: 0 };
        for (address, len) in pieces {
            backing.len.checked_add(*len)?;
            backing.push(*address, *len);
        }
        Some(backing)
    }

    /// Guest address and bytes of each piece.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, u64)> {
        self.pieces.iter().map(|piece| (piece.address, piece.len))
    }

    fn push(&mut self, address: u64, len: u64) {
        match self.pieces.last_mut() {
            _ if len == 0 => return,
            Some(last) if last.address.checked_add(last.len) == Some(address) => last.len += len,
            _ => self.pieces.push(Piece { start: self.len, address, len }),
        }
        self.len += len;
    }

    /// Bytes in all pieces together.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of host memory that the list itself takes.
    pub fn list_bytes(&self) -> u64 {
        (self.pieces.capacity() * size_of::<Piece>()) as u64
    }

    /// Copies the bytes from `offset` on into `out`, all of it or an error (then `out` may be partly written).
    pub fn read(&self, memory: &GuestMemory, offset: u64, out: &mut [u8]) -> Result<(), OutOfReach> {
        let wanted = out.len() as u64;
        let out_of_reach = OutOfReach { offset, wanted, len: self.len };
        if offset.checked_add(wanted).is_none_or(|end| end > self.len) {
            return Err(out_of_reach);
        }
        let first = self.pieces.partition_point(|piece| piece.start + piece.len <= offset);
        let mut skip = self.pieces.get(first).map_or(0, |piece| offset - piece.start);
        let mut rest = out;
        let mut source = Source { memory, region: None };
        for piece in self.pieces.iter().skip(first) {
            if rest.is_empty() {
                break;
            }
            let here = usize::try_from(piece.len - skip).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_mut(here);
            let address = piece.address.checked_add(skip).ok_or(out_of_reach)?;
            source.read(GuestAddress(address), now).ok_or(out_of_reach)?;
            rest = later;
            skip = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "every offset here is small")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at((address, bytes): (u64, usize)) -> (GuestAddress, usize) {
        (GuestAddress(address), bytes)
    }

    /// Two regions that touch, and one apart.
    fn memory() -> GuestMemory {
        let memory =
            GuestMemory::from_ranges(&[(0, 0x2000), (0x2000, 0x2000), (0x10_0000, 0x4000)].map(at)).unwrap();
        let bytes: Vec<u8> = (0..0x4000u32).map(|i| (i % 251) as u8).collect();
        memory.write_slice(&bytes, GuestAddress(0)).unwrap();
        memory.write_slice(&bytes, GuestAddress(0x10_0000)).unwrap();
        memory
    }

    proptest! {
        #[test]
        fn reading_in_pieces_equals_reading_each_byte(
            entries in prop::collection::vec((prop_oneof![0u64..0x3f00, 0x10_0000u64..0x10_3f00], 0u32..0x100), 0..20),
            offset in 0u64..0x800,
            wanted in 0usize..0x800,
        ) {
            let memory = memory();
            let backing = Backing::new(entries.iter().copied());
            let addresses: Vec<u64> =
                entries.iter().flat_map(|(address, len)| (0..u64::from(*len)).map(move |i| address + i)).collect();
            let mut out = vec![0; wanted];
            let read = backing.read(&memory, offset, &mut out);
            let end = offset as usize + wanted;
            prop_assert_eq!(backing.len(), addresses.len() as u64);
            prop_assert_eq!(read.is_ok(), end <= addresses.len());
            if read.is_ok() {
                for (got, address) in out.iter().zip(&addresses[offset as usize..end]) {
                    prop_assert_eq!(*got, memory.read_obj::<u8>(GuestAddress(*address)).unwrap());
                }
            }
        }
    }

    #[test]
    fn addresses_outside_guest_memory_are_refused_when_read() {
        for address in [0x4000, 0x3fff, u64::MAX, u64::MAX - 1] {
            let backing = Backing::new([(address, 2)]);
            assert!(backing.read(&memory(), 0, &mut [0; 2]).is_err(), "{address:#x}");
        }
    }

    #[test]
    fn neighbours_become_one_piece() {
        let backing = Backing::new([(0x1000, 0x1000), (0, 0), (0x2000, 0x1000), (0x1000, 0x10)]);
        assert_eq!((backing.pieces.len(), backing.len()), (2, 0x2010));
    }
}
