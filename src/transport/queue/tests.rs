#![expect(clippy::cast_possible_truncation, reason = "the numbers of these tests are small")]

use proptest::prelude::*;
use virtio_bindings::virtio_ring::{VRING_DESC_F_INDIRECT, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE};

use super::*;
use crate::wire::{ErrorCode, REQUEST_BYTES_MAX};

const TABLE: u64 = 0x1000;
const AVAILABLE: u64 = 0x4000;
const USED: u64 = 0x5000;
/// Where two regions of guest memory meet.
const SEAM: u64 = 0x10_0000;
const END: u64 = 0x20_0000;

const NEXT: u16 = VRING_DESC_F_NEXT as u16;
const WRITE: u16 = VRING_DESC_F_WRITE as u16;
const INDIRECT: u16 = VRING_DESC_F_INDIRECT as u16;

/// What came of a turn.
#[derive(Debug, PartialEq, Eq)]
struct Served {
    interrupt: bool,
    rest: Result<Rest, Broken>,
}

/// A driver with a ring in two regions of memory that meet at [`SEAM`].
struct Driver {
    memory: GuestMemory,
    queue: Queue,
    scratch: Scratch,
    offered: u16,
}

impl Driver {
    fn new(size: u16) -> Self {
        let parts = [(GuestAddress(0), SEAM as usize), (GuestAddress(SEAM), (END - SEAM) as usize)];
        let mut queue = Queue::new(1024).unwrap();
        queue.set_size(size);
        queue.set_desc_table_address(Some(TABLE as u32), None);
        queue.set_avail_ring_address(Some(AVAILABLE as u32), None);
        queue.set_used_ring_address(Some(USED as u32), None);
        queue.set_ready(true);
        let memory = GuestMemory::from_ranges(&parts).unwrap();
        Self { memory, queue, scratch: Scratch::default(), offered: 0 }
    }

    fn with_event_idx(size: u16) -> Self {
        let mut driver = Self::new(size);
        driver.queue.set_event_idx(true);
        driver
    }

    /// Begins at this index, as after that many chains.
    fn starting_at(mut self, index: u16) -> Self {
        self.queue.set_next_avail(index);
        self.queue.set_next_used(index);
        self.offered = index;
        self
    }

    fn set16(&self, address: u64, value: u16) {
        self.memory.write_obj(value, GuestAddress(address)).unwrap();
    }

    fn get16(&self, address: u64) -> u16 {
        self.memory.read_obj(GuestAddress(address)).unwrap()
    }

    fn describe_at(&self, table: u64, index: u16, (address, bytes): (u64, u32), flags: u16, next: u16) {
        let at = GuestAddress(table + 16 * u64::from(index));
        let rest = u64::from(bytes) | u64::from(flags) << 32 | u64::from(next) << 48;
        self.memory.write_obj([address, rest], at).unwrap();
    }

    fn describe(&self, index: u16, span: (u64, u32), flags: u16, next: u16) {
        self.describe_at(TABLE, index, span, flags, next);
    }

    fn offer(&mut self, head: u16) {
        self.set16(AVAILABLE + 4 + 2 * u64::from(self.offered % self.queue.size()), head);
        self.offered = self.offered.wrapping_add(1);
        self.set16(AVAILABLE + 2, self.offered);
    }

    /// Offers a request of 24 bytes with room for `room` bytes behind it.
    fn ask(&mut self, room: u32) {
        self.describe(0, (0x8000, 24), NEXT, 1);
        self.describe(1, (0x9000, room), WRITE, 0);
        self.offer(0);
    }

    /// Serves while no time passes.
    fn serve(&mut self, answer: impl FnMut(u16, &[u8], &mut Vec<u8>) -> Progress) -> Served {
        self.serve_by(|| Duration::ZERO, answer)
    }

    fn serve_by(
        &mut self,
        now: impl FnMut() -> Duration,
        answer: impl FnMut(u16, &[u8], &mut Vec<u8>) -> Progress,
    ) -> Served {
        let mut ring = match Ring::open(&self.memory, &self.queue) {
            Ok(ring) => ring,
            Err(broken) => return Served { interrupt: false, rest: Err(broken) },
        };
        let rest = ring.answer_chains(&mut self.scratch, now, answer);
        ring.store(&mut self.queue);
        let interrupt = ring.wants_interrupt();
        let rest = rest.and_then(|rest| match rest {
            Rest::Nothing => ring.ask_for_notification(),
            rest => Ok(rest),
        });
        Served { interrupt, rest }
    }

    /// Serves with an answer of that many bytes.
    fn serve_with(&mut self, reply_bytes: usize) -> Served {
        self.serve(|_, _, reply| {
            reply.clear();
            reply.resize(reply_bytes, 7);
            Progress::Done
        })
    }

    /// (head, bytes written) of the last used entries.
    fn used(&self, count: u16) -> Vec<(u32, u32)> {
        let end = self.get16(USED + 2);
        (0..count)
            .map(|back| end.wrapping_sub(count - back))
            .map(|index| USED + 4 + 8 * u64::from(index % self.queue.size()))
            .map(|at| self.memory.read_obj::<[u32; 2]>(GuestAddress(at)).unwrap().into())
            .collect()
    }
}

/// A chain as a driver may lay it out: the request in readable pieces, then room in writable ones.
#[derive(Clone, Debug)]
struct Layout {
    readable: Vec<u32>,
    writable: Vec<u32>,
    /// How many pieces stand in the ring's own table; the rest is in an indirect one.
    direct: usize,
}

fn any_layout() -> impl Strategy<Value = Layout> {
    let pieces = |count| prop::collection::vec(prop_oneof![Just(0u32), 1u32..40], count);
    (pieces(0..6), pieces(0..6), 0usize..14).prop_map(|(readable, writable, direct)| Layout {
        readable,
        writable,
        direct,
    })
}

proptest! {
    #[test]
    fn requests_arrive_whole_and_answers_fill_the_room_in_order(
        layouts in prop::collection::vec(any_layout(), 1..8),
        reply_bytes in 0usize..100,
        start: u16,
    ) {
        let mut driver = Driver::with_event_idx(128).starting_at(start);
        // Buffers lie across the seam, each a byte from the next.
        let mut address = SEAM - 300;
        let mut index = 0;
        let mut expected = Vec::new();
        for (number, layout) in layouts.iter().enumerate() {
            let head = index;
            let writable = layout.writable.iter().map(|bytes| (*bytes, WRITE));
            let pieces: Vec<(u32, u16)> =
                layout.readable.iter().map(|bytes| (*bytes, 0)).chain(writable).collect();
            let (direct, indirect) = pieces.split_at(layout.direct.min(pieces.len()));
            let table = 0x2_0000 + 0x1000 * number as u64;
            let mut request = Vec::new();
            let mut room = Vec::new();
            for (number, (bytes, flags)) in pieces.iter().enumerate() {
                let here = (address, *bytes);
                address += u64::from(*bytes) + 1;
                let filling = vec![number as u8 + 1; *bytes as usize];
                driver.memory.write_slice(&filling, GuestAddress(here.0)).unwrap();
                if *flags == 0 { request.extend(filling) } else { room.push(here) }
                if number < direct.len() {
                    let last = number + 1 == pieces.len();
                    driver.describe(index, here, flags | if last { 0 } else { NEXT }, index + 1);
                    index += 1;
                } else {
                    let at = (number - direct.len()) as u16;
                    let last = usize::from(at) + 1 == indirect.len();
                    driver.describe_at(table, at, here, flags | if last { 0 } else { NEXT }, at + 1);
                }
            }
            if !indirect.is_empty() || pieces.is_empty() {
                let bytes = 16 * indirect.len().max(1) as u32;
                driver.describe(index, (table, bytes), INDIRECT, 0);
                index += 1;
            }
            driver.offer(head);
            expected.push((head, request, room));
        }
        let mut requests = Vec::new();
        let served = driver.serve(|_, request, reply| {
            requests.push(request.to_vec());
            reply.clear();
            reply.extend((0..reply_bytes).map(|byte| byte as u8 | 0x80));
            Progress::Done
        });
        prop_assert_eq!(served.rest, Ok(Rest::Nothing));
        prop_assert_eq!(requests, expected.iter().map(|(_, request, _)| request.clone()).collect::<Vec<_>>());
        for ((head, _, room), used) in expected.iter().zip(driver.used(layouts.len() as u16)) {
            let capacity: usize = room.iter().map(|(_, bytes)| *bytes as usize).sum();
            let written = match capacity {
                enough if enough >= reply_bytes => reply_bytes,
                24.. if reply_bytes >= 24 => 24,
                _ => 0,
            };
            prop_assert_eq!(used, (u32::from(*head), written as u32));
            let mut got = Vec::new();
            for (address, bytes) in room {
                let mut piece = vec![0; *bytes as usize];
                driver.memory.read_slice(&mut piece, GuestAddress(*address)).unwrap();
                got.extend(piece);
            }
            let mut reply: Vec<u8> = (0..written).map(|byte| byte as u8 | 0x80).collect();
            if written < reply_bytes && written > 0 {
                reply[..4].copy_from_slice(&ErrorCode::Unspecified.number().to_le_bytes());
            }
            prop_assert_eq!(&got[..written], &reply[..]);
            prop_assert!(got[written..].iter().all(|byte| *byte < 0x80), "nothing else was written");
        }
    }

    #[test]
    fn a_ring_of_noise_ends_and_gives_every_chain_back(
        noise in prop::collection::vec(any::<u64>(), 64),
        near in prop::collection::vec((0u64..END, 0u32..5000, 0u16..8, 0u16..20), 16),
        heads in prop::collection::vec(0u16..20, 16),
        offered in 0u16..20,
        event_idx: bool,
    ) {
        let mut driver = Driver::new(16);
        driver.queue.set_event_idx(event_idx);
        for (number, word) in noise.iter().enumerate() {
            driver.memory.write_obj(*word, GuestAddress(SEAM - 256 + 8 * number as u64)).unwrap();
        }
        for (index, (address, bytes, flags, next)) in near.iter().enumerate() {
            driver.describe(index as u16, (*address, *bytes), *flags, *next);
        }
        for (slot, head) in heads.iter().enumerate() {
            driver.set16(AVAILABLE + 4 + 2 * slot as u64, *head);
        }
        driver.set16(AVAILABLE + 2, offered);
        let served = driver.serve_with(50);
        if offered > 16 {
            prop_assert_eq!(served.rest, Err(Broken::Overrun { offered, size: 16 }));
        } else if driver.get16(AVAILABLE + 2) == offered {
            // An answer may have gone into the ring itself, then anything goes; but it ended.
            prop_assert_eq!(served.rest, Ok(Rest::Nothing));
            prop_assert_eq!(driver.queue.next_used(), offered);
        }
    }
}

#[test]
fn a_chain_that_makes_no_sense_comes_back_with_no_bytes_and_the_next_is_answered() {
    type Lay = fn(&Driver);
    let bad: [(&str, Lay); 9] = [
        ("a loop", |d| d.describe(0, (0x8000, 4), NEXT, 0)),
        ("a next beyond the table", |d| d.describe(0, (0x8000, 4), NEXT, 64)),
        ("readable after writable", |d| {
            d.describe(0, (0x8000, 0), NEXT | WRITE, 1);
            d.describe(1, (0x8000, 4), 0, 0);
        }),
        ("readable bytes that are no memory", |d| d.describe(0, (END - 3, 4), 0, 0)),
        ("writable bytes that are no memory", |d| d.describe(0, (u64::MAX - 3, 4), WRITE, 0)),
        ("an indirect table of half a descriptor", |d| d.describe(0, (0x2_0000, 24), INDIRECT, 0)),
        ("an indirect table of nothing", |d| d.describe(0, (0x2_0000, 0), INDIRECT, 0)),
        ("something behind an indirect table", |d| {
            d.describe_at(0x2_0000, 0, (0x8000, 4), 0, 0);
            d.describe(0, (0x2_0000, 16), INDIRECT | NEXT, 1);
        }),
        ("a table within a table", |d| {
            d.describe_at(0x2_0000, 0, (0x2_0000, 16), INDIRECT, 0);
            d.describe(0, (0x2_0000, 16), INDIRECT, 0);
        }),
    ];
    for (what, lay) in bad {
        let mut driver = Driver::new(64);
        lay(&driver);
        driver.describe(8, (0x8000, 24), NEXT, 9);
        driver.describe(9, (0x9000, 24), WRITE, 0);
        for head in [0, 64, 8] {
            driver.offer(head);
        }
        let mut requests = 0;
        let served = driver.serve(|_, _, reply| {
            requests += 1;
            *reply = vec![1; 24];
            Progress::Done
        });
        assert_eq!(served, Served { interrupt: true, rest: Ok(Rest::Nothing) }, "{what}");
        assert_eq!((requests, driver.used(3)), (1, vec![(0, 0), (64, 0), (8, 24)]), "{what}");
    }
}

#[test]
fn a_request_longer_than_any_is_cut_to_its_header() {
    for (bytes, expected) in [(REQUEST_BYTES_MAX as u32, REQUEST_BYTES_MAX), (u32::MAX, 24)] {
        let mut driver = Driver::new(8);
        driver.describe(0, (0x8000, 24), NEXT, 1);
        driver.describe(1, (0x2_0000, bytes - 24), 0, 0);
        driver.offer(0);
        let mut seen = 0;
        driver.serve(|_, request, _| {
            seen = request.len();
            Progress::Done
        });
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_waiting_chain_stays_in_the_ring_and_is_answered_in_its_turn() {
    let mut driver = Driver::with_event_idx(8).starting_at(65535);
    driver.ask(24);
    driver.ask(24);
    let served = driver.serve(|_, _, _| Progress::Wait);
    assert_eq!(served, Served { interrupt: false, rest: Ok(Rest::Waiting) });
    assert_eq!((driver.queue.next_avail(), driver.queue.next_used()), (65535, 65535));
    assert_eq!(driver.serve_with(24).rest, Ok(Rest::Nothing));
    assert_eq!((driver.queue.next_avail(), driver.get16(USED + 2)), (1, 1));
}

#[test]
fn others_get_their_turn_after_a_bounded_number_of_chains() {
    let mut driver = Driver::new(1024);
    for _ in 0..CHAINS_MAX + 3 {
        driver.ask(24);
    }
    assert_eq!(driver.serve_with(24), Served { interrupt: true, rest: Ok(Rest::Chains) });
    assert_eq!(u32::from(driver.queue.next_used()), CHAINS_MAX);
    assert_eq!(driver.serve_with(24).rest, Ok(Rest::Nothing));
}

#[test]
fn others_get_their_turn_after_the_chain_at_which_the_time_is_up() {
    let mut driver = Driver::new(16);
    for _ in 0..5 {
        driver.ask(24);
    }
    let mut passed = Duration::ZERO;
    let clock = || {
        passed += TIME_MAX.mul_f32(0.6);
        passed
    };
    let served = driver.serve_by(clock, |_, _, _| Progress::Done);
    assert_eq!(served, Served { interrupt: true, rest: Ok(Rest::Chains) });
    assert_eq!(driver.queue.next_used(), 2);
}

#[test]
fn a_ring_whose_driver_overruns_it_is_broken_but_what_was_answered_is_told() {
    let mut driver = Driver::new(8);
    driver.ask(24);
    let available = AVAILABLE + 2;
    let memory = driver.memory.clone();
    let served = driver.serve(|_, _, _| {
        memory.write_obj(10u16, GuestAddress(available)).unwrap();
        Progress::Done
    });
    assert_eq!(served, Served { interrupt: true, rest: Err(Broken::Overrun { offered: 9, size: 8 }) });
    assert_eq!(driver.used(1), [(0, 0)]);
}

#[test]
fn a_ring_that_is_not_in_memory_is_broken() {
    for address in [END - 4, SEAM - 4, u64::from(u32::MAX) & !3] {
        let mut driver = Driver::new(8);
        driver.queue.set_used_ring_address(Some(address as u32), None);
        let served = driver.serve_with(0);
        assert_eq!(served.rest, Err(Broken::OutOfReach { part: "used ring", address }), "{address:#x}");
    }
}

#[test]
fn with_event_idx_the_driver_is_interrupted_when_its_index_is_passed_and_notifies_at_ours() {
    for start in [0u16, 65533] {
        let used_event = AVAILABLE + 4 + 2 * 8;
        let avail_event = USED + 4 + 8 * 8;
        let mut driver = Driver::with_event_idx(8).starting_at(start);
        // (used_event, chains offered at once, interrupt expected), each on top of the one before.
        for (event, chains, interrupt) in
            [(0u16, 1, true), (1, 1, true), (3, 1, false), (3, 2, true), (4, 1, false)]
        {
            driver.set16(used_event, start.wrapping_add(event));
            for _ in 0..chains {
                driver.ask(24);
            }
            assert_eq!(driver.serve_with(24).interrupt, interrupt, "{start} {event} {chains}");
            assert_eq!(driver.get16(avail_event), driver.offered);
        }
        assert!(!driver.serve_with(24).interrupt, "nothing was given back");
    }
}

#[test]
fn without_event_idx_a_driver_that_wants_no_interrupt_gets_none() {
    let mut driver = Driver::new(8);
    for (flags, interrupt) in [(0, true), (1, false)] {
        driver.set16(AVAILABLE, flags);
        driver.ask(24);
        assert_eq!(driver.serve_with(24).interrupt, interrupt);
    }
    assert_eq!(driver.get16(USED), 0, "its notifications are always wanted");
}

#[test]
fn a_ring_is_fresh_when_its_driver_begins_anew_and_not_when_it_continues() {
    let begun = Driver::new(8);
    for stopped_at in [None, Some(0), Some(7)] {
        assert!(is_fresh(&begun.memory, &begun.queue, stopped_at), "{stopped_at:?}");
    }
    let paused = Driver::new(8).starting_at(7);
    assert!(!is_fresh(&paused.memory, &paused.queue, Some(7)));

    let mut paused_at_zero = Driver::new(8).starting_at(65535);
    paused_at_zero.ask(24);
    paused_at_zero.serve_with(24);
    assert_eq!(paused_at_zero.queue.next_avail(), 0);
    assert!(!is_fresh(&paused_at_zero.memory, &paused_at_zero.queue, Some(0)));
}
