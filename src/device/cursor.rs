//! The pointer of each head.

use super::Device;
use super::resource::{Content, Resource};
use crate::display::{CURSOR_BYTES, CURSOR_SIDE, Cursor, Picture, Source};
use crate::guest_memory::GuestMemory;
use crate::wire::{CursorCommand, GuestError, Point, ResourceId, ScanoutId, Size};

const CURSOR_SIZE: Size = Size { width: CURSOR_SIDE, height: CURSOR_SIDE };

/// The pointer of a head that there is not.
static HIDDEN: Cursor = Cursor { at: Point { x: 0, y: 0 }, hot: Point { x: 0, y: 0 }, image: None };

impl Device {
    /// The pointer of a head; hidden where there is no such head.
    pub fn cursor_of(&self, head: ScanoutId) -> &Cursor {
        self.heads.get(head.index()).map_or(&HIDDEN, |head| &head.cursor)
    }

    pub(super) fn execute_cursor(
        &mut self,
        memory: &GuestMemory,
        command: CursorCommand,
    ) -> Result<(), GuestError> {
        match command {
            CursorCommand::Move { head, at } => self.move_cursor(head, at),
            CursorCommand::Update { head, at, hot, resource } => {
                self.head(head)?;
                let image = resource.map(|id| self.cursor_image(memory, id)).transpose()?;
                self.update_cursor(head, Cursor { at, hot: within_cursor(hot), image });
                Ok(())
            }
        }
    }

    fn move_cursor(&mut self, head: ScanoutId, at: Point) -> Result<(), GuestError> {
        self.head_mut(head)?.cursor.at = at;
        if let Some(sink) = &mut self.sink {
            sink.cursor_moved(head);
        }
        Ok(())
    }

    pub(super) fn update_cursor(&mut self, head: ScanoutId, cursor: Cursor) {
        let Some(pointed) = self.heads.get_mut(head.index()) else { return };
        pointed.cursor = cursor;
        pointed.cursor_image_changed = true;
        if let Some(sink) = &mut self.sink {
            sink.cursor_changed(head);
        }
    }

    /// A copy of a resource's pixels as blue, green, red, alpha.
    ///
    /// The byte that a format calls unused is taken for alpha: Linux makes every dumb buffer, so also that of a
    /// cursor, as `B8G8R8X8`, and draws alpha into it.
    fn cursor_image(&self, memory: &GuestMemory, id: ResourceId) -> Result<Box<[u8]>, GuestError> {
        let resource = self.resources.get(id)?;
        let mut bytes = Vec::with_capacity(CURSOR_BYTES);
        match &resource.content {
            Content::Image(image) if image.size() == CURSOR_SIZE => {
                let source =
                    Source::Host { bytes: image.bytes_from(Point::default()), stride: image.stride() };
                let picture = Picture { size: CURSOR_SIZE, format: image.format(), source };
                picture.append_bgrx(&CURSOR_SIZE.to_rect(), &mut bytes);
            }
            Content::Blob { size } if *size >= CURSOR_BYTES as u64 => {
                bytes = blob_bytes(memory, id, resource)?
            }
            _ => return Err(GuestError::NotACursor(id.get())),
        }
        Ok(bytes.into_boxed_slice())
    }
}

/// The cursor in a blob. A blob says no format; it is blue, green, red, alpha without gaps, as QEMU takes it.
fn blob_bytes(memory: &GuestMemory, id: ResourceId, resource: &Resource) -> Result<Vec<u8>, GuestError> {
    let mut bytes = vec![0; CURSOR_BYTES];
    match resource.backing().read(memory, 0, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) if resource.backing().is_empty() => Err(GuestError::NoBacking(id.get())),
        Err(_) => Err(GuestError::MemoryGone(id.get())),
    }
}

/// Displays count on a hot spot that is a pixel of the image; a guest's user space may say anything.
fn within_cursor(hot: Point) -> Point {
    Point { x: hot.x.min(CURSOR_SIDE - 1), y: hot.y.min(CURSOR_SIDE - 1) }
}
