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

use super::memory::Import;
use super::objects::{Data, Object};
use crate::heap::{Heap, HeapRange};
use crate::sys::SharedMemory;
use crate::venus::CommandType;

/// The largest memory that is taken for feedback: the results of many thousand queries.
const BYTES_MAX: u64 = 1 << 20;

/// Memories of one context that are taken for feedback at a time. Each costs whoever keeps it a descriptor.
const NOTED_MAX: usize = 32;

/// Memories of a lost context in which waits are ended: those from before, and what it maps after.
const ENDED_MAX: usize = 2 * NOTED_MAX;

/// Told of what is taken for feedback until what it returns is dropped.
pub type Witness = Box<dyn Fn(Polled<'_>) -> Box<dyn Any + Send + Sync> + Send + Sync>;

/// Memory that a guest's driver may poll.
#[derive(Clone, Copy, Debug)]
pub enum Polled<'p> {
    /// A file of so many bytes.
    File(BorrowedFd<'p>, u64),
    /// A range of the heap, which is this resource's.
    Heap(u32, HeapRange),
}

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
    /// Of a context that was lost; with the resource, if it is one of the heap's.
    ended: Vec<(Option<u32>, SharedMemory)>,
    heap: Option<Heap>,
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
    /// Of a context whose memory lies in a heap.
    pub(super) fn in_heap(heap: Heap) -> Self {
        Self { heap: Some(heap), ..Self::default() }
    }

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
        if let Some(polled) = memory.polled().filter(|_| self.noted.len() < NOTED_MAX) {
            let told = self.witness.as_ref().map(|witness| witness(polled));
            *used = Use::Feedback { _told: told };
            self.noted.push(Arc::downgrade(object));
        }
    }

    /// The context is lost. What is `untouched` may become feedback before the guest hears of it.
    pub(super) fn lose(&mut self, untouched: impl Iterator<Item = Import>) {
        for memory in std::mem::take(&mut self.noted).iter().filter_map(Weak::upgrade) {
            let Data::Memory(memory) = &memory.data else { continue };
            match memory.polled() {
                Some(Polled::File(file, bytes)) => {
                    self.ended.extend(SharedMemory::map(&file, bytes).ok().map(|mapped| (None, mapped)));
                }
                Some(Polled::Heap(id, range)) => self.end_untouched(Import { id, range }),
                None => {}
            }
        }
        untouched.for_each(|import| self.end_untouched(import));
        self.end_waits();
    }

    /// What a lost context looks into as well.
    pub(super) fn add(&mut self, resource: Option<u32>, memory: SharedMemory) {
        if memory.bytes() <= BYTES_MAX && self.ended.len() < ENDED_MAX {
            end_waits_in(&memory);
            self.ended.push((resource, memory));
        }
    }

    /// As [`Feedback::add`], of a range of the heap.
    pub(super) fn end_untouched(&mut self, Import { id, range }: Import) {
        if let Some(heap) = &self.heap
            && range.bytes() <= BYTES_MAX
            && let Ok(memory) = SharedMemory::map_range(&heap.file(), range.offset(), range.bytes())
        {
            self.add(Some(id), memory);
        }
    }

    /// The range of this resource is somebody else's before long.
    pub(super) fn forget(&mut self, resource: u32) {
        self.forget_all_of(|of| of == resource);
    }

    /// As [`Feedback::forget`], of all resources.
    pub(super) fn forget_all(&mut self) {
        self.forget_all_of(|_| true);
    }

    fn forget_all_of(&mut self, gone: impl Fn(u32) -> bool) {
        self.ended.retain(|(resource, _)| !resource.is_some_and(&gone));
        self.noted.retain(|noted| {
            let Some(object) = noted.upgrade() else { return false };
            let Data::Memory(memory) = &object.data else { return false };
            let is_gone = matches!(memory.polled(), Some(Polled::Heap(resource, _)) if gone(resource));
            if is_gone {
                *memory.used() = Use::Other;
            }
            !is_gone
        });
    }

    /// Ends what is waited for; nothing in a context that is not lost.
    pub(super) fn end_waits(&self) {
        self.ended.iter().for_each(|(_, memory)| end_waits_in(memory));
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
        feedback.add(None, SharedMemory::map(&theirs.1, 4100).unwrap());

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
        feedback.add(None, SharedMemory::create(BYTES_MAX + 1).unwrap().0);
        assert!(feedback.ended.is_empty());

        (0..=ENDED_MAX).for_each(|_| feedback.add(None, SharedMemory::create(8).unwrap().0));
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
