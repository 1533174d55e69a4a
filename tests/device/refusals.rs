//! Every bad request gets its code and changes nothing.

use vgpu::device::Limits;

use crate::guest::*;

/// An image 1 of 64 x 64 with pages, shown on head 0; an image 2 of 32 x 32 without pages; a blob 3 of 0x1000 bytes.
fn guest() -> Guest {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 64, 64);
    guest.attach(1, &[(LOW, 64 * 64 * 4)]);
    guest.set_scanout(0, 1, rect(0, 0, 64, 64));
    guest.create(2, BGRX, 32, 32);
    guest.create_blob(3, 0x1000, &[(LOW, 0x1000)]);
    guest
}

/// Each request is refused with its code and changes neither state nor what the display was told.
fn refused(requests: impl IntoIterator<Item = (u32, Vec<u32>, u32)>) {
    let mut guest = guest();
    let display = guest.connect(Answers::Unknown);
    display.told();
    let before = guest.state();
    for (kind, body, code) in requests {
        assert_eq!(guest.ask(kind, &body), code, "{kind:#x} {body:x?}");
        assert_eq!(guest.state(), before, "{kind:#x} {body:x?}");
        assert_eq!(display.told(), [], "{kind:#x} {body:x?}");
    }
}

fn many(kind: u32, code: u32, bodies: &[&[u32]]) -> Vec<(u32, Vec<u32>, u32)> {
    bodies.iter().map(|body| (kind, body.to_vec(), code)).collect()
}

#[test]
fn images_that_cannot_be_made() {
    refused(many(CREATE_2D, INVALID_RESOURCE, &[&[0, 2, 8, 8], &[1, 2, 8, 8], &[3, 2, 8, 8]]));
    refused(many(
        CREATE_2D,
        INVALID_PARAMETER,
        &[
            &[9, 0, 8, 8],
            &[9, 5, 8, 8],
            &[9, u32::MAX, 8, 8],
            &[9, 2, 0, 8],
            &[9, 2, 8, 0],
            &[9, 2, 16385, 1],
            &[9, 2, 1, 16385],
        ],
    ));
    refused(many(CREATE_2D, OUT_OF_MEMORY, &[&[9, 2, 16384, 16384], &[9, 2, 8192, 8192]]));
}

#[test]
fn resources_that_there_are_not() {
    for id in [0, 9, u32::MAX] {
        refused(many(UNREF, INVALID_RESOURCE, &[&[id, 0]]));
        refused(many(FLUSH, INVALID_RESOURCE, &[&[0, 0, 1, 1, id, 0]]));
        refused(many(TRANSFER, INVALID_RESOURCE, &[&[0, 0, 1, 1, 0, 0, id, 0]]));
        refused(many(ATTACH, INVALID_RESOURCE, &[&[id, 1, 0, 0, 0x1000, 0], &[id, 0]]));
        refused(many(DETACH, INVALID_RESOURCE, &[&[id, 0]]));
        refused(many(ASSIGN_UUID, INVALID_RESOURCE, &[&[id, 0]]));
    }
    refused(many(SET_SCANOUT, INVALID_RESOURCE, &[&[0, 0, 1, 1, 0, 9]]));
    refused(many(
        SET_SCANOUT_BLOB,
        INVALID_RESOURCE,
        &[&[0, 0, 1, 1, 0, 9, 1, 1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0]],
    ));
}

#[test]
fn heads_that_there_are_not() {
    // A display may have more heads than were asked for, but never more than the specification has.
    for head in [16, 17, u32::MAX] {
        refused(many(SET_SCANOUT, INVALID_SCANOUT, &[&[0, 0, 8, 8, head, 1], &[0, 0, 0, 0, head, 0]]));
        let mut blob = [0, 0, 8, 8, head, 3, 8, 8, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0];
        refused(many(SET_SCANOUT_BLOB, INVALID_SCANOUT, &[&blob]));
        blob[5] = 0;
        refused(many(SET_SCANOUT_BLOB, INVALID_SCANOUT, &[&blob]));
        refused(many(GET_EDID, INVALID_PARAMETER, &[&[head, 0]]));
    }
}

#[test]
fn rectangles_that_leave_the_image() {
    let outside: [[u32; 4]; 9] = [
        [0, 0, 65, 64],
        [0, 0, 64, 65],
        [1, 0, 64, 64],
        [0, 1, 64, 64],
        [64, 0, 1, 1],
        [0, 64, 1, 1],
        [u32::MAX, 0, 2, 1],
        [0, u32::MAX, 1, 2],
        [1, 1, u32::MAX, u32::MAX],
    ];
    for [x, y, w, h] in outside {
        refused(many(FLUSH, INVALID_PARAMETER, &[&[x, y, w, h, 1, 0]]));
        refused(many(TRANSFER, INVALID_PARAMETER, &[&[x, y, w, h, 0, 0, 1, 0]]));
        refused(many(SET_SCANOUT, INVALID_PARAMETER, &[&[x, y, w, h, 0, 1], &[x, y, w, h, 1, 1]]));
    }
    refused(many(SET_SCANOUT, INVALID_PARAMETER, &[&[0, 0, 0, 8, 0, 1], &[0, 0, 8, 0, 0, 1]]));
}

#[test]
fn transfers_that_leave_the_backing() {
    let one_row_too_far = 4 * 64;
    refused(many(
        TRANSFER,
        INVALID_PARAMETER,
        &[
            &[0, 0, 64, 64, 1, 0, 1, 0],
            &[0, 0, 64, 64, one_row_too_far, 0, 1, 0],
            &[0, 0, 8, 8, u32::MAX, u32::MAX, 1, 0],
            &[0, 0, 8, 8, 0, 1, 1, 0],
            &[0, 0, 0, 0, u32::MAX, u32::MAX, 1, 0],
            &[63, 63, 1, 1, 64 * 64 * 4, 0, 1, 0],
        ],
    ));
    refused(many(TRANSFER, UNSPEC, &[&[0, 0, 1, 1, 0, 0, 2, 0]]));
}

#[test]
fn backings_that_cannot_be_attached() {
    let end = REGION as u32;
    refused(many(ATTACH, UNSPEC, &[&[1, 1, 0, 0, 0x1000, 0], &[3, 1, 0, 0, 0x1000, 0]]));
    refused(many(
        ATTACH,
        UNSPEC,
        &[
            &[2, 1, 0, 0, 0, 0],
            &[2, 2, 0, 0, 0x1000, 0, 0x1000, 0, 0, 0],
            &[2, 1, end, 0, 1, 0],
            &[2, 1, end - 1, 0, 2, 0],
            &[2, 1, u32::MAX, u32::MAX, 1, 0],
            &[2, 1, u32::MAX, u32::MAX, u32::MAX, 0],
            &[2, 2, 0, 0, 0x1000, 0, 0, 1, 0x1000, 0],
        ],
    ));
    refused(many(ATTACH, INVALID_PARAMETER, &[&[2, 1], &[2, 2, 0, 0, 0x1000, 0], &[2, 16384]]));
    refused(many(ATTACH, OUT_OF_MEMORY, &[&[2, 16385], &[2, u32::MAX]]));
    refused(many(DETACH, UNSPEC, &[&[2, 0]]));
}

#[test]
fn blobs_that_cannot_be_made() {
    refused(many(
        CREATE_BLOB,
        INVALID_RESOURCE,
        &[&[0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0], &[1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0]],
    ));
    refused(many(
        CREATE_BLOB,
        INVALID_PARAMETER,
        &[
            &[9, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0],
            &[9, 2, 0, 0, 0, 0, 1, 0],
            &[9, 3, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0],
            &[9, 1, 8, 1, 0, 0, 1, 0, 0, 0, 1, 0],
            &[9, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0],
            &[9, 1, 0, 0, 0, 0, 0, 0],
            &[9, 1, 0, 1, 0, 0, 2, 0, 0, 0, 1, 0],
            &[9, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0],
            &[9, 1, 0, 2, 0, 0, 1, 0, 0, 0, 1, 0],
        ],
    ));
    refused(many(
        CREATE_BLOB,
        UNSPEC,
        &[&[9, 1, 0, 1, 0, 0, 1, 0, u32::MAX, 0, 1, 0], &[9, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0]],
    ));
    refused(many(CREATE_BLOB, OUT_OF_MEMORY, &[&[9, 1, 0, u32::MAX, 0, 0, 1, 0]]));
}

#[test]
fn framebuffers_that_leave_their_blob() {
    let body = |area: [u32; 4], id, width, height, format, stride, offset| {
        let tail = [0, id, width, height, format, 0, stride, 0, 0, 0, offset, 0, 0, 0];
        (SET_SCANOUT_BLOB, [&area[..], &tail].concat(), INVALID_PARAMETER)
    };
    refused([
        body([0, 0, 32, 32], 3, 32, 32, 2, 128, 1),
        body([0, 0, 32, 32], 3, 32, 33, 2, 132, 0),
        body([0, 0, 32, 33], 3, 32, 33, 2, 128, 0),
        body([0, 0, 8, 8], 3, 8, 8, 2, u32::MAX, 0),
        body([0, 0, 8, 8], 3, 8, 8, 2, 32, u32::MAX),
        body([0, 0, 8, 8], 3, 8, 8, 2, 31, 0),
        body([0, 0, 8, 8], 3, 8, 8, 2, 0, 0),
        body([0, 0, 8, 8], 3, 8, 8, 0, 32, 0),
        body([0, 0, 8, 8], 3, 7, 8, 2, 32, 0),
        body([1, 0, 8, 8], 3, 8, 8, 2, 32, 0),
        body([0, u32::MAX, 8, 2], 3, 8, 8, 2, 32, 0),
        body([0, 0, 0, 8], 3, 8, 8, 2, 32, 0),
        body([0, 0, 1, 1], 3, u32::MAX, u32::MAX, 2, u32::MAX, 0),
        body([0, 0, 8, 8], 1, 8, 8, 2, 32, 0),
    ]);
    refused(many(SET_SCANOUT, INVALID_PARAMETER, &[&[0, 0, 8, 8, 0, 3]]));
}

#[test]
fn a_blob_without_pages_cannot_be_shown() {
    let mut guest = guest();
    assert_eq!(guest.create_blob(9, 0x1000, &[]), OK);
    let before = guest.state();
    let layout = Layout { width: 8, height: 8, format: BGRX, stride: 32, offset: 0 };
    assert_eq!(guest.set_scanout_blob(0, 9, rect(0, 0, 8, 8), layout), UNSPEC);
    assert_eq!(guest.state(), before);
}

#[test]
fn a_framebuffer_may_end_with_its_blob_and_no_side_may_be_longer_than_an_image() {
    let mut guest = guest();
    let layout = |width, height, stride, offset| Layout { width, height, format: BGRX, stride, offset };
    assert_eq!(guest.set_scanout_blob(0, 3, rect(0, 0, 32, 32), layout(32, 32, 128, 0)), OK);
    assert_eq!(
        guest.set_scanout_blob(0, 3, rect(0, 0, 8, 8), layout(8, 8, 500, 564)),
        OK,
        "the last row ends it"
    );
    let mut wide = Guest::with(1, Limits { image_side: 16, ..Limits::default() });
    wide.create_blob(1, 0x1000, &[(LOW, 0x1000)]);
    assert_eq!(wide.set_scanout_blob(0, 1, rect(0, 0, 16, 1), layout(17, 1, 68, 0)), OK);
    assert_eq!(wide.set_scanout_blob(0, 1, rect(0, 0, 17, 1), layout(17, 1, 68, 0)), INVALID_PARAMETER);
}

/// Whoever shows a blob copies it, and a guest may name the same page many times over.
#[test]
fn a_framebuffer_larger_than_all_images_may_be_is_out_of_memory() {
    let mut guest = Guest::with(1, Limits { memory_bytes: 1 << 20, ..Limits::default() });
    assert_eq!(guest.create_blob(1, 0x20_0000, &[(LOW, 0x10_0000), (LOW, 0x10_0000)]), OK);
    let layout = Layout { width: 512, height: 1024, format: BGRX, stride: 2048, offset: 0 };
    let before = guest.state();
    assert_eq!(guest.set_scanout_blob(0, 1, rect(0, 0, 512, 513), layout), OUT_OF_MEMORY);
    assert_eq!(guest.state(), before);
    assert_eq!(guest.set_scanout_blob(0, 1, rect(0, 0, 512, 512), layout), OK);
}

#[test]
fn requests_cut_at_any_byte() {
    let mut guest = guest();
    let before = guest.state();
    for (kind, words) in [
        (CREATE_2D, 4),
        (UNREF, 2),
        (SET_SCANOUT, 6),
        (FLUSH, 6),
        (TRANSFER, 8),
        (ATTACH, 2),
        (DETACH, 2),
        (GET_CAPSET_INFO, 2),
        (GET_CAPSET, 2),
        (GET_EDID, 2),
        (ASSIGN_UUID, 2),
        (CREATE_BLOB, 8),
        (SET_SCANOUT_BLOB, 18),
    ] {
        let whole = request(kind, &vec![1; words]);
        for short in 0..whole.len() {
            let wanted = if short < 24 { UNSPEC } else { INVALID_PARAMETER };
            assert_eq!(plain(&guest.send_bytes(&whole[..short])), wanted, "{kind:#x} of {short} bytes");
        }
    }
    assert_eq!(guest.state(), before);
}

#[test]
fn everything_of_3d() {
    for kind in (0x200..=0x209).chain([0x10e, 0x1ff, 0x7fff_ffff]) {
        refused(many(kind, UNSPEC, &[&[1; 40], &[]]));
    }
}

#[test]
fn the_limits_of_the_vgpu_hold_and_what_is_given_back_can_be_used_again() {
    let limits = Limits { memory_bytes: 28_000, resources: 3, entries: 2, image_side: 64 };
    let mut guest = Guest::with(1, limits);
    assert_eq!(guest.create(1, BGRX, 64, 64), OK);
    let before = guest.state();
    assert_eq!(guest.create(2, BGRX, 64, 64), OUT_OF_MEMORY);
    assert_eq!(guest.create(2, BGRX, 65, 1), INVALID_PARAMETER);
    assert_eq!(guest.attach(1, &[(LOW, 1), (LOW, 1), (LOW, 1)]), OUT_OF_MEMORY);
    assert_eq!(guest.state(), before);
    assert_eq!(guest.attach(1, &[(LOW, 1), (LOW, 1)]), OK);
    assert_eq!((guest.create(2, BGRX, 1, 1), guest.create(3, BGRX, 1, 1)), (OK, OK));
    assert_eq!(guest.create(4, BGRX, 1, 1), OUT_OF_MEMORY, "the fourth resource");
    assert!(guest.device.usage().bytes <= 28_000 && guest.device.usage().resources == 3);

    for id in 1..=3 {
        guest.ask(UNREF, &[id, 0]);
    }
    assert_eq!(guest.device.usage(), vgpu::device::Usage::default());
    assert_eq!(guest.create(2, BGRX, 64, 64), OK);
}
