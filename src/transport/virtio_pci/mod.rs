//! virtio over PCI (virtio 1.3, 4.1), the device's side: a function with its configuration space and registers.
//!
//! ```text
//! BAR 0      16 KiB  registers: common configuration, interrupt status, device configuration, notifications
//! BAR 1       4 KiB  MSI-X: one vector for the configuration and one for each queue
//! BAR 2, 3    heap   shared memory region 1 (virtio 1.3, 2.10), 64 bits and prefetchable; only with Vulkan
//! ```
//! The heap's BAR holds nothing else, so that a VMM can map all of it; MSI-X, which VMMs watch, has one of its own.
//!
//! A [`Function`] knows no socket, no queue and no device: reads and writes go in, and what they bring about comes out
//! as an [`Effect`] for whoever has those.

mod common;
mod config;
#[cfg(test)]
mod tests;

pub use common::QueueRegisters;
pub use config::CONFIG_BYTES;

use serde::{Deserialize, Serialize};

use common::{Common, DRIVER_OK, NEEDS_RESET};
use config::{ConfigSpace, Written};

/// Control and cursor queue (virtio 1.3, 5.7.2).
pub const QUEUES: usize = 2;

/// Entries that a queue may have.
pub const QUEUE_SIZE_MAX: u16 = 256;

/// Bytes of the configuration space of a function on PCI Express, which ours is not.
const EXPRESS_CONFIG_BYTES: usize = 4096;

/// One for the configuration and one for each queue.
pub const VECTORS: u16 = 3;
const _: () = assert!(VECTORS as usize == 1 + QUEUES);

/// Bytes that a driver writes to a doorbell: the number of its queue.
pub const NOTIFY_BYTES: u64 = 2;

/// Bytes from one queue's doorbell to the next (virtio 1.3, 4.1.4.4, `notify_off_multiplier`).
const NOTIFY_MULTIPLIER: u32 = 4;

/// Bytes of the BAR with the registers.
pub const REGISTERS_BYTES: u64 = 0x4000;

/// Bytes of the BAR of MSI-X.
pub const MSIX_BYTES: u64 = 0x1000;

/// `VIRTIO_MSI_NO_VECTOR`.
const NO_VECTOR: u16 = 0xffff;

/// Where in its BAR the bits of interrupts are that could not be delivered.
const PENDING_OFFSET: u32 = 0x800;

/// Bytes of an entry of the table of vectors.
const ENTRY_BYTES: usize = 16;
const TABLE_BYTES: usize = ENTRY_BYTES * VECTORS as usize;

const HEAP_BAR: u8 = Bar::Heap as u8;

/// Bits of the interrupt status (virtio 1.3, 4.1.4.5).
const ISR_QUEUE: u8 = 1;
const ISR_CONFIG: u8 = 2;

/// Where the registers are in their BAR: offset and bytes.
struct Registers {
    common: (u32, u32),
    isr: (u32, u32),
    device: (u32, u32),
    notify: (u32, u32),
}

const REGISTERS: Registers = Registers {
    common: (0, 64),
    isr: (0x1000, 4),
    device: (0x2000, 16),
    notify: (0x3000, NOTIFY_MULTIPLIER * (VECTORS as u32 - 1)),
};

/// The BARs, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Registers.
    Registers = 0,
    /// Vectors, and which of them wait.
    Msix = 1,
    /// Shared memory.
    Heap = 2,
}

/// What an access brings about beside what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a driver waits for it"]
pub enum Effect {
    /// The device is reset.
    Reset,
    /// The driver takes these features.
    Features(u64),
    /// The same, and its queues may be used.
    Begin(u64),
    /// Queues came or went.
    Queues,
    /// There is something in a queue, or in both.
    Notify,
    /// The device's own configuration is written.
    Device {
        /// From this byte on.
        offset: u32,
        /// With these.
        bytes: Vec<u8>,
    },
}

/// Why the guest is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The device's configuration changed.
    Config,
    /// A queue cannot be served any more.
    Broken,
    /// A queue has something that was used.
    Queue(usize),
}

/// The bytes that are not a function's but its device's.
pub trait Card {
    /// The device's configuration.
    fn config(&self) -> [u8; 16];

    /// Whether an interrupt of this vector waits.
    fn is_pending(&self, vector: u16) -> bool;
}

/// What a guest wrote, to go on with in another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRecord {
    config: Vec<u8>,
    common: Common,
    table: Vec<u8>,
}

/// One PCI function: a virtio-gpu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    offered: u64,
    heap_bytes: Option<u64>,
    config: ConfigSpace,
    common: Common,
    /// Addresses, data and masks of the vectors; VMMs have their own and look at this one seldom.
    table: [u8; TABLE_BYTES],
    isr: u8,
    generation: u8,
}

impl Function {
    /// One that nobody has set up, with these feature bits and shared memory of so many bytes, a power of two.
    pub fn new(offered: u64, heap_bytes: Option<u64>) -> Self {
        Self {
            offered,
            heap_bytes,
            config: ConfigSpace::new(heap_bytes),
            common: Common::default(),
            table: [0; TABLE_BYTES],
            isr: 0,
            generation: 0,
        }
    }

    /// What is to be kept of it.
    pub fn record(&self) -> FunctionRecord {
        let (config, common) = (self.config.written(), self.common.clone());
        FunctionRecord { config, common, table: self.table.to_vec() }
    }

    /// Goes on as another one was. Whoever looks at the interrupt status finds both bits: they may have been lost.
    pub fn restore(&mut self, FunctionRecord { config, common, table }: FunctionRecord) {
        self.config.restore(&config);
        self.common = common;
        self.table.iter_mut().zip(table).for_each(|(place, byte)| *place = byte);
        self.isr = ISR_QUEUE | ISR_CONFIG;
        self.generation = 1;
    }

    /// Back to where nobody has set it up.
    pub fn reset(&mut self) {
        *self = Self::new(self.offered, self.heap_bytes);
    }

    /// Bytes of a BAR; zero if it is not there.
    pub fn bar_bytes(&self, bar: u32) -> u64 {
        match bar {
            0 => REGISTERS_BYTES,
            1 => MSIX_BYTES,
            2 => self.heap_bytes.unwrap_or(0),
            _ => 0,
        }
    }

    /// Reads the configuration space; `None` if not all of these bytes are there.
    pub fn read_config(&mut self, offset: u64, into: &mut [u8], card: &impl Card) -> Option<()> {
        let offset = usize::try_from(offset).ok()?;
        if is_extended(offset, into.len()) {
            into.fill(0xff);
            return Some(());
        }
        if self.config.is_window(offset) {
            let (bar, at, length) = self.config.window();
            into.fill(0);
            if let Some(first) = into.get_mut(..length).filter(|first| !first.is_empty()) {
                _ = self.read(bar.into(), at.into(), first, card);
            }
            return Some(());
        }
        self.config.set_interrupt(self.isr != 0);
        self.config.read(offset, into)
    }

    /// Writes to the configuration space; `None` if not all of these bytes are there.
    pub fn write_config(&mut self, offset: u64, bytes: &[u8]) -> Option<Option<Effect>> {
        let offset = usize::try_from(offset).ok()?;
        if is_extended(offset, bytes.len()) {
            return Some(None);
        }
        match self.config.write(offset, bytes)? {
            Written::Plain => Some(None),
            Written::Reset => {
                self.reset();
                Some(Some(Effect::Reset))
            }
            Written::Window if self.config.is_window(offset) => {
                let (bar, at, length) = self.config.window();
                let first = bytes.get(..length).filter(|first| !first.is_empty());
                Some(first.and_then(|first| self.write(bar.into(), at.into(), first).flatten()))
            }
            Written::Window => Some(None),
        }
    }

    /// Reads from a BAR other than the heap's; `None` if not all of these bytes are there.
    pub fn read(&mut self, bar: u32, offset: u64, into: &mut [u8], card: &impl Card) -> Option<()> {
        let end = offset.checked_add(into.len() as u64)?;
        if end > self.bar_bytes(bar) {
            return None;
        }
        into.fill(0);
        match bar {
            0 => self.read_registers(offset, into, card),
            1 => {
                copy(&self.table, offset, 0, into);
                copy(&self.pending(card), offset, PENDING_OFFSET.into(), into);
            }
            _ => return None,
        }
        Some(())
    }

    fn read_registers(&mut self, offset: u64, into: &mut [u8], card: &impl Card) {
        let end = offset + into.len() as u64;
        let touches =
            |(start, length): (u32, u32)| offset < u64::from(start + length) && end > u64::from(start);
        if touches(REGISTERS.common) {
            copy(&self.common.image(self.offered, self.generation), offset, REGISTERS.common.0.into(), into);
        }
        if touches(REGISTERS.device) {
            copy(&card.config(), offset, REGISTERS.device.0.into(), into);
        }
        // Whoever reads it takes it.
        if touches((REGISTERS.isr.0, 1)) {
            copy(&[std::mem::take(&mut self.isr)], offset, REGISTERS.isr.0.into(), into);
        }
    }

    fn pending(&self, card: &impl Card) -> [u8; 8] {
        let bits = (0..VECTORS).filter(|vector| card.is_pending(*vector)).map(|vector| 1u64 << vector);
        bits.sum::<u64>().to_le_bytes()
    }

    /// Writes to a BAR other than the heap's; `None` if not all of these bytes are there.
    pub fn write(&mut self, bar: u32, offset: u64, bytes: &[u8]) -> Option<Option<Effect>> {
        let end = offset.checked_add(bytes.len() as u64)?;
        if end > self.bar_bytes(bar) {
            return None;
        }
        match bar {
            0 => Some(self.write_registers(offset, bytes)),
            1 => {
                let at = usize::try_from(offset).ok()?;
                self.table.iter_mut().skip(at).zip(bytes).for_each(|(place, byte)| *place = *byte);
                Some(None)
            }
            _ => None,
        }
    }

    fn write_registers(&mut self, offset: u64, bytes: &[u8]) -> Option<Effect> {
        let within = |(start, length): (u32, u32)| {
            let at = offset.checked_sub(start.into()).filter(|at| *at < u64::from(length))?;
            u32::try_from(at).ok()
        };
        if let Some(at) = within(REGISTERS.common) {
            return self.common.write(usize::try_from(at).ok()?, bytes, self.offered);
        }
        if let Some(offset) = within(REGISTERS.device) {
            return Some(Effect::Device { offset, bytes: bytes.to_vec() });
        }
        within(REGISTERS.notify).map(|_| Effect::Notify)
    }

    /// A queue that the driver lets us use.
    pub fn queue(&self, index: usize) -> Option<QueueRegisters> {
        let runs = self.common.status & DRIVER_OK != 0;
        self.common.queues.get(index).copied().filter(|queue| runs && queue.enabled)
    }

    /// The features that the driver took.
    pub fn features(&self) -> u64 {
        self.common.features()
    }

    /// The device's configuration is not what it was: a driver that reads it piece by piece begins anew.
    pub fn config_changed(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// The device cannot go on until its driver resets it (virtio 1.3, 2.1.2).
    pub fn needs_reset(&mut self) {
        self.common.status |= NEEDS_RESET;
    }

    /// The vector to interrupt the guest with, where it uses MSI-X; `None` if it wants no such interrupt.
    pub fn vector(&self, cause: Cause) -> Option<u16> {
        let vector = match cause {
            Cause::Config | Cause::Broken => self.common.config_vector,
            Cause::Queue(index) => self.common.queues.get(index)?.vector,
        };
        (vector < VECTORS).then_some(vector)
    }

    /// Notes why the guest is interrupted, where it does not use MSI-X.
    pub fn raise(&mut self, cause: Cause) {
        self.isr |= match cause {
            Cause::Config | Cause::Broken => ISR_CONFIG,
            Cause::Queue(_) => ISR_QUEUE,
        };
    }

    /// Whether the guest has not yet seen why it was interrupted.
    pub fn is_raised(&self) -> bool {
        self.isr != 0
    }
}

/// Whether all of these bytes are where PCI Express has more configuration space. There is nothing, and a guest finds
/// what it finds on a bus where nobody answers: a client may have no way to tell it that it was refused.
fn is_extended(offset: usize, bytes: usize) -> bool {
    offset >= CONFIG_BYTES && offset.checked_add(bytes).is_some_and(|end| end <= EXPRESS_CONFIG_BYTES)
}

/// Copies what of `from`, which lies at `start`, is among the bytes from `offset` on.
fn copy(from: &[u8], offset: u64, start: u64, into: &mut [u8]) {
    for (at, place) in (offset..).zip(into) {
        let byte = at.checked_sub(start).and_then(|at| from.get(usize::try_from(at).ok()?));
        byte.into_iter().for_each(|byte| *place = *byte);
    }
}

/// Where in the BAR of registers a queue is notified.
pub fn doorbell(queue: usize) -> u64 {
    u64::from(REGISTERS.notify.0) + u64::from(NOTIFY_MULTIPLIER) * queue as u64
}
