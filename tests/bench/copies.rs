//! A 1280 × 800 frame from scattered guest pages into the image and flushed, against a memcpy of the same bytes.

use std::time::Instant;

use vm_memory::{Bytes, GuestAddress};

use crate::report::{Bar, Report, median};
use crate::support::guest::{CONTROL, Guest, LIMIT, Ram, requests};
use crate::support::service::Service;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 800;
const BYTES: u32 = WIDTH * HEIGHT * 4;
const FRAMES: usize = 300;

pub fn measure(report: &mut Report) {
    let (service, socket) = Service::start();
    let mut guest = Guest::connect(socket, Ram::new());
    let backing = guest.create_image(1, WIDTH, HEIGHT);
    let all = [0, 0, WIDTH, HEIGHT];
    guest.must(&requests::set_scanout(0, 1, all));
    let mut copy = vec![1; BYTES as usize];
    let requests = [requests::transfer(1, all, 0), requests::flush(1, all)].map(|request| {
        let address = guest.ram.take(4096);
        guest.ram.write(address, &request);
        (address, request.len() as u32)
    });
    let answer = guest.ram.take(4096);

    let (mut frames, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..FRAMES {
        let start = Instant::now();
        guest.ram.memory.read_slice(&mut copy, GuestAddress(backing)).unwrap();
        copies.push(start.elapsed().as_secs_f64() * 1e6);

        let start = Instant::now();
        let ring = &mut guest.rings[CONTROL];
        for request in requests {
            ring.add(&[request], &[(answer, 24)]);
        }
        ring.notify();
        (0..2).for_each(|_| assert_eq!(ring.wait(LIMIT).unwrap().1, 24));
        frames.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let (frame, copy) = (median(frames), median(copies));
    report.row("memcpy_1280x800", copy, "us", Bar::None);
    report.row("transfer_flush_1280x800", frame, "us", Bar::None);
    report.row("transfer_flush_over_memcpy", frame / copy, "ratio", Bar::AtMost(1.25));

    drop(guest);
    service.end().unwrap();
}
