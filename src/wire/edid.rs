//! EDID 1.4: what a monitor says of itself, so that guests offer the modes that its head is meant to have.
//!
//! The preferred mode is a detailed timing of the base block. That has twelve bits for a width or height and sixteen
//! for a pixel clock in units of 10 kHz, so what is larger or faster goes to a DisplayID 1.3 extension block (type I
//! timing, which Linux reads), and the base block then prefers the largest half, quarter … of the size that it can say.
//! Further sizes are DisplayID timings too, unless the base block lists them anyway.

mod display_id;
#[cfg(test)]
mod tests;

use super::{ScanoutId, Size};

/// Bytes of a block; the whole is one to four of them.
pub const BLOCK_BYTES: usize = 128;

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
    /// Its name; what is not printable ASCII, and what is beyond the thirteenth character, is left out.
    pub name: &'a str,
    /// Its preferred size.
    pub size: Size,
    /// Its preferred rate.
    pub refresh_hz: u32,
    /// Further sizes that it offers, at 60 Hz.
    pub modes: &'a [Size],
}

impl Monitor<'_> {
    /// The EDID: one block, and DisplayID sections for what the first cannot say.
    pub fn edid(&self) -> Vec<u8> {
        let preferred = self.timing();
        let detailed = preferred.detailed(self.size);
        let beyond = detailed.is_none().then(|| preferred.type_i(true));
        let further = self.further_modes().map(|size| Timing::reduced_blanking(size, 60).type_i(false));
        let timings: Vec<[u8; 20]> = beyond.into_iter().chain(further).collect();
        let sections = self.sections(&timings);
        let mut edid = self.base_block(&detailed.unwrap_or_else(|| smaller(self.size)), sections.len());
        edid.extend(sections.into_iter().flatten());
        edid
    }

    /// The sizes that neither the preferred mode nor the base block's lists say, each once.
    fn further_modes(&self) -> impl Iterator<Item = Size> {
        let listed = |size: Size| {
            let established = ESTABLISHED.map(|(width, height, ..)| (width, height));
            let named = STANDARD.into_iter().chain(established).any(|mode| mode == (size.width, size.height));
            named && self.offers(size.width, size.height)
        };
        let unsaid = move |size: Size| size != self.size && !listed(size);
        let seen_before = |place: usize, size: Size| self.modes.iter().take(place).any(|seen| *seen == size);
        let modes = self.modes.iter().copied().enumerate();
        modes.filter(move |(place, size)| unsaid(*size) && !seen_before(*place, *size)).map(|(_, size)| size)
    }

    /// The preferred mode's timing and the further ones'.
    fn timings(&self) -> impl Iterator<Item = Timing> {
        let further = self.modes.iter().map(|size| Timing::reduced_blanking(*size, 60));
        std::iter::once(self.timing()).chain(further)
    }

    fn timing(&self) -> Timing {
        Timing::reduced_blanking(self.size, self.refresh_hz)
    }

    fn base_block(&self, detailed: &[u8; 18], extensions: usize) -> Vec<u8> {
        let mut block = Block::default();
        block.put(0, &[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]);
        block.put(8, &MANUFACTURER);
        block.put(10, &[self.product(), 0]);
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
        block.put(54, detailed);
        block.put(72, &descriptor(0xfc, 0, self.name.bytes().filter(|byte| matches!(byte, b' '..=b'~'))));
        block.put(90, &self.range_limits());
        block.put(111, &[0x10]); // an empty descriptor
        block.put(126, &[u8::try_from(extensions).unwrap_or(u8::MAX)]);
        block.finish()
    }

    /// Whether a smaller mode is listed: it must fit, and the preferred one is not said twice.
    fn offers(&self, width: u32, height: u32) -> bool {
        let size = Size { width, height };
        size.to_rect().fits(self.size) && size != self.size
    }

    fn product(&self) -> u8 {
        byte(self.head.get() + 1)
    }

    /// Display range limits (EDID 1.4, 3.10.3.3.1) around every mode that is offered.
    fn range_limits(&self) -> [u8; 18] {
        let refresh_hz = self.timing().refresh_hz;
        let lines_khz_min = self.timings().fold(LINES_MIN_KHZ, |least, timing| least.min(timing.lines_khz()));
        let lines_khz_max = self.timings().fold(LINES_MAX_KHZ, |most, timing| most.max(timing.lines_khz()));
        let clock_max = self.timings().fold(CLOCK_MAX_10KHZ, |most, timing| most.max(timing.clock_10khz));
        let (rate_flag, rate_max) = with_offset(refresh_hz.max(RATE_MAX_HZ) + 1);
        let (lines_flag, lines_max) = with_offset(lines_khz_max + 1);
        let limits = [
            byte(refresh_hz.min(RATE_MIN_HZ)),
            rate_max,
            byte(lines_khz_min),
            lines_max,
            byte(clock_max.div_ceil(1000)),
            RANGE_LIMITS_ONLY,
        ];
        descriptor(0xfd, rate_flag | lines_flag << 2, limits)
    }
}

// What the smaller modes need.
const RATE_MIN_HZ: u32 = 50;
const RATE_MAX_HZ: u32 = 75;
const LINES_MIN_KHZ: u32 = 30;
const LINES_MAX_KHZ: u32 = 67;
const CLOCK_MAX_10KHZ: u32 = 17_280;

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

/// What a DisplayID timing has bits for.
const SIDE_MAX: u32 = 1 << 16;

const PIXELS_BLANK: u32 = 160;
const PIXELS_FRONT: u32 = 48;
const PIXELS_SYNC: u32 = 32;
const LINES_FRONT: u32 = 3;
const LINES_BACK_MIN: u32 = 6;
const BLANK_US_MIN: u64 = 460;

impl Timing {
    fn reduced_blanking(size: Size, refresh_hz: u32) -> Self {
        let refresh_hz = refresh_hz.clamp(20, 360);
        let size = Size { width: size.width.min(SIDE_MAX), height: size.height.min(SIDE_MAX) };
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

    /// The eighteen bytes of a detailed timing descriptor (EDID 1.4, 3.10.2) for a monitor as large as `whole`, if
    /// the mode fits into them.
    fn detailed(&self, whole: Size) -> Option<[u8; 18]> {
        let twelve_bits = |value: u32| u16::try_from(value).ok().filter(|value| *value < 1 << 12);
        let [width_low, width_high] = twelve_bits(self.size.width)?.to_le_bytes();
        let [height_low, height_high] = twelve_bits(self.size.height)?.to_le_bytes();
        let [blank_low, blank_high] = twelve_bits(self.lines_blank)?.to_le_bytes();
        let [clock_low, clock_high] = u16::try_from(self.clock_10khz).ok()?.to_le_bytes();
        let [mm_wide_low, mm_wide_high] = twelve_bits(millimetres(whole.width))?.to_le_bytes();
        let [mm_high_low, mm_high_high] = twelve_bits(millimetres(whole.height))?.to_le_bytes();
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
fn smaller(whole: Size) -> [u8; 18] {
    (1..u32::BITS)
        .map(|halvings| Size { width: whole.width >> halvings, height: whole.height >> halvings })
        .find_map(|size| Timing::reduced_blanking(size, 60).detailed(whole))
        .unwrap_or_default()
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

/// A display descriptor: its content is ended by a line feed and filled with spaces.
fn descriptor(tag: u8, flags: u8, content: impl IntoIterator<Item = u8>) -> [u8; 18] {
    let mut descriptor = [b' '; 18];
    let whole = [0, 0, 0, tag, flags].into_iter().chain(content).chain([b'\n']);
    for (to, from) in descriptor.iter_mut().zip(whole) {
        *to = from;
    }
    descriptor
}

/// A limit and the two flag bits that lift it by 255 (EDID 1.4, table 3.26).
fn with_offset(value: u32) -> (u8, u8) {
    if value > 255 { (0b10, byte(value - 255)) } else { (0, byte(value)) }
}

/// Length of so many pixels at 96 in an inch, as far as the base block can say it in centimetres.
fn millimetres(pixels: u32) -> u32 {
    (pixels.min(100_000) * 254 / 960).min(2550)
}

fn centimetres(pixels: u32) -> u8 {
    byte(millimetres(pixels) / 10).max(1)
}

/// The value as two bytes, or the largest that they can say.
fn word(value: u32) -> [u8; 2] {
    u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes()
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
