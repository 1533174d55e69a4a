use super::*;
use proptest::prelude::*;

/// A request of 32-bit words after the header.
fn decode(kind: u32, words: &[u32], limits: &Limits) -> Result<String, GuestError> {
    let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let header = Header { kind, ..Header::default() };
    let control = Command::decode(&header, &body, limits).map(|command| format!("{command:?}"));
    match CursorCommand::decode(&header, &body) {
        Err(GuestError::UnknownCommand(_)) => control,
        cursor => cursor.map(|command| format!("{command:?}")),
    }
}

fn decoded(kind: u32, words: &[u32]) -> Result<String, GuestError> {
    decode(kind, words, &Limits::default())
}

#[test]
fn a_header_is_read_field_by_field_and_what_follows_is_the_body() {
    let bytes: Vec<u8> = (1..=30).collect();
    let (header, body) = Header::decode(&bytes).unwrap();
    let wanted = Header {
        kind: 0x0403_0201,
        flags: 0x0807_0605,
        fence_id: 0x100f_0e0d_0c0b_0a09,
        ctx_id: 0x1413_1211,
        ring_idx: 0x15,
    };
    assert_eq!((header, body), (wanted, &bytes[24..]));
    assert_eq!(Header::decode(&bytes[..23]), Err(GuestError::TooShort { sent: 23, needed: 24 }));
}

#[test]
fn every_field_of_every_command_is_read_from_its_place() {
    let id = |number| format!("{:?}", ResourceId::new(number).unwrap());
    let rect = "Rect { x: 1, y: 2, width: 3, height: 4 }";
    let size = "Size { width: 8, height: 9 }";
    let cases: [(u32, &[u32], String); 19] = [
        (0x100, &[], "GetDisplayInfo".into()),
        (0x101, &[7, 67, 8, 9], format!("CreateImage {{ id: {}, format: R8G8B8A8, size: {size} }}", id(7))),
        (0x102, &[7, 0], format!("Unref({})", id(7))),
        (0x103, &[1, 2, 3, 4, 5, 6], format!("SetScanout {{ head: ScanoutId(5), id: {}, area: {rect} }}", id(6))),
        (0x103, &[1, 2, 3, 4, 5, 0], "DisableScanout(ScanoutId(5))".into()),
        (0x104, &[1, 2, 3, 4, 5, 0], format!("Flush {{ id: {}, area: {rect} }}", id(5))),
        (
            0x105,
            &[1, 2, 3, 4, 5, 6, 7, 0],
            format!("Transfer {{ id: {}, area: {rect}, offset: {} }}", id(7), 5 + (6u64 << 32)),
        ),
        (0x107, &[7, 0], format!("DetachBacking({})", id(7))),
        (0x108, &[3, 0], "GetCapsetInfo(3)".into()),
        (0x109, &[3, 1], "GetCapset(3)".into()),
        (0x10a, &[15, 0], "GetEdid(ScanoutId(15))".into()),
        (0x10b, &[7, 0], format!("AssignUuid({})", id(7))),
        (0x208, &[7, 0, 5, 6], format!("MapBlob {{ id: {}, offset: {} }}", id(7), 5 + (6u64 << 32))),
        (0x209, &[7, 0], format!("UnmapBlob({})", id(7))),
        (
            0x10d,
            &[1, 2, 3, 4, 5, 6, 8, 9, 2, 0, 11, 12, 13, 14, 15, 16, 17, 18],
            format!(
                "SetScanoutBlob {{ head: ScanoutId(5), id: {}, area: {rect}, layout: Layout {{ format: B8G8R8X8, \
                 size: {size}, stride: 11, offset: 15 }} }}",
                id(6)
            ),
        ),
        (0x10d, &[0; 18], "DisableScanout(ScanoutId(0))".into()),
        (
            0x300,
            &[1, 2, 3, 0, 7, 5, 6, 0],
            format!(
                "Update {{ head: ScanoutId(1), at: Point {{ x: 2, y: 3 }}, hot: Point {{ x: 5, y: 6 }}, \
                 resource: Some({}) }}",
                id(7)
            ),
        ),
        (
            0x300,
            &[1, 2, 3, 0, 0, 5, 6, 0],
            "Update { head: ScanoutId(1), at: Point { x: 2, y: 3 }, hot: Point { x: 5, y: 6 }, resource: None }"
                .into(),
        ),
        (0x301, &[1, 2, 3, 0, 7, 5, 6, 0], "Move { head: ScanoutId(1), at: Point { x: 2, y: 3 } }".into()),
    ];
    for (kind, words, wanted) in cases {
        assert_eq!(decoded(kind, words).unwrap(), wanted, "{kind:#x}");
        for short in 0..words.len() {
            let error = decoded(kind, &words[..short]).unwrap_err();
            assert!(matches!(error, GuestError::TooShort { .. }), "{kind:#x} of {short} words: {error}");
        }
    }
}

#[test]
fn lists_are_as_long_as_they_say_or_refused() {
    let header = Header { kind: 0x106, ..Header::default() };
    let words = [7u32, 2, 0x1000, 1, 0x10, 0, 0x2000, 0, 0x20, 0];
    let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let Ok(Command::AttachBacking { id, entries }) = Command::decode(&header, &body, &Limits::default())
    else {
        panic!("no backing");
    };
    assert_eq!((id.get(), entries.len()), (7, 2));
    assert_eq!(entries.iter().collect::<Vec<_>>(), [(0x1_0000_1000, 0x10), (0x2000, 0x20)]);
    for short in 8..body.len() {
        let sent = short - 8;
        let error = Command::decode(&header, &body[..short], &Limits::default()).unwrap_err();
        assert_eq!(error, GuestError::TooShort { sent, needed: 32 });
    }
}

#[test]
fn a_blob_is_guest_memory_or_it_is_not() {
    let header = Header { kind: 0x10c, ..Header::default() };
    for (kind, flags, wanted) in
        [(1, 0, true), (1, 7, true), (1, 8, false), (2, 0, false), (3, 1, false), (0, 0, false)]
    {
        let words = [7u32, kind, flags, 0, 0, 0, 0x1000, 1];
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let Ok(Command::CreateBlob(blob)) = Command::decode(&header, &body, &Limits::default()) else {
            panic!("no blob");
        };
        assert_eq!(
            (blob.size, blob.entries.is_empty(), blob.is_guest_memory()),
            (0x1_0000_1000, true, wanted)
        );
    }
}

#[test]
fn commands_of_contexts_are_read_with_the_context_of_their_header() {
    let header = |kind| Header { kind, ctx_id: 9, ..Header::default() };
    let text = |header: Header, body: &[u8]| {
        Command::decode(&header, body, &Limits::default()).map(|command| format!("{command:?}"))
    };
    let (context, id) = (ContextId::new(9).unwrap(), ResourceId::new(7).unwrap());
    let mut create = [0; 72];
    (create[0], create[4], create[5]) = (3, 4, 1);
    create[8..12].copy_from_slice(b"abcd");
    assert_eq!(
        text(header(0x200), &create).unwrap(),
        format!("CreateContext {{ id: {context:?}, capset: 4, name: {:?} }}", b"abc")
    );
    create[0] = 200;
    assert!(text(header(0x200), &create).is_ok(), "a name ends with its field");
    assert_eq!(text(header(0x201), &[]).unwrap(), format!("DestroyContext({context:?})"));
    for (kind, name) in [(0x202, "AttachResource"), (0x203, "DetachResource")] {
        let wanted = format!("{name} {{ context: {context:?}, id: {id:?} }}");
        assert_eq!(text(header(kind), &[7, 0, 0, 0, 0, 0, 0, 0]).unwrap(), wanted);
    }
    let submit = [2, 0, 0, 0, 0, 0, 0, 0, 5, 6, 7];
    let wanted = format!("Submit {{ context: {context:?}, commands: [5, 6] }}");
    assert_eq!(text(header(0x207), &submit).unwrap(), wanted);
    assert_eq!(text(header(0x207), &submit[..9]), Err(GuestError::TooShort { sent: 1, needed: 2 }));
    for kind in [0x200, 0x201, 0x202, 0x203, 0x207] {
        let nobodys = Header { ctx_id: 0, ..header(kind) };
        assert_eq!(text(nobodys, &[0; 100]), Err(GuestError::UnknownContext(0)), "{kind:#x}");
    }
}

#[test]
fn more_entries_than_allowed_are_refused_before_they_are_looked_for() {
    let limits = Limits { entries: 1, ..Limits::default() };
    assert_eq!(decode(0x106, &[7, 2], &limits), Err(GuestError::TooManyEntries { sent: 2, max: 1 }));
    let limits = Limits { entries: u32::MAX, ..limits };
    assert_eq!(
        decode(0x106, &[7, u32::MAX], &limits),
        Err(GuestError::TooManyEntries { sent: u32::MAX, max: ENTRIES_MAX })
    );
}

#[test]
fn what_is_no_id_is_refused_with_its_number() {
    for (kind, words) in [(0x101, [0; 8]), (0x102, [0; 8]), (0x104, [0; 8]), (0x105, [0; 8]), (0x10c, [0; 8])]
    {
        assert_eq!(decoded(kind, &words), Err(GuestError::UnknownResource(0)), "{kind:#x}");
    }
    assert_eq!(decoded(0x103, &[0, 0, 1, 1, 16, 1]), Err(GuestError::UnknownScanout(16)));
    assert_eq!(decoded(0x301, &[16; 8]), Err(GuestError::UnknownScanout(16)));
    assert_eq!(decoded(0x10a, &[16, 0]), Err(GuestError::NoEdid(16)));
    assert_eq!(decoded(0x101, &[1, 3 << 16, 1, 1]), Err(GuestError::UnknownFormat(3 << 16)));
}

#[test]
fn each_queue_knows_only_its_own_commands_and_none_of_opengl() {
    let limits = Limits::default();
    for kind in (0x204..=0x206).chain([0, 0xff, 0x10e, 0x300, 0x301, 0x1100, u32::MAX]) {
        let header = Header { kind, ..Header::default() };
        assert_eq!(
            Command::decode(&header, &[0; 64], &limits).unwrap_err(),
            GuestError::UnknownCommand(kind)
        );
    }
    for kind in (0..0x300).chain([0x302, u32::MAX]) {
        let header = Header { kind, ..Header::default() };
        assert_eq!(CursorCommand::decode(&header, &[0; 64]), Err(GuestError::UnknownCommand(kind)));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(
        kind in prop_oneof![0x100u32..0x10f, 0x300u32..0x302, any::<u32>()],
        body in prop::collection::vec(any::<u8>(), 0..128),
    ) {
        let header = Header { kind, ..Header::default() };
        let _ = Command::decode(&header, &body, &Limits::default());
        let _ = CursorCommand::decode(&header, &body);
    }
}
