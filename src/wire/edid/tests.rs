use super::*;
use proptest::prelude::*;

fn edid(width: u32, height: u32, refresh_hz: u32, name: &str) -> Vec<u8> {
    monitor(Size { width, height }, refresh_hz, name, &[])
}

fn monitor(size: Size, refresh_hz: u32, name: &str, modes: &[Size]) -> Vec<u8> {
    let head = ScanoutId::new(2).unwrap();
    Monitor { head, serial: 0x0102_0304, name, size, refresh_hz, modes }.edid()
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
        assert_eq!(edid[176..179], [0x03, 0, 20]);
        let (w, h, rate) = mode_of_type_i(&edid[179..]);
        assert_eq!((w, h), (width, height));
        assert!((rate - f64::from(refresh_hz)).abs() < 0.05, "{rate}");
        assert_eq!(edid[182] & 0x80, 0x80, "preferred");
        let (base_width, base_height, _) = mode_of_dtd(&edid[54..]);
        assert_eq!(f64::from(base_width) / f64::from(base_height), f64::from(width) / f64::from(height));
        assert_eq!(edid[128 + 1..128 + 127].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0);
    }
}

/// Every mode that a driver finds in the DisplayID sections: it walks their blocks, as Linux does.
fn display_id_modes(edid: &[u8]) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    for (place, section) in edid.chunks(BLOCK_BYTES).skip(1).enumerate() {
        let more = edid.len() / BLOCK_BYTES - 2;
        let expected = if place == 0 { [3, u8::try_from(more).unwrap()] } else { [0, 0] };
        assert_eq!((&section[..2], &section[3..5]), ([0x70, 0x13].as_slice(), expected.as_slice()));
        let end = 5 + usize::from(section[2]);
        let mut at = 5;
        while at + 3 <= end {
            let (tag, length) = (section[at], usize::from(section[at + 2]));
            if tag == 0 && length == 0 {
                break;
            }
            assert!(at + 3 + length <= end, "a block that leaves its section");
            if tag == 0x03 {
                assert_eq!(length % 20, 0);
                found.extend(section[at + 3..][..length].chunks(20).map(|timing| {
                    let (width, height, rate) = mode_of_type_i(timing);
                    assert!((rate - 60.0).abs() < 0.1, "{rate}");
                    (width, height)
                }));
            }
            at += 3 + length;
        }
    }
    found
}

fn sizes<const COUNT: usize>(sides: [(u32, u32); COUNT]) -> [Size; COUNT] {
    sides.map(|(width, height)| Size { width, height })
}

#[test]
fn further_sizes_are_display_id_timings_unless_the_base_block_lists_them() {
    let preferred = Size { width: 1920, height: 1200 };
    let modes = sizes([(1600, 1200), (1920, 1080), (640, 480), (1920, 1200), (2560, 1440), (1600, 1200)]);

    let edid = monitor(preferred, 75, "", &modes);

    assert_eq!(display_id_modes(&edid), [(1600, 1200), (2560, 1440)]);
    assert_eq!((edid.len(), edid[126]), (256, 1));
    assert_eq!(mode_of_dtd(&edid[54..]).0, 1920, "the preferred one stays where it was");
    assert_eq!(edid[179 + 3] & 0x80, 0, "no other is preferred");
}

#[test]
fn eight_further_sizes_beside_a_preferred_one_beyond_the_base_block_need_three_sections() {
    let modes = sizes([300, 400, 500, 600, 700, 900, 1000, 16384].map(|side| (side, side)));

    let edid = monitor(Size { width: 7680, height: 4320 }, 60, "", &modes);

    let mut expected = vec![(7680, 4320)];
    expected.extend(modes.map(|size| (size.width, size.height)));
    assert_eq!(display_id_modes(&edid), expected);
    assert_eq!((edid.len(), edid[126]), (512, 3));
    assert!(edid.len() <= crate::wire::EDID_BYTES_MAX);
}

#[test]
fn the_range_limits_hold_every_mode() {
    let preferred = Size { width: 1280, height: 800 };
    let largest = sizes([(3840, 2160)]);
    let (alone, with) = (monitor(preferred, 60, "", &[]), monitor(preferred, 60, "", &largest));

    assert!(with[98] > alone[98], "lines a second");
    assert!(with[99] >= 54, "533 MHz, in tens");
}

proptest! {
    #[test]
    fn every_monitor_has_a_sound_edid_that_prefers_its_mode(
        width in prop_oneof![0u32..9000, any::<u32>()], height in prop_oneof![0u32..9000, any::<u32>()],
        refresh_hz in any::<u32>(), common in prop::bool::ANY, name in ".{0,20}",
        modes in prop::collection::vec((64u32..=16384, 64u32..=16384), 0..9),
    ) {
        let refresh_hz = if common { 60 } else { refresh_hz };
        let modes: Vec<Size> = modes.into_iter().map(|(width, height)| Size { width, height }).collect();
        let edid = monitor(Size { width, height }, refresh_hz, &name, &modes);
        prop_assert_eq!(edid.len(), BLOCK_BYTES * (1 + usize::from(edid[126])));
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
