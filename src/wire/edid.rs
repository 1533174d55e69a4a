//! EDID 1.4: what a monitor says of itself, so that guests offer the modes that its head is meant to have.
//!
//! The preferred mode is a detailed timing of the base block. That has twelve bits for a width or height and sixteen
//! for a pixel clock in units of 10 kHz, so what is larger or faster goes to a DisplayID 1.3 extension block (type I
//! timing, which Linux reads), and the base block then prefers the largest half, quarter … of the size that it can say.

use super::{ScanoutId, Size};

/// Bytes of a block; the whole is one or two of them.
pub const BLOCK_BYTES: usize = 128;

/// Characters of a monitor's name that fit.
pub const NAME_MAX: usize = 13;

/// Smaller modes that guests are offered too, at 60 Hz, as standard timings can say them.
const STANDARD: [(u32, u32); 8] = [
    (1920, 1080),
    (1680, 1050),
    (1600, 900),
    (1440, 900),
    (1280, 1024),
    (1280, 800),
    (1280, 720),
    (1152, 864),
];

/// The same as established timings: byte and bit of the base block (EDID 1.4, 3.8).
const ESTABLISHED: [(u32, u32, usize, u8); 3] =
    [(640, 480, 35, 1 << 5), (800, 600, 35, 1 << 0), (1024, 768, 36, 1 << 3)];

/// The three letters of the manufacturer, five bits each.
const MANUFACTURER: [u8; 2] = {
    let packed: u16 = letter(b'V') << 10 | letter(b'G') << 5 | letter(b'P');
    packed.to_be_bytes()
};

/// Chromaticity of sRGB's primaries and white point (EDID 1.4, 3.7).
const SRGB: [u8; 10] = [0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54];

const fn letter(ascii: u8) -> u16 {
    (ascii - b'A' + 1) as u16
}

/// A monitor to describe.
#[derive(Clone, Copy, Debug)]
pub struct Monitor<'a> {
    /// The head it hangs on; makes its product code, so that a desktop can tell monitors of one vGPU apart.
    pub head: ScanoutId,
    /// Its serial number.
    pub serial: u32,
    /// Its name; what is not printable ASCII, and what is beyond [`NAME_MAX`], is left out.
    pub name: &'a str,
    /// Its preferred size.
    pub size: Size,
    /// Its preferred rate.
    pub refresh_hz: u32,
}

impl Monitor<'_> {
    /// The EDID: one block, or two where the preferred mode is beyond what the first can say.
    pub fn edid(&self) -> Vec<u8> {
        let preferred = Timing::reduced_blanking(self.size, self.refresh_hz);
        let extended = preferred.detailed().is_none();
        let mut edid = self.base_block(if extended { smaller(self.size) } else { preferred }, extended);
        if extended {
            edid.extend(display_id(&preferred));
        }
        edid
    }

    fn base_block(&self, timing: Timing, extended: bool) -> Vec<u8> {
        let mut block = Block::default();
        block.put(0, &[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]);
        block.put(8, &MANUFACTURER);
        block.put(10, &(self.head.get() as u16 + 1).to_le_bytes());
        block.put(12, &self.serial.to_le_bytes());
        block.put(16, &[0xff, MODEL_YEAR, 1, 4]); // a model year, not a week; EDID 1.4
        block.put(20, &[DIGITAL_8_BIT_DISPLAY_PORT]);
        block.put(21, &[centimetres(self.size.width), centimetres(self.size.height), GAMMA_2_2]);
        block.put(24, &[SRGB_AND_PREFERRED_IS_NATIVE]);
        block.put(25, &SRGB);
        for (width, height, at, bit) in ESTABLISHED {
            if self.offers(width, height) {
                block.set(at, bit);
            }
        }
        for (slot, (width, height)) in STANDARD.into_iter().enumerate() {
            let mode = if self.offers(width, height) { standard_timing(width, height) } else { [1, 1] };
            block.put(38 + slot * 2, &mode);
        }
        block.put(54, &timing.detailed().unwrap_or_default());
        block.put(72, &descriptor(0xfc, &self.name_bytes()));
        block.put(90, &descriptor(0xfd, &self.range_limits(&timing)));
        block.put(108, &descriptor(0x10, &[0; NAME_MAX]));
        block.put(126, &[u8::from(extended)]);
        block.finish()
    }

    /// Whether a smaller mode is listed: it must fit, and the preferred one is not said twice.
    fn offers(&self, width: u32, height: u32) -> bool {
        let size = Size { width, height };
        size.to_rect().fits(self.size) && size != self.size
    }

    fn name_bytes(&self) -> [u8; NAME_MAX] {
        let printable = self.name.bytes().filter(|byte| matches!(byte, b' '..=b'~'));
        text(printable)
    }

    /// Display range limits (EDID 1.4, 3.10.3.3.1) around every mode that is offered.
    fn range_limits(&self, timing: &Timing) -> [u8; NAME_MAX] {
        let preferred = Timing::reduced_blanking(self.size, self.refresh_hz);
        let lines_khz = preferred.lines_khz().max(timing.lines_khz()).max(67).saturating_add(1);
        let clock_10_mhz = preferred.clock_10khz.max(timing.clock_10khz).max(14_850).div_ceil(1000);
        let (rate_min, rate_max) = (preferred.refresh_hz.min(50), preferred.refresh_hz.max(75) + 1);
        let (rate_flag, rate_max) = with_offset(rate_max);
        let (lines_flag, lines_max) = with_offset(lines_khz);
        let lines_min = preferred.lines_khz().clamp(1, 30);
        let mut body = text([]);
        let limits = [
            rate_flag | lines_flag << 2,
            byte(rate_min),
            rate_max,
            byte(lines_min),
            lines_max,
            byte(clock_10_mhz),
            RANGE_LIMITS_ONLY,
        ];
        for (to, from) in body.iter_mut().zip(limits) {
            *to = from;
        }
        body
    }
}

const MODEL_YEAR: u8 = 36; // 2026, counted from 1990
const DIGITAL_8_BIT_DISPLAY_PORT: u8 = 0x80 | 0b010 << 4 | 0b0101;
const GAMMA_2_2: u8 = 120;
const SRGB_AND_PREFERRED_IS_NATIVE: u8 = 0b110;
const RANGE_LIMITS_ONLY: u8 = 1;

/// A mode's timing with the reduced blanking of VESA CVT 1.1: 160 pixels and at least 460 µs.
#[derive(Clone, Copy, Debug)]
struct Timing {
    size: Size,
    refresh_hz: u32,
    clock_10khz: u32,
    lines_blank: u32,
    lines_sync: u32,
}

const PIXELS_BLANK: u32 = 160;
const PIXELS_FRONT: u32 = 48;
const PIXELS_SYNC: u32 = 32;
const LINES_FRONT: u32 = 3;
const LINES_BACK_MIN: u32 = 6;
const BLANK_US_MIN: u64 = 460;

impl Timing {
    fn reduced_blanking(size: Size, refresh_hz: u32) -> Self {
        let refresh_hz = refresh_hz.clamp(20, 360);
        let lines_sync = lines_sync(size);
        let lines = u64::from(size.height);
        let drawing_us = 1_000_000 / u64::from(refresh_hz) - BLANK_US_MIN;
        let lines_blank =
            (BLANK_US_MIN * lines / drawing_us + 1).max(u64::from(LINES_FRONT + lines_sync + LINES_BACK_MIN));
        let total = (u64::from(size.width) + u64::from(PIXELS_BLANK)) * (lines + lines_blank);
        let clock_10khz = (total * u64::from(refresh_hz)).div_ceil(10_000);
        Self {
            size,
            refresh_hz,
            clock_10khz: u32::try_from(clock_10khz).unwrap_or(u32::MAX),
            lines_blank: u32::try_from(lines_blank).unwrap_or(u32::MAX),
            lines_sync,
        }
    }

    fn lines_khz(&self) -> u32 {
        let pixels = self.size.width.saturating_add(PIXELS_BLANK);
        (u64::from(self.clock_10khz) * 10).div_ceil(u64::from(pixels)).try_into().unwrap_or(u32::MAX)
    }

    /// The eighteen bytes of a detailed timing descriptor (EDID 1.4, 3.10.2), if the mode fits into them.
    fn detailed(&self) -> Option<[u8; 18]> {
        let twelve_bits = |value: u32| u16::try_from(value).ok().filter(|value| *value < 1 << 12);
        let [width_low, width_high] = twelve_bits(self.size.width)?.to_le_bytes();
        let [height_low, height_high] = twelve_bits(self.size.height)?.to_le_bytes();
        let [blank_low, blank_high] = twelve_bits(self.lines_blank)?.to_le_bytes();
        let [clock_low, clock_high] = u16::try_from(self.clock_10khz).ok()?.to_le_bytes();
        let [mm_wide_low, mm_wide_high] = twelve_bits(millimetres(self.size.width))?.to_le_bytes();
        let [mm_high_low, mm_high_high] = twelve_bits(millimetres(self.size.height))?.to_le_bytes();
        Some([
            clock_low,
            clock_high,
            width_low,
            byte(PIXELS_BLANK),
            width_high << 4,
            height_low,
            blank_low,
            height_high << 4 | blank_high,
            byte(PIXELS_FRONT),
            byte(PIXELS_SYNC),
            byte(LINES_FRONT << 4 | self.lines_sync),
            0,
            mm_wide_low,
            mm_high_low,
            mm_wide_high << 4 | mm_high_high,
            0,
            0,
            0b0001_1010, // digital separate sync: vertical negative, horizontal positive
        ])
    }

    /// The twenty bytes of a DisplayID 1.3 type I timing, the preferred one: every length less one.
    fn type_i(&self) -> [u8; 20] {
        let word = |value: u32| u16::try_from(value.saturating_sub(1)).unwrap_or(u16::MAX).to_le_bytes();
        let [clock_0, clock_1, clock_2, _] = self.clock_10khz.saturating_sub(1).min(0xff_ffff).to_le_bytes();
        let mut bytes = [0; 20];
        let words = [
            word(self.size.width),
            word(PIXELS_BLANK),
            word(PIXELS_FRONT).map_high(0x80), // positive
            word(PIXELS_SYNC),
            word(self.size.height),
            word(self.lines_blank),
            word(LINES_FRONT),
            word(self.lines_sync),
        ];
        let front = [clock_0, clock_1, clock_2, 0x80 | ASPECT_UNDEFINED];
        for (to, from) in bytes.iter_mut().zip(front.into_iter().chain(words.into_iter().flatten())) {
            *to = from;
        }
        bytes
    }
}

const ASPECT_UNDEFINED: u8 = 8;

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

/// CVT's way to say the aspect ratio: by the length of the vertical sync.
fn lines_sync(size: Size) -> u32 {
    let is = |wide: u64, high: u64| u64::from(size.width) * high == u64::from(size.height) * wide;
    match () {
        () if is(4, 3) => 4,
        () if is(16, 9) => 5,
        () if is(16, 10) => 6,
        () if is(5, 4) || is(15, 9) => 7,
        () => 10,
    }
}

/// The largest half, quarter … of a size that a detailed timing can say at 60 Hz.
fn smaller(size: Size) -> Timing {
    (1..u32::BITS)
        .map(|halvings| Size { width: size.width >> halvings, height: size.height >> halvings })
        .map(|size| Timing::reduced_blanking(size, 60))
        .find(|timing| timing.detailed().is_some())
        .unwrap_or_else(|| Timing::reduced_blanking(Size { width: 640, height: 480 }, 60))
}

/// A DisplayID 1.3 section with one type I timing, as an EDID extension block.
fn display_id(timing: &Timing) -> Vec<u8> {
    const TIMING_BYTES: u8 = 20;
    const SECTION_BYTES: u8 = 121; // all that fits between the section's head and its checksum
    let mut block = Block::default();
    block.put(0, &[0x70, 0x13, SECTION_BYTES, 0, 0]); // an extension of an EDID: no product type, no further section
    block.put(5, &[0x03, 0, TIMING_BYTES]);
    block.put(8, &timing.type_i());
    let section = block.sum(1);
    block.put(126, &[section.wrapping_neg()]);
    block.finish()
}

fn standard_timing(width: u32, height: u32) -> [u8; 2] {
    let aspect = match lines_sync(Size { width, height }) {
        6 => 0b00,
        4 => 0b01,
        7 => 0b10,
        _ => 0b11,
    };
    [byte(width / 8 - 31), aspect << 6] // at 60 Hz
}

fn descriptor(tag: u8, body: &[u8; NAME_MAX]) -> [u8; 18] {
    let mut descriptor = [0; 18];
    for (to, from) in descriptor.iter_mut().zip([0, 0, 0, tag, 0].iter().chain(body)) {
        *to = *from;
    }
    descriptor
}

/// Text as descriptors hold it: ended by a line feed, filled with spaces.
fn text(characters: impl IntoIterator<Item = u8>) -> [u8; NAME_MAX] {
    let mut body = [b' '; NAME_MAX];
    for (to, from) in body.iter_mut().zip(characters.into_iter().chain([b'\n'])) {
        *to = from;
    }
    body
}

/// A limit and the two flag bits that lift it by 255 (EDID 1.4, table 3.26).
fn with_offset(value: u32) -> (u8, u8) {
    if value > 255 { (0b10, byte(value - 255)) } else { (0, byte(value)) }
}

/// Length of so many pixels at 96 in an inch.
fn millimetres(pixels: u32) -> u32 {
    (u64::from(pixels) * 254 / 960).try_into().unwrap_or(u32::MAX)
}

fn centimetres(pixels: u32) -> u8 {
    byte(millimetres(pixels) / 10).max(1)
}

/// The value, or the largest that a byte can say.
fn byte(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// A block being written.
struct Block([u8; BLOCK_BYTES]);

impl Default for Block {
    fn default() -> Self {
        Self([0; BLOCK_BYTES])
    }
}

impl Block {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        for (to, from) in self.0.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }

    fn set(&mut self, at: usize, bits: u8) {
        if let Some(byte) = self.0.get_mut(at) {
            *byte |= bits;
        }
    }

    fn sum(&self, from: usize) -> u8 {
        self.0.iter().skip(from).fold(0, |sum, byte| sum.wrapping_add(*byte))
    }

    /// Closes the block: all its bytes add up to zero.
    fn finish(mut self) -> Vec<u8> {
        let sum = self.sum(0);
        self.put(BLOCK_BYTES - 1, &[sum.wrapping_neg()]);
        self.0.to_vec()
    }
}
