use super::Call;
use super::decode::DEPTH_MAX;
use super::memory::{self, NEXT_AT, places};
use super::tables::{Element, Op, Returns, Struct, Way};
use crate::sys::{Address, Arena};

/// Appends the reply to a command. `result` is what the command returned: a VkResult, a VkBool32, an address.
///
/// What the driver wrote is read from where it was decoded to, so [`Call::set_arg`] changes nothing of the reply.
pub fn encode_reply(call: &Call, result: u64, arena: &Arena, out: &mut Vec<u8>) {
    let mut encoder = Encoder { arena, out };
    encoder.out.extend((call.command as u32).to_le_bytes());
    match call.table.returns {
        Returns::Nothing => (),
        Returns::Word => encoder.out.extend(result.to_le_bytes().first_chunk::<4>().unwrap_or(&[0; 4])),
        Returns::Long => encoder.long(result),
    }
    for (way, op) in call.table.parameters {
        if *way != Way::In {
            encoder.step(op, call.decoded_at);
        }
    }
}

struct Encoder<'e> {
    arena: &'e Arena,
    out: &'e mut Vec<u8>,
}

impl Encoder<'_> {
    fn step(&mut self, op: &'static Op, base: Address) {
        match *op {
            Op::Copy { at, bytes } => self.bytes(base + at as u64, bytes),
            Op::Handle { at, .. } => self.bytes(base + at as u64, size_of::<u64>()),
            Op::Small { at, bytes } => {
                let number = memory::read(self.arena, base, at, bytes);
                self.out.extend(number.to_le_bytes().first_chunk::<4>().unwrap_or(&[0; 4]));
            }
            Op::Length(length) => self.long(length),
            Op::Struct { at, of } => self.structure(of, base + at as u64),
            Op::Pointer { at, element, .. } => {
                self.elements(element, 1, memory::pointer(self.arena, base, at))
            }
            Op::Array { at, count, element, .. } => {
                self.elements(element, count.read(self.arena, base), memory::pointer(self.arena, base, at));
            }
            // No driver writes any: scripts/venus-codec sees to it.
            Op::Union { .. } | Op::Text { .. } | Op::Null => (),
        }
    }

    fn structure(&mut self, of: &'static Struct, at: Address) {
        if let Some(kind) = of.kind {
            self.out.extend(kind.to_le_bytes());
            self.chain(of, memory::pointer(self.arena, at, NEXT_AT), DEPTH_MAX);
        }
        of.whole.iter().for_each(|op| self.step(op, at));
    }

    /// A chain, without what the guest did not put into it.
    fn chain(&mut self, head: &'static Struct, at: Address, length_max: usize) {
        if at == 0 || length_max == 0 {
            return self.long(0);
        }
        let kind = memory::kind(self.arena, at);
        let next = memory::pointer(self.arena, at, NEXT_AT);
        let Some((kind, of)) = head.link(kind) else { return self.chain(head, next, length_max - 1) };
        self.long(1);
        self.out.extend(kind.to_le_bytes());
        self.chain(head, next, length_max - 1);
        of.whole.iter().for_each(|op| self.step(op, at));
    }

    /// The length of an array, then its elements. What is not in the arena has length 0.
    fn elements(&mut self, element: Element, count: u64, at: Address) {
        let bytes = match element {
            Element::Bytes(bytes) => bytes,
            Element::Struct(of) => of.bytes,
            Element::Ids | Element::Handle { .. } | Element::Text | Element::Rows { .. } => size_of::<u64>(),
        };
        let all = usize::try_from(count).ok().and_then(|count| count.checked_mul(bytes));
        let Some(found) = all.and_then(|all| self.arena.bytes(at, all)) else { return self.long(0) };
        self.long(count);
        if let Element::Struct(of) = element {
            places(at, found.len() / bytes, bytes).for_each(|at| self.structure(of, at));
        } else {
            self.out.extend(found);
            self.out.resize(self.out.len() + found.len().next_multiple_of(4) - found.len(), 0);
        }
    }

    fn bytes(&mut self, at: Address, count: usize) {
        match self.arena.bytes(at, count) {
            Some(bytes) => self.out.extend(bytes),
            None => self.out.resize(self.out.len() + count, 0),
        }
    }

    fn long(&mut self, number: u64) {
        self.out.extend(number.to_le_bytes());
    }
}
