use vgpu::display::{CURSOR_BYTES, Cursor};
use vgpu::wire::Point;

use crate::guest::*;

/// A 64 x 64 image whose bytes say where they are.
fn pointer(guest: &mut Guest, id: u32, format: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (0..CURSOR_BYTES).map(|at| (at % 251) as u8).collect();
    guest.write(LOW, &bytes);
    assert_eq!(guest.create(id, format, 64, 64), OK);
    assert_eq!(guest.attach(id, &[(LOW, CURSOR_BYTES as u32)]), OK);
    assert_eq!(guest.transfer(id, rect(0, 0, 64, 64), 0), OK);
    bytes
}

#[test]
fn a_pointer_is_seen_as_blue_green_red_alpha_in_every_format() {
    for (format, order) in FORMATS {
        let mut guest = Guest::new();
        let bytes = pointer(&mut guest, 1, format);
        let display = guest.connect(Answers::Unknown);

        assert_eq!(guest.update_cursor(1, (10, 20), 1, (3, 4)), OK);

        let image: Vec<u8> = bytes.chunks(4).flat_map(|pixel| order.map(|from: usize| pixel[from])).collect();
        let wanted =
            Cursor { at: Point { x: 10, y: 20 }, hot: Point { x: 3, y: 4 }, image: Some(image.into()) };
        assert_eq!(guest.device.cursor_of(head(1)), &wanted, "format {format}");
        assert_eq!(guest.device.cursor_of(head(0)), &Cursor::default());
        assert_eq!(display.told(), [Told::Cursor(1)]);
    }
}

#[test]
fn a_pointer_can_be_a_blob() {
    let mut guest = Guest::new();
    let bytes = pointer(&mut guest, 1, BGRX);
    assert_eq!(guest.create_blob(2, 0x4000, &[(LOW, 0x4000)]), OK);
    assert_eq!(guest.update_cursor(0, (0, 0), 2, (0, 0)), OK);
    assert_eq!(guest.device.cursor_of(head(0)).image.as_deref(), Some(&bytes[..]));

    assert_eq!(guest.create_blob(3, 0x3fff, &[(LOW, 0x4000)]), OK);
    assert_eq!(guest.update_cursor(0, (0, 0), 3, (0, 0)), INVALID_PARAMETER);
    guest.ask(DETACH, &[2, 0]);
    assert_eq!(guest.update_cursor(0, (0, 0), 2, (0, 0)), UNSPEC);
}

#[test]
fn moving_changes_the_place_alone_and_resource_zero_hides() {
    let mut guest = Guest::new();
    pointer(&mut guest, 1, BGRX);
    guest.update_cursor(0, (1, 2), 1, (3, 4));
    let display = guest.connect(Answers::Unknown);
    let shown = guest.device.cursor_of(head(0)).clone();
    display.told();

    assert_eq!(guest.move_cursor(0, (u32::MAX, 7)), OK);
    assert_eq!(guest.device.cursor_of(head(0)), &Cursor { at: Point { x: u32::MAX, y: 7 }, ..shown });
    assert_eq!(display.told(), [Told::Moved(0)]);

    assert_eq!(guest.update_cursor(0, (5, 5), 0, (0, 0)), OK);
    assert_eq!(guest.device.cursor_of(head(0)).image, None);
    assert_eq!(display.told(), [Told::Cursor(0)]);
}

#[test]
fn a_pointer_outlives_the_resource_it_came_from() {
    let mut guest = Guest::new();
    let bytes = pointer(&mut guest, 1, BGRX);
    guest.update_cursor(0, (0, 0), 1, (0, 0));
    assert_eq!(guest.ask(UNREF, &[1, 0]), OK);
    assert_eq!(guest.device.cursor_of(head(0)).image.as_deref(), Some(&bytes[..]));
}

#[test]
fn a_hot_spot_outside_the_image_is_drawn_to_its_edge() {
    let mut guest = Guest::new();
    pointer(&mut guest, 1, BGRX);
    assert_eq!(guest.update_cursor(0, (0, 0), 1, (u32::MAX, 64)), OK);
    assert_eq!(guest.device.cursor_of(head(0)).hot, Point { x: 63, y: 63 });
}

#[test]
fn what_is_no_pointer_is_refused_and_changes_nothing() {
    let mut guest = Guest::new();
    pointer(&mut guest, 1, BGRX);
    guest.create(2, BGRX, 64, 63);
    guest.create(3, BGRX, 128, 128);
    guest.update_cursor(0, (1, 1), 1, (1, 1));
    let before = guest.state();
    for (number, id, answer) in [
        (0, 2, INVALID_PARAMETER),
        (0, 3, INVALID_PARAMETER),
        (0, 4, INVALID_RESOURCE),
        (2, 1, INVALID_SCANOUT),
        (2, 0, INVALID_SCANOUT),
        (u32::MAX, 1, INVALID_SCANOUT),
    ] {
        assert_eq!(guest.update_cursor(number, (5, 5), id, (0, 0)), answer, "head {number}, resource {id}");
    }
    assert_eq!(guest.move_cursor(2, (5, 5)), INVALID_SCANOUT);
    assert_eq!(guest.state(), before);
}

#[test]
fn commands_on_the_wrong_queue_are_refused() {
    let mut guest = Guest::new();
    let before = guest.state();
    for kind in [UPDATE_CURSOR, MOVE_CURSOR] {
        assert_eq!(guest.ask(kind, &[0; 8]), UNSPEC);
    }
    for kind in (0x100..=0x10d).chain([0, 0x302]) {
        assert_eq!(guest.ask_cursor(kind, &[1, 2, 8, 8, 0, 1, 0, 0]), UNSPEC);
    }
    for bytes in [&[][..], &[0; 23]] {
        let mut reply = Vec::new();
        guest.device.cursor(&guest.memory, bytes, &mut reply);
        assert_eq!(plain(&reply), UNSPEC);
        assert_eq!(plain(&guest.send_bytes(bytes)), UNSPEC);
    }
    assert_eq!(guest.state(), before);
}
