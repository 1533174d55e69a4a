//! The common configuration (virtio 1.3, 4.1.4.3): features, status, and where the queues are.

use serde::{Deserialize, Serialize};

use super::{Effect, NO_VECTOR, QUEUE_SIZE_MAX, QUEUES, VECTORS};

/// Bytes of `struct virtio_pci_common_cfg`.
pub(super) const COMMON_BYTES: usize = 64;

/// Bits of `device_status` (virtio 1.3, 2.1).
pub(super) const DRIVER_OK: u8 = 4;
pub(super) const FEATURES_OK: u8 = 8;
pub(super) const NEEDS_RESET: u8 = 64;

const VERSION_1: u64 = 1 << virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;

/// What a driver said of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRegisters {
    /// Its entries.
    pub size: u16,
    /// The vector that interrupts for it, or none.
    pub vector: u16,
    /// Whether it may be used.
    pub enabled: bool,
    /// Guest addresses of the descriptor table, the available ring and the used ring.
    pub addresses: [u64; 3],
}

impl Default for QueueRegisters {
    fn default() -> Self {
        Self { size: QUEUE_SIZE_MAX, vector: NO_VECTOR, enabled: false, addresses: [0; 3] }
    }
}

impl QueueRegisters {
    /// Whether its parts are where such parts may be (virtio 1.3, 2.7).
    fn is_aligned(&self) -> bool {
        let [table, available, used] = self.addresses;
        table.is_multiple_of(16) && available.is_multiple_of(2) && used.is_multiple_of(4)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Common {
    device_feature_select: u32,
    driver_feature_select: u32,
    /// What the driver takes; it may take it back until it says that this is all.
    driver_features: u64,
    pub(super) config_vector: u16,
    pub(super) status: u8,
    queue_select: u16,
    pub(super) queues: [QueueRegisters; QUEUES],
}

impl Default for Common {
    fn default() -> Self {
        Self {
            device_feature_select: 0,
            driver_feature_select: 0,
            driver_features: 0,
            config_vector: NO_VECTOR,
            status: 0,
            queue_select: 0,
            queues: Default::default(),
        }
    }
}

impl Common {
    /// All of it as bytes.
    pub(super) fn image(&self, offered: u64, generation: u8) -> [u8; COMMON_BYTES] {
        let queue = self.queues.get(usize::from(self.queue_select));
        let QueueRegisters { size, vector, enabled, addresses } =
            queue.copied().unwrap_or(QueueRegisters { size: 0, ..QueueRegisters::default() });
        let feature_words = [
            self.device_feature_select,
            half(offered, self.device_feature_select),
            self.driver_feature_select,
            half(self.driver_features, self.driver_feature_select),
        ];
        let feature_words = feature_words.map(u32::to_le_bytes);
        let count = u16::try_from(QUEUES).unwrap_or_default();
        let notify_offset = if queue.is_some() { self.queue_select } else { 0 };
        let status = u16::from_le_bytes([self.status, generation]);
        let device_words = [self.config_vector, count, status, self.queue_select];
        let queue_words = [size, vector, enabled.into(), notify_offset];
        let words = [device_words, queue_words].map(|words| words.map(u16::to_le_bytes));
        let addresses = addresses.map(u64::to_le_bytes);
        // Behind them: no notification data, no reset under way, no administration queues.
        let parts = feature_words.as_flattened().iter().chain(words.as_flattened().as_flattened());
        let mut image = [0; COMMON_BYTES];
        image.iter_mut().zip(parts.chain(addresses.as_flattened())).for_each(|(place, byte)| *place = *byte);
        image
    }

    /// Writes one field, as wide as it is; addresses also by halves. Anything else is no field and changes nothing.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8], offered: u64) -> Option<Effect> {
        match *bytes {
            [byte] if offset == 20 => return self.write_status(byte, offered),
            [low, high] => return self.write_word(offset, u16::from_le_bytes([low, high])),
            [b0, b1, b2, b3] => self.write_long(offset, u32::from_le_bytes([b0, b1, b2, b3])),
            [b0, b1, b2, b3, b4, b5, b6, b7] if (32..56).contains(&offset) => {
                self.write_long(offset, u32::from_le_bytes([b0, b1, b2, b3]));
                self.write_long(offset + 4, u32::from_le_bytes([b4, b5, b6, b7]));
            }
            _ => {}
        }
        None
    }

    fn queue(&mut self) -> Option<&mut QueueRegisters> {
        self.queues.get_mut(usize::from(self.queue_select))
    }

    fn write_word(&mut self, offset: usize, value: u16) -> Option<Effect> {
        let vector = if value < VECTORS { value } else { NO_VECTOR };
        match offset {
            16 => self.config_vector = vector,
            22 => self.queue_select = value,
            24 => {
                let fits = value.is_power_of_two() && value <= QUEUE_SIZE_MAX;
                self.queue().filter(|queue| fits && !queue.enabled)?.size = value;
            }
            26 => self.queue()?.vector = vector,
            28 => {
                let queue = self.queue().filter(|queue| value == 1 && queue.is_aligned())?;
                queue.enabled = true;
                return Some(Effect::Queues);
            }
            58 if value == 1 => {
                *self.queue()? = QueueRegisters::default();
                return Some(Effect::Queues);
            }
            _ => {}
        }
        None
    }

    fn write_long(&mut self, offset: usize, value: u32) {
        match offset {
            0 => self.device_feature_select = value,
            8 => self.driver_feature_select = value,
            12 if self.status & FEATURES_OK == 0 => {
                let select = self.driver_feature_select;
                set_half(&mut self.driver_features, select, value);
            }
            32..56 if offset.is_multiple_of(4) => {
                let (index, select) = ((offset - 32) / 8, u32::from(offset % 8 == 4));
                let queue = self.queue().filter(|queue| !queue.enabled);
                if let Some(address) = queue.and_then(|queue| queue.addresses.get_mut(index)) {
                    set_half(address, select, value);
                }
            }
            _ => {}
        }
    }

    /// A driver that takes what is not offered, or is one of before virtio 1.0, finds that it is not accepted.
    fn write_status(&mut self, status: u8, offered: u64) -> Option<Effect> {
        if status == 0 {
            *self = Self::default();
            return Some(Effect::Reset);
        }
        let features = self.driver_features;
        let acceptable = features & !offered == 0 && features & VERSION_1 != 0;
        let was = self.status;
        let refused = if acceptable || was & FEATURES_OK != 0 { 0 } else { FEATURES_OK };
        let mut status = status & !refused & !NEEDS_RESET | was & NEEDS_RESET;
        if status & FEATURES_OK == 0 {
            status &= !DRIVER_OK;
        }
        self.status = status;
        match self.status & !was {
            // Some say both at once.
            new if new & DRIVER_OK != 0 => Some(Effect::Begin(features)),
            new if new & FEATURES_OK != 0 => Some(Effect::Features(features)),
            _ => None,
        }
    }

    /// What the driver took, once that is settled.
    pub(super) fn features(&self) -> u64 {
        if self.status & FEATURES_OK != 0 { self.driver_features } else { 0 }
    }
}

fn half(word: u64, select: u32) -> u32 {
    match select {
        0 => u32::try_from(word & u64::from(u32::MAX)).unwrap_or_default(),
        1 => u32::try_from(word >> 32).unwrap_or_default(),
        _ => 0,
    }
}

fn set_half(word: &mut u64, select: u32, value: u32) {
    let (value, low) = (u64::from(value), u64::from(u32::MAX));
    match select {
        0 => *word = *word & !low | value,
        1 => *word = *word & low | value << 32,
        _ => {}
    }
}
