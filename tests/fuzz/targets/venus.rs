//! What a guest's driver may say: any stream of commands, decoded and answered as if a driver had written rubbish.
#![no_main]

use std::sync::atomic::{AtomicU8, Ordering};

use libfuzzer_sys::fuzz_target;
use vgpu::sys::Arena;
use vgpu::venus::{CommandType, Names, ObjectType, Reader, Slot, decode, encode_reply};

const ARENA_BYTES: usize = 1 << 20;

/// One interpreter reads all commands, so that its coverage tells none from another. Here libFuzzer sees which ones
/// were decoded, and with how many handles.
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static DECODED: [[AtomicU8; 4]; 512] = [const { [const { AtomicU8::new(0) }; 4] }; 512];

/// Takes every name for a handle but one, and looks where the handle will stand.
struct Objects<'a> {
    arena: std::ops::Range<u64>,
    asked: &'a mut usize,
}

impl Names for Objects<'_> {
    fn handle(&mut self, _: CommandType, kind: ObjectType, id: u64, at: Slot) -> Option<u64> {
        *self.asked += 1;
        assert_ne!(id, 0);
        if let Slot::Memory(at) = at {
            assert!(self.arena.contains(&at) && at % 8 == 0, "{kind:?} at {at:#x}");
        }
        Some(id ^ 0xffff)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut arena = Arena::new(ARENA_BYTES).unwrap();
    let (mut reader, mut out) = (Reader::new(bytes), Vec::new());
    while !reader.is_empty() {
        let before = reader.position();
        arena.reset();
        let start = arena.alloc(0, 1).unwrap();
        let mut asked = 0;
        let objects = &mut Objects { arena: start..start + ARENA_BYTES as u64, asked: &mut asked };
        let Ok(call) = decode(&mut reader, &mut arena, objects) else { return };
        assert!(asked <= (reader.position() - before) / 8);
        DECODED[call.command as usize][asked.min(3)].fetch_add(1, Ordering::Relaxed);
        out.clear();
        encode_reply(&call, u64::MAX, &arena, &mut out);
        // A driver that writes where it may, and what it likes: lengths, chains and pointers among it.
        for index in 0..call.arity() {
            if let Some(written) = arena.bytes_mut(call.arg(index), 64) {
                written.copy_from_slice(&[(before % 251) as u8; 64]);
            }
        }
        out.clear();
        encode_reply(&call, 0, &arena, &mut out);
    }
});
