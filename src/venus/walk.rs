//! Commands written from the tables: each with all that it may hold, or with as little as it can.

use super::decode::Form;
use super::tables::{Count, Element, Op, Rule, Struct, Way};
use super::{Call, CommandType, Names, ObjectType, Reader, Slot, decode, encode_reply};
use crate::sys::Arena;

struct Same;

impl Names for Same {
    fn handle(&mut self, _: CommandType, _: ObjectType, id: u64, _: Slot) -> Option<u64> {
        Some(id)
    }
}

/// Writes as much or as little as there can be: every length is `length`, and every chain full or empty.
struct Writer {
    out: Vec<u8>,
    length: u64,
}

impl Writer {
    fn long(&mut self, number: u64) {
        self.out.extend(number.to_le_bytes());
    }

    fn steps(&mut self, steps: &'static [Op], form: Form) {
        for op in steps {
            self.step(op, steps, form);
        }
    }

    fn step(&mut self, op: &'static Op, beside: &'static [Op], form: Form) {
        match op {
            Op::Copy { at, bytes } => self.numbers(*at, *bytes, beside),
            Op::Small { .. } => self.out.extend([1, 0, 0, 0]),
            Op::Length(length) => self.long(*length),
            Op::Handle { .. } => self.long(self.length),
            Op::Struct { of, .. } => self.structure(of, form),
            Op::Union { arms, .. } => {
                let (tag, members) = arms[self.arm(arms)];
                self.out.extend(tag.to_le_bytes());
                self.steps(members, form);
            }
            Op::Text { .. } => self.text(),
            Op::Pointer { element, .. } => {
                self.long(self.length);
                (0..self.length).for_each(|_| self.element(element, 1, form));
            }
            Op::Array { count, element, .. } => {
                let fixed = if let Count::Fixed(count) = count { *count } else { self.length };
                let length = fixed * self.length;
                self.long(length);
                self.element(element, length, form);
            }
            Op::Null => self.long(0),
        }
    }

    /// The arm that takes the fewest bytes, or just the first.
    fn arm(&self, arms: &'static [(i32, &'static [Op])]) -> usize {
        let bytes = |index: &usize| {
            let mut writer = Self { out: vec![], length: self.length };
            writer.steps(arms[*index].1, Form::Whole);
            writer.out.len()
        };
        if self.length > 0 { 0 } else { (0..arms.len()).min_by_key(bytes).unwrap_or_default() }
    }

    /// Members that are copied: ones, as words of four bytes; lengths and selectors as what is beside them needs.
    fn numbers(&mut self, at: usize, bytes: usize, beside: &'static [Op]) {
        let start = self.out.len();
        self.out.extend([1, 0, 0, 0].repeat(bytes.div_ceil(4)));
        self.out.truncate(start + bytes);
        for op in beside {
            let (place, number, width) = match op {
                Op::Array { count: Count::Member { at, bytes, rule: Rule::Quarter }, .. } => {
                    (at, self.length * 4, *bytes)
                }
                Op::Array { count: Count::Member { at, bytes, .. }, .. } => (at, self.length, *bytes),
                Op::Union { selector: Some(at), arms, .. } => (at, arms[self.arm(arms)].0 as u64, 4),
                _ => continue,
            };
            if (at..at + bytes).contains(place) {
                let place = start + place - at;
                self.out[place..place + width].copy_from_slice(&number.to_le_bytes()[..width]);
            }
        }
    }

    fn text(&mut self) {
        self.long(self.length * 2);
        (0..self.length).for_each(|_| self.out.extend(b"a\0\0\0"));
    }

    fn element(&mut self, element: &'static Element, count: u64, form: Form) {
        for _ in 0..count {
            match element {
                Element::Bytes(_) if form == Form::Skeleton => (),
                // A length of eight bytes, or numbers of four.
                Element::Bytes(8) => self.long(1),
                Element::Bytes(bytes) => self.out.extend(1_u32.to_le_bytes().iter().cycle().take(*bytes)),
                Element::Handle { .. } | Element::Ids => self.long(1),
                Element::Struct(of) => self.structure(of, form),
                Element::Text => self.text(),
                Element::Rows { of, .. } => {
                    self.long(1);
                    self.element(of, 1, form);
                }
            }
        }
        self.out.resize(self.out.len().next_multiple_of(4), 0);
    }

    fn structure(&mut self, of: &'static Struct, form: Form) {
        if let Some(kind) = of.kind {
            self.out.extend(kind.to_le_bytes());
            for (kind, _) in self.links(of) {
                self.long(1);
                self.out.extend(kind.to_le_bytes());
            }
            self.long(0);
            for (_, link) in self.links(of).iter().rev() {
                self.members(link, form);
            }
        }
        self.members(of, form);
    }

    fn links(&self, of: &'static Struct) -> &'static [(i32, &'static Struct)] {
        if self.length > 0 { of.chain } else { &[] }
    }

    fn members(&mut self, of: &'static Struct, form: Form) {
        self.steps(if form == Form::Whole { of.whole } else { of.skeleton }, form);
    }
}

fn commands() -> impl Iterator<Item = (CommandType, &'static [(Way, Op)])> {
    let all = (0..=u16::MAX).filter_map(|number| CommandType::from_number(number.into()));
    all.filter_map(|command| Some((command, command.table()?.parameters)))
}

#[test]
fn every_command_decodes_with_all_that_it_may_hold() {
    let mut arena = Arena::new(64 << 20).expect("memory");
    let mut out = Vec::new();
    for (command, parameters) in commands() {
        let mut writer = Writer { out: vec![], length: 1 };
        writer.out.extend([command as u32, 1].map(u32::to_le_bytes).concat());
        // The lengths and selectors of parameters stand beside them as in a structure.
        for (way, op) in parameters {
            let form = if *way == Way::Out { Form::Skeleton } else { Form::Whole };
            match op {
                Op::Copy { bytes: 8, .. } => writer.long(1),
                op => writer.step(op, &[], form),
            }
        }
        arena.reset();
        let mut reader = Reader::new(&writer.out);
        let call: Call = decode(&mut reader, &mut arena, &mut Same).unwrap_or_else(|why| panic!("{why}"));
        assert!(reader.is_empty(), "{call:?}: {} of {} bytes", reader.position(), writer.out.len());
        out.clear();
        encode_reply(&call, 0, &arena, &mut out);
    }
    assert_eq!(commands().count(), 325);
}

#[test]
fn no_structure_is_taken_for_larger_on_the_wire_than_it_is() {
    fn look(of: &'static Struct, seen: &mut Vec<*const Struct>) {
        if seen.contains(&std::ptr::from_ref(of)) {
            return;
        }
        seen.push(of);
        let least = |form| {
            let mut writer = Writer { out: vec![], length: 0 };
            writer.structure(of, form);
            writer.out.len()
        };
        assert_eq!(of.least[0], least(Form::Whole), "{:?}, whole", of.kind);
        if !of.skeleton.is_empty() {
            assert_eq!(of.least[1], least(Form::Skeleton), "{:?}, as a skeleton", of.kind);
        }
        of.chain.iter().for_each(|(_, link)| look(link, seen));
        of.whole.iter().chain(of.skeleton).for_each(|op| look_into(op, seen));
    }
    fn look_into(op: &'static Op, seen: &mut Vec<*const Struct>) {
        match op {
            Op::Struct { of, .. } => look(of, seen),
            Op::Pointer { element: Element::Struct(of), .. }
            | Op::Array { element: Element::Struct(of), .. } => {
                look(of, seen);
            }
            Op::Union { arms, .. } => arms.iter().flat_map(|arm| arm.1).for_each(|op| look_into(op, seen)),
            _ => (),
        }
    }
    let mut seen = Vec::new();
    commands().flat_map(|(_, parameters)| parameters).for_each(|(_, op)| look_into(op, &mut seen));
    assert!(seen.len() > 400, "{}", seen.len());
}
