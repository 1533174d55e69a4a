//! What a head shows at one moment, its pointer included, as an image file.
//!
//! [`Snapshot::take`] only copies, so whoever must keep the picture still meanwhile does so briefly; all arithmetic
//! is done later, row by row, without a second copy of the image.

use std::io::{self, Write};

use super::{CURSOR_SIDE, Cursor, Picture, Scanouts};
use crate::wire::{ScanoutId, Size};

/// A copy of what a head showed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    size: Size,
    /// Blue, green, red, x.
    pixels: Vec<u8>,
    cursor: Cursor,
}

impl Snapshot {
    /// Copies what a head shows; `None` if it shows nothing. The copy is as large as the guest made the picture, so it
    /// fails rather than end the process where memory is limited.
    pub fn take(scanouts: &dyn Scanouts, head: ScanoutId) -> io::Result<Option<Self>> {
        let Some(picture) = scanouts.picture(head).filter(|picture| !picture.size.is_empty()) else {
            return Ok(None);
        };
        let pixels = copy(&picture)?;
        Ok(Some(Self { size: picture.size, pixels, cursor: scanouts.cursor(head).clone() }))
    }

    /// The picture's size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Writes it as a PNG of eight bits each of red, green and blue.
    pub fn png(&self, out: impl Write) -> io::Result<()> {
        let mut encoder = png::Encoder::new(out, self.size.width, self.size.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut file = encoder.write_header()?;
        let mut rows = file.stream_writer()?;
        for row in self.rows() {
            rows.write_all(&row)?;
        }
        rows.finish()?;
        Ok(file.finish()?)
    }

    /// The pixels row by row, as red, green, blue.
    pub fn rows(&self) -> impl Iterator<Item = Vec<u8>> {
        let rows = self.pixels.chunks_exact(self.size.width as usize * 4);
        (0i64..).zip(rows).map(|(y, row)| {
            let mut row: Vec<[u8; 4]> = row.as_chunks().0.to_vec();
            self.draw_cursor(y, &mut row);
            row.iter().map(|[blue, green, red, _]| [*red, *green, *blue]).collect::<Vec<_>>().into_flattened()
        })
    }

    /// Lays the pointer's pixels of row `y` over it; those beyond an edge are not seen.
    fn draw_cursor(&self, y: i64, row: &mut [[u8; 4]]) {
        let Some(image) = &self.cursor.image else { return };
        let image_row = usize::try_from(y - signed(self.cursor.at.y)).ok();
        let lines = image.as_chunks::<4>().0.chunks_exact(CURSOR_SIDE as usize);
        let Some(line) = image_row.and_then(|line| lines.into_iter().nth(line)) else { return };
        let left = signed(self.cursor.at.x);
        for (x, over) in (left..).zip(line) {
            if let Some(under) = usize::try_from(x).ok().and_then(|x| row.get_mut(x)) {
                blend(under, over);
            }
        }
    }
}

fn copy(picture: &Picture<'_>) -> io::Result<Vec<u8>> {
    let area = picture.size.to_rect();
    let bytes = u64::from(area.width).saturating_mul(u64::from(area.height)).saturating_mul(4);
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(usize::try_from(bytes).unwrap_or(usize::MAX)).map_err(io::Error::other)?;
    match picture.contiguous(0, area.height) {
        Some(bytes) => pixels.extend_from_slice(bytes),
        None => picture.append_bgrx(&area, &mut pixels),
    }
    Ok(pixels)
}

/// Guests move the pointer beyond the top left by negative numbers.
fn signed(at: u32) -> i64 {
    i64::from(at.cast_signed())
}

/// Colours of pointers come multiplied by their alpha (Linux DRM, "pixel blend mode": pre-multiplied is the default).
fn blend(under: &mut [u8; 4], over: &[u8; 4]) {
    let through = 255 - u32::from(over[3]);
    for (under, over) in under.iter_mut().zip(over) {
        let seen = (u32::from(*under) * through + 127) / 255;
        *under = over.saturating_add(u8::try_from(seen).unwrap_or(u8::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::{CURSOR_BYTES, Source};
    use crate::wire::{Format, Point};

    const WIDTH: u32 = 100;
    const HEIGHT: u32 = 80;

    struct One {
        bytes: Vec<u8>,
        cursor: Cursor,
    }

    impl Scanouts for One {
        fn picture(&self, head: ScanoutId) -> Option<Picture<'_>> {
            (head.get() == 0).then_some(Picture {
                size: Size { width: WIDTH, height: HEIGHT },
                format: Format::R8G8B8X8,
                source: Source::Host { bytes: &self.bytes, stride: WIDTH as usize * 4 },
            })
        }

        fn cursor(&self, _: ScanoutId) -> &Cursor {
            &self.cursor
        }
    }

    fn under(x: u32, y: u32) -> [u8; 3] {
        [u8::try_from(x).unwrap(), u8::try_from(y).unwrap(), 200]
    }

    fn one(at: Point, hot: Point, image: Option<[u8; 4]>) -> One {
        let bytes =
            (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| under(x, y))).flat_map(|[r, g, b]| [r, g, b, 9]);
        let image = image.map(|pixel| pixel.repeat(CURSOR_BYTES / 4).into_boxed_slice());
        One { bytes: bytes.collect(), cursor: Cursor { at, hot, image } }
    }

    fn decoded(one: &One) -> Vec<[u8; 3]> {
        let mut file = Vec::new();
        let shot = Snapshot::take(one, ScanoutId::new(0).unwrap()).unwrap().unwrap();
        shot.png(&mut file).unwrap();
        let mut reader = png::Decoder::new(io::Cursor::new(file)).read_info().unwrap();
        assert_eq!(reader.info().size(), (WIDTH, HEIGHT));
        assert_eq!(reader.output_color_type(), (png::ColorType::Rgb, png::BitDepth::Eight));
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        pixels.as_chunks().0.to_vec()
    }

    #[test]
    fn the_pixels_of_the_file_are_those_of_the_head() {
        let pixels = decoded(&one(Point::default(), Point::default(), None));
        for (pixel, place) in pixels.iter().zip(0..) {
            assert_eq!(*pixel, under(place % WIDTH, place / WIDTH));
        }
        assert_eq!(pixels.len(), (WIDTH * HEIGHT) as usize);
    }

    #[test]
    fn the_pointer_lies_with_its_corner_on_its_place_and_is_cut_at_every_edge() {
        let beyond = |number: i32| number.cast_unsigned();
        for (x, y) in [(20, 10), (0, 0), (99, 79), (beyond(-10), beyond(-60)), (3, 79), (99, beyond(-1))] {
            let hot = Point { x: 5, y: 7 };
            let pixels = decoded(&one(Point { x, y }, hot, Some([1, 2, 3, 255])));
            let (left, top) = (i64::from(x.cast_signed()), i64::from(y.cast_signed()));
            for (pixel, place) in pixels.iter().zip(0u32..) {
                let (px, py) = (place % WIDTH, place / WIDTH);
                let on =
                    (left..left + 64).contains(&i64::from(px)) && (top..top + 64).contains(&i64::from(py));
                assert_eq!(*pixel, if on { [3, 2, 1] } else { under(px, py) }, "({px}, {py}) of ({x}, {y})");
            }
        }
    }

    #[test]
    fn a_pointer_is_blended_by_its_alpha() {
        let at = Point { x: 10, y: 10 };
        for (image, seen) in [
            ([9, 8, 7, 0], [17, 18, 209]),
            ([60, 0, 10, 128], [15, 5, 160]),
            ([255, 255, 255, 0], [255, 255, 255]),
        ] {
            assert_eq!(decoded(&one(at, Point::default(), Some(image)))[10 * WIDTH as usize + 10], seen);
        }
    }

    #[test]
    fn a_head_that_shows_nothing_has_no_snapshot() {
        let one = one(Point::default(), Point::default(), None);
        assert!(Snapshot::take(&one, ScanoutId::new(1).unwrap()).unwrap().is_none());
    }
}
