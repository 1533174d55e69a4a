use super::call::ARGUMENT_BYTES;
use super::memory::{self, NEXT_AT, places};
use super::tables::{Count, Element, Lengths, Op, Rule, Struct, Way};
use super::{ARGUMENTS_MAX, Call, CommandType, Malformed, Names, ObjectType, Reader, Slot};
use crate::sys::{Address, Arena, Full};

/// Chains and structures stand within each other no deeper than this. The longest chain in use is one of features,
/// which has a structure for each of the extensions that a driver knows.
pub(super) const DEPTH_MAX: usize = 256;
const POINTER_BYTES: usize = size_of::<Address>();
/// No structure of C needs more.
const ALIGN: usize = 8;

/// Reads one command into `arena`, with the driver's handles in place of the guest's.
pub fn decode(reader: &mut Reader<'_>, arena: &mut Arena, names: &mut impl Names) -> Result<Call, Malformed> {
    let mut call = Call::default();
    decode_into(reader, arena, names, &mut call)?;
    Ok(call)
}

/// As [`decode`], for who decodes one command after the other: to move a call costs as much as to decode it.
#[inline]
pub fn decode_into(
    reader: &mut Reader<'_>,
    arena: &mut Arena,
    names: &mut impl Names,
    call: &mut Call,
) -> Result<(), Malformed> {
    let command = reader.peek().ok_or(Malformed::NoCommand)??;
    reader.word();
    call.command = command;
    call.flags = reader.word().ok_or(Malformed::NoCommand)?;
    call.table = command.table().ok_or(Malformed::NotForTheWire(command))?;
    Decoder { reader, arena, names, command, depth: 0 }.command(call).map_err(|wrong| *wrong)
}

/// How much of a structure is on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it.
    Whole,
    /// Types, chains and lengths: a driver will write the rest.
    Skeleton,
}

/// An error that fits into a register: each step returns one, and nearly none of them ever is.
type Wrong = Box<Malformed>;

fn form(way: Way) -> Form {
    if way == Way::Out { Form::Skeleton } else { Form::Whole }
}

struct Decoder<'d, 's, N> {
    reader: &'d mut Reader<'s>,
    arena: &'d mut Arena,
    names: &'d mut N,
    command: CommandType,
    depth: usize,
}

impl<'s, N: Names> Decoder<'_, 's, N> {
    /// Scalars and handles, which is most of what there is, go straight into the call, and are read by a reader in
    /// registers: one in memory makes each number wait for the one before it.
    fn command(&mut self, call: &mut Call) -> Result<(), Wrong> {
        call.arguments = [0; ARGUMENTS_MAX];
        call.decoded_at = 0;
        let mut reader = self.reader.clone();
        for (index, (way, op)) in call.table.parameters.iter().enumerate() {
            let value = match *op {
                Op::Copy { bytes: 4, .. } => reader.word().ok_or_else(|| self.truncated())?.into(),
                Op::Copy { bytes: 8, .. } => reader.long().ok_or_else(|| self.truncated())?,
                Op::Handle { kind, nullable, .. } => {
                    let id = reader.long().ok_or_else(|| self.truncated())?;
                    self.name(kind, nullable, id, Slot::Argument(index))?
                }
                ref op => {
                    *self.reader = reader;
                    let pointer = self.pointed(op, *way, index, call)?;
                    reader = self.reader.clone();
                    pointer
                }
            };
            if let Some(argument) = call.arguments.get_mut(index) {
                *argument = value;
            }
        }
        *self.reader = reader;
        if call.wants_reply() {
            self.put_arguments(call)?;
        }
        Ok(())
    }

    /// An argument that leads into the arena. Lengths of arrays stand in other arguments, so those lie there too.
    fn pointed(&mut self, op: &'static Op, way: Way, index: usize, call: &mut Call) -> Result<u64, Wrong> {
        // As below, without a detour for the length.
        if let Op::Array { nullable, count: Count::Member { at, rule, .. }, element, .. } = op
            && !matches!(element, Element::Rows { .. })
        {
            let expected = rule.length(call.arg(at / ARGUMENT_BYTES));
            return self.array(expected, *nullable, element, 0, form(way));
        }
        let base = self.put_arguments(call)?;
        self.step(op, base, form(way))?;
        Ok(memory::read(self.arena, base, index * ARGUMENT_BYTES, ARGUMENT_BYTES))
    }

    fn put_arguments(&mut self, call: &mut Call) -> Result<Address, Wrong> {
        if call.decoded_at == 0 {
            call.decoded_at = self.alloc(size_of_val(&call.arguments))?;
        }
        if let Some(place) = self.arena.get_mut(call.decoded_at) {
            *place = call.arguments;
        }
        Ok(call.decoded_at)
    }

    #[inline(never)]
    fn step(&mut self, op: &'static Op, base: Address, form: Form) -> Result<(), Wrong> {
        match *op {
            Op::Copy { at, bytes } => self.copy(base, at, bytes),
            Op::Small { at, bytes } => {
                let [first, second, ..] = self.word()?.to_le_bytes();
                self.write(base, at, [first]);
                if bytes == 2 {
                    self.write(base, at + 1, [second]);
                }
                Ok(())
            }
            Op::Length(expected) => self.length(expected, false).map(drop),
            Op::Handle { at, kind, nullable } => self.handle_at(kind, nullable, base + at as u64),
            Op::Struct { at, of } => self.structure(of, base + at as u64, form),
            Op::Union { at, selector, arms } => self.union(base, at, selector, arms),
            Op::Text { at, nullable } => match self.text()? {
                0 if !nullable => Err(Malformed::NullPointer(self.command).into()),
                text => {
                    self.write(base, at, text.to_ne_bytes());
                    Ok(())
                }
            },
            Op::Pointer { at, nullable, ref element } => self.pointer(base, at, nullable, element, form),
            Op::Array { at, nullable, count, ref element } => {
                let expected = count.read(self.arena, base);
                let array = self.array(expected, nullable, element, base, form)?;
                self.write(base, at, array.to_ne_bytes());
                Ok(())
            }
            Op::Null => match self.long()? {
                0 => Ok(()),
                mark => Err(Malformed::Pointer(self.command, mark).into()),
            },
        }
    }

    fn copy(&mut self, base: Address, at: usize, count: usize) -> Result<(), Wrong> {
        let bytes = self.take(count)?;
        if let Some(place) = self.arena.bytes_mut(base + at as u64, count) {
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// The driver's handle of what the guest names.
    #[inline(always)]
    fn name(&mut self, kind: ObjectType, nullable: bool, id: u64, slot: Slot) -> Result<u64, Wrong> {
        if id == 0 && nullable {
            return Ok(0);
        }
        let handle = if id == 0 { None } else { self.names.handle(self.command, kind, id, slot) };
        handle.ok_or_else(|| self.no_such(kind, id))
    }

    #[cold]
    fn no_such(&self, kind: ObjectType, id: u64) -> Wrong {
        match id {
            0 => Malformed::NullHandle(self.command, kind).into(),
            id => Malformed::UnknownHandle { command: self.command, kind, id }.into(),
        }
    }

    #[cold]
    fn truncated(&self) -> Wrong {
        Malformed::Truncated(self.command).into()
    }

    fn handle_at(&mut self, kind: ObjectType, nullable: bool, at: Address) -> Result<(), Wrong> {
        let id = self.long()?;
        let handle = self.name(kind, nullable, id, Slot::Memory(at))?;
        self.write(at, 0, handle.to_ne_bytes());
        Ok(())
    }

    fn structure(&mut self, of: &'static Struct, at: Address, form: Form) -> Result<(), Wrong> {
        self.enter()?;
        if let Some(expected) = of.kind {
            let sent = self.kind()?;
            if sent != expected {
                return Err(Malformed::Structure { command: self.command, sent, expected }.into());
            }
            self.write(at, 0, sent.to_ne_bytes());
            // Most chains are empty, and memory is zero as it comes.
            if self.present()? {
                let next = self.link(of, form, &mut [0; 4])?;
                self.write(at, NEXT_AT, next.to_ne_bytes());
            }
        }
        self.members(of, at, form)?;
        self.depth -= 1;
        Ok(())
    }

    /// Most members are numbers of one of two sizes, and arrays as long as one of these says, mostly empty: they take
    /// no call.
    #[inline(always)]
    fn members(&mut self, of: &'static Struct, base: Address, form: Form) -> Result<(), Wrong> {
        let mut reader = self.reader.clone();
        for op in if form == Form::Whole { of.whole } else { of.skeleton } {
            match *op {
                Op::Copy { at, bytes: 4 } => {
                    let word = reader.word().ok_or_else(|| self.truncated())?;
                    self.write(base, at, word.to_le_bytes());
                }
                Op::Copy { at, bytes: 8 } => {
                    let long = reader.long().ok_or_else(|| self.truncated())?;
                    self.write(base, at, long.to_le_bytes());
                }
                // Memory is zero as it comes.
                Op::Array { count: Count::Member { at, bytes: 4, rule: Rule::Same }, .. }
                    if reader.starts_with_zero() && memory::read(self.arena, base, at, 4) == 0 =>
                {
                    reader.long();
                }
                ref op => {
                    *self.reader = reader;
                    self.step(op, base, form)?;
                    reader = self.reader.clone();
                }
            }
        }
        *self.reader = reader;
        Ok(())
    }

    /// The next structure in the chain of `head`, and those behind it. On the wire, its members stand behind them all.
    fn link(&mut self, head: &'static Struct, form: Form, seen: &mut [u64; 4]) -> Result<Address, Wrong> {
        self.enter()?;
        let kind = self.kind()?;
        let unknown = Malformed::Chain(self.command, kind);
        let index = head.index(kind).ok_or(unknown)?;
        let (_, of) = *head.chain.get(index).ok_or(unknown)?;
        let (word, bit) = (seen.get_mut(index / 64).ok_or(unknown)?, 1 << (index % 64));
        if *word & bit != 0 && !of.repeats {
            return Err(unknown.into());
        }
        *word |= bit;
        let at = self.alloc(of.bytes)?;
        self.write(at, 0, kind.to_ne_bytes());
        if self.present()? {
            let next = self.link(head, form, seen)?;
            self.write(at, NEXT_AT, next.to_ne_bytes());
        }
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
    ) -> Result<(), Wrong> {
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
        element: &'static Element,
        form: Form,
    ) -> Result<(), Wrong> {
        if !self.present()? {
            return if nullable { Ok(()) } else { Err(Malformed::NullPointer(self.command).into()) };
        }
        let pointee = self.elements(element, 1, base, form)?;
        self.write(base, at, pointee.to_ne_bytes());
        Ok(())
    }

    #[inline]
    fn array(
        &mut self,
        expected: u64,
        nullable: bool,
        element: &'static Element,
        base: Address,
        form: Form,
    ) -> Result<Address, Wrong> {
        let count = self.length(expected, nullable)?;
        if count == 0 {
            return Ok(0);
        }
        match *element {
            Element::Bytes(bytes) if form == Form::Whole => self.bytes(self.product(count, bytes)?),
            _ => self.elements(element, count, base, form),
        }
    }

    /// The elements of an array, and where they lie. 0 elements lie nowhere.
    fn elements(
        &mut self,
        element: &'static Element,
        count: usize,
        base: Address,
        form: Form,
    ) -> Result<Address, Wrong> {
        if count == 0 {
            return Ok(0);
        }
        match *element {
            Element::Bytes(bytes) if form == Form::Whole => self.bytes(self.product(count, bytes)?),
            Element::Bytes(bytes) => self.alloc(self.product(count, bytes)?),
            Element::Ids => self.bytes(self.product(count, size_of::<u64>())?),
            Element::Handle { kind, nullable } => {
                let handles = self.room(count, size_of::<u64>(), POINTER_BYTES)?;
                places(handles, count, POINTER_BYTES)
                    .try_for_each(|at| self.handle_at(kind, nullable, at))?;
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
                        0 => return Err(Malformed::NullPointer(self.command).into()),
                        text => self.write(at, 0, text.to_ne_bytes()),
                    }
                }
                Ok(texts)
            }
            Element::Rows { lengths, of } => self.rows(lengths, of, count, base, form),
        }
    }

    fn rows(
        &mut self,
        lengths: Lengths,
        of: &'static Element,
        count: usize,
        base: Address,
        form: Form,
    ) -> Result<Address, Wrong> {
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
            self.write(at, 0, row.to_ne_bytes());
        }
        Ok(rows)
    }

    /// A text with its NUL, and where it lies; 0 for none.
    fn text(&mut self) -> Result<Address, Wrong> {
        let count = usize::try_from(self.long()?).unwrap_or(usize::MAX);
        if count == 0 {
            return Ok(0);
        }
        let text = self.bytes(count)?;
        match self.arena.bytes(text, count) {
            Some([.., 0]) => Ok(text),
            _ => Err(Malformed::Text(self.command).into()),
        }
    }

    /// Bytes, which the wire pads to a multiple of four, and where they lie.
    fn bytes(&mut self, count: usize) -> Result<Address, Wrong> {
        let padded = count.checked_next_multiple_of(4).ok_or(Malformed::Truncated(self.command))?;
        let bytes = self.take(padded)?.get(..count).unwrap_or_default();
        self.arena.put_bytes(bytes, ALIGN).map_err(|full| Malformed::TooLarge(self.command, full).into())
    }

    /// Memory for elements, each of which takes at least `least` bytes of what is left of the stream.
    fn room(&mut self, count: usize, least: usize, bytes: usize) -> Result<Address, Wrong> {
        if self.product(count, least)? > self.reader.left() {
            return Err(Malformed::Truncated(self.command).into());
        }
        self.alloc(self.product(count, bytes)?)
    }

    #[inline(always)]
    fn product(&self, count: usize, bytes: usize) -> Result<usize, Wrong> {
        count.checked_mul(bytes).ok_or_else(|| Malformed::TooLarge(self.command, Full(usize::MAX)).into())
    }

    /// The length of an array on the wire. An absent one has length 0, whatever was expected.
    #[inline(always)]
    fn length(&mut self, expected: u64, nullable: bool) -> Result<usize, Wrong> {
        let sent = self.long()?;
        match usize::try_from(sent) {
            Ok(length) if sent == expected || (sent == 0 && nullable) => Ok(length),
            _ => Err(self.no_length(sent, expected)),
        }
    }

    #[cold]
    fn no_length(&self, sent: u64, expected: u64) -> Wrong {
        match sent {
            0 => Malformed::NullPointer(self.command).into(),
            _ => Malformed::Length { command: self.command, sent, expected }.into(),
        }
    }

    #[inline(always)]
    fn present(&mut self) -> Result<bool, Wrong> {
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            mark => Err(self.no_mark(mark)),
        }
    }

    #[cold]
    fn no_mark(&self, mark: u64) -> Wrong {
        Malformed::Pointer(self.command, mark).into()
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.too_deep()) } else { Ok(()) }
    }

    #[cold]
    fn too_deep(&self) -> Wrong {
        Malformed::TooDeep(self.command).into()
    }

    #[inline(always)]
    fn write<const BYTES: usize>(&mut self, base: Address, at: usize, bytes: [u8; BYTES]) {
        if let Some(place) = self.arena.bytes_mut(base + at as u64, BYTES) {
            place.copy_from_slice(&bytes);
        }
    }

    fn alloc(&mut self, bytes: usize) -> Result<Address, Wrong> {
        self.arena.alloc(bytes, ALIGN).map_err(|full| Malformed::TooLarge(self.command, full).into())
    }

    fn take(&mut self, count: usize) -> Result<&'s [u8], Wrong> {
        self.reader.take(count).ok_or_else(|| self.truncated())
    }

    #[inline(always)]
    fn word(&mut self) -> Result<u32, Wrong> {
        self.reader.word().ok_or_else(|| self.truncated())
    }

    #[inline(always)]
    fn kind(&mut self) -> Result<i32, Wrong> {
        self.word().map(u32::cast_signed)
    }

    #[inline(always)]
    fn long(&mut self) -> Result<u64, Wrong> {
        self.reader.long().ok_or_else(|| self.truncated())
    }
}
