//! A 1280 × 800 frame from guest pages into the image and flushed, against a memcpy of the same bytes.

use std::time::Instant;

use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend};

use crate::report::{Bar, Report, median};
use crate::support::guest::{CONTROL, Guest, LIMIT, Ram, requests};
use crate::support::service::Service;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 800;
const BYTES: u32 = WIDTH * HEIGHT * 4;
const PAGE: u32 = 4096;
const FRAMES: usize = 300;

/// Image, and the entry's pages in which order.
const WHOLE: u32 = 1;
const SCATTERED: u32 = 2;

pub fn measure(report: &mut Report) {
    let (service, socket) = Service::start();
    let mut guest = Guest::connect(socket, Ram::new());
    let backing = guest.create_image(WHOLE, WIDTH, HEIGHT);
    // Any order that is not the order of addresses: 7 does not divide the number of pages.
    let pages = BYTES / PAGE;
    let page = |index: u32| (backing + u64::from(index * 7 % pages * PAGE), PAGE);
    let entries: Vec<(u64, u32)> = (0..pages).map(page).collect();
    guest.must(&requests::create_2d(SCATTERED, 2, WIDTH, HEIGHT));
    let mut sender = Sender { answer: guest.ram.take(PAGE.into()), guest };
    sender.send(&[requests::attach(SCATTERED, &entries)]);

    // Each of the four has a destination of its own, so that all are equally far from the caches.
    let [mut copy, mut page_copy] = [(); 2].map(|()| vec![1; BYTES as usize]);
    let pages: Vec<_> = entries
        .iter()
        .map(|(address, len)| {
            sender.guest.ram.memory.get_slice(GuestAddress(*address), *len as usize).unwrap()
        })
        .collect();
    let [mut copies, mut page_copies, mut whole, mut scattered] = [const { Vec::new() }; 4];
    for _ in 0..FRAMES {
        let start = Instant::now();
        sender.guest.ram.memory.read_slice(&mut copy, GuestAddress(backing)).unwrap();
        copies.push(start.elapsed().as_secs_f64() * 1e6);
        whole.push(sender.frame(WHOLE));
        let start = Instant::now();
        for (page, into) in pages.iter().zip(page_copy.chunks_mut(PAGE as usize)) {
            page.copy_to(into);
        }
        page_copies.push(start.elapsed().as_secs_f64() * 1e6);
        scattered.push(sender.frame(SCATTERED));
    }
    let [copy, page_copy, whole, scattered] = [copies, page_copies, whole, scattered].map(median);
    report.row("memcpy_1280x800", copy, "us", Bar::None);
    report.row("transfer_flush_1280x800", whole, "us", Bar::None);
    report.row("transfer_flush_over_memcpy", whole / copy, "ratio", Bar::AtMost(1.25));
    report.row("transfer_flush_of_scattered_pages", scattered, "us", Bar::None);
    report.row("transfer_flush_over_memcpy_of_those", scattered / page_copy, "ratio", Bar::AtMost(1.25));

    drop(sender);
    service.end().unwrap();
}

struct Sender {
    guest: Guest,
    answer: u64,
}

impl Sender {
    /// Microseconds until both answers are there.
    fn frame(&mut self, image: u32) -> f64 {
        let all = [0, 0, WIDTH, HEIGHT];
        self.send(&[requests::transfer(image, all, 0), requests::flush(image, all)])
    }

    fn send(&mut self, requests: &[Vec<u8>]) -> f64 {
        let place = |request: &Vec<u8>| {
            let address = self.guest.ram.take(request.len() as u64);
            self.guest.ram.write(address, request);
            (address, request.len() as u32)
        };
        let placed: Vec<_> = requests.iter().map(place).collect();
        let start = Instant::now();
        let ring = &mut self.guest.rings[CONTROL];
        for request in &placed {
            ring.add(&[*request], &[(self.answer, 24)]);
        }
        ring.notify();
        placed.iter().for_each(|_| assert_eq!(ring.wait(LIMIT).unwrap().1, 24));
        start.elapsed().as_secs_f64() * 1e6
    }
}
