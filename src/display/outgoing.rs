//! The messages on their way to the VMM, sent so that another process can go on in the middle of one.
//!
//! # Why in pieces
//!
//! A process may be killed within a system call, and then nobody knows whether what it sent was taken. So each call
//! sends one piece that a Unix socket takes whole or not at all: it copies up to 32 KiB into one buffer. Messages
//! without pixels are one piece together, and say the same when they are said twice. An update's first piece has its
//! header and so many pixels that all later ones have [`PIECE_BYTES`].
//!
//! The mark counts the pieces that the VMM may still be waiting for; it waits for no more than those. After a death, as
//! many blanks are sent: messages of one piece each that mean nothing. While the VMM waits for pixels it takes a blank
//! for them, and once it waits for none it reads one as what it is. So after all of them it waits for a new message,
//! whatever became of the last piece, and if we die on the way the next process does the same with those left.

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, getsockopt, sendmsg, setsockopt, sockopt};

use super::{Picture, Scanouts};
use crate::vault::Mark;
use crate::wire::display::{Request, UPDATE_HEADER_BYTES};
use crate::wire::{Rect, ScanoutId};

/// Bytes of every piece of an update but the first, which is shorter or a little longer.
pub const PIECE_BYTES: usize = PIECE_BYTES_MAX - FIRST_BYTES_MIN;

/// What a Unix socket takes at once. A larger page makes this larger, not smaller.
const PIECE_BYTES_MAX: usize = 32 << 10;

/// A first piece has room for the size and the header that come before the pixels.
const FIRST_BYTES_MIN: usize = 64;

/// Asked of the kernel for the way to the VMM: an eighth of a 1080p frame, so that a frame takes few wake-ups.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// What the kernel puts into one buffer is half of the socket's, but for this.
const SEND_BUFFER_REST_BYTES: usize = 64;

/// Pixels that do not lie as the VMM wants them are put in order in pieces of this size.
const STAGE_BYTES: usize = 128 << 10;

/// Messages without pixels are sent together up to about here, a cursor image more.
const SMALL_BYTES: usize = 12 << 10;

/// Makes the socket's buffer large enough for pieces, and for few wake-ups a frame.
pub(super) fn prepare(stream: &UnixStream) -> io::Result<()> {
    if let Err(error) = setsockopt(stream, sockopt::SndBuf, &SEND_BUFFER_BYTES) {
        tracing::debug!("the display's socket keeps its send buffer: {error}");
    }
    let bytes = getsockopt(stream, sockopt::SndBuf)?;
    let wanted = 2 * (PIECE_BYTES_MAX + SEND_BUFFER_REST_BYTES);
    if bytes < wanted {
        let reason = format!(
            "a display's socket needs a send buffer of {wanted} bytes and has {bytes}: raise \
             net.core.wmem_max"
        );
        return Err(io::Error::other(reason));
    }
    Ok(())
}

/// What the next process has to know, as it is in the [`Mark`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Pieces that the VMM may be waiting for.
    pub(super) pieces: u16,
    /// A bit for each head of which the VMM was told anything.
    pub(super) heads: u16,
    /// How many processes have gone on with this socket.
    pub(super) resumes: u16,
}

impl Progress {
    pub(super) fn load(mark: &Mark) -> Self {
        let [p0, p1, h0, h1, r0, r1, ..] = mark.load().to_le_bytes();
        let [pieces, heads, resumes] = [[p0, p1], [h0, h1], [r0, r1]].map(u16::from_le_bytes);
        Self { pieces, heads, resumes }
    }

    pub(super) fn store(self, mark: &Mark) {
        let Self { pieces, heads, resumes } = self;
        mark.store(u64::from(pieces) | u64::from(heads) << 16 | u64::from(resumes) << 32);
    }
}

/// What goes out next: blanks, then messages without pixels, then an update.
#[derive(Debug)]
pub(super) struct Outgoing {
    mark: Mark,
    progress: Progress,
    /// The message that means nothing; empty unless a former process died.
    blank: Vec<u8>,
    /// Messages without pixels.
    pub(super) small: Vec<u8>,
    /// What comes before the first pixels.
    pub(super) header: Vec<u8>,
    pixels: Option<Pixels>,
    stage: Stage,
}

/// Pixels that were announced.
#[derive(Clone, Copy, Debug)]
struct Pixels {
    head: ScanoutId,
    area: Rect,
    bytes: usize,
    sent: usize,
}

/// Pixels in order, from this byte of an update's on.
#[derive(Debug, Default)]
struct Stage {
    start: usize,
    bytes: Vec<u8>,
}

impl Outgoing {
    /// Begins after what the progress tells of.
    pub(super) fn new(mark: Mark, progress: Progress) -> Self {
        progress.store(&mark);
        let mut blank = Vec::new();
        if progress.pieces > 0 {
            Request::Blank(PIECE_BYTES - UPDATE_HEADER_BYTES).encode(&mut blank);
            blank.resize(PIECE_BYTES, 0);
        }
        let (small, header, stage) = (Vec::new(), Vec::new(), Stage::default());
        Self { mark, progress, blank, small, header, pixels: None, stage }
    }

    pub(super) fn is_sent(&self) -> bool {
        self.blank.is_empty() && self.small.is_empty() && self.pixels.is_none()
    }

    /// Whether there is room for another message without pixels.
    pub(super) fn has_room(&self) -> bool {
        self.small.len() < SMALL_BYTES
    }

    /// Notes that the VMM is told something of this head.
    pub(super) fn tell_of(&mut self, head: ScanoutId) {
        self.note(Progress { heads: self.progress.heads | 1 << head.get(), ..self.progress });
    }

    /// Lets the pixels of an area follow the header.
    pub(super) fn announce(&mut self, head: ScanoutId, area: Rect, bytes: usize) {
        self.stage = Stage { start: 0, bytes: std::mem::take(&mut self.stage.bytes) };
        self.stage.bytes.clear();
        let pixels = Pixels { head, area, bytes, sent: 0 };
        self.pixels = Some(pixels);
        let first = first_piece_bytes(self.header.len() + bytes);
        self.note_pieces((self.header.len() + bytes - first) / PIECE_BYTES);
    }

    /// Sends one piece; false if the socket is full.
    pub(super) fn send(&mut self, stream: &UnixStream, scanouts: &dyn Scanouts) -> io::Result<bool> {
        if !self.blank.is_empty() {
            let sent = send_piece(stream, &self.blank, &[])?;
            if sent {
                self.note_pieces(usize::from(self.progress.pieces).saturating_sub(1));
            }
            if self.progress.pieces == 0 {
                self.blank = Vec::new();
            }
            return Ok(sent);
        }
        if !self.small.is_empty() {
            let sent = send_piece(stream, &self.small, &[])?;
            if sent {
                self.small.clear();
            }
            return Ok(sent);
        }
        let Some(pixels) = &mut self.pixels else { return Ok(true) };
        let count = match self.header.len() {
            0 => PIECE_BYTES,
            header => first_piece_bytes(header + pixels.bytes) - header,
        };
        let bytes = pixels.next_bytes(count, scanouts.picture(pixels.head), &mut self.stage);
        let sent = send_piece(stream, &self.header, bytes)?;
        if sent {
            pixels.sent += count;
            self.header.clear();
            let left = pixels.bytes - pixels.sent;
            self.pixels = self.pixels.filter(|_| left > 0);
            self.note_pieces(left / PIECE_BYTES);
        }
        Ok(sent)
    }

    fn note_pieces(&mut self, pieces: usize) {
        self.note(Progress { pieces: u16::try_from(pieces).unwrap_or(u16::MAX), ..self.progress });
    }

    fn note(&mut self, progress: Progress) {
        self.progress = progress;
        progress.store(&self.mark);
    }
}

/// Bytes of the first piece of an update, so that the others have all the same.
fn first_piece_bytes(update: usize) -> usize {
    match update % PIECE_BYTES {
        rest if rest >= FIRST_BYTES_MIN || rest == update => rest,
        rest => rest + PIECE_BYTES,
    }
}

/// One system call; false if the socket is full.
fn send_piece(stream: &UnixStream, front: &[u8], back: &[u8]) -> io::Result<bool> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    loop {
        let parts = [IoSlice::new(front), IoSlice::new(back)];
        return match sendmsg::<()>(stream.as_raw_fd(), &parts, &[], flags, None) {
            Ok(taken) if taken == front.len() + back.len() => Ok(true),
            Ok(_) => Err(io::Error::other("the display's socket took a part of a message")),
            Err(Errno::EAGAIN) => Ok(false),
            Err(Errno::EINTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

impl Pixels {
    /// The `count` bytes that come next: where they lie if they can be sent from there, else put in order.
    fn next_bytes<'a>(&self, count: usize, picture: Option<Picture<'a>>, stage: &'a mut Stage) -> &'a [u8] {
        let (area, range) = (self.area, self.sent..self.sent + count);
        let whole = |picture: &Picture<'_>| area.width == picture.size.width && area.fits(picture.size);
        let direct = picture.filter(whole).and_then(|picture| picture.contiguous(area.y, area.height));
        if let Some(bytes) = direct.and_then(|bytes| bytes.get(range.clone())) {
            return bytes;
        }
        if range.end > stage.start + stage.bytes.len() {
            stage.fill(&area, picture, self.sent, count);
        }
        stage.bytes.get(range.start - stage.start..range.end - stage.start).unwrap_or_default()
    }
}

impl Stage {
    /// Puts the rows in order that hold the `count` bytes from `from` on, and some more.
    fn fill(&mut self, area: &Rect, picture: Option<Picture<'_>>, from: usize, count: usize) {
        let row = area.width as usize * 4;
        let first = from / row;
        let rows = (STAGE_BYTES / row).max((from + count).div_ceil(row) - first);
        let rows = rows.min(area.height as usize - first);
        self.start = first * row;
        self.bytes.clear();
        // Both are below the area's height.
        let narrow = |rows: usize| u32::try_from(rows).unwrap_or_default();
        let part = Rect { y: area.y + narrow(first), height: narrow(rows), ..*area };
        match picture.filter(|picture| part.fits(picture.size)) {
            Some(picture) => picture.append_bgrx(&part, &mut self.bytes),
            None => self.bytes.resize(row * rows, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_first_piece_holds_the_header_and_leaves_whole_pieces(update in FIRST_BYTES_MIN..(64usize << 20)) {
            let first = first_piece_bytes(update);
            prop_assert!((FIRST_BYTES_MIN..PIECE_BYTES_MAX).contains(&first) && first <= update);
            prop_assert_eq!((update - first) % PIECE_BYTES, 0);
        }

        #[test]
        fn progress_is_read_as_it_was_noted(pieces: u16, heads: u16, resumes: u16) {
            let mark = crate::vault::Vault::unkept(0).unwrap().mark();
            let progress = Progress { pieces, heads, resumes };
            progress.store(&mark);
            prop_assert_eq!(Progress::load(&mark), progress);
        }
    }

    #[test]
    fn a_socket_takes_a_piece_whole_or_not_at_all() {
        for bytes in [1, PIECE_BYTES, PIECE_BYTES_MAX] {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            prepare(&ours).unwrap();
            // The least with which a socket is accepted.
            setsockopt(&ours, sockopt::SndBuf, &(PIECE_BYTES_MAX + SEND_BUFFER_REST_BYTES)).unwrap();
            let piece = vec![0; bytes];
            let taken = (0..1 << 20).take_while(|_| send_piece(&ours, &piece, &[]).unwrap()).count();
            assert!((1..1 << 20).contains(&taken), "{taken} pieces of {bytes} bytes");
        }
    }

    #[test]
    fn a_larger_piece_may_be_cut() {
        // What the above rests on is a limit, and it is there.
        let (ours, _theirs) = UnixStream::pair().unwrap();
        prepare(&ours).unwrap();
        let piece = vec![0; 1 << 20];
        while let Ok(sent) = send_piece(&ours, &piece, &[]) {
            assert!(sent, "it was never cut");
        }
    }
}
