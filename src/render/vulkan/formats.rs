//! How large the texels of formats are: as the tables of the specification have it.

use vulkanalia_sys::{self as vk, ImageAspectFlags as Aspect};

/// What a format stores together, and how it shrinks the image that it is a plane of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bytes: u32,
    /// How many texels of the image one texel of the plane stands for, across and down.
    pub(super) shrinks: (u32, u32),
}

impl Block {
    const fn new(width: u32, height: u32, bytes: u32) -> Self {
        Self { width, height, bytes, shrinks: (1, 1) }
    }
}

/// The formats of ASTC, in the order of their numbers.
const ASTC: [(u32, u32); 14] = [
    (4, 4),
    (5, 4),
    (5, 5),
    (6, 5),
    (6, 6),
    (8, 5),
    (8, 6),
    (8, 8),
    (10, 5),
    (10, 6),
    (10, 8),
    (10, 10),
    (12, 10),
    (12, 12),
];
const ASTC_FLOAT_FIRST: i32 = 1_000_066_000;
const PLANAR_FIRST: i32 = 1_000_156_000;
const PLANAR_444_FIRST: i32 = 1_000_330_000;

/// The aspects of a format's images.
pub(super) fn aspects(format: vk::Format) -> Aspect {
    match format.as_raw() {
        124..=126 => Aspect::DEPTH,
        127 => Aspect::STENCIL,
        128..=130 => Aspect::DEPTH | Aspect::STENCIL,
        _ => match planes(format).map(|(count, ..)| count) {
            Some(2) => Aspect::COLOR | Aspect::PLANE_0 | Aspect::PLANE_1,
            Some(_) => Aspect::COLOR | Aspect::PLANE_0 | Aspect::PLANE_1 | Aspect::PLANE_2,
            None => Aspect::COLOR,
        },
    }
}

/// What one aspect of an image of a format is made of; `None` for what is not known, or has no such aspect.
pub(super) fn block(format: vk::Format, aspect: Aspect) -> Option<Block> {
    if let Some((count, bytes, shrinks)) = planes(format) {
        return match aspect {
            Aspect::PLANE_0 => Some(Block::new(1, 1, bytes)),
            Aspect::PLANE_1 if count == 2 => Some(Block { shrinks, ..Block::new(1, 1, 2 * bytes) }),
            Aspect::PLANE_1 | Aspect::PLANE_2 if count == 3 => {
                Some(Block { shrinks, ..Block::new(1, 1, bytes) })
            }
            _ => None,
        };
    }
    let bytes = match (aspect, format.as_raw()) {
        (Aspect::STENCIL, 127..=130) => 1,
        (Aspect::DEPTH, 124 | 128) => 2,
        (Aspect::DEPTH, 125 | 126 | 129 | 130) => 4,
        (Aspect::COLOR, raw) if !(124..=130).contains(&raw) => return colour(raw),
        _ => return None,
    };
    Some(Block::new(1, 1, bytes))
}

fn colour(raw: i32) -> Option<Block> {
    let bytes = match raw {
        1 | 9..=15 | 1_000_470_001 => 1,
        2..=8 | 16..=22 | 70..=76 | 1_000_340_000 | 1_000_340_001 | 1_000_470_000 | 1_000_156_007 => 2,
        23..=36 => 3,
        37..=69 | 77..=83 | 98..=100 | 122 | 123 | 1_000_464_000 => 4,
        84..=90 => 6,
        91..=97 | 101..=103 | 110..=112 => 8,
        104..=106 => 12,
        107..=109 | 113..=115 => 16,
        116..=118 => 24,
        119..=121 => 32,
        _ => return packed(raw),
    };
    Some(Block::new(1, 1, bytes))
}

/// Formats whose texels are compressed or subsampled together, and those of 10 or 12 bits a part.
fn packed(raw: i32) -> Option<Block> {
    let astc = |index: i32| {
        let (width, height) = ASTC.get(usize::try_from(index).ok()?)?;
        Some(Block::new(*width, *height, 16))
    };
    Some(match raw {
        131..=134 | 139 | 140 | 147..=150 | 153 | 154 => Block::new(4, 4, 8),
        135..=138 | 141..=146 | 151 | 152 | 155 | 156 => Block::new(4, 4, 16),
        157..=184 => return astc((raw - 157) / 2),
        ASTC_FLOAT_FIRST..=1_000_066_013 => return astc(raw - ASTC_FLOAT_FIRST),
        1_000_156_000 | 1_000_156_001 => Block::new(2, 1, 4),
        1_000_156_010 | 1_000_156_011 | 1_000_156_020 | 1_000_156_021 | 1_000_156_027 | 1_000_156_028 => {
            Block::new(2, 1, 8)
        }
        1_000_156_017 => Block::new(1, 1, 2),
        1_000_156_008 | 1_000_156_018 => Block::new(1, 1, 4),
        1_000_156_009 | 1_000_156_019 => Block::new(1, 1, 8),
        _ => return None,
    })
}

/// Of formats of several planes: how many, the bytes of a part, and how all but the first plane shrink.
fn planes(format: vk::Format) -> Option<(u32, u32, (u32, u32))> {
    let raw = format.as_raw();
    let (first, bytes) = match raw - PLANAR_FIRST {
        2..=6 => (2, 1),
        12..=16 => (12, 2),
        22..=26 => (22, 2),
        29..=33 => (29, 2),
        _ => {
            let bytes = if raw == PLANAR_444_FIRST { 1 } else { 2 };
            return (0..=3).contains(&(raw - PLANAR_444_FIRST)).then_some((2, bytes, (1, 1)));
        }
    };
    Some(match raw - PLANAR_FIRST - first {
        0 => (3, bytes, (2, 2)),
        1 => (2, bytes, (2, 2)),
        2 => (3, bytes, (2, 1)),
        3 => (2, bytes, (2, 1)),
        _ => (3, bytes, (1, 1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texels_are_as_large_as_the_specification_says() {
        let of = |format, aspect| block(format, aspect).map(|block| (block.width, block.height, block.bytes));
        for (format, expected) in [
            (vk::Format::R8_UNORM, (1, 1, 1)),
            (vk::Format::R5G6B5_UNORM_PACK16, (1, 1, 2)),
            (vk::Format::R8G8B8_SRGB, (1, 1, 3)),
            (vk::Format::R8G8B8A8_UNORM, (1, 1, 4)),
            (vk::Format::A2B10G10R10_UNORM_PACK32, (1, 1, 4)),
            (vk::Format::R16_SFLOAT, (1, 1, 2)),
            (vk::Format::R16G16B16_UNORM, (1, 1, 6)),
            (vk::Format::R16G16B16A16_SFLOAT, (1, 1, 8)),
            (vk::Format::R32G32B32_SFLOAT, (1, 1, 12)),
            (vk::Format::R32G32B32A32_SFLOAT, (1, 1, 16)),
            (vk::Format::R64G64B64A64_SFLOAT, (1, 1, 32)),
            (vk::Format::E5B9G9R9_UFLOAT_PACK32, (1, 1, 4)),
            (vk::Format::BC1_RGB_UNORM_BLOCK, (4, 4, 8)),
            (vk::Format::BC4_SNORM_BLOCK, (4, 4, 8)),
            (vk::Format::BC7_SRGB_BLOCK, (4, 4, 16)),
            (vk::Format::EAC_R11G11_SNORM_BLOCK, (4, 4, 16)),
            (vk::Format::ASTC_12X10_SRGB_BLOCK, (12, 10, 16)),
            (vk::Format::A4B4G4R4_UNORM_PACK16, (1, 1, 2)),
            (vk::Format::G8B8G8R8_422_UNORM, (2, 1, 4)),
        ] {
            assert_eq!(of(format, Aspect::COLOR), Some(expected), "{format:?}");
        }
        assert_eq!(of(vk::Format::D24_UNORM_S8_UINT, Aspect::STENCIL), Some((1, 1, 1)));
        assert_eq!(of(vk::Format::D24_UNORM_S8_UINT, Aspect::DEPTH), Some((1, 1, 4)));
        assert_eq!(of(vk::Format::D16_UNORM, Aspect::COLOR), None);
        assert_eq!(of(vk::Format::UNDEFINED, Aspect::COLOR), None);
    }

    #[test]
    fn planes_shrink_as_their_format_says() {
        let of = |format, aspect| block(format, aspect).map(|block| (block.bytes, block.shrinks));
        let two = vk::Format::G8_B8R8_2PLANE_420_UNORM;
        assert_eq!(of(two, Aspect::PLANE_0), Some((1, (1, 1))));
        assert_eq!(of(two, Aspect::PLANE_1), Some((2, (2, 2))));
        assert_eq!(of(two, Aspect::PLANE_2), None);
        assert_eq!(of(vk::Format::G16_B16_R16_3PLANE_422_UNORM, Aspect::PLANE_2), Some((2, (2, 1))));
        assert_eq!(of(vk::Format::G8_B8R8_2PLANE_444_UNORM, Aspect::PLANE_1), Some((2, (1, 1))));
    }
}
