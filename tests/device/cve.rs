//! What broke other devices. One test a published hole (or class of them), named after it.

use vgpu::device::{Limits, Usage};
use vgpu::guest_memory::GuestMemory;
use vm_memory::GuestAddress;

use crate::guest::*;

#[test]
fn cve_2026_3886_width_times_height_overflow_is_refused_without_allocating() {
    let mut guest = Guest::with(1, Limits { memory_bytes: u64::MAX, ..Limits::default() });
    let before = guest.state();
    for (width, height) in [
        (0x8000_0000, 0x8000_0000),
        (0x4000_0000, 1),
        (1, 0x4000_0000),
        (0x1_0001, 0x1_0000),
        (0x8001, 0x8000),
        (u32::MAX, u32::MAX),
        (16385, 16384),
    ] {
        assert_eq!(guest.create(1, BGRX, width, height), INVALID_PARAMETER, "{width} x {height}");
        assert_eq!(guest.state(), before);
    }
}

#[test]
fn cve_2026_3886_no_limit_of_an_operator_makes_the_product_wrap() {
    let limits = Limits { memory_bytes: u64::MAX, image_side: u32::MAX, ..Limits::default() };
    let mut guest = Guest::with(1, limits);
    assert_eq!(guest.create(1, BGRX, u32::MAX, u32::MAX), OUT_OF_MEMORY);
    assert_eq!(guest.create(1, BGRX, 0x8000_0000, 0x8000_0000), OUT_OF_MEMORY);
    assert_eq!(guest.device.usage(), Usage::default());
}

#[test]
fn cve_2026_3886_a_stride_that_wraps_is_refused() {
    let mut guest = Guest::new();
    guest.create_blob(1, 0x1000, &[(LOW, 0x1000)]);
    let before = guest.state();
    for (stride, offset, y) in [
        (0x8000_0000, 0, 2),
        (0x4000_0000, 0, 4),
        (u32::MAX, u32::MAX, u32::MAX - 1),
        (0x1_0000, 0, 0x1_0000),
        (32, 0xffff_ffe0, 1),
    ] {
        let layout = Layout { width: 8, height: y.saturating_add(1), format: BGRX, stride, offset };
        assert_eq!(guest.set_scanout_blob(0, 1, rect(0, y, 8, 1), layout), INVALID_PARAMETER);
        assert_eq!(guest.state(), before);
    }
}

#[test]
fn cve_2016_10029_a_scanout_id_beyond_the_heads_is_refused() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 64, 64);
    let before = guest.state();
    for number in [2, 3, 15, 16, 17, 255, 256, 0x8000_0000, u32::MAX] {
        assert_eq!(guest.set_scanout(number, 1, rect(0, 0, 8, 8)), INVALID_SCANOUT);
        assert_eq!(guest.set_scanout(number, 0, rect(0, 0, 0, 0)), INVALID_SCANOUT);
        assert_eq!(guest.update_cursor(number, (0, 0), 1, (0, 0)), INVALID_SCANOUT);
        assert_eq!(guest.move_cursor(number, (0, 0)), INVALID_SCANOUT);
        assert_eq!(guest.state(), before);
    }
}

#[test]
fn cve_2021_3546_get_capset_of_any_index_and_version_is_an_error_of_bounded_length() {
    let mut guest = Guest::new();
    for id in [0, 1, 2, 4, 6, 63, 64, 0x8000_0000, u32::MAX] {
        for version in [0, 1, u32::MAX] {
            let reply = guest.send(GET_CAPSET, &[id, version]);
            assert_eq!((reply.len(), plain(&reply)), (24, INVALID_PARAMETER));
        }
    }
}

#[test]
fn cve_2021_3545_get_capset_info_answers_zeroes_but_for_the_error() {
    let mut guest = Guest::new();
    for index in [0, 1, 2, u32::MAX] {
        let reply = guest.send(GET_CAPSET_INFO, &[index, 0xffff_ffff]);
        assert_eq!(reply, [&INVALID_PARAMETER.to_le_bytes()[..], &[0; 20]].concat());
    }
}

#[test]
fn cve_2021_3544_attaching_twice_and_unref_with_backing_do_not_grow_in_a_million_cycles() {
    let mut guest = Guest::new();
    let entries = [2, 2, 0, 0, 0x1000, 0, 0x4000, 0, 0x1000, 0];
    let [create, mut attach] = [request(CREATE_2D, &[1, BGRX, 8, 8]), request(ATTACH, &entries)];
    attach[24] = 1;
    let [detach, unref] = [request(DETACH, &[1, 0]), request(UNREF, &[1, 0])];
    let mut reply = Vec::new();
    let mut used = None;
    for cycle in 0..1_000_000 {
        let requests = match cycle % 2 {
            0 => [&create, &attach, &attach, &unref],
            _ => [&create, &attach, &detach, &unref],
        };
        for (step, request) in requests.into_iter().enumerate() {
            let _ = guest.device.control(&guest.memory, 0, request, &mut reply);
            let refused = cycle % 2 == 0 && step == 2;
            assert_eq!(kind(&reply), if refused { UNSPEC } else { OK });
            if step == 1 {
                let now = guest.device.usage();
                assert_eq!(*used.get_or_insert(now), now);
            }
        }
    }
    assert_eq!(guest.device.usage(), Usage::default());
}

#[test]
fn cve_2021_3544_a_refused_blob_leaves_nothing_behind() {
    let mut guest = Guest::new();
    for _ in 0..1000 {
        assert_eq!(guest.create_blob(1, 0x1000, &[(LOW, 0x800), (u64::MAX, 0x800)]), UNSPEC);
        assert_eq!(guest.create_blob(1, 0x1001, &[(LOW, 0x800), (LOW, 0x800)]), INVALID_PARAMETER);
    }
    assert_eq!(guest.device.usage(), Usage::default());
}

#[test]
fn cve_2022_0135_a_transfer_box_beyond_the_resource_is_refused() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 16, 16);
    guest.attach(1, &[(LOW, 0x1000)]);
    guest.set_scanout(0, 1, rect(0, 0, 16, 16));
    guest.write(LOW, &[0xff; 0x1000]);
    let before = guest.state();
    for area in [rect(0, 0, 17, 1), rect(8, 8, 8, 9), rect(u32::MAX, 0, 1, 1), rect(1, 0, u32::MAX, 1)] {
        assert_eq!(guest.transfer(1, area, 0), INVALID_PARAMETER);
        assert_eq!(guest.state(), before);
    }
}

#[test]
fn cve_2022_0135_a_backing_short_of_the_transfer_box_is_refused_before_the_first_byte() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 16, 16);
    guest.attach(1, &[(LOW, 1000), (HIGH, 23)]);
    guest.set_scanout(0, 1, rect(0, 0, 16, 16));
    guest.write(LOW, &[0xff; 1000]);
    let before = guest.state();
    assert_eq!(guest.transfer(1, rect(0, 0, 16, 16), 0), INVALID_PARAMETER);
    assert_eq!(guest.transfer(1, rect(0, 0, 15, 16), 4), INVALID_PARAMETER);
    assert_eq!(guest.transfer(1, rect(0, 0, 1, 1), 1020), INVALID_PARAMETER);
    assert_eq!(guest.state(), before);
    assert_eq!(guest.transfer(1, rect(0, 0, 16, 15), 0), OK);
}

#[test]
fn cve_2022_0175_what_was_never_written_reads_as_zeroes() {
    let mut guest = Guest::new();
    guest.write(LOW, &[0xff; 0x10_0000]);
    for round in 0..20 {
        // The same memory again and again, dirty from the round before.
        let side = 64 + round * 32;
        guest.create(1, BGRX, side, side);
        guest.set_scanout(0, 1, rect(0, 0, side, side));
        assert!(guest.picture(0).unwrap().iter().all(|byte| *byte == 0), "{side}");
        guest.attach(1, &[(LOW, 0x10_0000)]);
        guest.transfer(1, rect(0, 0, side, (0x10_0000 / 4 / side).min(side)), 0);
        guest.ask(UNREF, &[1, 0]);
    }
    guest.create(1, BGRX, 64, 64);
    guest.update_cursor(0, (0, 0), 1, (0, 0));
    assert!(guest.device.cursor_of(head(0)).image.as_ref().unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn cve_2024_3446_an_address_that_is_no_memory_is_refused_by_the_memory_map() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 8, 8);
    let before = guest.state();
    for (address, len) in [
        (REGION, 0x1000),
        (REGION - 1, 2),
        (0xfebf_0000, 0x1000),
        (HIGH - 1, 1),
        (HIGH + REGION, 1),
        (u64::MAX, 1),
        (u64::MAX - 0xfff, 0x1000),
        (LOW, u32::MAX),
    ] {
        assert_eq!(guest.attach(1, &[(LOW, 0x1000), (address, len)]), UNSPEC, "{address:#x}");
        assert_eq!(guest.create_blob(2, 0x1000, &[(LOW, 0x1000), (address, len)]), UNSPEC, "{address:#x}");
        assert_eq!(guest.state(), before);
    }
}

#[test]
fn cve_2024_3446_memory_that_goes_away_under_a_resource_is_an_error_and_then_black() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 8, 8);
    guest.attach(1, &[(HIGH, 256)]);
    guest.create_blob(2, 0x4000, &[(HIGH, 0x4000)]);
    guest.write(HIGH, &[9; 0x4000]);
    let layout = Layout { width: 8, height: 8, format: BGRX, stride: 32, offset: 0 };
    guest.set_scanout_blob(0, 2, rect(0, 0, 8, 8), layout);
    assert_eq!(guest.picture(0).unwrap(), [9; 256]);

    guest.memory = GuestMemory::from_ranges(&[(GuestAddress(LOW), REGION as usize)]).unwrap();

    assert_eq!(guest.transfer(1, rect(0, 0, 8, 8), 0), UNSPEC);
    assert_eq!(guest.update_cursor(0, (0, 0), 2, (0, 0)), UNSPEC);
    assert_eq!(guest.flush(2, rect(0, 0, 8, 8)), OK);
    assert_eq!(guest.picture(0).unwrap(), [0; 256]);
}

#[test]
fn exhaustion_by_four_gibi_entries_is_a_quota_error() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 8, 8);
    let before = guest.state();
    for count in [16385, 0x1000_0000, 0x1000_0001, u32::MAX] {
        assert_eq!(guest.ask(ATTACH, &[1, count, 0, 0, 0x1000, 0]), OUT_OF_MEMORY);
        assert_eq!(guest.ask(CREATE_BLOB, &[2, 1, 0, count, 0, 0, 1, 0, 0, 0, 0x1000, 0]), OUT_OF_MEMORY);
    }
    assert_eq!(guest.state(), before);
}

#[test]
fn exhaustion_by_zero_length_entries_is_refused() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 8, 8);
    let before = guest.state();
    assert_eq!(guest.attach(1, &[(LOW, 0); 16384]), UNSPEC);
    assert_eq!(guest.attach(1, &[(LOW, 0x1000), (LOW, 0)]), UNSPEC);
    assert_eq!(guest.state(), before);
}

#[test]
fn exhaustion_by_the_longest_lists_ends_at_the_ledger() {
    let limits = Limits { memory_bytes: 4 << 20, ..Limits::default() };
    let mut guest = Guest::with(1, limits);
    // Entries that cannot be joined, so that each takes its place in the list.
    let entries: Vec<_> = (0..16384).map(|at| (at % 2 * 0x2000, 0x1000)).collect();
    let made = (1..100).take_while(|id| guest.create_blob(*id, 0x1000, &entries) == OK).count();
    assert_eq!(made, 2, "of 384 KiB each, and what their records take");
    assert_eq!(guest.create_blob(100, 0x1000, &entries), OUT_OF_MEMORY);
    assert!(guest.device.usage().bytes <= 4 << 20);
    assert_eq!(guest.create_blob(100, 0x1000, &entries[..16]), OK);
}

#[test]
fn exhaustion_by_empty_resources_is_a_quota_error() {
    let mut guest = Guest::with(1, Limits { memory_bytes: u64::MAX, ..Limits::default() });
    let made = (1..20_000).take_while(|id| guest.create(*id, BGRX, 1, 1) == OK).count();
    assert_eq!(made, 16384);
    let mut guest =
        Guest::with(1, Limits { memory_bytes: 1 << 20, resources: u32::MAX, ..Limits::default() });
    let made = (1..20_000).take_while(|id| guest.create_blob(*id, 1, &[]) == OK).count();
    assert!(made < 4096, "none is free: {made}");
    let mut guest = Guest::with(1, Limits { memory_bytes: 1 << 20, ..Limits::default() });
    let made = (1..20_000).take_while(|id| guest.create(*id, BGRX, 1, 1) == OK).count();
    assert!(made < 256, "each takes a page: {made}");
}
