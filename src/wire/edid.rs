//! EDID 1.4: what a monitor says of itself, so that guests offer the modes that its head is meant to have.
//!
//! The preferred mode is a detailed timing of the base block. That has twelve bits for a width or height and sixteen
//! for a pixel clock in units of 10 kHz, so what is larger or faster goes to a DisplayID 1.3 extension block (type I
//! timing, which Linux reads), and the base block then prefers the largest half, quarter … of the size that it can say.

use super::{ScanoutId, Size};

/// Bytes of a block; the whole is one or two of them.
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
}

impl Monitor<'_> {
    /// The EDID: one block, or two where the preferred mode is beyond what the first can say.
    pub fn edid(&self) -> Vec<u8> {
        let preferred = self.timing();
        if let Some(detailed) = preferred.detailed(self.size) {
            return self.base_block(&detailed, false);
        }
        let mut edid = self.base_block(&smaller(self.size), true);
        edid.extend(self.display_id(&preferred));
        edid
    }

    fn timing(&self) -> Timing {
        Timing::reduced_blanking(self.size, self.refresh_hz)
    }

    fn base_block(&self, detailed: &[u8; 18], extended: bool) -> Vec<u8> {
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
        block.put(126, &[u8::from(extended)]);
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

    /// A DisplayID 1.3 section as an EDID extension block: the blocks that a monitor must have, and a type I timing.
    fn display_id(&self, timing: &Timing) -> Vec<u8> {
        let [serial_0, serial_1, serial_2, serial_3] = self.serial.to_le_bytes();
        let product = [self.product(), 0, serial_0, serial_1, serial_2, serial_3, 0xff, MODEL_YEAR - 10, 0];
        let mut block = Block::default();
        block.put(0, &[0x70, 0x13, DISPLAY_ID_BYTES, STANDALONE_MONITOR, 0]);
        block.put(5, &[PRODUCT_IDENTIFICATION, 0, 12, b'V', b'G', b'P']);
        block.put(11, &product);
        block.put(20, &[DISPLAY_PARAMETERS, 0, 12]);
        block.put(23, &self.display_parameters());
        block.put(35, &[TYPE_I_TIMING, 0, 20]);
        block.put(38, &timing.type_i());
        block.put(58, &[INTERFACE_FEATURES, 0, 10, DISPLAY_PORT_ONE_LINK, 0, RGB_8_BIT]);
        let section = block.sum(1);
        block.put(126, &[section.wrapping_neg()]);
        block.finish()
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

    /// Display range limits (EDID 1.4, 3.10.3.3.1) around every mode that is offered.
    fn range_limits(&self) -> [u8; 18] {
        let preferred = self.timing();
        let (rate_flag, rate_max) = with_offset(preferred.refresh_hz.max(RATE_MAX_HZ) + 1);
        let (lines_flag, lines_max) = with_offset(preferred.lines_khz().max(LINES_MAX_KHZ) + 1);
        let limits = [
            byte(preferred.refresh_hz.min(RATE_MIN_HZ)),
            rate_max,
            byte(preferred.lines_khz().min(LINES_MIN_KHZ)),
            lines_max,
            byte(preferred.clock_10khz.max(CLOCK_MAX_10KHZ).div_ceil(1000)),
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

const DISPLAY_ID_BYTES: u8 = 121; // all that fits between the section's head and its checksum
const STANDALONE_MONITOR: u8 = 3;
const PRODUCT_IDENTIFICATION: u8 = 0x00;
const DISPLAY_PARAMETERS: u8 = 0x01;
const TYPE_I_TIMING: u8 = 0x03;
const INTERFACE_FEATURES: u8 = 0x0f;
const DISPLAY_PORT_ONE_LINK: u8 = 0xa1;
const RGB_8_BIT: u8 = 0b10;

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

    /// The twenty bytes of a DisplayID 1.3 type I timing, the preferred one: every length less one.
    fn type_i(&self) -> [u8; 20] {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edid(width: u32, height: u32, refresh_hz: u32, name: &str) -> Vec<u8> {
        let head = ScanoutId::new(2).unwrap();
        Monitor { head, serial: 0x0102_0304, name, size: Size { width, height }, refresh_hz }.edid()
    }

    fn low_12(low: u8, high: u8) -> u32 {
        u32::from(low) | u32::from(high) << 8
    }

    /// Width, height and pictures a second of a detailed timing descriptor.
    fn mode_of_dtd(dtd: &[u8]) -> (u32, u32, f64) {
        let clock = f64::from(u16::from_le_bytes([dtd[0], dtd[1]])) * 10_000.0;
        let (width, height) = (low_12(dtd[2], dtd[4] >> 4), low_12(dtd[5], dtd[7] >> 4));
        let whole = (width + low_12(dtd[3], dtd[4] & 15)) * (height + low_12(dtd[6], dtd[7] & 15));
        (width, height, clock / f64::from(whole))
    }

    /// The same of a type I timing.
    fn mode_of_type_i(timing: &[u8]) -> (u32, u32, f64) {
        let word = |at: usize| u32::from(u16::from_le_bytes([timing[at], timing[at + 1]])) + 1;
        let clock = u32::from_le_bytes([timing[0], timing[1], timing[2], 0]) + 1;
        let whole = f64::from(word(4) + word(6)) * f64::from(word(12) + word(14));
        (word(4), word(12), f64::from(clock) * 10_000.0 / whole)
    }

    #[test]
    fn the_base_block_has_the_bytes_that_the_standard_asks_for() {
        let edid = edid(1280, 800, 60, "vgpu-1\u{e9}\n");
        assert_eq!(edid.len(), BLOCK_BYTES);
        assert_eq!(edid[..8], [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
        assert_eq!(edid[8..12], [0x58, 0xf0, 3, 0], "VGP in five-bit letters, product 3");
        assert_eq!(edid[12..16], [4, 3, 2, 1]);
        assert_eq!(edid[18..20], [1, 4]);
        assert_eq!(edid[35..37], [0x21, 0x08], "640 x 480, 800 x 600, 1024 x 768");
        assert_eq!(edid[72..90], *b"\0\0\0\xfc\0vgpu-1\n      ");
        assert_eq!(edid[90..95], [0, 0, 0, 0xfd, 0]);
        assert_eq!(edid[126], 0);
    }

    #[test]
    fn smaller_modes_are_offered_and_neither_larger_ones_nor_the_preferred_one_again() {
        let standard = |edid: &[u8]| -> Vec<(u32, u8)> {
            let slots = edid[38..54].chunks(2).filter(|slot| *slot != [1, 1]);
            slots.map(|slot| ((u32::from(slot[0]) + 31) * 8, slot[1] >> 6)).collect()
        };
        assert_eq!(standard(&edid(1280, 800, 60, "")), [(1280, 3)]);
        assert_eq!(
            standard(&edid(2560, 1440, 60, "")),
            [(1920, 3), (1680, 0), (1600, 3), (1440, 0), (1280, 2), (1280, 0), (1280, 3), (1152, 1)]
        );
        assert_eq!(edid(640, 480, 60, "")[35..54], [[0, 0].as_slice(), &[0], &[1; 16]].concat());
    }

    #[test]
    fn a_name_is_cut_at_thirteen_characters() {
        assert_eq!(edid(800, 600, 60, "a name that is too long")[77..90], *b"a name that i");
        assert_eq!(edid(800, 600, 60, "")[77..90], *b"\n            ");
    }

    #[test]
    fn a_mode_that_the_base_block_cannot_say_is_in_the_extension_and_its_half_in_the_base() {
        for (width, height, refresh_hz) in
            [(7680, 4320, 60), (5120, 2880, 60), (3840, 2160, 144), (16384, 64, 60)]
        {
            let edid = edid(width, height, refresh_hz, "");
            assert_eq!((edid.len(), edid[126], edid[128], edid[129]), (256, 1, 0x70, 0x13));
            assert_eq!(edid[163..166], [TYPE_I_TIMING, 0, 20]);
            let (w, h, rate) = mode_of_type_i(&edid[166..]);
            assert_eq!((w, h), (width, height));
            assert!((rate - f64::from(refresh_hz)).abs() < 0.05, "{rate}");
            assert_eq!(edid[169] & 0x80, 0x80, "preferred");
            let (base_width, base_height, _) = mode_of_dtd(&edid[54..]);
            assert_eq!(f64::from(base_width) / f64::from(base_height), f64::from(width) / f64::from(height));
            assert_eq!(edid[128 + 1..128 + 127].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0);
        }
    }

    proptest! {
        #[test]
        fn every_monitor_has_a_sound_edid_that_prefers_its_mode(
            width in prop_oneof![0u32..9000, any::<u32>()], height in prop_oneof![0u32..9000, any::<u32>()],
            refresh_hz in any::<u32>(), common in prop::bool::ANY, name in ".{0,20}",
        ) {
            let refresh_hz = if common { 60 } else { refresh_hz };
            let edid = edid(width, height, refresh_hz, &name);
            for block in edid.chunks(BLOCK_BYTES) {
                prop_assert_eq!(block.len(), BLOCK_BYTES);
                prop_assert_eq!(block.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0);
            }
            if edid.len() == BLOCK_BYTES {
                let (w, h, rate) = mode_of_dtd(&edid[54..]);
                prop_assert_eq!((w, h), (width, height));
                let unit = 10_000.0 / f64::from(width) / f64::from(height);
                prop_assert!((rate - f64::from(refresh_hz.clamp(20, 360))).abs() <= unit.max(0.05), "{}", rate);
            }
        }
    }
}
