//! Commands of Venus as bytes, written by hand from what Mesa's driver sends: decoded, answered, and spoilt.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "these are tests"
)]
#![allow(clippy::panic, reason = "these are tests")]

mod commands;
mod compute;
mod hostile;
mod replies;
#[path = "../support/seeds.rs"]
mod seeds;
mod shared;
mod vectors;

use vgpu::sys::{Address, Arena, CStruct};
use vgpu::venus::{Call, CommandType, Malformed, Names, ObjectType, Reader, Slot, decode};

/// The driver's handles are the guest's names and this.
const HANDLE: u64 = 0xd000_0000;

/// Remembers what was asked for.
#[derive(Debug, Default)]
struct Asked(Vec<(ObjectType, u64, Slot)>);

impl Names for Asked {
    fn handle(&mut self, _: CommandType, kind: ObjectType, id: u64, at: Slot) -> Option<u64> {
        self.0.push((kind, id, at));
        Some(HANDLE.wrapping_add(id))
    }
}

impl Asked {
    fn kinds(&self) -> Vec<(ObjectType, u64)> {
        self.0.iter().map(|(kind, id, _)| (*kind, *id)).collect()
    }
}

fn arena() -> Arena {
    Arena::new(1 << 20).unwrap()
}

/// A command that has to decode to its last byte.
fn decoded(bytes: &[u8], arena: &mut Arena) -> (Call, Asked) {
    let (mut reader, mut asked) = (Reader::new(bytes), Asked::default());
    let call = decode(&mut reader, arena, &mut asked).unwrap();
    assert!(reader.is_empty(), "{} of {} bytes were read", reader.position(), bytes.len());
    (call, asked)
}

/// Why a command does not decode.
fn refused(bytes: &[u8]) -> Malformed {
    decode(&mut Reader::new(bytes), &mut arena(), &mut Asked::default()).unwrap_err()
}

fn at<T: CStruct>(arena: &Arena, address: Address) -> T {
    *arena.get(address).unwrap()
}

fn address<T>(pointer: *const T) -> Address {
    pointer.expose_provenance() as Address
}

/// Numbers and text in the order of the wire.
#[derive(Clone, Debug, Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    /// The head of a command.
    fn command(number: u32, flags: u32) -> Self {
        Self::default().words(&[number, flags])
    }

    fn words(mut self, words: &[u32]) -> Self {
        self.0.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        self
    }

    fn longs(mut self, longs: &[u64]) -> Self {
        self.0.extend(longs.iter().flat_map(|long| long.to_le_bytes()));
        self
    }

    fn floats(mut self, floats: &[f32]) -> Self {
        self.0.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}
