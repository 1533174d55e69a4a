//! A VMM with nothing but a processor, memory, doorbells and interrupts, and a guest of 86 bytes in real mode. Every
//! KVM runs it, those without the processor's help too. Here it is the path of doorbells that is tested: no exit to a
//! VMM lies on it, as on none of a production VMM's.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "these are tests"
)]

#[path = "../support/guest/mod.rs"]
mod guest;
mod machine;
#[path = "../support/service.rs"]
mod service;

use guest::requests::{get_display_info, kind, word};
use guest::{CONTROL, Guest, Ram};
use machine::Machine;
use service::Service;

/// Doorbells that the guest rings, each when it was interrupted for the last.
const ROUNDS: u16 = 2000;

const OK_DISPLAY_INFO: u32 = 0x1101;
/// Bytes of that: a header and 16 heads.
const DISPLAY_INFO_BYTES: u32 = 24 + 16 * 24;

/// Descriptors continue, or are the device's to write.
const NEXT: u16 = 1;
const WRITE: u16 = 2;

#[test]
fn a_guests_doorbells_go_to_the_device_and_its_interrupts_to_the_guest_without_a_vmm() {
    let (service, stream) = Service::start();
    let mut guest = Guest::negotiate(stream, Ram::with_regions(&[(0, 1 << 20)]));
    // An interrupt for each answer, as a guest gets them that knows no better.
    guest.features &= !(1 << virtio_bindings::virtio_ring::VIRTIO_RING_F_EVENT_IDX);
    guest.share_memory();
    let (request, reply) = (guest.ram.take(0x1000), guest.ram.take(0x1000));
    guest.ram.write(request, &get_display_info());
    // The guest offers chain 0 again and again: the entries of its ring are zero.
    let ring = &guest.rings[CONTROL];
    ring.describe(0, (request, 24), NEXT, 1);
    ring.describe(1, (reply, DISPLAY_INFO_BYTES), WRITE, 0);
    let machine = Machine::new(&guest.ram, &ring.kick, &ring.call);
    guest.start([0; 2]);

    let run = machine.run(&guest.ram, ring_of(&guest), ROUNDS);

    let used = u16::from_le_bytes(guest.ram.read(ring_of(&guest).used + 2, 2).try_into().unwrap());
    assert_eq!(used, ROUNDS);
    assert!((1..=ROUNDS).contains(&run.interrupts), "{} interrupts", run.interrupts);
    assert_eq!(run.exits, 1, "the only exit is the last");
    let answer = guest.ram.read(reply, DISPLAY_INFO_BYTES as usize);
    assert_eq!((kind(&answer), word(&answer, 32), word(&answer, 36)), (OK_DISPLAY_INFO, 1024, 768));
    drop(guest);
    service.end().unwrap();
}

fn ring_of(guest: &Guest) -> machine::Ring {
    let [_, available, used] = guest.rings[CONTROL].addresses;
    machine::Ring { available, used }
}
