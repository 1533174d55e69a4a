//! Who sees the pictures: what a display is told and may be asked, and how it looks at the pixels.
//!
//! A [`Sink`] is told *that* something changed and looks at the pixels when it is ready to send them, so a slow one
//! gets the newest picture and costs no memory for old ones.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod damage;
pub mod frontend;
mod outgoing;
mod picture;
mod questions;
pub mod screenshot;

pub use outgoing::Pieces;
pub use picture::{Picture, Source};

pub use crate::wire::display::{CURSOR_BYTES, CURSOR_SIDE};

use std::io;

use crate::wire::{HeadMode, Point, Rect, SCANOUTS_MAX, ScanoutId, Size};

/// The pointer of one head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Where the image's top left corner lies, in pixels of its head. The specification does not say what lies there;
    /// Linux, the guest's side of it, sends the corner.
    pub at: Point,
    /// The pixel of the image that points, for displays whose own pointer takes the image.
    pub hot: Point,
    /// [`CURSOR_BYTES`] bytes; `None` hides the pointer.
    pub image: Option<Box<[u8]>>,
}

/// What the device may have to ask whoever shows the picture, because only they know the windows' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The size and state of every head.
    Modes,
    /// The EDID of one head.
    Edid(ScanoutId),
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The size and state of every head.
    Modes(Box<[HeadMode; SCANOUTS_MAX]>),
    /// An EDID, at most 1024 bytes.
    Edid(Vec<u8>),
    /// The display does not know; the device answers by itself.
    Unknown,
}

/// What a sink waits for after it did what it could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// It has more to send and its socket is full: call `pump` when it can be written again.
    pub write: bool,
    /// A question was answered: what waited for it can go on.
    pub answered: bool,
}

/// Read access to what the heads show at this moment.
pub trait Scanouts {
    /// The picture of a head, if it shows one.
    fn picture(&self, head: ScanoutId) -> Option<Picture<'_>>;

    /// The pointer of a head.
    fn cursor(&self, head: ScanoutId) -> &Cursor;
}

/// A place where finished frames are seen. No call blocks.
pub trait Sink: Send {
    /// Asks; `None` means that the answer is not there yet: `pump` sends the question; ask again when
    /// [`Interest::answered`] says so. An answer is given once.
    fn ask(&mut self, question: Question) -> Option<Answer>;

    /// A head now shows a picture of this size, or none.
    fn show(&mut self, head: ScanoutId, size: Option<Size>);

    /// Pixels of a head changed; `area` is in the head's own coordinates.
    fn damage(&mut self, head: ScanoutId, area: Rect);

    /// A head's pointer got another image or was hidden.
    fn cursor_changed(&mut self, head: ScanoutId);

    /// A head's pointer moved.
    fn cursor_moved(&mut self, head: ScanoutId);

    /// Sends and receives what it can without waiting. An error means that the display is gone.
    fn pump(&mut self, scanouts: &dyn Scanouts) -> io::Result<Interest>;
}
