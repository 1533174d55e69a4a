//! What the code of a module asks of the layout of its pipeline: descriptors by their types, and push constants.

use std::collections::{BTreeMap, BTreeSet};

use vulkanalia_sys::DescriptorType;

use super::{EntryPoint, Used};

const DECORATION_BUFFER_BLOCK: u32 = 3;
const DECORATION_ARRAY_STRIDE: u32 = 6;
const DECORATION_BINDING: u32 = 33;
const DECORATION_DESCRIPTOR_SET: u32 = 34;
const DECORATION_OFFSET: u32 = 35;
const CLASS_UNIFORM_CONSTANT: u32 = 0;
const CLASS_UNIFORM: u32 = 2;
const CLASS_PUSH_CONSTANT: u32 = 9;
const CLASS_STORAGE_BUFFER: u32 = 12;
const DIMENSION_BUFFER: u32 = 5;
const DIMENSION_SUBPASS: u32 = 6;
const SAMPLED: u32 = 1;
const STORED: u32 = 2;
/// Bytes of what is no number: a pointer.
const POINTER_BYTES: u64 = 8;

type Kinds = &'static [DescriptorType];

const UNIFORM_BUFFERS: Kinds = &[
    DescriptorType::UNIFORM_BUFFER,
    DescriptorType::UNIFORM_BUFFER_DYNAMIC,
    DescriptorType::INLINE_UNIFORM_BLOCK,
];
const STORAGE_BUFFERS: Kinds = &[DescriptorType::STORAGE_BUFFER, DescriptorType::STORAGE_BUFFER_DYNAMIC];
const UNIFORM_TEXELS: Kinds = &[DescriptorType::UNIFORM_TEXEL_BUFFER];
const STORAGE_TEXELS: Kinds = &[DescriptorType::STORAGE_TEXEL_BUFFER];
const TEXELS: Kinds = &[DescriptorType::UNIFORM_TEXEL_BUFFER, DescriptorType::STORAGE_TEXEL_BUFFER];
const INPUT_ATTACHMENTS: Kinds = &[DescriptorType::INPUT_ATTACHMENT];
const STORAGE_IMAGES: Kinds = &[DescriptorType::STORAGE_IMAGE];
const SAMPLED_IMAGES: Kinds = &[DescriptorType::SAMPLED_IMAGE, DescriptorType::COMBINED_IMAGE_SAMPLER];
const IMAGES: Kinds =
    &[DescriptorType::SAMPLED_IMAGE, DescriptorType::COMBINED_IMAGE_SAMPLER, DescriptorType::STORAGE_IMAGE];
const SAMPLERS: Kinds = &[DescriptorType::SAMPLER, DescriptorType::COMBINED_IMAGE_SAMPLER];
const COMBINED: Kinds = &[DescriptorType::COMBINED_IMAGE_SAMPLER];
const STRUCTURES: Kinds = &[DescriptorType::ACCELERATION_STRUCTURE_KHR];

/// What is known of a type, as far as it says what a resource is or how large.
#[derive(Clone, Copy)]
enum Type {
    Other,
    /// With a number of elements; 0 for as many as there are.
    Array(u32, u32),
    Struct,
    Pointer(u32, u32),
    Image(u32, u32),
    Sampler,
    SampledImage(u32),
    Structure,
}

#[derive(Clone, Copy, Default)]
struct Decorated {
    set: u32,
    binding: u32,
    buffer_block: bool,
    stride: Option<u32>,
}

#[derive(Default)]
struct Function {
    variables: BTreeSet<u32>,
    calls: BTreeSet<u32>,
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Interface {
    /// Types with their bytes, in which what has no end counts nothing.
    types: BTreeMap<u32, (Type, u64)>,
    constants: BTreeMap<u32, u32>,
    decorated: BTreeMap<u32, Decorated>,
    offsets: BTreeMap<(u32, u32), u32>,
    /// Variables outside functions, with the types of pointers to them.
    variables: BTreeMap<u32, u32>,
    functions: BTreeMap<u32, Function>,
    function: u32,
}

impl Interface {
    /// Notes an instruction. Inside a function `pointers` are those that it reads or writes by.
    pub(super) fn note(&mut self, opcode: u32, operands: &[u32], pointers: &[u32]) {
        match (opcode, operands) {
            (71, [target, decoration, rest @ ..]) => {
                self.decorate(*target, *decoration, rest.first().copied())
            }
            (72, [target, member, DECORATION_OFFSET, offset, ..]) => {
                self.offsets.insert((*target, *member), *offset);
            }
            (43, [_, id, value]) => _ = self.constants.insert(*id, *value),
            (19..=33 | 5341, [id, rest @ ..]) => self.new_type(opcode, *id, rest),
            (59, [kind, id, class, ..]) if *class != 7 => _ = self.variables.insert(*id, *kind),
            (54, [_, id, ..]) => {
                self.function = *id;
                self.functions.entry(*id).or_default();
            }
            _ => {}
        }
        if pointers.is_empty() && opcode != 57 {
            return;
        }
        let Some(function) = self.functions.get_mut(&self.function) else { return };
        function.variables.extend(pointers.iter().filter(|id| self.variables.contains_key(id)));
        if let (57, [_, _, called, ..]) = (opcode, operands) {
            function.calls.insert(*called);
        }
    }

    fn decorate(&mut self, target: u32, decoration: u32, value: Option<u32>) {
        let value = value.unwrap_or_default();
        let decorated = |all: &mut Self, set: fn(&mut Decorated, u32)| {
            set(all.decorated.entry(target).or_default(), value);
        };
        match decoration {
            DECORATION_BINDING => decorated(self, |known, value| known.binding = value),
            DECORATION_DESCRIPTOR_SET => decorated(self, |known, value| known.set = value),
            DECORATION_BUFFER_BLOCK => decorated(self, |known, _| known.buffer_block = true),
            DECORATION_ARRAY_STRIDE => decorated(self, |known, value| known.stride = Some(value)),
            _ => {}
        }
    }

    fn new_type(&mut self, opcode: u32, id: u32, rest: &[u32]) {
        let bytes_of = |id: &u32| self.types.get(id).map_or(0, |(_, bytes)| *bytes);
        let stride = self.decorated.get(&id).and_then(|decorated| decorated.stride);
        let known = match (opcode, rest) {
            (21 | 22, [width, ..]) => (Type::Other, u64::from(width / 8)),
            (23 | 24, [part, count, ..]) => (Type::Other, bytes_of(part).saturating_mul((*count).into())),
            (25, [_, dimension, _, _, _, sampled, ..]) => (Type::Image(*dimension, *sampled), 0),
            (26, _) => (Type::Sampler, 0),
            (27, [image, ..]) => (Type::SampledImage(*image), 0),
            (28, [element, length, ..]) => {
                let length = self.constants.get(length).copied().unwrap_or(1);
                let (last, stride) = (bytes_of(element), stride.map_or(bytes_of(element), u64::from));
                let bytes = stride.saturating_mul(length.saturating_sub(1).into()).saturating_add(last);
                (Type::Array(*element, length), bytes)
            }
            (29, [element, ..]) => (Type::Array(*element, 0), 0),
            (30, members) => {
                let end = |(index, member): (u32, &u32)| {
                    let offset = self.offsets.get(&(id, index)).copied().unwrap_or_default();
                    bytes_of(member).saturating_add(offset.into())
                };
                (Type::Struct, (0..).zip(members).map(end).max().unwrap_or_default())
            }
            (32, [class, to, ..]) => (Type::Pointer(*class, *to), POINTER_BYTES),
            (5341, _) => (Type::Structure, 0),
            _ => (Type::Other, 0),
        };
        self.types.insert(id, known);
    }

    /// What an entry point is, with all that its function and those that it calls use.
    pub(super) fn entry_point(&self, (model, function, name): (u32, u32, String)) -> EntryPoint {
        let (mut seen, mut left) = (BTreeSet::from([function]), vec![function]);
        let mut variables = BTreeSet::new();
        while let Some(function) = left.pop().and_then(|id| self.functions.get(&id)) {
            variables.extend(function.variables.iter().copied());
            left.extend(
                function
                    .calls
                    .iter()
                    .copied()
                    .filter(|called| self.functions.contains_key(called) && seen.insert(*called)),
            );
        }
        let mut entry_point = EntryPoint { model, name, used: Vec::new(), push_constant_bytes: 0 };
        for variable in variables {
            let kind = self.variables.get(&variable).and_then(|kind| self.types.get(kind));
            let Some((Type::Pointer(class, to), _)) = kind else { continue };
            match *class {
                CLASS_PUSH_CONSTANT => {
                    let bytes = self.types.get(to).map_or(0, |(_, bytes)| *bytes);
                    entry_point.push_constant_bytes = entry_point.push_constant_bytes.max(bytes);
                }
                CLASS_UNIFORM_CONSTANT | CLASS_UNIFORM | CLASS_STORAGE_BUFFER => {
                    entry_point.used.push(self.used(variable, *class, *to));
                }
                _ => {}
            }
        }
        entry_point
    }

    fn used(&self, variable: u32, class: u32, mut kind: u32) -> Used {
        let mut count = 1_u32;
        while let Some((Type::Array(element, length), _)) = self.types.get(&kind) {
            count = count.saturating_mul((*length).max(1));
            kind = *element;
        }
        let Decorated { set, binding, .. } = self.decorated.get(&variable).copied().unwrap_or_default();
        Used { set, binding, count, kinds: self.kinds(class, kind) }
    }

    /// The types of descriptors that a resource may be; none if it is not known.
    fn kinds(&self, class: u32, kind: u32) -> Kinds {
        let block = self.decorated.get(&kind).is_some_and(|decorated| decorated.buffer_block);
        match (class, self.types.get(&kind).map(|(kind, _)| *kind)) {
            (CLASS_STORAGE_BUFFER, _) => STORAGE_BUFFERS,
            (CLASS_UNIFORM, _) if block => STORAGE_BUFFERS,
            (CLASS_UNIFORM, _) => UNIFORM_BUFFERS,
            (_, Some(Type::Image(dimension, sampled))) => match (dimension, sampled) {
                (DIMENSION_BUFFER, SAMPLED) => UNIFORM_TEXELS,
                (DIMENSION_BUFFER, STORED) => STORAGE_TEXELS,
                (DIMENSION_BUFFER, _) => TEXELS,
                (DIMENSION_SUBPASS, _) => INPUT_ATTACHMENTS,
                (_, SAMPLED) => SAMPLED_IMAGES,
                (_, STORED) => STORAGE_IMAGES,
                _ => IMAGES,
            },
            (_, Some(Type::Sampler)) => SAMPLERS,
            (_, Some(Type::SampledImage(image))) => match self.types.get(&image) {
                Some((Type::Image(DIMENSION_BUFFER, _), _)) => UNIFORM_TEXELS,
                _ => COMBINED,
            },
            (_, Some(Type::Structure)) => STRUCTURES,
            _ => &[],
        }
    }
}
