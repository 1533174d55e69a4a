//! The part of a vault where images are.

use std::io;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

use crate::sys::{Mapping, SharedFile};

/// Room for the images of one vGPU. Copies are the same room.
#[derive(Clone, Debug)]
pub struct PixelSpace {
    file: Arc<SharedFile>,
    part: Range<u64>,
}

impl PixelSpace {
    pub(super) fn new(file: Arc<SharedFile>, part: Range<u64>) -> Self {
        Self { file, part }
    }

    /// Bytes that an image of so many bytes takes of the host: whole pages. Saturated, which is beyond every limit.
    pub fn bytes_taken(&self, bytes: u64) -> u64 {
        self.file.bytes_taken(bytes).unwrap_or(u64::MAX)
    }

    /// Bytes that are all zero, in the first gap that has room for them.
    pub fn take(&self, bytes: u64) -> io::Result<Pixels> {
        self.file.map_in_gap(self.part.clone(), bytes).map(Pixels)
    }

    /// The bytes that an image of a former process left in this place.
    pub fn find(&self, place: u64, bytes: u64) -> io::Result<Pixels> {
        if !self.part.contains(&place) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "images are elsewhere in the file"));
        }
        self.file.map(place, bytes).map(Pixels)
    }
}

/// The bytes of one image. They go back to the host when they are dropped; dying leaves them to the next process.
#[derive(Debug)]
pub struct Pixels(Mapping<u8>);

impl Pixels {
    /// Where they are, for [`PixelSpace::find`].
    pub fn place(&self) -> u64 {
        self.0.place()
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Pixels {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Pixels {
    fn drop(&mut self) {
        // Whoever is next in this place must find zeros.
        if let Err(error) = self.0.clear() {
            tracing::warn!("an image's memory cannot go back to the host: {error}");
            self.0.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::vault::Vault;

    #[test]
    fn a_place_that_is_used_again_is_zero() {
        let vault = Vault::unkept(1 << 20).unwrap();
        let [mut first, second] = [5000, 10].map(|bytes| vault.pixels().take(bytes).unwrap());
        first.fill(9);
        let place = first.place();
        assert!(vault.pixels().find(place, 5000).is_err(), "it is in use");
        drop(first);
        let again = vault.pixels().take(5000).unwrap();
        assert_eq!(again.place(), place);
        assert!(again.iter().all(|byte| *byte == 0));
        assert_ne!(second.place(), place);
    }

    #[test]
    fn what_a_dead_process_drew_is_found_in_its_place() {
        let file = Vault::file(1 << 20).unwrap();
        let vault = Vault::open(file.try_clone().unwrap(), 1 << 20).unwrap();
        let mut pixels = vault.pixels().take(100).unwrap();
        pixels.fill(3);
        let place = pixels.place();
        std::mem::forget((pixels, vault));

        let vault = Vault::open(file, 1 << 20).unwrap();

        assert_eq!(*vault.pixels().find(place, 100).unwrap(), [3; 100]);
        assert!(vault.pixels().find(0, 100).is_err(), "there are the marks");
        assert!(vault.pixels().find(u64::MAX - 5, 100).is_err());
    }

    #[test]
    fn no_room_is_an_error() {
        let vault = Vault::unkept(1 << 20).unwrap();
        assert!(vault.pixels().take(1 << 40).is_err());
        assert!(vault.pixels().take(u64::MAX).is_err());
        assert!(vault.pixels().take(0).is_err());
    }
}
