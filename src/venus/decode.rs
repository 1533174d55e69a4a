use std::ops::Range;

use super::call::ARGUMENT_BYTES;
use super::memory::{self, NEXT_AT, places};
use super::tables::{Command, Element, Lengths, Op, Struct, Way};
use super::{ARGUMENTS_MAX, Call, CommandType, Malformed, Names, ObjectType, Reader, Slot};
use crate::sys::{Address, Arena, Full};

/// Chains and structures stand within each other no deeper than this. The longest chain in use is one of features, which
/// has a structure for each of the extensions that a driver knows.
pub(super) const DEPTH_MAX: usize = 256;
const POINTER_BYTES: usize = size_of::<Address>();
/// No structure of C needs more.
const ALIGN: usize = 8;

/// Reads one command into `arena`, with the driver's handles in place of the guest's.
pub fn decode(reader: &mut Reader<'_>, arena: &mut Arena, names: &mut impl Names) -> Result<Call, Malformed> {
    let command = reader.peek().ok_or(Malformed::NoCommand)??;
    reader.word();
    let flags = reader.word().ok_or(Malformed::NoCommand)?;
    let table = command.table().ok_or(Malformed::NotForTheWire(command))?;
    Decoder { reader, arena, names, command, arguments: 0..0, depth: 0 }.command(table, flags)
}

/// How much of a structure is on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it.
    Whole,
    /// Types, chains and lengths: a driver will write the rest.
    Skeleton,
}

struct Decoder<'d, 's, N> {
    reader: &'d mut Reader<'s>,
    arena: &'d mut Arena,
    names: &'d mut N,
    command: CommandType,
    /// Where the arguments lie in the arena.
    arguments: Range<Address>,
    depth: usize,
}

impl<'s, N: Names> Decoder<'_, 's, N> {
    fn command(&mut self, table: &'static Command, flags: u32) -> Result<Call, Malformed> {
        let bytes = table.parameters.len() * ARGUMENT_BYTES;
        let base = self.alloc(bytes)?;
        self.arguments = base..base + bytes as u64;
        for (way, op) in table.parameters {
            let form = if *way == Way::Out { Form::Skeleton } else { Form::Whole };
            self.step(op, base, form)?;
        }
        let mut arguments = [0; ARGUMENTS_MAX];
        let bytes = self.arena.bytes(base, bytes).unwrap_or_default();
        for (argument, bytes) in arguments.iter_mut().zip(bytes.as_chunks().0) {
            *argument = u64::from_ne_bytes(*bytes);
        }
        Ok(Call { command: self.command, flags, arguments, table, decoded_at: base })
    }

    fn step(&mut self, op: &'static Op, base: Address, form: Form) -> Result<(), Malformed> {
        match *op {
            Op::Copy { at, bytes } => self.copy(base, at, bytes),
            Op::Small { at, bytes } => {
                let word = self.word()?.to_le_bytes();
                self.write(base, at, word.get(..bytes).unwrap_or_default())
            }
            Op::Length(expected) => self.length(expected, false).map(drop),
            Op::Handle { at, kind, nullable } => self.handle(kind, nullable, base + at as u64),
            Op::Struct { at, of } => self.structure(of, base + at as u64, form),
            Op::Union { at, selector, arms } => self.union(base, at, selector, arms),
            Op::Text { at, nullable } => match self.text()? {
                0 if !nullable => Err(Malformed::NullPointer(self.command)),
                text => self.write(base, at, &text.to_ne_bytes()),
            },
            Op::Pointer { at, nullable, element } => self.pointer(base, at, nullable, element, form),
            Op::Array { at, nullable, count, element } => {
                let expected = count.read(self.arena, base);
                let count = self.length(expected, nullable)?;
                let array = self.elements(element, count, base, form)?;
                self.write(base, at, &array.to_ne_bytes())
            }
            Op::Null => match self.long()? {
                0 => Ok(()),
                mark => Err(Malformed::Pointer(self.command, mark)),
            },
        }
    }

    fn copy(&mut self, base: Address, at: usize, count: usize) -> Result<(), Malformed> {
        let bytes = self.take(count)?;
        self.write(base, at, bytes)
    }

    fn handle(&mut self, kind: ObjectType, nullable: bool, at: Address) -> Result<(), Malformed> {
        let id = self.long()?;
        if id == 0 {
            return if nullable { Ok(()) } else { Err(Malformed::NullHandle(self.command, kind)) };
        }
        let slot = match usize::try_from(at.wrapping_sub(self.arguments.start)) {
            Ok(offset) if self.arguments.contains(&at) => Slot::Argument(offset / ARGUMENT_BYTES),
            _ => Slot::Memory(at),
        };
        let handle = self.names.handle(kind, id, slot)?;
        self.write(at, 0, &handle.to_ne_bytes())
    }

    fn structure(&mut self, of: &'static Struct, at: Address, form: Form) -> Result<(), Malformed> {
        self.enter()?;
        if let Some(expected) = of.kind {
            let sent = self.kind()?;
            if sent != expected {
                return Err(Malformed::Structure { command: self.command, sent, expected });
            }
            self.write(at, 0, &sent.to_ne_bytes())?;
            let next = self.chain(of, form, &mut [0; 4])?;
            self.write(at, NEXT_AT, &next.to_ne_bytes())?;
        }
        self.members(of, at, form)?;
        self.depth -= 1;
        Ok(())
    }

    fn members(&mut self, of: &'static Struct, at: Address, form: Form) -> Result<(), Malformed> {
        let members = if form == Form::Whole { of.whole } else { of.skeleton };
        members.iter().try_for_each(|op| self.step(op, at, form))
    }

    /// What follows in the chain of `head`. On the wire, a structure's members stand behind the rest of its chain.
    fn chain(
        &mut self,
        head: &'static Struct,
        form: Form,
        seen: &mut [u64; 4],
    ) -> Result<Address, Malformed> {
        if !self.present()? {
            return Ok(0);
        }
        self.enter()?;
        let kind = self.kind()?;
        let unknown = Malformed::Chain(self.command, kind);
        let index = head.index(kind).ok_or(unknown)?;
        let (_, of) = *head.chain.get(index).ok_or(unknown)?;
        let (word, bit) = (seen.get_mut(index / 64).ok_or(unknown)?, 1 << (index % 64));
        if *word & bit != 0 && !of.repeats {
            return Err(unknown);
        }
        *word |= bit;
        let at = self.alloc(of.bytes)?;
        self.write(at, 0, &kind.to_ne_bytes())?;
        let next = self.chain(head, form, seen)?;
        self.write(at, NEXT_AT, &next.to_ne_bytes())?;
        self.members(of, at, form)?;
        self.depth -= 1;
        Ok(at)
    }

    fn union(
        &mut self,
        base: Address,
        at: usize,
        selector: Option<usize>,
        arms: &'static [(i32, &'static [Op])],
    ) -> Result<(), Malformed> {
        let tag = self.kind()?;
        let in_use =
            selector.is_none_or(|at| memory::read(self.arena, base, at, 4) == u64::from(tag.cast_unsigned()));
        let arm =
            arms.iter().find(|arm| in_use && arm.0 == tag).ok_or(Malformed::Union(self.command, tag))?;
        arm.1.iter().try_for_each(|op| self.step(op, base + at as u64, Form::Whole))
    }

    fn pointer(
        &mut self,
        base: Address,
        at: usize,
        nullable: bool,
        element: Element,
        form: Form,
    ) -> Result<(), Malformed> {
        if !self.present()? {
            return if nullable { Ok(()) } else { Err(Malformed::NullPointer(self.command)) };
        }
        let pointee = self.elements(element, 1, base, form)?;
        self.write(base, at, &pointee.to_ne_bytes())
    }

    /// The elements of an array, and where they lie. 0 elements lie nowhere.
    fn elements(
        &mut self,
        element: Element,
        count: usize,
        base: Address,
        form: Form,
    ) -> Result<Address, Malformed> {
        if count == 0 {
            return Ok(0);
        }
        match element {
            Element::Bytes(bytes) if form == Form::Whole => self.bytes(self.product(count, bytes)?),
            Element::Bytes(bytes) => self.alloc(self.product(count, bytes)?),
            Element::Ids => self.bytes(self.product(count, size_of::<u64>())?),
            Element::Handle { kind, nullable } => {
                let handles = self.room(count, size_of::<u64>(), POINTER_BYTES)?;
                places(handles, count, POINTER_BYTES).try_for_each(|at| self.handle(kind, nullable, at))?;
                Ok(handles)
            }
            Element::Struct(of) => {
                let least = if form == Form::Whole { of.least[0] } else { of.least[1] };
                let structures = self.room(count, least, of.bytes)?;
                if least > 0 {
                    places(structures, count, of.bytes).try_for_each(|at| self.structure(of, at, form))?;
                }
                Ok(structures)
            }
            Element::Text => {
                let texts = self.room(count, size_of::<u64>(), POINTER_BYTES)?;
                for at in places(texts, count, POINTER_BYTES) {
                    match self.text()? {
                        0 => return Err(Malformed::NullPointer(self.command)),
                        text => self.write(at, 0, &text.to_ne_bytes())?,
                    }
                }
                Ok(texts)
            }
            Element::Rows { lengths, of } => self.rows(lengths, *of, count, base, form),
        }
    }

    fn rows(
        &mut self,
        lengths: Lengths,
        of: Element,
        count: usize,
        base: Address,
        form: Form,
    ) -> Result<Address, Malformed> {
        let rows = self.room(count, size_of::<u64>(), POINTER_BYTES)?;
        for (index, at) in places(rows, count, POINTER_BYTES).enumerate() {
            let expected = match lengths {
                Lengths::One => 1,
                Lengths::Behind { pointer, stride, at } => {
                    let structures = memory::pointer(self.arena, base, pointer);
                    memory::read(self.arena, structures, index * stride + at, 4)
                }
            };
            let length = self.length(expected, false)?;
            let row = self.elements(of, length, base, form)?;
            self.write(at, 0, &row.to_ne_bytes())?;
        }
        Ok(rows)
    }

    /// A text with its NUL, and where it lies; 0 for none.
    fn text(&mut self) -> Result<Address, Malformed> {
        let count = usize::try_from(self.long()?).unwrap_or(usize::MAX);
        if count == 0 {
            return Ok(0);
        }
        let text = self.bytes(count)?;
        match self.arena.bytes(text, count) {
            Some([.., 0]) => Ok(text),
            _ => Err(Malformed::Text(self.command)),
        }
    }

    /// Bytes, which the wire pads to a multiple of four, and where they lie.
    fn bytes(&mut self, count: usize) -> Result<Address, Malformed> {
        let padded = count.checked_next_multiple_of(4).ok_or(Malformed::Truncated(self.command))?;
        let bytes = self.take(padded)?.get(..count).unwrap_or_default();
        self.arena.put_bytes(bytes, ALIGN).map_err(|full| Malformed::TooLarge(self.command, full))
    }

    /// Memory for elements, each of which takes at least `least` bytes of what is left of the stream.
    fn room(&mut self, count: usize, least: usize, bytes: usize) -> Result<Address, Malformed> {
        if self.product(count, least)? > self.reader.left() {
            return Err(Malformed::Truncated(self.command));
        }
        self.alloc(self.product(count, bytes)?)
    }

    fn product(&self, count: usize, bytes: usize) -> Result<usize, Malformed> {
        count.checked_mul(bytes).ok_or(Malformed::TooLarge(self.command, Full(usize::MAX)))
    }

    /// The length of an array on the wire. An absent one has length 0, whatever was expected.
    fn length(&mut self, expected: u64, nullable: bool) -> Result<usize, Malformed> {
        let sent = self.long()?;
        match usize::try_from(sent) {
            Ok(0) if nullable => Ok(0),
            Ok(0) if expected > 0 => Err(Malformed::NullPointer(self.command)),
            Ok(length) if sent == expected => Ok(length),
            _ => Err(Malformed::Length { command: self.command, sent, expected }),
        }
    }

    fn present(&mut self) -> Result<bool, Malformed> {
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            mark => Err(Malformed::Pointer(self.command, mark)),
        }
    }

    fn enter(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Malformed::TooDeep(self.command)) } else { Ok(()) }
    }

    fn write(&mut self, base: Address, at: usize, bytes: &[u8]) -> Result<(), Malformed> {
        if let Some(place) = self.arena.bytes_mut(base + at as u64, bytes.len()) {
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn alloc(&mut self, bytes: usize) -> Result<Address, Malformed> {
        self.arena.alloc(bytes, ALIGN).map_err(|full| Malformed::TooLarge(self.command, full))
    }

    fn take(&mut self, count: usize) -> Result<&'s [u8], Malformed> {
        self.reader.take(count).ok_or(Malformed::Truncated(self.command))
    }

    fn word(&mut self) -> Result<u32, Malformed> {
        self.reader.word().ok_or(Malformed::Truncated(self.command))
    }

    fn kind(&mut self) -> Result<i32, Malformed> {
        self.word().map(u32::cast_signed)
    }

    fn long(&mut self) -> Result<u64, Malformed> {
        self.reader.long().ok_or(Malformed::Truncated(self.command))
    }
}
