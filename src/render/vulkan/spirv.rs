//! The structure of SPIR-V modules, looked at before a driver parses them: drivers trust what they compile.
//!
//! This is what can be said without types: the words of each instruction, identifiers that are made once and within
//! the bound, functions and blocks that begin and end, literals of sane size, types that do not nest too deep for a
//! recursion. The rest of the rules is left to the validator of SPIRV-Tools, where the host has it.

mod interface;

use std::collections::{BTreeMap, BTreeSet};

use vulkanalia_sys::DescriptorType;

use interface::Interface;

const MAGIC: u32 = 0x0723_0203;
const HEADER_WORDS: usize = 5;
const MINOR_MAX: u32 = 6;
/// SPIR-V's own limits.
const BOUND_MAX: u32 = 0x3f_ffff;
const MEMBERS_MAX: usize = 16_383;
const DEPTH_MAX: u8 = 255;
/// Untyped pointers, cooperative matrices, ray queries, acceleration structures.
const TYPES_OF_EXTENSIONS: [u32; 4] = [4417, 4456, 4472, 5341];
/// No library of shaders has more; each is looked at with all that it calls.
const ENTRY_POINTS_MAX: usize = 1024;
const CAPABILITY_KERNEL: u32 = 6;
const CAPABILITY_LINKAGE: u32 = 5;
const CAPABILITY_ADDRESSES: u32 = 4;

/// A rule of SPIR-V that a module breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("word {word}: {rule}")]
pub(super) struct Broken {
    word: usize,
    rule: &'static str,
}

/// What is known of a module that is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) entry_points: Vec<EntryPoint>,
}

/// Where a module starts, and what its code uses from there on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EntryPoint {
    /// Its execution model.
    pub(super) model: u32,
    pub(super) name: String,
    /// The resources that its code uses.
    pub(super) used: Vec<Used>,
    /// Where the push constants end that it declares.
    pub(super) push_constant_bytes: u64,
}

/// A resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) set: u32,
    pub(super) binding: u32,
    /// How many descriptors its array has, at least 1.
    pub(super) count: u32,
    /// What its descriptors may be; empty if that is not known.
    pub(super) kinds: &'static [DescriptorType],
}

struct Reading<'w> {
    words: &'w [u32],
    /// Where the instruction starts that is being looked at.
    at: usize,
    /// One bit an identifier: it was made.
    made: Vec<u64>,
    bound: u32,
    /// How deep a type nests.
    types: BTreeMap<u32, u8>,
    functions: BTreeSet<u32>,
    entry_points: Vec<(u32, u32, String)>,
    interface: Interface,
    memory_models: u32,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Module,
    /// In a function, before its first block or between two.
    Function,
    Block,
}

/// Looks at a module.
pub(super) fn parse(words: &[u32]) -> Result<Module, Broken> {
    let mut reading = Reading::new(words)?;
    while let Some(first) = words.get(reading.at) {
        let (count, opcode) = (first >> 16, first & 0xffff);
        let end = usize::try_from(count).ok().and_then(|count| reading.at.checked_add(count));
        let instruction = end.and_then(|end| words.get(reading.at + 1..end));
        let Some(operands) = instruction.filter(|_| count > 0) else {
            return Err(reading.broken("the instruction goes beyond the module's end"));
        };
        reading.instruction(opcode, operands)?;
        reading.at += operands.len() + 1;
    }
    reading.finish()
}

impl<'w> Reading<'w> {
    fn new(words: &'w [u32]) -> Result<Self, Broken> {
        let broken = |rule| Broken { word: 0, rule };
        let Some([magic, version, _, bound, schema]) = words.first_chunk::<HEADER_WORDS>() else {
            return Err(broken("the module is shorter than its head"));
        };
        let [_, minor, major, zero] = version.to_le_bytes();
        if *magic != MAGIC || (major, zero, *schema) != (1, 0, 0) || u32::from(minor) > MINOR_MAX {
            return Err(broken("it is no SPIR-V of a version up to 1.6"));
        }
        if !(1..=BOUND_MAX).contains(bound) {
            return Err(broken("the bound of its identifiers is 0 or too large"));
        }
        let bits = usize::try_from(bound / 64 + 1).unwrap_or_default();
        Ok(Self {
            words,
            at: HEADER_WORDS,
            made: vec![0; bits],
            bound: *bound,
            types: BTreeMap::new(),
            functions: BTreeSet::new(),
            entry_points: Vec::new(),
            interface: Interface::default(),
            memory_models: 0,
            place: Place::Module,
        })
    }

    fn broken(&self, rule: &'static str) -> Broken {
        Broken { word: self.at.min(self.words.len()), rule }
    }

    fn need(&self, holds: bool, rule: &'static str) -> Result<(), Broken> {
        holds.then_some(()).ok_or(self.broken(rule))
    }

    fn operand(&self, operands: &[u32], index: usize) -> Result<u32, Broken> {
        operands.get(index).copied().ok_or(self.broken("the instruction is too short"))
    }

    fn instruction(&mut self, opcode: u32, operands: &[u32]) -> Result<(), Broken> {
        if let Some((typed, made)) = results(opcode) {
            if typed {
                let kind = self.operand(operands, 0)?;
                self.need(
                    self.types.contains_key(&kind),
                    "the type of a result is no type that was made before",
                )?;
            }
            if made {
                let id = self.operand(operands, usize::from(typed))?;
                self.make(id)?;
            }
        }
        match opcode {
            14 => self.memory_models += 1,
            15 => self.entry_point(operands)?,
            17 => self.capability(operands)?,
            73..=75 => return Err(self.broken("decorations in groups are not looked through")),
            19..=38 => self.new_type(opcode, operands)?,
            _ if TYPES_OF_EXTENSIONS.contains(&opcode) => self.extension_type(operands)?,
            54 | 55 | 56 | 248..=255 | 4416 | 4448 | 4449 | 5294 => self.control(opcode, operands)?,
            43 | 50 => {
                self.need((3..=4).contains(&operands.len()), "a constant has no value of 32 or 64 bits")?
            }
            _ if self.place == Place::Function && !matches!(opcode, 8 | 317) => {
                return Err(self.broken("an instruction stands in a function outside its blocks"));
            }
            _ => {}
        }
        self.interface.note(opcode, operands, pointers(opcode, operands));
        Ok(())
    }

    fn make(&mut self, id: u32) -> Result<(), Broken> {
        self.need(id != 0 && id < self.bound, "an identifier is 0 or not below the bound")?;
        let (word, bit) = (usize::try_from(id / 64).unwrap_or_default(), 1_u64 << (id % 64));
        let fresh = self.made.get(word).is_some_and(|word| word & bit == 0);
        self.need(fresh, "an identifier is made twice")?;
        if let Some(word) = self.made.get_mut(word) {
            *word |= bit;
        }
        Ok(())
    }

    fn capability(&mut self, operands: &[u32]) -> Result<(), Broken> {
        let refused = [CAPABILITY_KERNEL, CAPABILITY_LINKAGE, CAPABILITY_ADDRESSES];
        let capability = self.operand(operands, 0)?;
        self.need(!refused.contains(&capability), "it needs a capability that Vulkan has not")
    }

    fn entry_point(&mut self, operands: &[u32]) -> Result<(), Broken> {
        let (model, function) = (self.operand(operands, 0)?, self.operand(operands, 1)?);
        let name = operands.get(2..).unwrap_or_default();
        let bytes: Vec<u8> =
            name.iter().flat_map(|word| word.to_le_bytes()).take_while(|byte| *byte != 0).collect();
        self.need(bytes.len() < name.len() * 4, "the name of an entry point does not end")?;
        let name =
            String::from_utf8(bytes).map_err(|_| self.broken("the name of an entry point is no text"))?;
        self.entry_points.push((model, function, name));
        Ok(())
    }

    fn new_type(&mut self, opcode: u32, operands: &[u32]) -> Result<(), Broken> {
        let id = self.operand(operands, 0)?;
        let rest = operands.get(1..).unwrap_or_default();
        let width = rest.first().copied().unwrap_or_default();
        let parts: &[u32] = match opcode {
            21 => {
                self.need([8, 16, 32, 64].contains(&width), "an integer is of no width that there is")?;
                &[]
            }
            22 => {
                self.need([8, 16, 32, 64].contains(&width), "a float is of no width that there is")?;
                &[]
            }
            23 => {
                let count = self.operand(rest, 1)?;
                self.need((2..=16).contains(&count), "a vector has fewer than 2 or more than 16 parts")?;
                rest.get(..1).unwrap_or_default()
            }
            24 => {
                let count = self.operand(rest, 1)?;
                self.need((2..=4).contains(&count), "a matrix has fewer than 2 or more than 4 columns")?;
                rest.get(..1).unwrap_or_default()
            }
            25 | 27 | 28 | 29 => {
                self.operand(rest, 0)?;
                rest.get(..1).unwrap_or_default()
            }
            30 => {
                self.need(rest.len() <= MEMBERS_MAX, "a structure has too many members")?;
                rest
            }
            33 => rest,
            // Pointers may point to what is made later; nothing is followed through them.
            _ => &[],
        };
        self.nest(id, opcode, parts)
    }

    fn extension_type(&mut self, operands: &[u32]) -> Result<(), Broken> {
        let id = self.operand(operands, 0)?;
        self.make(id)?;
        self.types.insert(id, 0);
        Ok(())
    }

    fn nest(&mut self, id: u32, opcode: u32, parts: &[u32]) -> Result<(), Broken> {
        let mut depth = 0;
        for part in parts {
            match self.types.get(part) {
                Some(part) => depth = depth.max(part.saturating_add(1)),
                // A structure may hold a pointer that was only announced.
                None if opcode == 30 => depth = depth.max(1),
                None => return Err(self.broken("a type is made of what is no type")),
            }
        }
        self.need(depth < DEPTH_MAX, "a type nests too deep")?;
        self.types.insert(id, depth);
        Ok(())
    }

    fn control(&mut self, opcode: u32, operands: &[u32]) -> Result<(), Broken> {
        let (from, to) = match opcode {
            54 => (Place::Module, Place::Function),
            55 => (Place::Function, Place::Function),
            56 => (Place::Function, Place::Module),
            248 => (Place::Function, Place::Block),
            _ => (Place::Block, Place::Function),
        };
        self.need(self.place == from, "a function or a block begins or ends where none can")?;
        self.place = to;
        if opcode == 54 {
            self.functions.insert(self.operand(operands, 1)?);
        }
        Ok(())
    }

    fn finish(self) -> Result<Module, Broken> {
        self.need(self.place == Place::Module, "its last function does not end")?;
        self.need(self.memory_models == 1, "it has no memory model, or several")?;
        let starts = self.entry_points.iter().all(|(_, function, _)| self.functions.contains(function));
        self.need(starts && !self.entry_points.is_empty(), "an entry point is no function of it")?;
        self.need(self.entry_points.len() <= ENTRY_POINTS_MAX, "it has too many entry points")?;
        let entry_points = self.entry_points.into_iter();
        Ok(Module { entry_points: entry_points.map(|point| self.interface.entry_point(point)).collect() })
    }
}

/// The pointers and variables among the operands of an instruction that reads or writes by them.
fn pointers(opcode: u32, operands: &[u32]) -> &[u32] {
    let range = match opcode {
        62 | 228 => 0..1,
        63 => 0..2,
        57 => 3..operands.len(),
        60 | 61 | 65..=68 | 70 | 83 | 227 | 229..=242 | 4457 => 2..3,
        4458 => 0..1,
        169 => 3..operands.len(),
        245 => 2..operands.len(),
        _ => 0..0,
    };
    operands.get(range).unwrap_or_default()
}

/// Whether an instruction's result has a type, and whether it has a result; `None` for those of extensions.
fn results(opcode: u32) -> Option<(bool, bool)> {
    Some(match opcode {
        0
        | 2..=6
        | 8
        | 10
        | 14..=17
        | 39
        | 56
        | 62..=64
        | 71
        | 72
        | 74
        | 75
        | 99
        | 218..=221
        | 224
        | 225
        | 228
        | 246
        | 247
        | 249..=257
        | 317
        | 330..=332 => (false, false),
        7 | 11 | 19..=38 | 73 | 248 => (false, true),
        1
        | 12
        | 41..=46
        | 48..=52
        | 54
        | 55
        | 57
        | 59..=61
        | 65..=70
        | 77..=84
        | 86..=98
        | 100..=107
        | 109..=124
        | 126..=152
        | 154..=191
        | 194..=205
        | 207..=215
        | 227
        | 229..=242
        | 245
        | 333..=366
        | 400..=403 => (true, true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::warm_up::empty_shader;
    use super::*;
    use proptest::prelude::*;

    /// `void main() {}` for compute, 35 words.
    fn empty() -> Vec<u32> {
        empty_shader(5)
    }

    fn with(change: impl FnOnce(&mut Vec<u32>)) -> Result<Module, Broken> {
        let mut words = empty();
        change(&mut words);
        parse(&words)
    }

    #[test]
    fn a_whole_module_is_taken_and_its_entry_point_known() {
        let main = EntryPoint { model: 5, name: "main".to_owned(), ..Default::default() };
        assert_eq!(parse(&empty()).expect("it is whole").entry_points, [main]);
    }

    #[test]
    fn a_module_cut_anywhere_is_refused() {
        for length in 0..empty().len() {
            assert!(parse(&empty()[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn heads_of_other_formats_versions_and_bounds_are_refused() {
        for (word, value) in
            [(0, 0x0302_2307), (1, 0x0001_0700), (1, 0x0002_0000), (3, 0), (3, u32::MAX), (4, 1)]
        {
            assert!(with(|words| words[word] = value).is_err(), "{word} {value:#x}");
        }
    }

    #[test]
    fn an_identifier_beyond_the_bound_made_twice_or_of_no_type_is_refused() {
        assert_eq!(with(|words| words[3] = 5).unwrap_err().rule, "an identifier is 0 or not below the bound");
        assert_eq!(with(|words| words[22] = 3).unwrap_err().rule, "an identifier is made twice");
        assert_eq!(with(|words| words[25] = 9).unwrap_err().rule, "a type is made of what is no type");
    }

    #[test]
    fn functions_and_blocks_that_do_not_end_are_refused() {
        assert!(with(|words| words.truncate(34)).is_err());
        assert!(with(|words| _ = words.remove(33)).is_err());
    }

    #[test]
    fn types_that_nest_too_deep_are_refused() {
        let deep = |depth: u32| {
            with(|words| {
                words[3] = 1000;
                let types = (0..depth).flat_map(|level| {
                    let inner = if level == 0 { 2 } else { 99 + level };
                    [0x0003_001e, 100 + level, inner]
                });
                words.splice(23..23, types);
            })
        };
        assert!(deep(200).is_ok());
        assert_eq!(deep(300).unwrap_err().rule, "a type nests too deep");
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic(words in prop::collection::vec(any::<u32>(), 0..64), place in 0..35_usize) {
            _ = parse(&words);
            let mut changed = empty();
            changed.splice(place..place, words);
            _ = parse(&changed);
        }
    }
}
