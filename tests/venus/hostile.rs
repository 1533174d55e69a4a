//! What no driver sends.

use proptest::prelude::*;
use vgpu::sys::Arena;
use vgpu::venus::{Call, CommandType, Malformed, Names, ObjectType, Reader, Slot, decode, encode_reply};

use super::{Asked, Bytes, arena, refused, vectors};

const SUBMIT: CommandType = CommandType::QueueSubmit;

#[test]
fn a_stream_that_ends_early_is_refused_wherever_it_ends() {
    for whole in vectors::all() {
        for end in 0..whole.0.len() {
            let why = refused(&whole.0[..end]);
            let early = matches!(why, Malformed::NoCommand | Malformed::Truncated(_));
            assert!(early, "{end} of {} bytes: {why}", whole.0.len());
        }
    }
}

#[test]
fn a_handle_of_another_type_is_refused() {
    struct Nothing;
    impl Names for Nothing {
        fn handle(&mut self, _: CommandType, _: ObjectType, _: u64, _: Slot) -> Option<u64> {
            None
        }
    }
    let why = decode(&mut Reader::new(&vectors::submit().0), &mut arena(), &mut Nothing).unwrap_err();

    assert_eq!(why, Malformed::UnknownHandle { command: SUBMIT, kind: ObjectType::Queue, id: 4 });
}

#[test]
fn null_is_refused_where_there_has_to_be_something() {
    let draw = Bytes::command(106, 0).longs(&[0]).words(&[3, 1, 0, 9]);
    assert_eq!(refused(&draw.0), Malformed::NullHandle(CommandType::CmdDraw, ObjectType::CommandBuffer));

    let submits_missing = Bytes::command(18, 0).longs(&[4]).words(&[1]).longs(&[0, 0]);
    assert_eq!(refused(&submits_missing.0), Malformed::NullPointer(SUBMIT));

    let info_missing = Bytes::command(59, 0).longs(&[3, 0, 0, 1, 80]);
    assert_eq!(refused(&info_missing.0), Malformed::NullPointer(CommandType::CreateShaderModule));

    let constants_missing = Bytes::command(98, 0).longs(&[5, 0]);
    assert_eq!(refused(&constants_missing.0), Malformed::NullPointer(CommandType::CmdSetBlendConstants));
}

#[test]
fn an_array_of_another_length_than_said_is_refused() {
    let submit = Bytes::command(18, 0).longs(&[4]).words(&[1]).longs(&[2]).raw(&[0; 256]);
    assert_eq!(refused(&submit.0), Malformed::Length { command: SUBMIT, sent: 2, expected: 1 });

    // 256 GiB of draws, each of which would take 8 bytes.
    let draws = Bytes::command(247, 0).longs(&[5]).words(&[u32::MAX]).longs(&[u32::MAX.into()]).raw(&[0; 64]);
    assert_eq!(refused(&draws.0), Malformed::Truncated(CommandType::CmdDrawMultiEXT));

    let blob = Bytes::command(117, 0).longs(&[5, 6, 0, u64::MAX, u64::MAX]).raw(&[0; 64]);
    assert_eq!(refused(&blob.0), Malformed::Truncated(CommandType::CmdUpdateBuffer));
}

#[test]
fn what_a_driver_writes_cannot_be_larger_than_the_arena() {
    let extensions =
        Bytes::command(13, 1).longs(&[0]).longs(&[1]).words(&[u32::MAX]).longs(&[u32::MAX.into()]);
    let why = refused(&extensions.0);
    assert!(
        matches!(why, Malformed::TooLarge(CommandType::EnumerateInstanceExtensionProperties, _)),
        "{why}"
    );

    let data = Bytes::command(63, 1).longs(&[3, 16]).longs(&[1, u64::MAX]).longs(&[u64::MAX]);
    assert!(matches!(refused(&data.0), Malformed::TooLarge(CommandType::GetPipelineCacheData, _)));
}

#[test]
fn a_text_without_nul_is_refused() {
    let mut instance = vectors::create_instance().0;
    let end = instance.windows(8).position(|bytes| bytes == b"VK_demo\0").unwrap() + 7;
    instance[end] = b'!';

    assert_eq!(refused(&instance), Malformed::Text(CommandType::CreateInstance));
}

#[test]
fn a_tag_without_a_member_is_refused() {
    let head = Bytes::command(119, 0).longs(&[5, 9]).words(&[7]).longs(&[1]);
    let color = head.words(&[3]).longs(&[4]).raw(&[0; 64]);

    assert_eq!(refused(&color.0), Malformed::Union(CommandType::CmdClearColorImage, 3));
}

#[test]
fn a_tag_other_than_the_selector_is_refused() {
    let mut build = vectors::build_acceleration_structures().0;
    let boxes = 1_000_150_003_u32.to_le_bytes();
    let tag = build.windows(4).position(|bytes| *bytes == boxes).unwrap() - 4;
    build[tag] = 2;

    assert_eq!(refused(&build), Malformed::Union(CommandType::CmdBuildAccelerationStructuresKHR, 2));
}

#[test]
fn a_structure_of_another_type_is_refused() {
    let submit = Bytes::command(18, 0).longs(&[4]).words(&[1]).longs(&[1]).words(&[5]).raw(&[0; 64]);

    assert_eq!(refused(&submit.0), Malformed::Structure { command: SUBMIT, sent: 5, expected: 4 });
}

#[test]
fn a_chain_holds_only_what_belongs_in_it_and_once() {
    let head = || Bytes::command(18, 0).longs(&[4]).words(&[1]).longs(&[1]).words(&[4]);
    let stranger = head().longs(&[1]).words(&[4]).raw(&[0; 64]);
    assert_eq!(refused(&stranger.0), Malformed::Chain(SUBMIT, 4));

    let twice = head().longs(&[1]).words(&[1_000_145_000]).longs(&[1]).words(&[1_000_145_000]).raw(&[0; 64]);
    assert_eq!(refused(&twice.0), Malformed::Chain(SUBMIT, 1_000_145_000));

    // VkDevicePrivateDataCreateInfo may come often, but not for ever.
    let mut device = Bytes::command(11, 0).longs(&[2]).longs(&[1]).words(&[3]);
    for _ in 0..1000 {
        device = device.longs(&[1]).words(&[1_000_295_001]);
    }
    assert_eq!(refused(&device.0), Malformed::TooDeep(CommandType::CreateDevice));
}

#[test]
fn a_pointer_is_there_or_not() {
    let info = Bytes::command(59, 0).longs(&[3, 2]).raw(&[0; 64]);
    assert_eq!(refused(&info.0), Malformed::Pointer(CommandType::CreateShaderModule, 2));

    let fence = Bytes::command(36, 0).longs(&[3, 8, 1]);
    assert_eq!(refused(&fence.0), Malformed::Pointer(CommandType::DestroyFence, 1), "an allocator");
}

/// Decodes what can be decoded of a stream, and answers it. Whatever it was, every pointer stays in the arena.
fn run(bytes: &[u8], arena: &mut Arena) -> Result<(), Malformed> {
    let (mut reader, mut out) = (Reader::new(bytes), Vec::new());
    while !reader.is_empty() {
        arena.reset();
        let before = reader.position();
        let call: Call = decode(&mut reader, arena, &mut Asked::default())?;
        assert!(reader.position() > before);
        out.clear();
        encode_reply(&call, 0, arena, &mut out);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_are_too_strange(number in 0..346_u32, bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = run(&Bytes::command(number, 1).raw(&bytes).0, &mut arena());
    }

    #[test]
    fn no_spoilt_command_is_too_strange(
        which in any::<prop::sample::Index>(),
        spoils in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let all = vectors::all();
        let mut bytes = all[which.index(all.len())].0.clone();
        for (place, byte) in spoils {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = run(&bytes, &mut arena());
    }

    #[test]
    fn small_numbers_go_deep(number in 0..346_u32, words in proptest::collection::vec(0..4_u32, 0..256)) {
        let _ = run(&Bytes::command(number, 1).words(&words).0, &mut arena());
    }
}
