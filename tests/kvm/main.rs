//! A VMM with nothing but a processor, memory, doorbells and interrupts, and a guest of 86 bytes in real mode. Every
//! KVM runs it, those without the processor's help too. Here it is the path of doorbells that is tested: no exit to a
//! VMM lies on it, as on none of a production VMM's.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "these are tests"
)]

#[path = "../support/function.rs"]
mod function;
#[path = "../support/guest/mod.rs"]
mod guest;
mod machine;
#[path = "../support/service.rs"]
mod service;

use std::time::Duration;

use function::{Driver, Front, FunctionService, GET_REGION_IO_FDS, words};
use guest::requests::{get_display_info, kind, word};
use guest::{CONTROL, FEATURES, Guest, Ram, Ring};
use machine::Machine;
use service::Service;
use vgpu::device::Device;
use vmm_sys_util::eventfd::EventFd;

/// Doorbells that the guest rings, each when it was interrupted for the last.
const ROUNDS: u16 = 2000;

/// Times that either is measured.
const ROUNDS_OF_FIGURES: usize = 5;

/// Not taken: there is an interrupt for each answer, as guests get them that know no better.
const EVENT_IDX: u64 = 1 << virtio_bindings::virtio_ring::VIRTIO_RING_F_EVENT_IDX;

const OK_DISPLAY_INFO: u32 = 0x1101;
/// Bytes of that: a header and 16 heads.
const DISPLAY_INFO_BYTES: u32 = 24 + 16 * 24;

/// Descriptors continue, or are the device's to write.
const NEXT: u16 = 1;
const WRITE: u16 = 2;

#[test]
fn a_guests_doorbells_go_to_the_device_and_its_interrupts_to_the_guest_without_a_vmm() {
    by_vhost_user();
}

#[test]
fn so_do_those_of_a_pci_function_without_a_message() {
    by_vfio_user();
}

/// Printed and not judged: KVM may be software here, and the machine busy. `--nocapture` shows it.
#[test]
fn a_doorbell_of_either_takes_its_time() {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS_OF_FIGURES {
        times[0].push(by_vfio_user());
        times[1].push(by_vhost_user());
    }
    let [function, vhost] = times.map(|mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e6 / f64::from(ROUNDS)
    });
    println!("doorbell_by_ioeventfd_vfio_user {function:.3} us");
    println!("doorbell_by_ioeventfd_vhost_user {vhost:.3} us");
    println!("doorbell_by_ioeventfd_over_vhost_user {:.3} ratio", function / vhost);
}

/// How long all doorbells took.
fn by_vhost_user() -> Duration {
    let (service, stream) = Service::start();
    let mut guest = Guest::negotiate(stream, Ram::with_regions(&[(0, 1 << 20)]));
    guest.features &= !EVENT_IDX;
    guest.share_memory();
    let ring = &guest.rings[CONTROL];
    let reply = describe(&guest.ram, ring);
    let machine = Machine::new(&guest.ram, &ring.kick, &ring.call);
    guest.start([0; 2]);

    let time = ring_and_check(machine, &guest.ram, &guest.rings[CONTROL], reply);

    drop(guest);
    service.end().unwrap();
    time
}

/// The same, with the function's own eventfd for the doorbell.
fn by_vfio_user() -> Duration {
    let (service, front) = FunctionService::with_front(Device::new(service::setup()).unwrap());
    let ram = Ram::with_regions(&[(0, 1 << 20)]);
    let doorbell = doorbell_of(&front);
    let mut driver = Driver::find(front);
    driver.share(&ram);
    let mut rings = [64, 16].map(|size| Ring::new(&ram, size));
    let reply = describe(&ram, &rings[CONTROL]);
    driver.start(&mut rings, FEATURES & !EVENT_IDX);
    let machine = Machine::new(&ram, &doorbell, &rings[CONTROL].call);

    let time = ring_and_check(machine, &ram, &rings[CONTROL], reply);

    drop(driver);
    service.end().unwrap();
    time
}

/// The eventfd that stands for writes to the control queue's doorbell.
fn doorbell_of(front: &Front) -> EventFd {
    let (registers, room) = (0, 96);
    let answer = front.ask(GET_REGION_IO_FDS, &words(&[room, 0, registers, 0]), &[]);
    machine::event_of(answer.file.expect("there is one"))
}

/// Puts a request where the guest offers it again and again, as chain 0: the entries of its ring are zero. Returns
/// where the answer will be.
fn describe(ram: &Ram, ring: &Ring) -> u64 {
    let (request, reply) = (ram.take(0x1000), ram.take(0x1000));
    ram.write(request, &get_display_info());
    ring.describe(0, (request, 24), NEXT, 1);
    ring.describe(1, (reply, DISPLAY_INFO_BYTES), WRITE, 0);
    reply
}

fn ring_and_check(machine: Machine, ram: &Ram, ring: &Ring, reply: u64) -> Duration {
    let [_, available, used] = ring.addresses;
    let run = machine.run(ram, machine::Ring { available, used }, ROUNDS);

    let used = u16::from_le_bytes(ram.read(used + 2, 2).try_into().unwrap());
    assert_eq!(used, ROUNDS);
    assert!((1..=ROUNDS).contains(&run.interrupts), "{} interrupts", run.interrupts);
    assert_eq!(run.exits, 1, "the only exit is the last");
    let answer = ram.read(reply, DISPLAY_INFO_BYTES as usize);
    assert_eq!((kind(&answer), word(&answer, 32), word(&answer, 36)), (OK_DISPLAY_INFO, 1024, 768));
    run.time
}
