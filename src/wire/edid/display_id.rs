//! DisplayID 1.3 sections as EDID extension blocks: modes that the base block cannot say.

use super::{
    Block, GAMMA_2_2, LINES_FRONT, MODEL_YEAR, Monitor, PIXELS_BLANK, PIXELS_FRONT, PIXELS_SYNC, Timing,
};
use super::{Size, millimetres, word};

const DISPLAY_ID_BYTES: u8 = 121; // all that fits between the section's head and its checksum
const STANDALONE_MONITOR: u8 = 3;
const EXTENSION_SECTION: u8 = 0;
const PRODUCT_IDENTIFICATION: u8 = 0x00;
const DISPLAY_PARAMETERS: u8 = 0x01;
const TYPE_I_TIMING: u8 = 0x03;
const INTERFACE_FEATURES: u8 = 0x0f;
const DISPLAY_PORT_ONE_LINK: u8 = 0xa1;
const RGB_8_BIT: u8 = 0b10;
const ASPECT_UNDEFINED: u8 = 8;

/// Timings that the first section has room for, beside the blocks that a monitor must have.
const TIMINGS_FIRST: usize = 3;

/// Timings that each further section has room for.
const TIMINGS_NEXT: usize = 5;

impl Monitor<'_> {
    /// The sections that say these timings; none for none.
    pub(super) fn sections(&self, timings: &[[u8; 20]]) -> Vec<Vec<u8>> {
        if timings.is_empty() {
            return Vec::new();
        }
        let (first, rest) = timings.split_at(timings.len().min(TIMINGS_FIRST));
        let next = rest.chunks(TIMINGS_NEXT).map(next_section);
        std::iter::once(self.first_section(first, rest.len().div_ceil(TIMINGS_NEXT))).chain(next).collect()
    }

    fn first_section(&self, timings: &[[u8; 20]], more: usize) -> Vec<u8> {
        let [serial_0, serial_1, serial_2, serial_3] = self.serial.to_le_bytes();
        let product = [self.product(), 0, serial_0, serial_1, serial_2, serial_3, 0xff, MODEL_YEAR - 10, 0];
        let more = u8::try_from(more).unwrap_or(u8::MAX);
        let mut block = Block::default();
        block.put(0, &[0x70, 0x13, DISPLAY_ID_BYTES, STANDALONE_MONITOR, more]);
        block.put(5, &[PRODUCT_IDENTIFICATION, 0, 12, b'V', b'G', b'P']);
        block.put(11, &product);
        block.put(20, &[DISPLAY_PARAMETERS, 0, 12]);
        block.put(23, &self.display_parameters());
        block.put(35, &[INTERFACE_FEATURES, 0, 10, DISPLAY_PORT_ONE_LINK, 0, RGB_8_BIT]);
        put_timings(&mut block, 48, timings);
        close(block)
    }

    /// Size in tenths of a millimetre and in pixels, no feature, gamma, aspect ratio, eight bits a colour.
    fn display_parameters(&self) -> [u8; 12] {
        let Size { width, height } = self.size;
        let tenths = |pixels: u32| word(millimetres(pixels) * 10);
        let ratio = u64::from(width.max(height)) * 100 / u64::from(width.min(height)).max(1);
        let ([w0, w1], [h0, h1]) = (tenths(width), tenths(height));
        let ([x0, x1], [y0, y1]) = (word(width), word(height));
        let ratio = u8::try_from(ratio.saturating_sub(100)).unwrap_or(u8::MAX);
        [w0, w1, h0, h1, x0, x1, y0, y1, 0, GAMMA_2_2, ratio, 0x77]
    }
}

fn next_section(timings: &[[u8; 20]]) -> Vec<u8> {
    let mut block = Block::default();
    block.put(0, &[0x70, 0x13, DISPLAY_ID_BYTES, EXTENSION_SECTION, 0]);
    put_timings(&mut block, 5, timings);
    close(block)
}

fn put_timings(block: &mut Block, at: usize, timings: &[[u8; 20]]) {
    let bytes = timings.concat();
    block.put(at, &[TYPE_I_TIMING, 0, u8::try_from(bytes.len()).unwrap_or(u8::MAX)]);
    block.put(at + 3, &bytes);
}

/// A section has a checksum of its own within the block's.
fn close(mut block: Block) -> Vec<u8> {
    let section = block.sum(1);
    block.put(126, &[section.wrapping_neg()]);
    block.finish()
}

impl Timing {
    /// The twenty bytes of a DisplayID 1.3 type I timing: every length less one.
    pub(super) fn type_i(&self, preferred: bool) -> [u8; 20] {
        let less_one = |value: u32| word(value.saturating_sub(1));
        let [clock_0, clock_1, clock_2, _] = self.clock_10khz.saturating_sub(1).min(0xff_ffff).to_le_bytes();
        let mut bytes = [0; 20];
        let words = [
            less_one(self.size.width),
            less_one(PIXELS_BLANK),
            less_one(PIXELS_FRONT).map_high(0x80), // positive
            less_one(PIXELS_SYNC),
            less_one(self.size.height),
            less_one(self.lines_blank),
            less_one(LINES_FRONT),
            less_one(self.lines_sync),
        ];
        let front = [clock_0, clock_1, clock_2, u8::from(preferred) << 7 | ASPECT_UNDEFINED];
        for (to, from) in bytes.iter_mut().zip(front.into_iter().chain(words.into_iter().flatten())) {
            *to = from;
        }
        bytes
    }
}

/// Sets bits in the upper byte of a little-endian word.
trait MapHigh {
    fn map_high(self, bits: u8) -> Self;
}

impl MapHigh for [u8; 2] {
    fn map_high(self, bits: u8) -> Self {
        let [low, high] = self;
        [low, high | bits]
    }
}
