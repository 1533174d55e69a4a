//! A virtio device through the window in its configuration space (virtio 1.3, 4.1.4.9): its BARs may be anywhere, and
//! no page tables are needed to reach them.

use alloc::string::String;

use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PhysAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::pci::Function;

/// Kinds of structures, `cfg_type`.
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const ISR: u8 = 3;
const DEVICE: u8 = 4;
const WINDOW: u8 = 5;

/// Places in the common structure.
const DEVICE_FEATURE_SELECT: u32 = 0;
const DEVICE_FEATURE: u32 = 4;
const DRIVER_FEATURE_SELECT: u32 = 8;
const DRIVER_FEATURE: u32 = 12;
const STATUS: u32 = 20;
const GENERATION: u32 = 21;
const QUEUE_SELECT: u32 = 22;
const QUEUE_SIZE: u32 = 24;
const QUEUE_ENABLE: u32 = 28;
const QUEUE_NOTIFY_OFF: u32 = 30;
const QUEUE_ADDRESSES: u32 = 32;

/// Where a structure is.
#[derive(Clone, Copy)]
struct Place {
    bar: u8,
    offset: u32,
}

pub(crate) struct Window {
    function: Function,
    /// Where the window's own capability is.
    at: u8,
    common: Place,
    notify: Place,
    notify_multiplier: u32,
    isr: Place,
    device: Place,
}

impl Window {
    pub(crate) fn of(function: Function) -> Result<Self, String> {
        let find = |kind: u8| {
            let is = |at: &u8| (function.read(*at) >> 24) as u8 == kind;
            function
                .vendor_capabilities()
                .find(is)
                .ok_or_else(|| alloc::format!("there is no structure {kind}"))
        };
        let place = |kind| {
            let at = find(kind)?;
            Ok::<_, String>(Place { bar: function.read(at + 4) as u8, offset: function.read(at + 8) })
        };
        Ok(Self {
            at: find(WINDOW)?,
            common: place(COMMON)?,
            notify: place(NOTIFY)?,
            notify_multiplier: function.read(find(NOTIFY)? + 16),
            isr: place(ISR)?,
            device: place(DEVICE)?,
            function,
        })
    }

    fn open(&self, place: Place, offset: u32, bytes: u32) {
        self.function.write(self.at + 4, place.bar.into(), 1);
        self.function.write(self.at + 8, place.offset + offset, 4);
        self.function.write(self.at + 12, bytes, 4);
    }

    fn read(&self, place: Place, offset: u32, bytes: u32) -> u32 {
        self.open(place, offset, bytes);
        self.function.read(self.at + 16) & (u32::MAX >> (32 - 8 * bytes))
    }

    fn write(&self, place: Place, offset: u32, value: u32, bytes: u32) {
        self.open(place, offset, bytes);
        self.function.write(self.at + 16, value, bytes);
    }

    fn select(&self, queue: u16) {
        self.write(self.common, QUEUE_SELECT, queue.into(), 2);
    }
}

impl Transport for Window {
    fn device_type(&self) -> DeviceType {
        DeviceType::GPU
    }

    fn read_device_features(&mut self) -> u64 {
        (0..2).fold(0, |features, word| {
            self.write(self.common, DEVICE_FEATURE_SELECT, word, 4);
            features | u64::from(self.read(self.common, DEVICE_FEATURE, 4)) << (32 * word)
        })
    }

    fn write_driver_features(&mut self, features: u64) {
        for word in 0..2 {
            self.write(self.common, DRIVER_FEATURE_SELECT, word, 4);
            self.write(self.common, DRIVER_FEATURE, (features >> (32 * word)) as u32, 4);
        }
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.select(queue);
        self.read(self.common, QUEUE_SIZE, 2)
    }

    fn notify(&mut self, queue: u16) {
        self.select(queue);
        let offset = self.read(self.common, QUEUE_NOTIFY_OFF, 2) * self.notify_multiplier;
        self.write(self.notify, offset, queue.into(), 2);
    }

    fn get_status(&self) -> DeviceStatus {
        DeviceStatus::from_bits_truncate(self.read(self.common, STATUS, 1))
    }

    fn set_status(&mut self, status: DeviceStatus) {
        self.write(self.common, STATUS, status.bits(), 1);
    }

    fn set_guest_page_size(&mut self, _: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(&mut self, queue: u16, size: u32, table: PhysAddr, driver: PhysAddr, device: PhysAddr) {
        self.select(queue);
        self.write(self.common, QUEUE_SIZE, size, 2);
        let words = [table, driver, device].map(|address| [address as u32, (address >> 32) as u32]);
        for (number, word) in (0..).zip(words.into_iter().flatten()) {
            self.write(self.common, QUEUE_ADDRESSES + 4 * number, word, 4);
        }
        self.write(self.common, QUEUE_ENABLE, 1, 2);
    }

    fn queue_unset(&mut self, _: u16) {}

    fn queue_used(&mut self, queue: u16) -> bool {
        self.select(queue);
        self.read(self.common, QUEUE_ENABLE, 2) == 1
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        InterruptStatus::from_bits_retain(self.read(self.isr, 0, 1))
    }

    fn read_config_generation(&self) -> u32 {
        self.read(self.common, GENERATION, 1)
    }

    /// Configuration of a GPU is in words.
    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T, Error> {
        let word = self.read(self.device, offset as u32, 4);
        T::read_from_bytes(word.as_bytes()).map_err(|_| Error::InvalidParam)
    }

    fn write_config_space<T: IntoBytes + Immutable>(&mut self, offset: usize, value: T) -> Result<(), Error> {
        let word = u32::read_from_bytes(value.as_bytes()).map_err(|_| Error::InvalidParam)?;
        self.write(self.device, offset as u32, word, 4);
        Ok(())
    }
}
