//! Points, sizes and rectangles in pixels, with arithmetic that cannot overflow.

use serde::{Deserialize, Serialize};

/// A position in pixels from the top left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Pixels from the left.
    pub x: u32,
    /// Pixels from the top.
    pub y: u32,
}

/// A width and a height in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Size {
    /// Whether there is no pixel in it.
    pub fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// The rectangle of this size at the origin.
    pub fn to_rect(self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }
}

/// A rectangle in pixels: half open, so `x + width` is the first column outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Rect {
    /// The rectangle's size.
    pub fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// Whether there is no pixel in it.
    pub fn is_empty(&self) -> bool {
        self.size().is_empty()
    }

    /// First column to the right of it.
    pub fn right(&self) -> u64 {
        u64::from(self.x) + u64::from(self.width)
    }

    /// First row below it.
    pub fn bottom(&self) -> u64 {
        u64::from(self.y) + u64::from(self.height)
    }

    /// Whether it lies within an image of this size.
    pub fn fits(&self, size: Size) -> bool {
        self.right() <= u64::from(size.width) && self.bottom() <= u64::from(size.height)
    }

    /// What both cover, if that is any pixel.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::from_edges(
            self.x.max(other.x),
            self.y.max(other.y),
            self.right().min(other.right()),
            self.bottom().min(other.bottom()),
        )
    }

    /// The smallest rectangle that holds both; an empty one adds nothing.
    pub fn union(&self, other: &Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => *other,
            (_, true) => *self,
            _ => Self::from_edges(
                self.x.min(other.x),
                self.y.min(other.y),
                self.right().max(other.right()),
                self.bottom().max(other.bottom()),
            )
            .unwrap_or(*self),
        }
    }

    /// The rectangle moved so that `origin` becomes the zero point; `None` where that is above or left of it.
    pub fn relative_to(&self, origin: Point) -> Option<Self> {
        Some(Self { x: self.x.checked_sub(origin.x)?, y: self.y.checked_sub(origin.y)?, ..*self })
    }

    fn from_edges(left: u32, top: u32, right: u64, bottom: u64) -> Option<Self> {
        let width = right.checked_sub(u64::from(left)).filter(|width| *width > 0)?;
        let height = bottom.checked_sub(u64::from(top)).filter(|height| *height > 0)?;
        // A union may be wider than u32 can say where both ends are near its limit: cut, the picture ends there anyway.
        let cut = |length: u64| u32::try_from(length).unwrap_or(u32::MAX);
        Some(Self { x: left, y: top, width: cut(width), height: cut(height) })
    }
}

/// The place and state of one head (virtio 1.3, 5.7.6.8, `virtio_gpu_display_one`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadMode {
    /// Preferred size, and position on the desktop of all heads.
    pub area: Rect,
    /// Whether a monitor is plugged in.
    pub enabled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_rect() -> impl Strategy<Value = Rect> {
        let edge = prop_oneof![0u32..64, Just(u32::MAX), any::<u32>()];
        [edge.clone(), edge.clone(), edge.clone(), edge].prop_map(|[x, y, width, height]| Rect {
            x,
            y,
            width,
            height,
        })
    }

    proptest! {
        #[test]
        fn an_intersection_lies_in_both(a in any_rect(), b in any_rect()) {
            if let Some(both) = a.intersection(&b) {
                for whole in [a, b] {
                    prop_assert!(both.x >= whole.x && both.right() <= whole.right());
                    prop_assert!(both.y >= whole.y && both.bottom() <= whole.bottom());
                }
                prop_assert!(!both.is_empty());
            }
        }

        #[test]
        fn a_fitting_rectangle_has_its_last_pixel_inside(a in any_rect(), width: u32, height: u32) {
            let size = Size { width, height };
            prop_assert_eq!(
                a.fits(size),
                u64::from(a.x) + u64::from(a.width) <= u64::from(width)
                    && u64::from(a.y) + u64::from(a.height) <= u64::from(height)
            );
        }
    }

    #[test]
    fn a_union_holds_both_and_ignores_the_empty() {
        let a = Rect { x: 2, y: 3, width: 4, height: 5 };
        let b = Rect { x: 10, y: 1, width: 1, height: 1 };
        assert_eq!(a.union(&b), Rect { x: 2, y: 1, width: 9, height: 7 });
        assert_eq!(a.union(&Rect::default()), a);
        assert_eq!(Rect::default().union(&a), a);
    }
}
