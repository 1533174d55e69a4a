//! The guest's memory as VMMs lay it out and change it.

use std::fs;

use vhost::VhostBackend;
use vhost::vhost_user::VhostUserFrontend;
use vhost::vhost_user::message::VhostUserHeaderFlag;

use crate::guest::requests::{self, ERR_UNSPEC};
use crate::guest::{Guest, Ram, pattern};
use crate::service::Service;

const MIB: usize = 1 << 20;

fn draws(guest: &mut Guest, service: &Service, seed: u32) {
    let backing = guest.create_image(seed, 64, 64);
    let pixels = pattern(64, 64, seed);
    guest.draw(seed, backing, 64, 64, &pixels);
    assert_eq!(service.picture().unwrap().1, pixels);
}

#[test]
fn a_picture_may_lie_in_two_regions() {
    let (service, stream) = Service::start();
    // As a VM with more than 3 GiB has them, and two that meet.
    let high = 4u64 << 30;
    let ram = Ram::with_regions(&[(0, MIB), (MIB as u64, MIB), (high, MIB)]);
    let mut guest = Guest::connect(stream, ram);
    let bytes = 64 * 64 * 4;
    let low = MIB as u64 - bytes / 4;
    let pixels = pattern(64, 64, 1);
    guest.must(&requests::create_2d(1, 2, 64, 64));
    guest.must(&requests::attach(1, &[(low, bytes as u32 / 2), (high, bytes as u32 / 2)]));
    guest.ram.write(high, &pixels[bytes as usize / 2..]);
    guest.draw(1, low, 64, 64, &pixels[..bytes as usize / 2]);
    assert_eq!(service.picture().unwrap().1, pixels);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn resources_outlive_a_new_memory_table() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::with_regions(&[(0, 16 * MIB), (16 * MIB as u64, MIB)]));
    guest.ram.take_from(16 * MIB as u64);
    let backing = guest.create_image(1, 64, 64);
    let pixels = pattern(64, 64, 1);
    guest.ram.write(backing, &pixels);
    let regions = guest.ram.regions();

    // The backing's region goes, while the image lives.
    guest.front.set_mem_table(&regions[..1]).unwrap();
    let all = [0, 0, 64, 64];
    let reply = guest.send(&requests::transfer(1, all, 0));
    assert!(requests::kind(&reply) >= ERR_UNSPEC, "its memory is gone");

    guest.front.set_mem_table(&regions).unwrap();
    guest.draw(1, backing, 64, 64, &pixels);
    assert_eq!(service.picture().unwrap().1, pixels);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn regions_come_and_go_one_by_one() {
    let (service, stream) = Service::start();
    let mut guest = Guest::negotiate(stream, Ram::with_regions(&[(0, 16 * MIB), (1 << 32, MIB)]));
    let regions = guest.ram.regions();
    guest.front.add_mem_region(&regions[0]).unwrap();
    guest.start([0; 2]);
    for round in 1..=5 {
        guest.front.add_mem_region(&regions[1]).unwrap();
        guest.ram.take_from(1 << 32);
        draws(&mut guest, &service, round);
        guest.front.remove_mem_region(&regions[1]).unwrap();
        let reply = guest.send(&requests::transfer(round, [0, 0, 64, 64], 0));
        assert!(requests::kind(&reply) >= ERR_UNSPEC);
    }
    drop(guest);
    service.end().unwrap();
}

#[test]
fn memory_may_be_huge_pages() {
    let pages = "/proc/sys/vm/nr_hugepages";
    let free = || -> u64 {
        let info = fs::read_to_string("/proc/meminfo").unwrap();
        let line = info.lines().find(|line| line.starts_with("HugePages_Free")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    if free() < 4 {
        let had: u64 = fs::read_to_string(pages).unwrap().trim().parse().unwrap();
        fs::write(pages, (had + 4).to_string()).expect("these need root, or huge pages set aside before");
    }
    assert!(free() >= 4, "no huge pages of 2 MiB: write 4 to {pages}");
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::huge(8 * MIB));
    draws(&mut guest, &service, 1);

    let mut beyond = guest.ram.regions();
    beyond[0].memory_size += 2 * MIB as u64;
    assert!(guest.front.set_mem_table(&beyond).is_err());
    draws(&mut guest, &service, 2);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_region_larger_than_its_file_is_refused_and_the_front_end_may_try_again() {
    let (service, stream) = Service::start();
    let mut guest = Guest::negotiate(stream, Ram::new());
    for (grow, offset) in [(1, 0), (1 << 40, 0), (0, 0x1000), (0, u64::MAX - 4095)] {
        let mut beyond = guest.ram.regions();
        beyond[0].memory_size += grow;
        beyond[0].mmap_offset = offset;
        assert!(guest.front.set_mem_table(&beyond).is_err(), "{grow} {offset}");
        assert!(guest.front.add_mem_region(&beyond[0]).is_err(), "{grow} {offset}");
    }
    guest.share_memory();
    guest.start([0; 2]);
    draws(&mut guest, &service, 1);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_front_end_that_does_not_wait_for_the_refusal_is_sent_away() {
    let (service, stream) = Service::start();
    let guest = Guest::negotiate(stream, Ram::new());
    guest.front.set_hdr_flags(VhostUserHeaderFlag::empty());
    let mut beyond = guest.ram.regions();
    beyond[0].memory_size *= 2;
    guest.front.set_mem_table(&beyond).unwrap();

    let reason = service.end().unwrap_err().to_string();

    assert!(reason.contains("134217728 bytes at offset 0 is larger than its file of 67108864"), "{reason}");
    assert!(guest.front.get_features().is_err());
}
