use vgpu::device::Limits;
use vgpu::guest_memory::GuestMemory;
use vm_memory::GuestAddress;

use crate::guest::*;

/// A 4 x 3 image of which each byte says where it is, in guest pages that are not in order.
fn drawn(guest: &mut Guest, format: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (1..=48).collect();
    guest.write(HIGH + 0x100, &bytes[..20]);
    guest.write(LOW + 0x7, &bytes[20..]);
    assert_eq!(guest.create(1, format, 4, 3), OK);
    assert_eq!(guest.attach(1, &[(HIGH + 0x100, 20), (LOW + 0x7, 28)]), OK);
    bytes
}

#[test]
fn a_transferred_picture_is_seen_in_every_format() {
    for (format, order) in FORMATS {
        let mut guest = Guest::new();
        let bytes = drawn(&mut guest, format);
        assert_eq!(guest.transfer(1, rect(0, 0, 4, 3), 0), OK);
        assert_eq!(guest.set_scanout(0, 1, rect(0, 0, 4, 3)), OK);
        assert_eq!(guest.flush(1, rect(0, 0, 4, 3)), OK);
        let wanted: Vec<u8> =
            bytes.chunks(4).flat_map(|pixel| order.map(|from: usize| pixel[from])).collect();
        assert_eq!(guest.picture(0).unwrap(), wanted, "format {format}");
    }
}

#[test]
fn a_transfer_of_a_part_changes_that_part_and_no_other() {
    let mut guest = Guest::new();
    let bytes = drawn(&mut guest, BGRX);
    guest.set_scanout(0, 1, rect(0, 0, 4, 3));

    assert_eq!(guest.transfer(1, rect(1, 1, 2, 2), 20), OK);

    let mut wanted = [0; 48];
    for row in [20, 36] {
        wanted[row..row + 8].copy_from_slice(&bytes[row..row + 8]);
    }
    assert_eq!(guest.picture(0).unwrap(), wanted);
}

#[test]
fn an_entry_may_cross_from_one_region_of_memory_into_the_next() {
    let mut guest = Guest::new();
    let regions = [(GuestAddress(0), 0x1000), (GuestAddress(0x1000), 0x1000)];
    guest.memory = GuestMemory::from_ranges(&regions).unwrap();
    guest.write(0xff0, &[5; 32]);
    guest.create(1, BGRX, 8, 1);
    assert_eq!(guest.attach(1, &[(0xff0, 32)]), OK);
    assert_eq!(guest.transfer(1, rect(0, 0, 8, 1), 0), OK);
    guest.set_scanout(0, 1, rect(0, 0, 8, 1));
    assert_eq!(guest.picture(0).unwrap(), [5; 32]);
}

#[test]
fn nothing_is_read_after_the_guest_took_its_pages_back_and_the_picture_stays() {
    let mut guest = Guest::new();
    let bytes = drawn(&mut guest, BGRX);
    guest.transfer(1, rect(0, 0, 4, 3), 0);
    guest.set_scanout(0, 1, rect(0, 0, 4, 3));

    assert_eq!(guest.ask(DETACH, &[1, 0]), OK);

    assert_eq!(guest.transfer(1, rect(0, 0, 4, 3), 0), UNSPEC);
    assert_eq!(guest.picture(0).unwrap(), bytes);
    assert_eq!(guest.attach(1, &[(LOW, 48)]), OK);
    assert_eq!(guest.transfer(1, rect(0, 0, 4, 3), 0), OK);
    assert_ne!(guest.picture(0).unwrap(), bytes);
}

#[test]
fn heads_show_parts_of_one_resource_and_a_flush_reaches_each_in_its_own_coordinates() {
    let mut guest = Guest::with(3, Limits::default());
    guest.create(1, BGRX, 100, 50);
    guest.attach(1, &[(LOW, 100 * 50 * 4)]);
    guest.write((10 * 100 + 60) * 4, &[9; 4]);
    guest.transfer(1, rect(0, 0, 100, 50), 0);
    let display = guest.connect(Answers::Unknown);
    assert_eq!(guest.set_scanout(0, 1, rect(0, 0, 50, 50)), OK);
    assert_eq!(guest.set_scanout(1, 1, rect(50, 0, 50, 50)), OK);
    assert_eq!(guest.set_scanout(2, 1, rect(0, 40, 100, 10)), OK);
    display.told();

    assert_eq!(guest.flush(1, rect(40, 10, 30, 5)), OK);

    let told = [Told::Damage(0, rect(40, 10, 10, 5)), Told::Damage(1, rect(0, 10, 20, 5))];
    assert_eq!(display.told(), told);
    assert_eq!(guest.picture(1).unwrap()[(10 * 50 + 10) * 4..][..4], [9; 4]);
    assert!(guest.picture(0).unwrap().iter().all(|byte| *byte == 0));
    guest.flush(1, rect(0, 0, 0, 0));
    assert_eq!(display.told(), []);
}

#[test]
fn a_new_size_is_told_and_a_flip_to_another_image_of_the_same_size_is_not() {
    let mut guest = Guest::new();
    let display = guest.connect(Answers::Unknown);
    for id in [1, 2, 3] {
        guest.create(id, BGRX, 32, if id == 3 { 16 } else { 32 });
    }
    guest.set_scanout(0, 1, rect(0, 0, 32, 32));
    assert_eq!(display.told(), [Told::Show(0, Some((32, 32))), Told::Damage(0, rect(0, 0, 32, 32))]);
    guest.set_scanout(0, 2, rect(0, 0, 32, 32));
    assert_eq!(display.told(), []);
    guest.flush(1, rect(0, 0, 32, 32));
    assert_eq!(display.told(), [], "it is no longer shown");
    guest.flush(2, rect(0, 0, 32, 32));
    assert_eq!(display.told(), [Told::Damage(0, rect(0, 0, 32, 32))]);
    guest.set_scanout(0, 3, rect(0, 0, 32, 16));
    assert_eq!(display.told(), [Told::Show(0, Some((32, 16))), Told::Damage(0, rect(0, 0, 32, 16))]);
    guest.set_scanout(0, 0, rect(9, 9, 9, 9));
    assert_eq!(display.told(), [Told::Show(0, None)]);
    guest.set_scanout(0, 0, rect(0, 0, 0, 0));
    assert_eq!(display.told(), []);
}

#[test]
fn unreferencing_a_shown_resource_switches_its_heads_off() {
    let mut guest = Guest::new();
    let display = guest.connect(Answers::Unknown);
    guest.create(1, BGRX, 32, 32);
    guest.create(2, BGRX, 32, 32);
    guest.set_scanout(0, 1, rect(0, 0, 32, 32));
    guest.set_scanout(1, 2, rect(0, 0, 32, 32));
    display.told();

    assert_eq!(guest.ask(UNREF, &[1, 0]), OK);

    assert_eq!(display.told(), [Told::Show(0, None)]);
    assert_eq!((guest.picture(0), guest.picture(1).map(|bytes| bytes.len())), (None, Some(4096)));
}

#[test]
fn a_blob_is_shown_from_the_guests_own_pages() {
    let mut guest = Guest::new();
    let display = guest.connect(Answers::Unknown);
    assert_eq!(guest.create_blob(1, 0x2000, &[(HIGH, 0x1000), (LOW, 0x1000)]), OK);
    let layout = Layout { width: 8, height: 8, format: 67, stride: 64, offset: 0xf00 };
    assert_eq!(guest.set_scanout_blob(1, 1, rect(2, 3, 4, 2), layout), OK);
    assert_eq!(display.told(), [Told::Show(1, Some((4, 2))), Told::Damage(1, rect(0, 0, 4, 2))]);

    // Row 3 of the framebuffer is the last of the first page, row 4 the first of the second.
    guest.write(HIGH + 0xfc0 + 2 * 4, &[1, 2, 3, 4]);
    guest.write(LOW + 5 * 4, &[5, 6, 7, 8]);
    assert_eq!(guest.transfer(1, rect(0, 0, 8, 8), 0), OK, "nothing to do");
    assert_eq!(guest.flush(1, rect(2, 3, 1, 1)), OK);

    assert_eq!(display.told(), [Told::Damage(1, rect(0, 0, 1, 1))]);
    let mut wanted = [0; 32];
    wanted[..4].copy_from_slice(&[3, 2, 1, 4]);
    wanted[28..].copy_from_slice(&[7, 6, 5, 8]);
    assert_eq!(guest.picture(1).unwrap(), wanted);
}

#[test]
fn a_shown_blob_without_pages_is_black_until_it_has_pages_again() {
    let mut guest = Guest::new();
    guest.create_blob(1, 0x100, &[(LOW, 0x100)]);
    guest.write(LOW, &[7; 0x100]);
    let layout = Layout { width: 4, height: 4, format: BGRX, stride: 16, offset: 0 };
    guest.set_scanout_blob(0, 1, rect(0, 0, 4, 4), layout);
    assert_eq!(guest.picture(0).unwrap(), [7; 64]);
    assert_eq!(guest.ask(DETACH, &[1, 0]), OK);
    assert_eq!(guest.picture(0).unwrap(), [0; 64]);
    assert_eq!(guest.attach(1, &[(LOW + 0x80, 0xff)]), INVALID_PARAMETER, "shorter than the blob");
    assert_eq!(guest.attach(1, &[(LOW, 0x100)]), OK);
    assert_eq!(guest.picture(0).unwrap(), [7; 64]);
}

#[test]
fn a_resource_keeps_its_uuid_and_no_two_have_the_same() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 1, 1);
    guest.create_blob(2, 0x1000, &[(LOW, 0x1000)]);
    let mut uuid = |id: u32| {
        let reply = guest.send(ASSIGN_UUID, &[id, 0]);
        assert_eq!((kind(&reply), reply.len()), (0x1105, 40));
        reply[24..].to_vec()
    };
    let (first, second) = (uuid(1), uuid(2));
    assert_eq!((uuid(1), uuid(2)), (first.clone(), second.clone()));
    assert_ne!(first, second);
    for uuid in [first, second] {
        assert_eq!((uuid[6] >> 4, uuid[8] >> 6), (4, 2), "version 4 of RFC 4122");
    }
}

#[test]
fn answers_bring_their_fences_back_in_errors_too() {
    let mut guest = Guest::new();
    for (kind_sent, answer) in [(UNREF, INVALID_RESOURCE), (GET_DISPLAY_INFO, 0x1101), (0x200, UNSPEC)] {
        let mut request = request(kind_sent, &[5, 0]);
        request[4] = 3;
        request[8..16].copy_from_slice(&0x1_0000_0002u64.to_le_bytes());
        request[16] = 9;
        request[20] = 4;
        let reply = guest.send_bytes(&request);
        assert_eq!(kind(&reply), answer);
        assert_eq!(reply[4..24], [3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0]);
    }
}

#[test]
fn a_reset_leaves_nothing_but_the_monitors() {
    let mut guest = Guest::new();
    let fresh = (guest.device.usage(), guest.device.heads(), guest.device.config());
    drawn(&mut guest, BGRX);
    guest.create(2, BGRX, 64, 64);
    guest.set_scanout(0, 1, rect(0, 0, 4, 3));
    guest.update_cursor(1, (1, 1), 2, (0, 0));
    let display = guest.connect(Answers::Unknown);
    display.told();

    guest.device.reset();

    assert_eq!((guest.device.usage(), guest.device.heads(), guest.device.config()), fresh);
    assert_eq!((guest.picture(0), &guest.device.cursor_of(head(1)).image), (None, &None));
    assert_eq!(display.told(), [Told::Show(0, None), Told::Cursor(0), Told::Cursor(1)]);
    assert_eq!(guest.create(1, BGRX, 4, 4), OK, "the sink and the features are still there");
    guest.set_scanout(0, 1, rect(0, 0, 4, 4));
    assert_eq!(display.told().len(), 2);
}
