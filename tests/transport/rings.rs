//! Requests through rings as drivers fill them.

use crate::guest::requests::{self, OK_NODATA};
use crate::guest::{CONTROL, CURSOR, Guest, LIMIT, Ram, pattern};
use crate::service::{Service, wait_until};

#[test]
fn a_driver_draws_a_picture() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let backing = guest.create_image(7, 320, 200);
    let pixels = pattern(320, 200, 1);
    guest.draw(7, backing, 320, 200, &pixels);

    let (size, shown) = service.picture().unwrap();
    assert_eq!((size.width, size.height, shown == pixels), (320, 200, true));

    guest.must(&requests::unref(7));
    assert!(service.picture().is_none());
    assert_eq!(service.usage().resources, 0);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn requests_cut_at_any_byte_are_answered() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let request = requests::fenced(requests::create_2d(1, 2, 64, 64), 0x1122_3344_5566);
    let base = guest.ram.take(0x1000);
    let table = guest.ram.take(0x1000);
    guest.ram.write(base, &request);
    let room = base + 0x800;
    for cut in 0..=request.len() as u32 {
        let readable =
            [(base, cut), (base + u64::from(cut), 0), (base + u64::from(cut), request.len() as u32 - cut)];
        let at = cut.min(24);
        let writable = [(room, at), (room + u64::from(at), 24 - at)];
        guest.ram.write(room, &[0; 24]);
        let ring = &mut guest.rings[CONTROL];
        if cut % 2 == 0 {
            ring.add(&readable, &writable);
        } else {
            ring.add_indirect(table, &readable, &writable);
        }
        ring.notify();
        let (_, written) = ring.wait(LIMIT).unwrap();
        let reply = guest.ram.read(room, 24);
        assert_eq!((requests::kind(&reply), written), (OK_NODATA, 24), "cut at {cut}");
        assert_eq!(reply[8..16], 0x1122_3344_5566u64.to_le_bytes());
        guest.must(&requests::unref(1));
    }
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_batch_costs_at_most_one_notification_and_few_interrupts() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let buffer = guest.ram.take(0x10_0000);
    guest.ram.write(buffer, &requests::get_display_info());
    let rounds = 20u16;
    let mut interrupts = 0;
    let before = guest.rings[CONTROL].kicks;
    for _ in 0..rounds {
        let ring = &mut guest.rings[CONTROL];
        for chain in 0..32 {
            ring.add(&[(buffer, 24)], &[(buffer + 0x1000 * (chain + 1), 0x1000)]);
        }
        ring.ask_for_interrupt();
        ring.notify();
        let mut answered = 0;
        while answered < 32 {
            assert!(ring.wait_for_interrupt(LIMIT));
            interrupts += 1;
            ring.ask_for_interrupt();
            while ring.take_used().is_some() {
                answered += 1;
                ring.ask_for_interrupt();
            }
        }
    }
    // None where the device had not gone idle since the batch before.
    let kicks = guest.rings[CONTROL].kicks - before;
    assert!(kicks <= u64::from(rounds), "{kicks} notifications for {rounds} batches");
    assert!(interrupts <= 4 * rounds, "{interrupts} interrupts for {rounds} batches");
    drop(guest);
    service.end().unwrap();
}

#[test]
fn the_cursor_has_a_queue_of_its_own() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let backing = guest.create_image(3, 64, 64);
    guest.ram.write(backing, &pattern(64, 64, 3));
    guest.must(&requests::transfer(3, [0, 0, 64, 64], 0));
    let reply = guest.send_to(CURSOR, &requests::update_cursor(0, (10, 20), 3, (1, 2)));
    assert_eq!(requests::kind(&reply), OK_NODATA);
    guest.send_to(CURSOR, &requests::move_cursor(0, (30, 40)));

    let device = service.device.lock().unwrap();
    let cursor = device.cursor_of(vgpu::wire::ScanoutId::new(0).unwrap());
    assert_eq!((cursor.at.x, cursor.at.y, cursor.hot.x, cursor.hot.y), (30, 40, 1, 2));
    assert!(cursor.image.is_some());
    drop(device);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_ring_that_makes_no_sense_is_left_alone_until_it_is_set_up_anew() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    guest.create_image(1, 8, 8);
    guest.rings[CONTROL].claim(30_000);
    guest.rings[CONTROL].kick.write(1).unwrap();
    let reply = guest.send_to(CURSOR, &requests::move_cursor(0, (1, 1)));
    assert_eq!(requests::kind(&reply), OK_NODATA, "the other queue goes on");

    guest.stop();
    guest.begin_anew();
    guest.must(&requests::get_display_info());
    assert!(wait_until(|| service.usage().resources == 0), "a driver that begins anew finds nothing");
    drop(guest);
    service.end().unwrap();
}

#[test]
fn drivers_without_event_idx_are_served() {
    let (service, stream) = Service::start();
    let mut guest = Guest::negotiate(stream, Ram::new());
    guest.features &= !(1 << 29);
    guest.share_memory();
    guest.start([0; 2]);
    for _ in 0..100 {
        guest.must(&requests::get_display_info());
    }
    drop(guest);
    service.end().unwrap();
}
