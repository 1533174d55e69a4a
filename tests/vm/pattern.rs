//! The pictures that guests draw and the tests expect: one function of place and seed, compiled into both.

/// Side of the test pointer's image in pixels.
pub(crate) const CURSOR_SIDE: u32 = 64;

/// The colour of one pixel as 0xRRGGBB. Neighbours differ, so a picture that is shifted, torn or of another seed shows.
pub(crate) fn pixel(x: u32, y: u32, seed: u32) -> u32 {
    let red = x.wrapping_mul(3) ^ (y >> 3) ^ seed.wrapping_mul(29);
    let green = y.wrapping_mul(5) ^ (x >> 2) ^ seed.wrapping_mul(53);
    let blue = (x ^ y).wrapping_add(seed.wrapping_mul(97));
    (red & 0xff) << 16 | (green & 0xff) << 8 | blue & 0xff
}

/// One pixel of the test pointer as 0xAARRGGBB: an opaque triangle, and around it nothing at all.
pub(crate) fn cursor_pixel(x: u32, y: u32, seed: u32) -> u32 {
    if x <= y && x + y < CURSOR_SIDE { 0xff00_0000 | pixel(x, y, seed) } else { 0 }
}
