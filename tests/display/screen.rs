//! Heads that tests draw on, and the loop that a vring worker has.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vgpu::display::frontend::Frontend;
use vgpu::display::{Cursor, Picture, Scanouts, Sink, Source};
use vgpu::vault::{Mark, Vault};
use vgpu::wire::{Format, Rect, ScanoutId, Size};

use crate::display_peer::Surface;

pub(crate) fn head(number: u32) -> ScanoutId {
    ScanoutId::new(number).unwrap()
}

/// A mark of a display that nobody goes on with.
pub(crate) fn mark() -> Mark {
    Vault::unkept(0).unwrap().mark()
}

pub(crate) fn area(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { x, y, width, height }
}

pub(crate) fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

/// An image, and what a window must show of it: blue, green, red, and the fourth byte as it is.
pub(crate) struct Image {
    size: Size,
    format: Format,
    bytes: Vec<u8>,
    expected: Vec<u8>,
}

impl Image {
    fn new(size: Size, format: Format) -> Self {
        let bytes = vec![0; size.width as usize * size.height as usize * 4];
        Self { size, format, expected: bytes.clone(), bytes }
    }

    /// Gives each pixel of `area` a colour of its own, told apart by `shade`.
    fn draw(&mut self, area: Rect, shade: u32) {
        let offsets = self.format.bgra_offsets();
        for y in area.y..area.y + area.height {
            let start = (y * self.size.width + area.x) as usize * 4;
            let row = start..start + area.width as usize * 4;
            let pixels = self.bytes[row.clone()].as_chunks_mut::<4>().0;
            let expected = self.expected[row].as_chunks_mut::<4>().0;
            for (x, (pixel, expected)) in (area.x..).zip(pixels.iter_mut().zip(expected)) {
                *expected = colour(x, y, shade);
                for (place, value) in offsets.into_iter().zip(*expected) {
                    pixel[place] = value;
                }
            }
        }
    }
}

fn colour(x: u32, y: u32, shade: u32) -> [u8; 4] {
    x.wrapping_mul(31)
        .wrapping_add(y.wrapping_mul(1009))
        .wrapping_add(shade.wrapping_mul(791_969))
        .to_le_bytes()
}

#[derive(Default)]
pub(crate) struct Screen {
    pub(crate) images: [Option<Image>; 16],
    pub(crate) cursors: [Cursor; 16],
}

impl Screen {
    /// A first head of this size, drawn all over.
    pub(crate) fn with(size: Size, format: Format, shade: u32) -> Self {
        let mut screen = Self::default();
        screen.put(0, size, format, shade);
        screen
    }

    pub(crate) fn put_black(&mut self, head: usize, size: Size, format: Format) {
        self.images[head] = Some(Image::new(size, format));
    }

    pub(crate) fn put(&mut self, head: usize, size: Size, format: Format, shade: u32) {
        self.put_black(head, size, format);
        self.draw(head, size.to_rect(), shade);
    }

    pub(crate) fn draw(&mut self, head: usize, area: Rect, shade: u32) {
        self.images[head].as_mut().unwrap().draw(area, shade);
    }

    /// Whether a head looks like this surface.
    pub(crate) fn is_seen(&self, head: usize, surface: &Option<Surface>) -> bool {
        match (&self.images[head], surface) {
            (Some(image), Some(surface)) => {
                image.size == size(surface.width, surface.height) && image.expected == surface.pixels
            }
            (image, surface) => image.is_none() && surface.is_none(),
        }
    }
}

impl Scanouts for Screen {
    fn picture(&self, head: ScanoutId) -> Option<Picture<'_>> {
        self.images[head.index()].as_ref().map(|image| Picture {
            size: image.size,
            format: image.format,
            source: Source::Host { bytes: &image.bytes, stride: image.size.width as usize * 4 },
        })
    }

    fn cursor(&self, head: ScanoutId) -> &Cursor {
        &self.cursors[head.index()]
    }
}

/// Pumps when the socket is ready, as the worker does, until nothing is left to send and `done` holds; returns how
/// often it pumped.
pub(crate) fn pump_until(
    frontend: &mut Frontend,
    screen: &dyn Scanouts,
    mut done: impl FnMut(&mut Frontend) -> bool,
) -> u32 {
    let end = Instant::now() + Duration::from_secs(20);
    for pumps in 1.. {
        let interest = frontend.pump(screen).unwrap();
        if !interest.write && done(frontend) {
            return pumps;
        }
        ready(frontend, interest.write, Duration::from_millis(20));
        assert!(Instant::now() < end, "nothing more happens after {pumps} pumps");
    }
    unreachable!()
}

/// Waits for the socket; false if it is not ready in time.
pub(crate) fn ready(frontend: &Frontend, write: bool, limit: Duration) -> bool {
    let mut events = PollFlags::POLLIN;
    events.set(PollFlags::POLLOUT, write);
    let timeout = PollTimeout::try_from(limit).unwrap();
    poll(&mut [PollFd::new(frontend.as_fd(), events)], timeout).unwrap() > 0
}
