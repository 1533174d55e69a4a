//! What a head shows, as rows of pixels, wherever they lie.

use crate::guest_memory::{Backing, GuestMemory};
use crate::wire::{Format, Rect, Size};

/// A look at the pixels of one head.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its size; every rectangle asked of it must fit.
    pub size: Size,
    /// How its pixels are stored.
    pub format: Format,
    /// Where they are stored.
    pub source: Source<'a>,
}

/// Where a picture's pixels are.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A host image; `bytes` begins at the picture's top left pixel.
    Host {
        /// The image from that pixel on.
        bytes: &'a [u8],
        /// Bytes from a row to the next.
        stride: usize,
    },
    /// A guest blob, read in place.
    Guest {
        /// The memory of the VM.
        memory: &'a GuestMemory,
        /// The blob's pages.
        backing: &'a Backing,
        /// Where in the blob the picture's top left pixel is.
        offset: u64,
        /// Bytes from a row to the next.
        stride: u64,
    },
}

impl<'a> Picture<'a> {
    /// The bytes of `rows` whole rows from row `top` on, where they lie as blue, green, red, x without a gap.
    pub fn contiguous(&self, top: u32, rows: u32) -> Option<&'a [u8]> {
        let Source::Host { bytes, stride } = self.source else { return None };
        let row = self.size.width as usize * 4;
        let direct = self.format.bgra_offsets() == [0, 1, 2, 3] && stride == row;
        let start = row.checked_mul(top as usize)?;
        direct.then(|| bytes.get(start..start.checked_add(row.checked_mul(rows as usize)?)?)).flatten()
    }

    /// Appends the pixels of `area` to `out` as blue, green, red, x, without gaps. Pixels that cannot be read (the
    /// guest took the memory away) are black.
    pub fn append_bgrx(&self, area: &Rect, out: &mut Vec<u8>) {
        let row = area.width as usize * 4;
        out.reserve(row.saturating_mul(area.height as usize));
        for y in area.y..area.y.saturating_add(area.height) {
            let start = out.len();
            out.resize(start + row, 0);
            let Some(into) = out.get_mut(start..) else { return };
            self.read_row(area.x, y, into);
            to_bgrx(self.format, into);
        }
    }

    fn read_row(&self, x: u32, y: u32, into: &mut [u8]) {
        match self.source {
            Source::Host { bytes, stride } => {
                let start = y as usize * stride + x as usize * 4;
                if let Some(from) = bytes.get(start..).and_then(|rest| rest.get(..into.len())) {
                    into.copy_from_slice(from);
                }
            }
            Source::Guest { memory, backing, offset, stride } => {
                let start = offset.saturating_add(u64::from(y).saturating_mul(stride)) + u64::from(x) * 4;
                if backing.read(memory, start, into).is_err() {
                    into.fill(0);
                }
            }
        }
    }
}

/// Puts the bytes of pixels in order. Shifts of whole pixels, for the compiler does several of those at once.
fn to_bgrx(format: Format, pixels: &mut [u8]) {
    match format.bgra_offsets() {
        [3, 2, 1, 0] => reorder(pixels, u32::swap_bytes),
        [1, 2, 3, 0] => reorder(pixels, |pixel| pixel.rotate_right(8)),
        [2, 1, 0, 3] => {
            reorder(pixels, |pixel| pixel & 0xff00_ff00 | pixel >> 16 & 0xff | (pixel & 0xff) << 16);
        }
        _ => {}
    }
}

fn reorder(pixels: &mut [u8], order: impl Fn(u32) -> u32) {
    for pixel in pixels.as_chunks_mut::<4>().0 {
        *pixel = order(u32::from_le_bytes(*pixel)).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_shows_the_same_colour() {
        for format in Format::ALL {
            let mut bytes = [0u8; 16];
            for (pixel, shade) in bytes.chunks_mut(4).zip([0u8, 10, 20, 30]) {
                for (to, value) in
                    format.bgra_offsets().into_iter().zip([shade + 1, shade + 2, shade + 3, shade + 4])
                {
                    pixel[to] = value;
                }
            }
            let picture = Picture {
                size: Size { width: 2, height: 2 },
                format,
                source: Source::Host { bytes: &bytes, stride: 8 },
            };
            let mut out = Vec::new();
            picture.append_bgrx(&Rect { x: 1, y: 0, width: 1, height: 2 }, &mut out);
            assert_eq!(out, [11, 12, 13, 14, 31, 32, 33, 34], "{format:?}");
        }
    }
}
