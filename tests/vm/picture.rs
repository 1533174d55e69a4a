//! Pictures, and whether they are right.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::pattern::{CURSOR_SIDE, cursor_pixel, pixel};

/// Pixels as 0xRRGGBB, row by row.
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pixels: Vec<u32>,
}

impl Picture {
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let file = File::open(file).map_err(|error| error.to_string())?;
        let mut decoder = png::Decoder::new(BufReader::new(file));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
        let mut bytes = vec![0; reader.output_buffer_size().ok_or("too large")?];
        let info = reader.next_frame(&mut bytes).map_err(|error| error.to_string())?;
        let samples = info.color_type.samples();
        if samples < 3 {
            return Err(format!("the picture is {:?}", info.color_type));
        }
        let pixels = bytes.chunks_exact(samples).map(|p| u32::from_be_bytes([0, p[0], p[1], p[2]])).collect();
        Ok(Self { width: info.width, height: info.height, pixels })
    }

    /// Row by row.
    pub(crate) fn pixels(&self) -> &[u32] {
        &self.pixels
    }

    /// What is wrong with the picture, if something is.
    pub(crate) fn compare(&self, expected: &Expected) -> Result<(), String> {
        if (self.width, self.height) != expected.size {
            return Err(format!("the size is {}x{}, not {:?}", self.width, self.height, expected.size));
        }
        let places = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        let mut wrong = places.zip(&self.pixels).filter(|&((x, y), &got)| got != expected.at(x, y));
        let Some(((x, y), got)) = wrong.next() else { return Ok(()) };
        let others = wrong.count();
        let wanted = expected.at(x, y);
        Err(format!("pixel {x},{y} is {got:06x}, not {wanted:06x}, and {others} others are wrong"))
    }
}

/// What a picture should be: a pattern, patches of other patterns on it, and a pointer.
#[derive(Clone)]
pub(crate) struct Expected {
    pub(crate) size: (u32, u32),
    pub(crate) seed: u32,
    /// Left, top, width, height, seed; later ones lie over earlier ones.
    pub(crate) patches: Vec<(u32, u32, u32, u32, u32)>,
    /// Left, top, seed.
    pub(crate) pointer: Option<(i32, i32, u32)>,
}

impl Expected {
    pub(crate) fn new(size: (u32, u32), seed: u32) -> Self {
        Self { size, seed, patches: Vec::new(), pointer: None }
    }

    pub(crate) fn with_pointer(&self, left: i32, top: i32, seed: u32) -> Self {
        Self { pointer: Some((left, top, seed)), ..self.clone() }
    }

    fn at(&self, x: u32, y: u32) -> u32 {
        if let Some((left, top, seed)) = self.pointer {
            let inside = |place: u32, start: i32| {
                u32::try_from(i64::from(place) - i64::from(start)).ok().filter(|&at| at < CURSOR_SIDE)
            };
            if let (Some(x), Some(y)) = (inside(x, left), inside(y, top))
                && cursor_pixel(x, y, seed) != 0
            {
                return cursor_pixel(x, y, seed) & 0xff_ff_ff;
            }
        }
        let on = |patch: &&(u32, u32, u32, u32, u32)| {
            (patch.0..patch.0 + patch.2).contains(&x) && (patch.1..patch.1 + patch.3).contains(&y)
        };
        pixel(x, y, self.patches.iter().rev().find(on).map_or(self.seed, |patch| patch.4))
    }
}
