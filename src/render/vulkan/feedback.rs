//! Memory where a guest's driver looks for what the GPU did, and asks nobody.
//!
//! Mesa's driver has the GPU write the states of fences and events, the values of timeline semaphores and the results
//! of queries into small buffers, which it maps and polls. A lost context's GPU writes nothing, and the driver would
//! poll for a quarter of an hour. So we write what ends all of these waits: when the context is lost, and whenever the
//! guest submits after that, for it resets its states before.
//!
//! Such a buffer is for transfers alone and is all that lies in its memory, which is small. Memory that is mapped and
//! has nothing in it yet may become one: its guest or we may be lost between the two. A program's own memory may look
//! like that; what is in the memory of a lost device is undefined anyway.

use std::any::Any;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Weak};

use vulkanalia_sys as vk;

use super::objects::{Data, Object};
use crate::sys::SharedMemory;
use crate::venus::CommandType;

/// The largest memory that is taken for feedback: the results of many thousand queries.
const BYTES_MAX: u64 = 1 << 20;

/// Memories of one context that are taken for feedback at a time. Each costs whoever keeps it a descriptor.
const NOTED_MAX: usize = 32;

/// Memories of a lost context in which waits are ended: those from before, and what it maps after.
const ENDED_MAX: usize = 2 * NOTED_MAX;

/// Told of a file of so many bytes that is taken for feedback until what it returns is dropped.
pub type Witness = Box<dyn Fn(BorrowedFd<'_>, u64) -> Box<dyn Any + Send + Sync> + Send + Sync>;

/// What a memory is taken for.
#[derive(Default)]
pub(super) enum Use {
    /// Nothing lies in it, and nobody maps it.
    #[default]
    Unknown,
    /// The guest's driver polls it, or may before long. Whoever keeps it was told.
    Feedback { _told: Option<Box<dyn Any + Send + Sync>> },
    /// Something else lies in it.
    Other,
}

/// A context's feedback.
#[derive(Default)]
pub(super) struct Feedback {
    witness: Option<Witness>,
    noted: Vec<Weak<Object>>,
    /// Of a context that was lost.
    ended: Vec<SharedMemory>,
}

/// Whether a buffer for this may be feedback.
pub(super) fn may_be(usage: vk::BufferUsageFlags) -> bool {
    let transfers = vk::BufferUsageFlags::TRANSFER_SRC | vk::BufferUsageFlags::TRANSFER_DST;
    usage.contains(vk::BufferUsageFlags::TRANSFER_DST) && transfers.contains(usage)
}

/// Whether a guest may wait for what comes of this command.
pub(super) fn is_asked_for(command: CommandType) -> bool {
    use CommandType as C;
    matches!(command, C::QueueSubmit | C::QueueSubmit2)
}

impl Feedback {
    /// Tells of all feedback from now on.
    pub(super) fn tell(&mut self, witness: Witness) {
        self.witness = Some(witness);
    }

    /// Something lies in this memory now.
    pub(super) fn bound(&mut self, object: &Object, memory: &Arc<Object>, offset: u64) {
        match &object.data {
            Data::Buffer(buffer) if buffer.may_be_feedback && offset == 0 => self.note(memory),
            _ => {
                self.noted.retain(|noted| !std::ptr::eq(noted.as_ptr(), Arc::as_ptr(memory)));
                if let Data::Memory(memory) = &memory.data {
                    *memory.used() = Use::Other;
                }
            }
        }
    }

    /// Takes a memory for feedback unless something else lies in it: the guest maps it, or has what is feedback in it.
    pub(super) fn note(&mut self, object: &Arc<Object>) {
        let Data::Memory(memory) = &object.data else { return };
        let mut used = memory.used();
        if memory.bytes > BYTES_MAX || !matches!(*used, Use::Unknown) {
            return;
        }
        self.noted.retain(|noted| noted.strong_count() > 0);
        if let Some(file) = memory.file().filter(|_| self.noted.len() < NOTED_MAX) {
            let told = self.witness.as_ref().map(|witness| witness(file, memory.bytes));
            *used = Use::Feedback { _told: told };
            self.noted.push(Arc::downgrade(object));
        }
    }

    /// The context is lost.
    pub(super) fn lose(&mut self) {
        for memory in std::mem::take(&mut self.noted).iter().filter_map(Weak::upgrade) {
            if let Data::Memory(memory) = &memory.data
                && let Some(file) = memory.file()
                && let Ok(mapped) = SharedMemory::map(&file, memory.bytes)
            {
                self.ended.push(mapped);
            }
        }
        self.end_waits();
    }

    /// What a lost context looks into as well.
    pub(super) fn add(&mut self, memory: SharedMemory) {
        if memory.bytes() <= BYTES_MAX && self.ended.len() < ENDED_MAX {
            end_waits_in(&memory);
            self.ended.push(memory);
        }
    }

    /// Ends what is waited for; nothing in a context that is not lost.
    pub(super) fn end_waits(&self) {
        self.ended.iter().for_each(end_waits_in);
    }
}

/// VK_ERROR_DEVICE_LOST for whoever reads 32 bits of it, as for fences and events. Of 64 bits it is more than any
/// value that a semaphore comes to, and not 0, which would say that the result of a query is not there.
fn end_waits_in(memory: &SharedMemory) {
    let lost = i64::from(vk::Result::ERROR_DEVICE_LOST.as_raw()).to_le_bytes();
    for offset in (0..memory.bytes()).step_by(lost.len()) {
        // The end of a size that is no multiple is no slot.
        _ = memory.copy_in(offset, &lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_says_lost_to_a_fence_and_is_beyond_what_a_semaphore_reaches() {
        let memory = SharedMemory::create(4100).unwrap().0;
        let mut feedback = Feedback::default();
        let theirs = SharedMemory::create(4100).unwrap();
        feedback.add(SharedMemory::map(&theirs.1, 4100).unwrap());

        end_waits_in(&memory);

        for memory in [memory, theirs.0] {
            let (mut slot, mut end) = ([0; 8], [0; 4]);
            memory.copy_out(4088, &mut slot).unwrap();
            memory.copy_out(4096, &mut end).unwrap();
            assert_eq!(i32::from_le_bytes(*slot.first_chunk().unwrap()), -4);
            assert!(u64::from_le_bytes(slot) > u64::MAX - 4);
            assert_eq!(end, [0; 4]);
        }
    }

    #[test]
    fn a_lost_context_has_waits_ended_in_a_bounded_number_of_small_memories() {
        let mut feedback = Feedback::default();
        feedback.add(SharedMemory::create(BYTES_MAX + 1).unwrap().0);
        assert!(feedback.ended.is_empty());

        (0..=ENDED_MAX).for_each(|_| feedback.add(SharedMemory::create(8).unwrap().0));
        assert_eq!(feedback.ended.len(), ENDED_MAX);
    }

    #[test]
    fn buffers_for_more_than_transfers_are_no_feedback() {
        use vk::BufferUsageFlags as Usage;
        for (usage, expected) in [
            (Usage::TRANSFER_DST, true),
            (Usage::TRANSFER_SRC | Usage::TRANSFER_DST, true),
            (Usage::TRANSFER_SRC, false),
            (Usage::TRANSFER_DST | Usage::STORAGE_BUFFER, false),
        ] {
            assert_eq!(may_be(usage), expected, "{usage:?}");
        }
    }
}
