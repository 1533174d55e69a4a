//! 2D images in host memory, where they outlive the process that draws them.

use std::fmt;
use std::io;

use crate::guest_memory::{Backing, GuestMemory, OutOfReach};
use crate::quota::{Charge, Ledger, OverLimit};
use crate::vault::{PixelSpace, Pixels};
use crate::wire::{Format, Point, Rect, Size};

/// The pixels of a 2D resource, row by row without gaps.
pub struct Image {
    size: Size,
    format: Format,
    pixels: Pixels,
    _charge: Charge,
}

/// Why an image cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMemory {
    /// The vGPU's limit.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// The host's.
    #[error("the host has no {0} bytes for an image; give the vGPU's process more or its guest less")]
    Host(u64),
}

impl Image {
    /// A black image. Its pages take no memory before they are written to.
    pub fn zeroed(size: Size, format: Format, ledger: &Ledger, space: &PixelSpace) -> Result<Self, NoMemory> {
        Self::new(size, format, ledger, space, PixelSpace::take)
    }

    /// An image that a former process left at this [`Image::place`].
    pub fn found(
        size: Size,
        format: Format,
        place: u64,
        ledger: &Ledger,
        space: &PixelSpace,
    ) -> Result<Self, NoMemory> {
        Self::new(size, format, ledger, space, |space, bytes| space.find(place, bytes))
    }

    fn new(
        size: Size,
        format: Format,
        ledger: &Ledger,
        space: &PixelSpace,
        pixels: impl FnOnce(&PixelSpace, u64) -> io::Result<Pixels>,
    ) -> Result<Self, NoMemory> {
        let bytes = Self::byte_count(size);
        let charge = ledger.charge(space.bytes_taken(bytes))?;
        let pixels = pixels(space, bytes).map_err(|_| NoMemory::Host(bytes))?;
        Ok(Self { size, format, pixels, _charge: charge })
    }

    /// Where in the vault its pixels are.
    pub fn place(&self) -> u64 {
        self.pixels.place()
    }

    /// Bytes of an image of this size, which takes them in whole pages; saturated, which is beyond every limit.
    pub fn byte_count(size: Size) -> u64 {
        let pixels = u64::from(size.width) * u64::from(size.height);
        pixels.saturating_mul(u64::from(Format::BYTES_PER_PIXEL))
    }

    /// Its size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// How its pixels are stored.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes from a row to the next.
    pub fn stride(&self) -> usize {
        row_bytes(self.size.width)
    }

    /// The bytes from one pixel on.
    pub fn bytes_from(&self, at: Point) -> &[u8] {
        self.pixels.get(self.position(at)..).unwrap_or_default()
    }

    /// Copies `area`, which must lie in the image, out of a backing whose rows are as far apart as the image's and
    /// that holds the area's first pixel at `offset`. After an error the image may be partly new.
    pub fn transfer(
        &mut self,
        memory: &GuestMemory,
        backing: &Backing,
        area: &Rect,
        offset: u64,
    ) -> Result<(), OutOfReach> {
        let stride = self.stride();
        // Rows of full width follow each other without a gap, here as there: they are one long row.
        let (rows, row) = match area.width == self.size.width {
            true => (1, stride.saturating_mul(area.height as usize)),
            false => (area.height as usize, row_bytes(area.width)),
        };
        let first = self.position(Point { x: area.x, y: area.y });
        for gap in (0..rows).map(|index| index.saturating_mul(stride)) {
            let start = first.saturating_add(gap);
            let into = self.pixels.get_mut(start..start.saturating_add(row)).unwrap_or_default();
            backing.read(memory, offset.saturating_add(gap as u64), into)?;
        }
        Ok(())
    }

    fn position(&self, at: Point) -> usize {
        (at.y as usize).saturating_mul(self.stride()).saturating_add(row_bytes(at.x))
    }
}

fn row_bytes(pixels: u32) -> usize {
    pixels as usize * Format::BYTES_PER_PIXEL as usize
}

impl fmt::Debug for Image {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size: Size { width, height }, format, .. } = self;
        write!(out, "Image({width} x {height} {format:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Vault;
    use proptest::prelude::*;
    use vm_memory::{Bytes, GuestAddress};

    fn space(memory_bytes: u64) -> PixelSpace {
        Vault::unkept(memory_bytes).unwrap().pixels().clone()
    }

    fn guest(bytes: usize) -> (GuestMemory, Backing) {
        let memory = GuestMemory::from_ranges(&[(GuestAddress(0), bytes)]).unwrap();
        let pattern: Vec<u8> = (1..=251).cycle().take(bytes).collect();
        memory.write_slice(&pattern, GuestAddress(0)).unwrap();
        (memory, Backing::new([(0, bytes.try_into().unwrap())]))
    }

    proptest! {
        #[test]
        fn a_transfer_writes_each_pixel_of_its_area_and_no_other(
            width in 1u32..20, height in 1u32..20, [x, y, w, h] in any::<[u32; 4]>(), offset in 0u64..64,
        ) {
            let (x, y) = (x % (width + 1), y % (height + 1));
            let area = Rect { x, y, width: w % (width - x + 1), height: h % (height - y + 1) };
            let (memory, backing) = guest(4096);
            let ledger = Ledger::new(1 << 16);
            let size = Size { width, height };
            let mut image = Image::zeroed(size, Format::B8G8R8A8, &ledger, &space(4096)).unwrap();

            image.transfer(&memory, &backing, &area, offset).unwrap();

            let stride = u64::from(width) * 4;
            for (at, byte) in (0u64..).zip(image.bytes_from(Point::default())) {
                let (row, column) = (at / stride, at % stride);
                let inside = (u64::from(y)..area.bottom()).contains(&row)
                    && (u64::from(x) * 4..area.right() * 4).contains(&column);
                let from = || offset + (row - u64::from(y)) * stride + column - u64::from(x) * 4;
                let wanted = if inside { memory.read_obj::<u8>(GuestAddress(from())).unwrap() } else { 0 };
                prop_assert_eq!(*byte, wanted, "{}, {}", row, column);
            }
        }
    }

    #[test]
    fn an_image_is_black_and_charged_with_its_pages_until_it_is_dropped() {
        let space = space(1 << 20);
        let page = space.bytes_taken(1);
        let ledger = Ledger::new(page);
        let image = Image::zeroed(Size { width: 5, height: 5 }, Format::B8G8R8X8, &ledger, &space).unwrap();
        assert_eq!(image.bytes_from(Point::default()), [0; 100]);
        let second = Image::zeroed(Size { width: 1, height: 1 }, Format::B8G8R8X8, &ledger, &space);
        let over = OverLimit { wanted: page, used: page, limit: page };
        assert_eq!(second.unwrap_err(), NoMemory::OverLimit(over));
        drop(image);
        assert_eq!(ledger.used(), 0);
    }

    #[test]
    fn an_image_beyond_the_hosts_memory_is_an_error_and_charges_nothing() {
        let (ledger, space) = (Ledger::new(u64::MAX), space(u64::MAX));
        let size = Size { width: u32::MAX, height: u32::MAX };
        assert!(matches!(Image::zeroed(size, Format::B8G8R8X8, &ledger, &space), Err(NoMemory::Host(_))));
        assert_eq!(ledger.used(), 0);
    }

    #[test]
    fn a_transfer_beyond_the_backing_is_an_error() {
        let (memory, backing) = guest(4096);
        let size = Size { width: 32, height: 32 };
        let ledger = Ledger::new(1 << 16);
        let mut image = Image::zeroed(size, Format::B8G8R8A8, &ledger, &space(4096)).unwrap();
        assert!(image.transfer(&memory, &backing, &size.to_rect(), 0).is_ok());
        assert!(image.transfer(&memory, &backing, &size.to_rect(), 4).is_err());
    }
}
