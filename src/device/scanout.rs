//! What the heads show, and telling the display when that changed.

use serde::{Deserialize, Serialize};

use super::Device;
use super::head::Head;
use super::resource::{Content, check_bytes, check_inside};
use crate::display::{Picture, Source};
use crate::guest_memory::GuestMemory;
use crate::render::software::Image;
use crate::wire::{Format, GuestError, Layout, Point, Rect, ResourceId, ScanoutId, Size};

/// What a head shows. Its resource exists: it is switched off before that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scanout {
    resource: ResourceId,
    area: Rect,
    /// How the pixels lie in a blob; `None` for an image, which knows by itself.
    layout: Option<Layout>,
}

impl Scanout {
    fn origin(&self) -> Point {
        Point { x: self.area.x, y: self.area.y }
    }
}

impl Device {
    /// `SET_SCANOUT`.
    pub(super) fn set_scanout(
        &mut self,
        head: ScanoutId,
        id: ResourceId,
        area: Rect,
    ) -> Result<(), GuestError> {
        self.head(head)?;
        let scanout = Scanout { resource: id, area, layout: None };
        self.check_scanout(&scanout)?;
        self.show(head, Some(scanout));
        Ok(())
    }

    /// `SET_SCANOUT_BLOB`.
    pub(super) fn set_scanout_blob(
        &mut self,
        head: ScanoutId,
        id: ResourceId,
        area: Rect,
        layout: Layout,
    ) -> Result<(), GuestError> {
        self.head(head)?;
        let resource = self.resources.get(id)?;
        if !matches!(resource.content, Content::Image(_)) && resource.backing().is_empty() {
            return Err(GuestError::NoBacking(id.get()));
        }
        let scanout = Scanout { resource: id, area, layout: Some(layout) };
        self.check_scanout(&scanout)?;
        self.show(head, Some(scanout));
        Ok(())
    }

    /// The error of a head that cannot show this. A blob may lose its pages while it is shown.
    pub(super) fn check_scanout(&self, scanout: &Scanout) -> Result<(), GuestError> {
        let Scanout { resource, area, .. } = scanout;
        match (&self.resources.get(*resource)?.content, &scanout.layout) {
            (Content::Image(image), None) => check_shown(area, image.size()),
            (Content::Blob { size } | Content::Heap { size, .. }, Some(layout)) => {
                self.check_layout(area, layout, *size)
            }
            _ => Err(GuestError::WrongKind(resource.get())),
        }
    }

    fn check_layout(&self, area: &Rect, layout: &Layout, size: u64) -> Result<(), GuestError> {
        let side = self.resources.limits().image_side;
        check_shown(area, layout.size)?;
        check_inside(&area.size().to_rect(), Size { width: side, height: side })?;
        // Rows that overlap each other are no picture.
        let row = u64::from(layout.size.width) * u64::from(Format::BYTES_PER_PIXEL);
        let stride = u64::from(layout.stride);
        if stride < row {
            let offset = layout.offset.into();
            return Err(GuestError::OutsideBytes { area: *area, stride, offset, bytes: size });
        }
        check_bytes(area, stride, first_pixel(layout, area), size)?;
        self.check_shown_bytes(area.size())
    }

    /// Whoever shows a blob copies it, and its pages may be the same few over and over: no picture may be larger than
    /// the images could be.
    fn check_shown_bytes(&self, size: Size) -> Result<(), GuestError> {
        let (wanted, limit) = (Image::byte_count(size), self.resources.limits().memory_bytes);
        if wanted <= limit { Ok(()) } else { Err(GuestError::OutOfMemory { wanted, used: 0, limit }) }
    }

    /// Either of them with resource zero.
    pub(super) fn disable_scanout(&mut self, head: ScanoutId) -> Result<(), GuestError> {
        self.head(head)?;
        self.show(head, None);
        Ok(())
    }

    /// Shows something else, or nothing, on a head. The pixels follow by a flush (virtio 1.3, 5.7.6.3), so only a new
    /// size is told, and then what is there already is sent too.
    pub(super) fn show(&mut self, head: ScanoutId, scanout: Option<Scanout>) {
        let Some(shown) = self.heads.get_mut(head.index()) else { return };
        let old = std::mem::replace(&mut shown.scanout, scanout);
        let size = |scanout: Option<Scanout>| scanout.map(|scanout| scanout.area.size());
        if size(old) != size(scanout) {
            self.tell_size(head, size(scanout));
        }
    }

    fn tell_size(&mut self, head: ScanoutId, size: Option<Size>) {
        let Some(sink) = &mut self.sink else { return };
        sink.show(head, size);
        if let Some(size) = size {
            sink.damage(head, size.to_rect());
        }
    }

    /// Tells a new sink all that there is to see.
    pub(super) fn replay(&mut self) {
        let shown: Vec<_> = self
            .numbered_heads()
            .map(|(id, head)| {
                (id, head.scanout.map(|scanout| scanout.area.size()), head.cursor.image.is_some())
            })
            .collect();
        for (head, size, cursor) in shown {
            if size.is_some() {
                self.tell_size(head, size);
            }
            if cursor && let Some(sink) = &mut self.sink {
                sink.cursor_changed(head);
            }
        }
    }

    /// `RESOURCE_UNREF`. Heads that show the resource are switched off.
    pub(super) fn unref(&mut self, id: ResourceId) -> Result<(), GuestError> {
        self.resources.remove(id)?;
        let shows = |head: &Head| head.scanout.is_some_and(|scanout| scanout.resource == id);
        let heads: Vec<_> = self.numbered_heads().filter(|(_, head)| shows(head)).map(|(id, _)| id).collect();
        heads.into_iter().for_each(|head| self.show(head, None));
        Ok(())
    }

    /// `RESOURCE_FLUSH`: tells the display which pixels of which head are new.
    pub(super) fn flush(&mut self, id: ResourceId, area: &Rect) -> Result<(), GuestError> {
        self.resources.get(id)?.check(area)?;
        let Some(sink) = &mut self.sink else { return Ok(()) };
        for (head, shown) in ScanoutId::all().zip(&self.heads) {
            let part = shown
                .scanout
                .filter(|scanout| scanout.resource == id)
                .and_then(|scanout| area.intersection(&scanout.area)?.relative_to(scanout.origin()));
            if let Some(part) = part {
                sink.damage(head, part);
            }
        }
        Ok(())
    }

    /// The pixels that a head shows at this moment, if it shows any.
    pub fn picture<'a>(&'a self, memory: &'a GuestMemory, head: ScanoutId) -> Option<Picture<'a>> {
        let scanout = self.heads.get(head.index())?.scanout.as_ref()?;
        let resource = self.resources.find(scanout.resource)?;
        let size = scanout.area.size();
        match (&resource.content, &scanout.layout) {
            (Content::Image(image), _) => {
                let source =
                    Source::Host { bytes: image.bytes_from(scanout.origin()), stride: image.stride() };
                Some(Picture { size, format: image.format(), source })
            }
            (Content::Blob { .. }, Some(layout)) => {
                let (offset, stride) = (first_pixel(layout, &scanout.area), layout.stride.into());
                let source = Source::Guest { memory, backing: resource.backing(), offset, stride };
                Some(Picture { size, format: layout.format, source })
            }
            (Content::Heap { .. }, Some(layout)) => {
                let (offset, stride) = (first_pixel(layout, &scanout.area), layout.stride.into());
                let source =
                    Source::Guest { memory: self.heap_view()?, backing: resource.backing(), offset, stride };
                Some(Picture { size, format: layout.format, source })
            }
            (Content::Blob { .. } | Content::Heap { .. }, None) => None,
        }
    }
}

/// The error of an area that a head cannot show.
fn check_shown(area: &Rect, size: Size) -> Result<(), GuestError> {
    if area.is_empty() {
        return Err(GuestError::OutsideImage { area: *area, size });
    }
    check_inside(area, size)
}

/// Where in a blob an area's first pixel is. No sum of 32-bit numbers like these reaches the end of 64 bits.
fn first_pixel(layout: &Layout, area: &Rect) -> u64 {
    u64::from(layout.offset)
        + u64::from(area.y) * u64::from(layout.stride)
        + u64::from(area.x) * u64::from(Format::BYTES_PER_PIXEL)
}
