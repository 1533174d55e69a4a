//! A split virtqueue (virtio 1.3, 2.7), walked in place.
//!
//! The three parts of the ring are looked up in guest memory once for many chains, each chain's request is copied out
//! once and its answer copied in once. What the driver wrote wrongly in one chain costs it that chain: it comes back
//! as used with no bytes. What makes the ring itself senseless ends it until the driver sets it up anew.
//!
//! # Why not virtio-queue's iterators
//! They look the ring up anew for every field, which costs 200 to 320 ns a chain; and they cut a chain with a bad
//! descriptor short without saying so, and interrupt drivers that asked not to be.
mod chain;
#[cfg(test)]
mod tests;

use std::num::Wrapping;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use virtio_bindings::virtio_ring::VRING_AVAIL_F_NO_INTERRUPT;
use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, VolatileMemory, VolatileSlice};

use crate::device::Progress;
use crate::guest_log::guest_warn;
use crate::guest_memory::GuestMemory;
use chain::{Chain, Table};

/// Chains that are answered before others get the queue's lock.
const CHAINS_MAX: u32 = 256;

/// How long chains are answered, the last one apart, before the driver hears of it and others get the queue's lock.
const TIME_MAX: Duration = Duration::from_millis(5);

/// Bytes of the flags and index before the entries of an available or used ring.
const RING_HEADER_BYTES: usize = 4;

/// Bytes of one entry of the used ring: a chain's head and how many bytes were written to it.
const USED_BYTES: usize = 8;

/// Buffers of a queue that outlive a chain, so that none costs an allocation.
#[derive(Debug, Default)]
pub struct Scratch {
    chain: Chain,
    /// The answer to the chain at hand.
    pub reply: Vec<u8>,
}

/// What a ring has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// No chain.
    Nothing,
    /// Chains, for whoever calls again.
    Chains,
    /// A chain that waits for the display, and maybe more behind it.
    Waiting,
}

/// Why a ring can be served no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Part of the ring is not in guest memory.
    #[error("its {part} at guest address {address:#x} is not aligned memory of one region")]
    OutOfReach {
        /// Which part.
        part: &'static str,
        /// Where the front end said it is.
        address: u64,
    },
    /// The driver cannot have that many chains in flight.
    #[error("its driver offers {offered} chains, but only {size} fit")]
    Overrun {
        /// How many it says.
        offered: u16,
        /// How many fit.
        size: u16,
    },
}

/// Whether nobody has used this ring since its driver set it up: a driver that continues where it was finds the
/// index at which the queue stopped, and it finds its used entries.
///
/// `stopped_at` is the index that the queue last stopped at. Only where that is zero, after a multiple of 65536
/// chains, the used entries have to tell, since a new driver begins with zero as well.
pub fn is_fresh(memory: &GuestMemory, queue: &Queue, stopped_at: Option<u16>) -> bool {
    if queue.next_avail() != 0 || queue.next_used() != 0 {
        return false;
    }
    let never_used = |ring: Ring<'_>| {
        let entry = ring.used_entry(Wrapping(u16::MAX))?;
        Ok(entry.load() == 0)
    };
    stopped_at != Some(0) || Ring::open(memory, queue).and_then(never_used).unwrap_or(true)
}

/// A ring at work: its parts are found in guest memory, its indices are here.
///
/// [`Ring::answer_chains`], [`Ring::store`] to where it was opened from, an interrupt if [`Ring::wants_interrupt`], and
/// with nothing left [`Ring::ask_for_notification`]: in this order a driver that is quick to go on spares itself the
/// notification, and us the wait for it.
pub struct Ring<'m> {
    memory: &'m GuestMemory,
    table: Table<'m>,
    available: Part<'m>,
    used: Part<'m>,
    size: u16,
    event_idx: bool,
    next_available: Wrapping<u16>,
    next_used: Wrapping<u16>,
    /// What was given back up to here the driver was told of.
    told: Wrapping<u16>,
    /// Where the driver's chains end, when we last looked.
    offered: Wrapping<u16>,
}

impl<'m> Ring<'m> {
    /// Finds the ring of this queue.
    pub fn open(memory: &'m GuestMemory, queue: &Queue) -> Result<Self, Broken> {
        let size = queue.size();
        let entries = usize::from(size);
        let find = |part, address, bytes| Part::find(memory, part, address, bytes);
        let table = find("descriptor table", queue.desc_table(), Table::BYTES_A_DESCRIPTOR * entries)?;
        let available = find("available ring", queue.avail_ring(), RING_HEADER_BYTES + 2 * entries + 2)?;
        let used = find("used ring", queue.used_ring(), RING_HEADER_BYTES + USED_BYTES * entries + 2)?;
        Ok(Self {
            memory,
            table: Table::direct(table.bytes),
            available,
            used,
            size,
            event_idx: queue.event_idx_enabled(),
            next_available: Wrapping(queue.next_avail()),
            next_used: Wrapping(queue.next_used()),
            told: Wrapping(queue.next_used()),
            offered: Wrapping(queue.next_avail()),
        })
    }

    /// Puts the indices where they were found.
    pub fn store(&self, queue: &mut Queue) {
        queue.set_next_avail(self.next_available.0);
        queue.set_next_used(self.next_used.0);
    }

    /// Hands chains to `answer` in order, until there is none, one has to wait, or others should have a turn: by their
    /// number, or by the clock `now`.
    ///
    /// `answer` gets the number of a chain's first descriptor, which no other chain has until it is given back. A chain
    /// for which it returns [`Progress::Wait`] stays in the ring and is handed out again next time; one for which it
    /// returns [`Progress::Later`] is given back by [`Ring::finish`].
    pub fn answer_chains(
        &mut self,
        scratch: &mut Scratch,
        mut now: impl FnMut() -> Duration,
        mut answer: impl FnMut(u16, &[u8], &mut Vec<u8>) -> Progress,
    ) -> Result<Rest, Broken> {
        let end = now().saturating_add(TIME_MAX);
        for _ in 0..CHAINS_MAX {
            let Some(head) = self.next_head()? else { return Ok(Rest::Nothing) };
            if self.answer_chain(head, scratch, &mut answer)? == Progress::Wait {
                return Ok(Rest::Waiting);
            }
            if now() > end {
                break;
            }
        }
        Ok(Rest::Chains)
    }

    fn answer_chain(
        &mut self,
        head: u16,
        scratch: &mut Scratch,
        answer: &mut impl FnMut(u16, &[u8], &mut Vec<u8>) -> Progress,
    ) -> Result<Progress, Broken> {
        let Scratch { chain, reply } = scratch;
        let written = match chain.gather(self.memory, &self.table, head) {
            Ok(request) => match answer(head, request, reply) {
                Progress::Done => chain.scatter(self.memory, reply),
                Progress::Wait => return Ok(Progress::Wait),
                Progress::Later => {
                    self.next_available += 1;
                    return Ok(Progress::Later);
                }
            },
            Err(bad) => {
                guest_warn!("a chain comes back unanswered: {bad}");
                0
            }
        };
        self.next_available += 1;
        self.write_used(head, written)?;
        self.publish()?;
        Ok(Progress::Done)
    }

    /// Gives back a chain that was to be answered later. `note` is told of the used ring's index after it, between the
    /// answer and that index.
    pub fn finish(&mut self, scratch: &mut Scratch, head: u16, note: impl FnOnce(u16)) -> Result<(), Broken> {
        let Scratch { chain, reply } = scratch;
        // It was good when it came. Whoever changes it since gets what he asks for.
        let gathered = chain.gather(self.memory, &self.table, head).is_ok();
        let written = if gathered { chain.scatter(self.memory, reply) } else { 0 };
        self.write_used(head, written)?;
        note((self.next_used + Wrapping(1)).0);
        self.publish()
    }

    /// Asks the driver to notify us of its next chain. It may have offered one before it could see that.
    pub fn ask_for_notification(&mut self) -> Result<Rest, Broken> {
        let avail_event = RING_HEADER_BYTES + USED_BYTES * usize::from(self.size);
        if self.event_idx && self.used.load(avail_event)? != self.next_available {
            self.used.store(avail_event, self.next_available)?;
            // The driver writes its index and reads ours, we write ours and read its: one of us must see the other's.
            fence(Ordering::SeqCst);
            if self.look_for_more()? {
                return Ok(Rest::Chains);
            }
        }
        Ok(Rest::Nothing)
    }

    /// The head of the next chain, if the driver offers one.
    fn next_head(&mut self) -> Result<Option<u16>, Broken> {
        if self.next_available == self.offered && !self.look_for_more()? {
            return Ok(None);
        }
        let slot = usize::from(self.next_available.0 % self.size);
        self.available.load(RING_HEADER_BYTES + 2 * slot).map(|head| Some(head.0))
    }

    fn look_for_more(&mut self) -> Result<bool, Broken> {
        self.offered = self.available.load(2)?;
        let offered = (self.offered - self.next_available).0;
        if offered > self.size {
            return Err(Broken::Overrun { offered, size: self.size });
        }
        Ok(offered > 0)
    }

    fn write_used(&mut self, head: u16, written: u32) -> Result<(), Broken> {
        self.used_entry(self.next_used)?.store((u64::from(head) | u64::from(written) << 32).to_le());
        Ok(())
    }

    /// The driver sees the entry that was written.
    fn publish(&mut self) -> Result<(), Broken> {
        self.next_used += 1;
        self.used.store(2, self.next_used)
    }

    /// Goes on where another process died, which had taken `pending` chains that it had not given back. `given` is the
    /// index that it was about to publish, if it got there.
    pub fn resume(&mut self, pending: u16, given: Option<u16>) -> Result<(), Broken> {
        if given == Some((self.next_used + Wrapping(1)).0) {
            self.publish()?;
        }
        self.next_available = self.next_used + Wrapping(pending);
        Ok(())
    }

    fn used_entry(&self, index: Wrapping<u16>) -> Result<vm_memory::VolatileRef<'_, u64>, Broken> {
        let slot = usize::from(index.0 % self.size);
        self.used.bytes.get_ref(RING_HEADER_BYTES + USED_BYTES * slot).map_err(|_| self.used.out_of_reach())
    }

    /// Whether the driver wants an interrupt for what it was given back (virtio 1.3, 2.7.7 and 2.7.10).
    pub fn wants_interrupt(&mut self) -> bool {
        let news = self.next_used - std::mem::replace(&mut self.told, self.next_used);
        if news.0 == 0 {
            return false;
        }
        // What was given back must be seen before the driver's wish is read, or both sides wait for the other.
        fence(Ordering::SeqCst);
        if self.event_idx {
            let used_event = self.available.load(RING_HEADER_BYTES + 2 * usize::from(self.size));
            used_event.is_ok_and(|event| self.next_used - event - Wrapping(1) < news)
        } else {
            let flags = self.available.load(0);
            flags.is_ok_and(|flags| u32::from(flags.0) & VRING_AVAIL_F_NO_INTERRUPT == 0)
        }
    }
}

/// The time to a few milliseconds: a look at the exact time costs a quarter of a chain.
pub fn coarse_now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).map_or(Duration::MAX, Duration::from)
}

/// One of the parts of a ring.
struct Part<'m> {
    bytes: VolatileSlice<'m>,
    name: &'static str,
    address: u64,
}

impl<'m> Part<'m> {
    fn find(memory: &'m GuestMemory, name: &'static str, address: u64, len: usize) -> Result<Self, Broken> {
        let bytes = memory.get_slice(GuestAddress(address), len);
        bytes
            .map(|bytes| Self { bytes, name, address })
            .map_err(|_| Broken::OutOfReach { part: name, address })
    }

    /// What the driver wrote before it wrote this is seen after it.
    fn load(&self, offset: usize) -> Result<Wrapping<u16>, Broken> {
        let number = self.bytes.load(offset, Ordering::Acquire);
        number.map(|number| Wrapping(u16::from_le(number))).map_err(|_| self.out_of_reach())
    }

    /// What we wrote before is seen by a driver that sees this.
    fn store(&self, offset: usize, number: Wrapping<u16>) -> Result<(), Broken> {
        self.bytes.store(number.0.to_le(), offset, Ordering::Release).map_err(|_| self.out_of_reach())
    }

    fn out_of_reach(&self) -> Broken {
        Broken::OutOfReach { part: self.name, address: self.address }
    }
}
