//! The configuration space: what the function is, where its registers are, and what of that a guest may write.

use super::{Bar, HEAP_BAR, MSIX_BYTES, PENDING_OFFSET, REGISTERS, REGISTERS_BYTES, VECTORS};
use crate::wire::SHARED_MEMORY_HOST_VISIBLE;

/// Bytes of the configuration space of a conventional function (PCI 3.0, 6.1).
pub const CONFIG_BYTES: usize = 256;

/// `0x1040` and the number of the device type (virtio 1.3, 4.1.2).
const DEVICE_ID: u16 = 0x1040 + 16;
const VENDOR_ID: u16 = 0x1af4;
/// Any from 0x40 on, with a revision of at least 1: so that drivers of before virtio 1.0 leave it alone.
const SUBSYSTEM_ID: u16 = 0x1100;
const REVISION: u8 = 1;
/// A display controller that is no VGA.
const CLASS: [u8; 3] = [0, 0x80, 0x03];

const COMMAND: usize = 0x04;
/// Memory, bus master, parity, SERR and INTx disable.
const COMMAND_WRITABLE: u16 = 0x0546;
const STATUS: usize = 0x06;
const STATUS_INTERRUPT: u8 = 1 << 3;
const STATUS_CAPABILITIES: u8 = 1 << 4;
const BARS: usize = 0x10;
const CAPABILITIES: usize = 0x34;
const INTERRUPT_LINE: usize = 0x3c;
const FIRST_CAPABILITY: usize = 0x40;

/// 64 bits and prefetchable.
const HEAP_BAR_FLAGS: u32 = 0b1100;

/// Capability numbers (PCI Code and ID Assignment).
const VENDOR_SPECIFIC: u8 = 0x09;
const MSIX: u8 = 0x11;
const ADVANCED_FEATURES: u8 = 0x13;

/// `cfg_type` (virtio 1.3, 4.1.4).
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const ISR: u8 = 3;
const DEVICE: u8 = 4;
const PCI: u8 = 5;
const SHARED_MEMORY: u8 = 8;

/// Functions can be reset on their own, and tell of transactions that are under way: there never are any.
const FLR_AND_PENDING: u8 = 0b11;

/// A part of the configuration space that was written, of those that do more than hold what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing else.
    Plain,
    /// The function is to be reset.
    Reset,
    /// What the PCI access capability points to.
    Window,
}

/// The bytes of the configuration space, and which of their bits are a guest's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfigSpace {
    bytes: [u8; CONFIG_BYTES],
    writable: [u8; CONFIG_BYTES],
    /// Where the PCI access capability begins.
    window: usize,
    /// Where the byte is that resets the function.
    reset: usize,
}

impl ConfigSpace {
    /// That of a function which has not been set up. The heap's size is a power of two.
    pub(super) fn new(heap_bytes: Option<u64>) -> Self {
        let mut space = Self {
            bytes: [0; CONFIG_BYTES],
            writable: [0; CONFIG_BYTES],
            window: CONFIG_BYTES,
            reset: CONFIG_BYTES,
        };
        space.put(0, &[VENDOR_ID, DEVICE_ID].map(u16::to_le_bytes).concat());
        space.put(STATUS, &[STATUS_CAPABILITIES]);
        space.put(8, &[[REVISION].as_slice(), &CLASS].concat());
        space.put(0x2c, &[VENDOR_ID, SUBSYSTEM_ID].map(u16::to_le_bytes).concat());
        // INTA.
        space.put(INTERRUPT_LINE + 1, &[1]);
        space.open(COMMAND, &COMMAND_WRITABLE.to_le_bytes());
        // The size of a cache line.
        space.open(0x0c, &[0xff]);
        space.open(INTERRUPT_LINE, &[0xff]);
        space.put_bar(Bar::Registers, 0, REGISTERS_BYTES);
        space.put_bar(Bar::Msix, 0, MSIX_BYTES);
        if let Some(bytes) = heap_bytes {
            space.put_bar(Bar::Heap, HEAP_BAR_FLAGS, bytes);
        }
        space.put_capabilities(heap_bytes);
        space
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn open(&mut self, at: usize, mask: &[u8]) {
        if let Some(place) = self.writable.get_mut(at..at + mask.len()) {
            place.copy_from_slice(mask);
        }
    }

    /// The bits of an address that its size leaves open are a guest's, so writing ones tells it the size.
    fn put_bar(&mut self, bar: Bar, flags: u32, bytes: u64) {
        let at = BARS + 4 * bar as usize;
        let mask = (!(bytes - 1)).to_le_bytes();
        let width = if flags & HEAP_BAR_FLAGS == HEAP_BAR_FLAGS { 8 } else { 4 };
        self.put(at, &flags.to_le_bytes());
        self.open(at, mask.get(..width).unwrap_or_default());
    }

    fn put_capabilities(&mut self, heap_bytes: Option<u64>) {
        let mut end = Chain { link: CAPABILITIES, at: FIRST_CAPABILITY };
        let table = Bar::Msix as u32;
        let last_vector = VECTORS - 1;
        let [msix_low, msix_high] = last_vector.to_le_bytes();
        let places = [table, table | PENDING_OFFSET].map(u32::to_le_bytes);
        let msix = self.add(&mut end, MSIX, &[&[msix_low, msix_high], places.as_flattened()].concat());
        // Enable, and mask all.
        self.open(msix + 3, &[0b1100_0000]);
        let registers = Place { bar: Bar::Registers as u8, ..Place::default() };
        for (kind, (offset, bytes)) in
            [(COMMON, REGISTERS.common), (ISR, REGISTERS.isr), (DEVICE, REGISTERS.device)]
        {
            self.add_virtio(&mut end, kind, Place { offset, bytes, ..registers }, &[]);
        }
        let (offset, bytes) = REGISTERS.notify;
        let multiplier = super::NOTIFY_MULTIPLIER.to_le_bytes();
        self.add_virtio(&mut end, NOTIFY, Place { offset, bytes, ..registers }, &multiplier);
        self.window = self.add_virtio(&mut end, PCI, Place::default(), &[0; 4]);
        // bar; then offset, length and data.
        self.open(self.window + 4, &[0xff]);
        self.open(self.window + 8, &[0xff; 12]);
        if let Some(bytes) = heap_bytes {
            let [b0, b1, b2, b3, high @ ..] = bytes.to_le_bytes();
            let bytes = u32::from_le_bytes([b0, b1, b2, b3]);
            let heap = Place { bar: HEAP_BAR, id: SHARED_MEMORY_HOST_VISIBLE, offset: 0, bytes };
            self.add_virtio(&mut end, SHARED_MEMORY, heap, &[[0; 4], high].concat());
        }
        let features = self.add(&mut end, ADVANCED_FEATURES, &[6, FLR_AND_PENDING, 0, 0]);
        self.reset = features + 4;
    }

    /// `struct virtio_pci_cap` (virtio 1.3, 4.1.4), and what is behind it.
    fn add_virtio(&mut self, end: &mut Chain, kind: u8, place: Place, more: &[u8]) -> usize {
        let Place { bar, id, offset, bytes } = place;
        let length = u8::try_from(16 + more.len()).unwrap_or_default();
        let head = [length, kind, bar, id, 0, 0];
        let range = [offset, bytes].map(u32::to_le_bytes);
        self.add(end, VENDOR_SPECIFIC, &[&head, range.as_flattened(), more].concat())
    }

    /// Adds a capability, and says where it begins.
    fn add(&mut self, end: &mut Chain, id: u8, body: &[u8]) -> usize {
        let at = end.at;
        self.put(end.link, &[u8::try_from(at).unwrap_or_default()]);
        self.put(at, &[id]);
        self.put(at + 2, body);
        *end = Chain { link: at + 1, at: (at + 2 + body.len()).next_multiple_of(4) };
        at
    }

    /// Reads bytes; `None`, and nothing read, if not all of them are there.
    pub(super) fn read(&self, offset: usize, into: &mut [u8]) -> Option<()> {
        into.copy_from_slice(self.bytes.get(offset..offset.checked_add(into.len())?)?);
        Some(())
    }

    /// Writes what of these bytes is a guest's; `None` if not all of them are there.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) -> Option<Written> {
        let range = offset..offset.checked_add(bytes.len())?;
        let places = self.bytes.get_mut(range.clone())?.iter_mut().zip(self.writable.get(range.clone())?);
        for ((place, mask), byte) in places.zip(bytes) {
            *place = *place & !mask | byte & mask;
        }
        let reset = bytes.get(self.reset.wrapping_sub(offset)).is_some_and(|control| control & 1 != 0);
        Some(match range.contains(&(self.window + 16)) {
            _ if reset => Written::Reset,
            true => Written::Window,
            false => Written::Plain,
        })
    }

    /// Whether an access is one to the data of the PCI access capability.
    pub(super) fn is_window(&self, offset: usize) -> bool {
        offset == self.window + 16
    }

    /// What that capability points to: a BAR, an offset in it, and how many bytes from there on, whatever the width of
    /// the access (virtio 1.3, 4.1.4.9.1). No bytes where the driver asks for a number that is not allowed.
    pub(super) fn window(&self) -> (u8, u32, usize) {
        let word = |at: usize| {
            let bytes = self.bytes.get(self.window + at..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let [bar, ..] = word(4).to_le_bytes();
        let bytes = usize::try_from(word(12)).ok().filter(|bytes| matches!(bytes, 1 | 2 | 4));
        (bar, word(8), bytes.unwrap_or_default())
    }

    /// Shows whether an interrupt waits that is a wire's.
    pub(super) fn set_interrupt(&mut self, waits: bool) {
        if let Some(status) = self.bytes.get_mut(STATUS) {
            *status = if waits { *status | STATUS_INTERRUPT } else { *status & !STATUS_INTERRUPT };
        }
    }

    /// What a guest wrote.
    pub(super) fn written(&self) -> Vec<u8> {
        self.bytes.iter().zip(&self.writable).map(|(byte, mask)| byte & mask).collect()
    }

    /// Writes all of that.
    pub(super) fn restore(&mut self, written: &[u8]) {
        for ((place, mask), byte) in self.bytes.iter_mut().zip(&self.writable).zip(written) {
            *place = *place & !mask | byte & mask;
        }
    }
}

/// Where something is that a capability tells of; `id` tells regions of shared memory from each other.
#[derive(Clone, Copy, Default)]
struct Place {
    bar: u8,
    id: u8,
    offset: u32,
    bytes: u32,
}

/// Where the list of capabilities ends: the byte that is to point to the next one, and where that may lie.
struct Chain {
    link: usize,
    at: usize,
}
