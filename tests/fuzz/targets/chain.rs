//! What a driver may write into its ring: descriptors, tables and indexes of any kind. The input is the memory that
//! holds the ring and all it points to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vgpu::device::Progress;
use vgpu::guest_memory::GuestMemory;
use vgpu::transport::queue::{Ring, Scratch, coarse_now};
use vgpu::wire::REQUEST_BYTES_MAX;
use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestAddress};

const QUEUE_SIZE: u16 = 8;
const AVAILABLE: u64 = 0x80;
const USED: u64 = 0x100;
const MEMORY_BYTES: usize = 0x1000;

fuzz_target!(|input: &[u8]| {
    let [flags, reply_bytes, image @ ..] = input else { return };
    // Two regions that touch, so that what is asked for may lie across them.
    let half = MEMORY_BYTES / 2;
    let memory =
        GuestMemory::from_ranges(&[(GuestAddress(0), half), (GuestAddress(half as u64), half)]).unwrap();
    memory.write_slice(&image[..image.len().min(MEMORY_BYTES)], GuestAddress(0)).unwrap();

    let mut queue = Queue::new(QUEUE_SIZE).unwrap();
    queue.set_size(QUEUE_SIZE);
    queue.set_desc_table_address(Some(0), Some(0));
    queue.set_avail_ring_address(Some(AVAILABLE as u32), Some(0));
    queue.set_used_ring_address(Some(USED as u32), Some(0));
    queue.set_event_idx(flags & 1 != 0);
    queue.set_ready(true);

    let mut answered = 0u16;
    let reply = vec![7; usize::from(*reply_bytes) * 8];
    let Ok(mut ring) = Ring::open(&memory, &queue) else { return };
    let _ = ring.answer_chains(&mut Scratch::default(), coarse_now, |_, request, into| {
        assert!(request.len() <= REQUEST_BYTES_MAX);
        into.clear();
        into.extend_from_slice(&reply);
        answered += 1;
        if flags & 2 != 0 && answered > 2 { Progress::Wait } else { Progress::Done }
    });
    ring.store(&mut queue);
    let interrupt = ring.wants_interrupt();
    let _ = ring.ask_for_notification();
    // Every chain that was taken was given back, and an interrupt stands for something given back.
    assert_eq!(queue.next_avail(), queue.next_used());
    assert!(!interrupt || queue.next_used() != 0);
});
