//! The demonstration's picture: something a person recognises, with the VM's name on it.

use std::error::Error;

use crate::screen::{Mode, Screen};

/// Rows of five pixels, the leftmost in bit 4.
const LETTERS: [(char, [u8; 7]); 15] = [
    (' ', [0, 0, 0, 0, 0, 0, 0]),
    ('0', [0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e]),
    ('1', [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e]),
    ('2', [0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f]),
    ('3', [0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e]),
    ('4', [0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02]),
    ('5', [0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e]),
    ('6', [0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e]),
    ('7', [0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08]),
    ('8', [0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e]),
    ('9', [0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c]),
    ('V', [0x11, 0x11, 0x11, 0x11, 0x11, 0x0a, 0x04]),
    ('M', [0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11]),
    ('v', [0, 0, 0x11, 0x11, 0x11, 0x0a, 0x04]),
    ('?', [0x0e, 0x11, 0x01, 0x02, 0x04, 0x00, 0x04]),
];
const CELL: u32 = 6; // five pixels and a gap
const ROWS: u32 = 7;

/// Draws the picture for one VM on its first head, and a pointer; VMs with another number get another picture. When
/// this returns all of it can be seen: the second pointer waits for the first.
pub fn draw(screen: &mut Screen, label: &str) -> Result<(), Box<dyn Error>> {
    let letters: Vec<[u8; 7]> = label.chars().map(letter).collect();
    let bars = label.ends_with(['1', '3', '5', '7', '9']);
    screen.show(0, Mode::Preferred, |width, height, x, y| {
        let background =
            if bars { colour_bars(width, height, x, y) } else { rainbow_rings(width, height, x, y) };
        label_over(&letters, background, (width, height), (x, y))
    })?;
    for place in [(0, 0), (900, 600)] {
        screen.show_cursor(0, place, (0, 0), arrow)?;
    }
    Ok(())
}

/// The usual arrow: white with a black edge.
fn arrow(x: u32, y: u32) -> u32 {
    let inside = |x: u32, y: u32| x <= y && 28 * y + 12 * x <= 40 * 28;
    match (inside(x, y), x >= 2 && inside(x + 3, y) && inside(x, y + 3)) {
        (false, _) => 0,
        (true, false) => 0xff_00_00_00,
        (true, true) => 0xff_ff_ff_ff,
    }
}

fn letter(wanted: char) -> [u8; 7] {
    LETTERS.iter().find(|(known, _)| *known == wanted).map_or([0x1f; 7], |(_, rows)| *rows)
}

/// The television's colour bars over a ramp from black to white.
fn colour_bars(width: u32, height: u32, x: u32, y: u32) -> u32 {
    const BARS: [u32; 8] =
        [0xff_ff_ff, 0xff_ff_00, 0x00_ff_ff, 0x00_ff_00, 0xff_00_ff, 0xff_00_00, 0x00_00_ff, 0x20_20_20];
    if y < height * 3 / 4 { BARS[(x * 8 / width) as usize] } else { (x * 255 / (width - 1)) * 0x01_01_01 }
}

/// Rings of changing colour around the middle, over a blue evening sky.
fn rainbow_rings(width: u32, height: u32, x: u32, y: u32) -> u32 {
    let (dx, dy) = (x.abs_diff(width / 2), y.abs_diff(height));
    let distance = (dx * dx + dy * dy).isqrt();
    let (inner, ring) = (height / 2, height / 18);
    const RAINBOW: [u32; 7] =
        [0x7f_00_d0, 0x40_20_ff, 0x00_90_ff, 0x00_c0_40, 0xff_e0_00, 0xff_80_00, 0xf0_20_20];
    if distance >= inner && (distance - inner) / ring < 7 {
        return RAINBOW[((distance - inner) / ring) as usize];
    }
    let shade = y * 160 / height;
    (shade / 2) << 16 | (shade * 3 / 4) << 8 | (80 + shade)
}

/// The label in white letters with a black edge, as wide as half the picture.
fn label_over(letters: &[[u8; 7]], background: u32, (width, height): (u32, u32), (x, y): (u32, u32)) -> u32 {
    let columns = u32::try_from(letters.len()).unwrap_or(1).max(1) * CELL;
    let scale = (width / 2 / columns).max(1);
    let (left, top) = ((width - columns * scale) / 2, height / 2 - ROWS * scale / 2);
    let lit = |x: u32, y: u32| -> bool {
        let (Some(x), Some(y)) = (x.checked_sub(left), y.checked_sub(top)) else { return false };
        let (column, row) = (x / scale, (y / scale) as usize);
        let Some(rows) = letters.get((column / CELL) as usize) else { return false };
        rows.get(row).is_some_and(|bits| column % CELL < 5 && bits >> (4 - column % CELL) & 1 == 1)
    };
    let edge = scale / 4 + 1;
    if lit(x, y) {
        0xff_ff_ff
    } else if [(x + edge, y), (x.saturating_sub(edge), y), (x, y + edge), (x, y.saturating_sub(edge))]
        .iter()
        .any(|&(x, y)| lit(x, y))
    {
        0
    } else {
        background
    }
}
