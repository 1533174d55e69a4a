//! The parts of a picture that changed since they were last sent: a few rectangles, joined where that is cheaper.

use crate::wire::Rect;

/// Rectangles kept apart: enough for a clock, a cursor line and a window; a list of any length would be the guest's.
const AREAS_MAX: usize = 4;

/// What an update costs besides its pixels, in pixels: a system call here, five in QEMU, and a redraw.
const UPDATE_PIXELS: u64 = 4096;

/// Changed areas, first changed first.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    areas: Vec<Rect>,
}

impl Damage {
    /// Notes that `area` changed.
    pub(super) fn add(&mut self, mut area: Rect) {
        if area.is_empty() {
            return;
        }
        while let Some(near) = self.areas.iter().position(|other| growth(other, &area) <= UPDATE_PIXELS) {
            area = area.union(&self.areas.remove(near));
        }
        if self.areas.len() < AREAS_MAX {
            self.areas.push(area);
        } else {
            self.join_with_nearest(area);
        }
    }

    fn join_with_nearest(&mut self, area: Rect) {
        if let Some(nearest) = self.areas.iter_mut().min_by_key(|other| growth(other, &area)) {
            *nearest = nearest.union(&area);
        }
    }

    /// Takes the area that changed first.
    pub(super) fn take(&mut self) -> Option<Rect> {
        (!self.areas.is_empty()).then(|| self.areas.remove(0))
    }

    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.areas.clear();
    }
}

/// Pixels that would be sent for both together and not for each alone; nothing where they overlap that much.
fn growth(a: &Rect, b: &Rect) -> u64 {
    pixels(&a.union(b)).saturating_sub(pixels(a)).saturating_sub(pixels(b))
}

fn pixels(area: &Rect) -> u64 {
    u64::from(area.width) * u64::from(area.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    proptest! {
        #[test]
        fn whatever_changed_is_covered_by_few_areas(
            changes in prop::collection::vec((0u32..2000, 0u32..2000, 1u32..300, 1u32..300), 1..40),
        ) {
            let mut damage = Damage::default();
            let changes: Vec<Rect> = changes.into_iter().map(|(x, y, w, h)| area(x, y, w, h)).collect();
            for change in &changes {
                damage.add(*change);
            }
            let areas: Vec<Rect> = std::iter::from_fn(|| damage.take()).collect();
            prop_assert!(areas.len() <= AREAS_MAX);
            for change in &changes {
                prop_assert!(areas.iter().any(|whole| whole.union(change) == *whole), "{change:?} in {areas:?}");
            }
        }
    }

    #[test]
    fn neighbours_are_sent_together_and_distant_areas_apart() {
        let mut damage = Damage::default();
        damage.add(area(0, 0, 100, 100));
        damage.add(area(1800, 1000, 100, 50));
        damage.add(area(100, 0, 100, 100));
        damage.add(area(0, 0, 0, 7));
        assert_eq!(damage.take(), Some(area(1800, 1000, 100, 50)));
        assert_eq!(damage.take(), Some(area(0, 0, 200, 100)));
        assert_eq!(damage.take(), None);
    }

    #[test]
    fn a_whole_frame_swallows_what_was_there() {
        let mut damage = Damage::default();
        for place in 0..3 {
            damage.add(area(place * 600, place * 300, 10, 10));
        }
        damage.add(area(0, 0, 1920, 1080));
        assert_eq!(damage.areas, [area(0, 0, 1920, 1080)]);
    }
}
