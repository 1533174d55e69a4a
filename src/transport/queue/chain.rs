//! A chain of descriptors: the driver's request and the room that it left for the answer.

use virtio_bindings::virtio_ring::{VRING_DESC_F_INDIRECT, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, VolatileMemory, VolatileSlice};

use crate::guest_memory::GuestMemory;
use crate::wire::{ErrorCode, REQUEST_BYTES_MAX};

/// Bytes of the header that each request and each answer begins with (virtio 1.3, 5.7.6.7, `virtio_gpu_ctrl_hdr`).
const HEADER_BYTES: usize = 24;

/// Descriptors that a chain may have, however long a table it brings: as many as QEMU's own devices take, so that
/// drivers live with it, and few enough that walking one costs no time to speak of.
const DESCRIPTORS_MAX: usize = 1024;

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadChain {
    /// An index beyond the table.
    #[error("descriptor {0} is not in its table")]
    OutOfTable(u16),
    /// Longer than its table, so it visits a descriptor twice, or longer than we follow.
    #[error("it has more than {0} descriptors")]
    TooLong(usize),
    /// The device may read only before it may write.
    #[error("a readable descriptor follows a writable one")]
    Disorder,
    /// A table within a table, with something behind it, or of no whole number of descriptors.
    #[error(
        "its indirect table of {bytes} bytes at guest address {address:#x} is none the specification allows"
    )]
    Indirect {
        /// Where it is.
        address: u64,
        /// How long it is.
        bytes: u32,
    },
    /// Not guest memory.
    #[error("{bytes} bytes at guest address {address:#x} are not guest memory")]
    OutOfReach {
        /// Where it begins.
        address: u64,
        /// How long it is.
        bytes: u32,
    },
}

/// Descriptors in guest memory: the ring's own table, or one that a descriptor points to.
pub(super) struct Table<'m> {
    bytes: VolatileSlice<'m>,
    indirect: bool,
}

impl<'m> Table<'m> {
    pub(super) const BYTES_A_DESCRIPTOR: usize = 16;

    pub(super) fn direct(bytes: VolatileSlice<'m>) -> Self {
        Self { bytes, indirect: false }
    }

    fn len(&self) -> usize {
        self.bytes.len() / Self::BYTES_A_DESCRIPTOR
    }

    fn get(&self, index: u16) -> Result<Descriptor, BadChain> {
        let offset = usize::from(index) * Self::BYTES_A_DESCRIPTOR;
        let part = |offset| self.bytes.get_ref::<u64>(offset).map_err(|_| BadChain::OutOfTable(index));
        let address = u64::from_le(part(offset)?.load());
        let rest = u64::from_le(part(offset + 8)?.load());
        let [bytes @ .., f0, f1, n0, n1] = rest.to_le_bytes();
        Ok(Descriptor {
            span: Span { address, bytes: u32::from_le_bytes(bytes) },
            flags: u16::from_le_bytes([f0, f1]),
            next: u16::from_le_bytes([n0, n1]),
        })
    }

    /// The table that a descriptor points to (virtio 1.3, 2.7.5.3).
    fn indirect(&self, memory: &'m GuestMemory, descriptor: &Descriptor) -> Result<Self, BadChain> {
        let Span { address, bytes } = descriptor.span;
        let bad = BadChain::Indirect { address, bytes };
        let whole = bytes > 0 && (bytes as usize).is_multiple_of(Self::BYTES_A_DESCRIPTOR);
        if self.indirect || descriptor.has(VRING_DESC_F_NEXT) || !whole {
            return Err(bad);
        }
        let bytes = memory.get_slice(GuestAddress(address), bytes as usize).map_err(|_| bad)?;
        Ok(Self { bytes, indirect: true })
    }
}

struct Descriptor {
    span: Span,
    flags: u16,
    next: u16,
}

impl Descriptor {
    fn has(&self, flag: u32) -> bool {
        u32::from(self.flags) & flag != 0
    }
}

/// A piece of guest memory, unchecked until it is used.
#[derive(Clone, Copy, Debug)]
struct Span {
    address: u64,
    bytes: u32,
}

impl Span {
    fn out_of_reach(self) -> BadChain {
        BadChain::OutOfReach { address: self.address, bytes: self.bytes }
    }

    /// The whole span where it is in one region, as nearly all are.
    fn in_one_region(self, memory: &GuestMemory) -> Option<VolatileSlice<'_>> {
        memory.get_slice(GuestAddress(self.address), self.bytes as usize).ok()
    }

    fn check(self, memory: &GuestMemory) -> Result<(), BadChain> {
        let there = self.in_one_region(memory).is_some()
            || GuestMemoryBackend::check_range(memory, GuestAddress(self.address), self.bytes as usize);
        there.then_some(()).ok_or(self.out_of_reach())
    }

    fn read(self, memory: &GuestMemory, into: &mut [u8]) -> Result<(), BadChain> {
        match self.in_one_region(memory) {
            Some(from) => {
                from.copy_to(into);
                Ok(())
            }
            None => memory.read_slice(into, GuestAddress(self.address)).map_err(|_| self.out_of_reach()),
        }
    }

    fn write(self, memory: &GuestMemory, from: &[u8]) {
        match self.in_one_region(memory) {
            Some(into) => into.copy_from(from),
            // Found to be there when the chain was walked, and the memory is still the same.
            None => _ = memory.write_slice(from, GuestAddress(self.address)),
        }
    }
}

/// The chain at hand.
#[derive(Debug, Default)]
pub(super) struct Chain {
    readable: Vec<Span>,
    writable: Vec<Span>,
    request: Vec<u8>,
}

impl Chain {
    /// Walks the chain and copies the request out of it.
    ///
    /// A request longer than any that a driver needs is cut to its header, so that the device answers it with an
    /// error: none of the long commands is complete then.
    pub(super) fn gather<'m>(
        &mut self,
        memory: &'m GuestMemory,
        table: &Table<'m>,
        head: u16,
    ) -> Result<&[u8], BadChain> {
        self.walk(memory, table, head)?;
        let bytes: u64 = self.readable.iter().map(|span| u64::from(span.bytes)).sum();
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= REQUEST_BYTES_MAX);
        self.request.clear();
        self.request.resize(bytes.unwrap_or(HEADER_BYTES), 0);
        let mut rest = self.request.as_mut_slice();
        for span in &self.readable {
            let (now, later) = rest.split_at_mut(rest.len().min(span.bytes as usize));
            Span { bytes: piece_bytes(now), ..*span }.read(memory, now)?;
            rest = later;
        }
        Ok(&self.request)
    }

    fn walk<'m>(&mut self, memory: &'m GuestMemory, table: &Table<'m>, head: u16) -> Result<(), BadChain> {
        self.readable.clear();
        self.writable.clear();
        let mut writable_seen = false;
        let mut inner = None;
        let mut index = head;
        let mut left = table.len().min(DESCRIPTORS_MAX);
        loop {
            let table = inner.as_ref().unwrap_or(table);
            left = left.checked_sub(1).ok_or(BadChain::TooLong(table.len().min(DESCRIPTORS_MAX)))?;
            let descriptor = table.get(index)?;
            if descriptor.has(VRING_DESC_F_INDIRECT) {
                let indirect = table.indirect(memory, &descriptor)?;
                (index, left) = (0, indirect.len().min(DESCRIPTORS_MAX));
                inner = Some(indirect);
                continue;
            }
            let writable = descriptor.has(VRING_DESC_F_WRITE);
            if writable_seen && !writable {
                return Err(BadChain::Disorder);
            }
            writable_seen = writable;
            // A descriptor of no bytes says nothing, not even where it is.
            if descriptor.span.bytes > 0 {
                if writable {
                    descriptor.span.check(memory)?;
                }
                let spans = if writable { &mut self.writable } else { &mut self.readable };
                spans.push(descriptor.span);
            }
            if !descriptor.has(VRING_DESC_F_NEXT) {
                return Ok(());
            }
            index = descriptor.next;
        }
    }

    /// Copies the answer into the chain; returns the bytes written. An answer for which the driver left no room
    /// becomes an error, and one that has no room even for that, nothing.
    pub(super) fn scatter(&self, memory: &GuestMemory, reply: &mut [u8]) -> u32 {
        let room: u64 = self.writable.iter().map(|span| u64::from(span.bytes)).sum();
        let reply = if reply.len() as u64 <= room { reply } else { without_body(reply, room) };
        let mut rest = &*reply;
        for span in &self.writable {
            let (now, later) = rest.split_at(rest.len().min(span.bytes as usize));
            Span { bytes: piece_bytes(now), ..*span }.write(memory, now);
            rest = later;
        }
        piece_bytes(reply)
    }
}

/// The answer's header alone, as an error; its fence stays.
fn without_body(reply: &mut [u8], room: u64) -> &mut [u8] {
    let header = reply.split_at_mut_checked(HEADER_BYTES).filter(|_| room >= HEADER_BYTES as u64);
    let Some((header, _)) = header else { return &mut [] };
    if let Some(kind) = header.first_chunk_mut() {
        *kind = ErrorCode::Unspecified.number().to_le_bytes();
    }
    header
}

/// Pieces come from spans, so their lengths fit.
fn piece_bytes(piece: &[u8]) -> u32 {
    u32::try_from(piece.len()).unwrap_or(u32::MAX)
}
