//! Drawing by the kernel's own interface, as a simple display server does it.
#![allow(deprecated, reason = "the plain pointer calls are what many display servers still use")]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use drm::buffer::{Buffer, DrmFourcc};
use drm::control::dumbbuffer::DumbBuffer;
use drm::control::{ClipRect, Device, Event, PageFlipFlags, ResourceHandles, connector, crtc, framebuffer};

use crate::Answer;
use crate::pattern::{CURSOR_SIDE, pixel};

/// Which of a head's modes to draw in.
#[derive(Clone, Copy)]
pub enum Mode {
    Preferred,
    Sized(u16, u16),
}

struct Image {
    buffer: DumbBuffer,
    framebuffer: framebuffer::Handle,
}

struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl Device for Card {}

pub struct Screen {
    card: Card,
    resources: ResourceHandles,
    shown: HashMap<usize, Image>,
    cursors: HashMap<usize, DumbBuffer>,
}

impl Screen {
    pub fn open(path: &str) -> io::Result<Self> {
        let card = Card(OpenOptions::new().read(true).write(true).open(path)?);
        let resources = card.resource_handles()?;
        Ok(Self { card, resources, shown: HashMap::new(), cursors: HashMap::new() })
    }

    fn connector(&self, head: usize) -> Result<connector::Info, Box<dyn std::error::Error>> {
        let handle = self.resources.connectors().get(head).ok_or("no such head")?;
        Ok(self.card.get_connector(*handle, true)?)
    }

    fn crtc(&self, head: usize) -> Result<crtc::Handle, Box<dyn std::error::Error>> {
        Ok(*self.resources.crtcs().get(head).ok_or("no such head")?)
    }

    /// A head a line, the lines joined by `;`: `NAME on|off edid=HEX WIDTHxHEIGHT@HZ...`, the kernel's favourite mode
    /// first.
    pub fn describe(&mut self) -> Answer {
        let mut heads = Vec::new();
        for head in 0..self.resources.connectors().len() {
            let connector = self.connector(head)?;
            let edid = fs::read(format!("/sys/class/drm/card0-{connector}/edid")).unwrap_or_default();
            let edid: String = edid.iter().map(|byte| format!("{byte:02x}")).collect();
            let state = if connector.state() == connector::State::Connected { "on" } else { "off" };
            let mut line = format!("{connector} {state} edid={edid}");
            for mode in connector.modes() {
                line += &format!(" {}x{}@{}", mode.size().0, mode.size().1, mode.vrefresh());
            }
            heads.push(line);
        }
        Ok(heads.join(";"))
    }

    fn new_image(&self, width: u32, height: u32, colour: impl Fn(u32, u32) -> u32) -> io::Result<Image> {
        let mut buffer = self.card.create_dumb_buffer((width, height), DrmFourcc::Xrgb8888, 32)?;
        self.paint(&mut buffer, (0, 0, width, height), colour)?;
        let framebuffer = self.card.add_framebuffer(&buffer, 24, 32)?;
        Ok(Image { buffer, framebuffer })
    }

    fn paint(
        &self,
        buffer: &mut DumbBuffer,
        (left, top, width, height): (u32, u32, u32, u32),
        colour: impl Fn(u32, u32) -> u32,
    ) -> io::Result<()> {
        let pitch = buffer.pitch() as usize;
        let mut mapping = self.card.map_dumb_buffer(buffer)?;
        for (y, row) in (top..top + height).zip(mapping.chunks_exact_mut(pitch).skip(top as usize)) {
            for (x, at) in (left..left + width).zip(row.chunks_exact_mut(4).skip(left as usize)) {
                at.copy_from_slice(&colour(x, y).to_le_bytes());
            }
        }
        Ok(())
    }

    /// Shows a picture made by `colour` from the width, the height, and a place.
    pub fn show(&mut self, head: usize, mode: Mode, colour: impl Fn(u32, u32, u32, u32) -> u32) -> Answer {
        let connector = self.connector(head)?;
        // A head that is not plugged in has no modes, but may be driven in one of its neighbour's.
        let modes = if connector.modes().is_empty() {
            self.connector(0)?.modes().to_vec()
        } else {
            connector.modes().to_vec()
        };
        let mode = match mode {
            Mode::Preferred => modes.first(),
            Mode::Sized(width, height) => modes.iter().find(|mode| mode.size() == (width, height)),
        };
        let mode = *mode.ok_or("the head has no such mode")?;
        let (width, height) = (u32::from(mode.size().0), u32::from(mode.size().1));
        let image = self.new_image(width, height, |x, y| colour(width, height, x, y))?;
        let framebuffer = Some(image.framebuffer);
        self.card.set_crtc(self.crtc(head)?, framebuffer, (0, 0), &[connector.handle()], Some(mode))?;
        self.card
            .dirty_framebuffer(image.framebuffer, &[ClipRect::new(0, 0, mode.size().0, mode.size().1)])?;
        if let Some(old) = self.shown.insert(head, image) {
            self.drop_image(old)?;
        }
        Ok(format!("{width}x{height}"))
    }

    fn drop_image(&self, image: Image) -> io::Result<()> {
        self.card.destroy_framebuffer(image.framebuffer)?;
        self.card.destroy_dumb_buffer(image.buffer)
    }

    pub fn draw(&mut self, head: usize, seed: u32, mode: Mode) -> Answer {
        self.show(head, mode, |_, _, x, y| pixel(x, y, seed))
    }

    /// Shows `count` pictures one after the other, the seeds counting up from `seed`; each waits for the one before.
    pub fn flip(&mut self, head: usize, count: u32, seed: u32) -> Answer {
        let crtc = self.crtc(head)?;
        for seed in seed..seed + count {
            let old = self.shown.remove(&head).ok_or("draw first")?;
            let (width, height) = old.buffer.size();
            let new = self.new_image(width, height, |x, y| pixel(x, y, seed))?;
            self.card.page_flip(crtc, new.framebuffer, PageFlipFlags::EVENT, None)?;
            while !self.card.receive_events()?.any(|event| matches!(event, Event::PageFlip(_))) {}
            self.shown.insert(head, new);
            self.drop_image(old)?;
        }
        Ok(count.to_string())
    }

    /// Changes a part of the picture and tells the kernel of that part only.
    pub fn damage(&mut self, head: usize, area: (u32, u32, u32, u32), seed: u32) -> Answer {
        let mut image = self.shown.remove(&head).ok_or("draw first")?;
        self.paint(&mut image.buffer, area, |x, y| pixel(x, y, seed))?;
        let (x, y, width, height) = area;
        let short = u16::try_from;
        let clip = ClipRect::new(short(x)?, short(y)?, short(x + width)?, short(y + height)?);
        self.card.dirty_framebuffer(image.framebuffer, &[clip])?;
        self.shown.insert(head, image);
        Ok(String::new())
    }

    /// Shows a pointer whose pixels `image` gives as 0xAARRGGBB. The kernel's driver waits until the device has the
    /// image, and so has done what was asked of it before.
    pub fn show_cursor(
        &mut self,
        head: usize,
        at: (i32, i32),
        hot: (i32, i32),
        image: impl Fn(u32, u32) -> u32,
    ) -> Answer {
        let size = (CURSOR_SIDE, CURSOR_SIDE);
        let mut buffer = self.card.create_dumb_buffer(size, DrmFourcc::Argb8888, 32)?;
        self.paint(&mut buffer, (0, 0, CURSOR_SIDE, CURSOR_SIDE), image)?;
        self.card.set_cursor2(self.crtc(head)?, Some(&buffer), hot)?;
        self.card.move_cursor(self.crtc(head)?, at)?;
        if let Some(old) = self.cursors.insert(head, buffer) {
            self.card.destroy_dumb_buffer(old)?;
        }
        Ok(String::new())
    }

    pub fn move_cursor(&mut self, head: usize, at: (i32, i32)) -> Answer {
        self.card.move_cursor(self.crtc(head)?, at)?;
        Ok(String::new())
    }

    pub fn hide_cursor(&mut self, head: usize) -> Answer {
        self.card.set_cursor2::<DumbBuffer>(self.crtc(head)?, None, (0, 0))?;
        Ok(String::new())
    }

    /// Stops driving a head.
    pub fn turn_off(&mut self, head: usize) -> Answer {
        self.card.set_crtc(self.crtc(head)?, None, (0, 0), &[], None)?;
        Ok(String::new())
    }
}
