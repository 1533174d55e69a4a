//! The driver's end of a split ring.

use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, VolatileMemory, VolatileSlice};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::{Memory, Ram};

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

pub struct Ring {
    /// Of the descriptor table, the available and the used ring.
    pub addresses: [u64; 3],
    pub size: u16,
    pub event_idx: bool,
    pub kick: EventFd,
    pub call: EventFd,
    /// Notifications that the device wanted.
    pub kicks: u64,
    calls: Epoll,
    memory: &'static Memory,
    table: VolatileSlice<'static>,
    available: VolatileSlice<'static>,
    used: VolatileSlice<'static>,
    free: Vec<u16>,
    /// The descriptors of the chain with this head.
    chains: Vec<Vec<u16>>,
    offered: u16,
    notified: u16,
    taken: u16,
}

impl Ring {
    pub fn new(ram: &Ram, size: u16) -> Self {
        let entries = usize::from(size);
        let bytes = [16 * entries, 6 + 2 * entries, 6 + 8 * entries];
        let addresses = bytes.map(|bytes| ram.take(bytes as u64));
        let memory = ram.memory;
        let part = |index: usize| memory.get_slice(GuestAddress(addresses[index]), bytes[index]).unwrap();
        let call = EventFd::new(0).unwrap();
        let calls = Epoll::new().unwrap();
        calls.ctl(ControlOperation::Add, call.as_raw_fd(), EpollEvent::new(EventSet::IN, 0)).unwrap();
        Self {
            addresses,
            size,
            event_idx: false,
            kick: EventFd::new(EFD_NONBLOCK).unwrap(),
            call,
            calls,
            kicks: 0,
            memory,
            table: part(0),
            available: part(1),
            used: part(2),
            free: (0..size).rev().collect(),
            chains: vec![Vec::new(); entries],
            offered: 0,
            notified: 0,
            taken: 0,
        }
    }

    /// Empties the ring, as a driver does that begins anew.
    pub fn clear(&mut self) {
        for part in [&self.table, &self.available, &self.used] {
            part.copy_from(&vec![0u8; part.len()]);
        }
        self.free = (0..self.size).rev().collect();
        (self.offered, self.notified, self.taken) = (0, 0, 0);
    }

    /// Offers a chain and returns its head.
    pub fn add(&mut self, readable: &[(u64, u32)], writable: &[(u64, u32)]) -> u16 {
        let mut chain = std::mem::take(&mut self.chains[usize::from(*self.free.last().unwrap())]);
        chain.clear();
        chain.extend((0..readable.len() + writable.len()).map(|_| self.free.pop().unwrap()));
        let spans = readable.iter().map(|span| (span, 0)).chain(writable.iter().map(|span| (span, WRITE)));
        for (number, (span, flags)) in spans.enumerate() {
            let next = chain.get(number + 1).copied();
            let flags = flags | if next.is_some() { NEXT } else { 0 };
            describe(&self.table, chain[number], *span, flags, next.unwrap_or_default());
        }
        let head = chain[0];
        self.chains[usize::from(head)] = chain;
        self.offer(head);
        head
    }

    /// Offers a chain whose descriptors lie in a table at this address.
    pub fn add_indirect(&mut self, table: u64, readable: &[(u64, u32)], writable: &[(u64, u32)]) -> u16 {
        let count = readable.len() + writable.len();
        let entries = self.memory.get_slice(GuestAddress(table), 16 * count).unwrap();
        let spans = readable.iter().map(|span| (span, 0)).chain(writable.iter().map(|span| (span, WRITE)));
        for (number, (span, flags)) in spans.enumerate() {
            let flags = flags | if number + 1 < count { NEXT } else { 0 };
            describe(&entries, number as u16, *span, flags, number as u16 + 1);
        }
        let head = self.free.pop().unwrap();
        describe(&self.table, head, (table, 16 * count as u32), INDIRECT, 0);
        self.chains[usize::from(head)] = vec![head];
        self.offer(head);
        head
    }

    /// Offers whatever stands in the table at this index.
    pub fn offer(&mut self, head: u16) {
        let slot = usize::from(self.offered % self.size);
        self.available.store(head.to_le(), 4 + 2 * slot, Ordering::Relaxed).unwrap();
        self.offered = self.offered.wrapping_add(1);
        self.available.store(self.offered.to_le(), 2, Ordering::Release).unwrap();
    }

    /// Notifies the device of what was offered, if it wants to know.
    pub fn notify(&mut self) {
        fence(Ordering::SeqCst);
        let wanted = if self.event_idx {
            let event: u16 = self.used.load(4 + 8 * usize::from(self.size), Ordering::Relaxed).unwrap();
            let new = self.offered;
            new.wrapping_sub(u16::from_le(event)).wrapping_sub(1) < new.wrapping_sub(self.notified)
        } else {
            self.used.load::<u16>(0, Ordering::Relaxed).unwrap() & 1 == 0
        };
        self.notified = self.offered;
        if wanted {
            self.kicks += 1;
            self.kick.write(1).unwrap();
        }
    }

    /// The next chain that the device gave back: its head, and the bytes written to it.
    pub fn take_used(&mut self) -> Option<(u16, u32)> {
        let end: u16 = self.used.load(2, Ordering::Acquire).unwrap();
        if u16::from_le(end) == self.taken {
            return None;
        }
        let entry = self.used.get_ref::<u64>(4 + 8 * usize::from(self.taken % self.size)).unwrap();
        let entry = u64::from_le(entry.load());
        self.taken = self.taken.wrapping_add(1);
        let head = entry as u16;
        self.free.extend(&self.chains[usize::from(head)]);
        Some((head, (entry >> 32) as u32))
    }

    /// Waits for the device to give a chain back, with an interrupt.
    pub fn wait(&mut self, limit: Duration) -> Option<(u16, u32)> {
        let end = Instant::now() + limit;
        loop {
            self.ask_for_interrupt();
            if let Some(used) = self.take_used() {
                return Some(used);
            }
            let left = end.checked_duration_since(Instant::now())?;
            if !self.wait_for_interrupt(left) {
                return None;
            }
        }
    }

    /// Asks for an interrupt at the next chain.
    pub fn ask_for_interrupt(&self) {
        if self.event_idx {
            self.available
                .store(self.taken.to_le(), 4 + 2 * usize::from(self.size), Ordering::Relaxed)
                .unwrap();
            fence(Ordering::SeqCst);
        }
    }

    /// False if none came.
    pub fn wait_for_interrupt(&self, limit: Duration) -> bool {
        let limit = limit.as_millis().min(i32::MAX as u128) as i32 + 1;
        let mut events = [EpollEvent::default()];
        loop {
            match self.calls.wait(limit, &mut events) {
                // As for any process that was stopped or frozen, and went on.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                count => return count.unwrap() > 0 && self.call.read().is_ok(),
            }
        }
    }

    /// Waits for an interrupt for as long as it takes, with one system call, for benches.
    pub fn await_interrupt(&self) {
        self.call.read().unwrap();
    }

    /// Writes the index up to which chains are offered, whatever was offered.
    pub fn claim(&mut self, offered: u16) {
        self.available.store(offered.to_le(), 2, Ordering::Release).unwrap();
    }

    /// Writes a descriptor of the ring's own table.
    pub fn describe(&self, index: u16, span: (u64, u32), flags: u16, next: u16) {
        describe(&self.table, index, span, flags, next);
    }
}

fn describe(table: &VolatileSlice<'_>, index: u16, (address, bytes): (u64, u32), flags: u16, next: u16) {
    let rest = u64::from(bytes) | u64::from(flags) << 32 | u64::from(next) << 48;
    let at = 16 * usize::from(index);
    table.store(address.to_le(), at, Ordering::Relaxed).unwrap();
    table.store(rest.to_le(), at + 8, Ordering::Relaxed).unwrap();
}
