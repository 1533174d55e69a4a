//! Pixel formats of 2D resources (virtio 1.3, 5.7.6.7, `virtio_gpu_formats`).

use serde::{Deserialize, Serialize};

/// A 2D pixel format. The name lists the bytes in memory order; each is four bytes a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u32)]
pub enum Format {
    /// Blue, green, red, alpha.
    B8G8R8A8 = 1,
    /// Blue, green, red, unused.
    B8G8R8X8 = 2,
    /// Alpha, red, green, blue.
    A8R8G8B8 = 3,
    /// Unused, red, green, blue.
    X8R8G8B8 = 4,
    /// Red, green, blue, alpha.
    R8G8B8A8 = 67,
    /// Unused, blue, green, red.
    X8B8G8R8 = 68,
    /// Alpha, blue, green, red.
    A8B8G8R8 = 121,
    /// Red, green, blue, unused.
    R8G8B8X8 = 134,
}

impl Format {
    /// Every format of the specification.
    pub const ALL: [Self; 8] = [
        Self::B8G8R8A8,
        Self::B8G8R8X8,
        Self::A8R8G8B8,
        Self::X8R8G8B8,
        Self::R8G8B8A8,
        Self::X8B8G8R8,
        Self::A8B8G8R8,
        Self::R8G8B8X8,
    ];

    /// Bytes a pixel; the same for every 2D format.
    pub const BYTES_PER_PIXEL: u32 = 4;

    /// The format with this number, if the specification has it.
    pub fn from_wire(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|format| *format as u32 == number)
    }

    /// Where blue, green, red and alpha (or the unused byte) stand within a pixel.
    pub fn bgra_offsets(self) -> [usize; 4] {
        match self {
            Self::B8G8R8A8 | Self::B8G8R8X8 => [0, 1, 2, 3],
            Self::A8R8G8B8 | Self::X8R8G8B8 => [3, 2, 1, 0],
            Self::R8G8B8A8 | Self::R8G8B8X8 => [2, 1, 0, 3],
            Self::A8B8G8R8 | Self::X8B8G8R8 => [1, 2, 3, 0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_number_and_no_other_number_is_one() {
        for number in 0..256 {
            let found = Format::from_wire(number);
            assert_eq!(found.map(|format| format as u32), found.is_some().then_some(number));
        }
        assert_eq!(Format::ALL.iter().filter(|f| Format::from_wire(**f as u32) == Some(**f)).count(), 8);
    }
}
