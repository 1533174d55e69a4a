//! The messages on their way to the VMM, sent so that another process can go on in the middle of one.
//!
//! # Why in pieces
//!
//! A process may be killed within a system call, and then nobody knows how much of what it sent was taken. But a Unix
//! socket takes whole buffers, which are all the same as long as there is enough to send. Half such a buffer is a
//! piece. Messages without pixels are one buffer together, and say the same when they are said twice. An update begins
//! with one buffer: its header and so many pixels that whole pieces are left.
//!
//! The mark counts the pieces that the VMM may still be waiting for; it waits for no more than those. After a death, as
//! many blanks are sent: messages of one piece each that mean nothing. While the VMM waits for pixels it takes a blank
//! for them, and once it waits for none it reads one as what it is. So after all of them it waits for a new message,
//! whatever became of the last call, and if we die on the way the next process does the same with those left.

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, getsockopt, sendmsg, setsockopt, sockopt};

use super::{Picture, Scanouts};
use crate::vault::Mark;
use crate::wire::display::{Request, UPDATE_HEADER_BYTES};
use crate::wire::{Rect, ScanoutId};

/// In what a socket takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Bytes of one.
    pub bytes: usize,
    /// How many one system call may send.
    at_once: usize,
}

impl Pieces {
    /// For a kernel whose buffers are not known: so little at once that it never takes a part (see [`CAUTIOUS_BYTES`]).
    const CAUTIOUS: Self = Self { bytes: CAUTIOUS_BYTES / 2 - 64, at_once: 2 };

    /// Those of this host. They are measured the first time, with sockets, which a sealed process cannot make.
    pub fn of_host() -> Self {
        static PIECES: OnceLock<Pieces> = OnceLock::new();
        *PIECES.get_or_init(|| match buffer_bytes() {
            Some(buffer) => Self { bytes: buffer / 2, at_once: 2 * SEND_BUFFER_BYTES / buffer },
            None => Self::CAUTIOUS,
        })
    }
}

/// What the kernel puts into one buffer of a socket, if that is an even number: sockets with room for one buffer more
/// each take whole ones, whose greatest common divisor it is.
fn buffer_bytes() -> Option<usize> {
    let bytes = vec![0; SEND_BUFFER_BYTES];
    let mut common = 0;
    for room in (128 << 10..256 << 10).step_by(CAUTIOUS_BYTES / 2) {
        let (ours, _theirs) = UnixStream::pair().ok()?;
        setsockopt(&ours, sockopt::SndBuf, &room).ok()?;
        common = common_divisor(send(&ours, &bytes, &[]).ok()?, common);
    }
    (CAUTIOUS_BYTES..4 * CAUTIOUS_BYTES).contains(&common).then_some(common).filter(|common| common % 2 == 0)
}

fn common_divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { common_divisor(other, one % other) }
}

/// Linux puts at least this into one buffer.
const CAUTIOUS_BYTES: usize = 32 << 10;

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
    let wanted = 2 * (2 * Pieces::of_host().bytes + SEND_BUFFER_REST_BYTES).max(CAUTIOUS_BYTES);
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
    pieces: Pieces,
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
        let pieces = Pieces::of_host();
        let mut blank = Vec::new();
        if progress.pieces > 0 {
            Request::Blank(pieces.bytes - UPDATE_HEADER_BYTES).encode(&mut blank);
            blank.resize(pieces.bytes, 0);
        }
        let (small, header, stage) = (Vec::new(), Vec::new(), Stage::default());
        Self { mark, progress, pieces, blank, small, header, pixels: None, stage }
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
        self.pixels = Some(Pixels { head, area, bytes, sent: 0 });
        self.note_pieces(bytes / self.pieces.bytes);
    }

    /// One system call; false if the socket is full.
    pub(super) fn send(&mut self, stream: &UnixStream, scanouts: &dyn Scanouts) -> io::Result<bool> {
        if !self.blank.is_empty() {
            let sent = send_whole(stream, &self.blank, &[])?;
            if sent {
                self.note_pieces(usize::from(self.progress.pieces).saturating_sub(1));
            }
            if self.progress.pieces == 0 {
                self.blank = Vec::new();
            }
            return Ok(sent);
        }
        if !self.small.is_empty() {
            let sent = send_whole(stream, &self.small, &[])?;
            if sent {
                self.small.clear();
            }
            return Ok(sent);
        }
        self.send_update(stream, scanouts)
    }

    fn send_update(&mut self, stream: &UnixStream, scanouts: &dyn Scanouts) -> io::Result<bool> {
        let Some(pixels) = &mut self.pixels else { return Ok(true) };
        let is_first = !self.header.is_empty();
        let offered = match is_first {
            true => pixels.bytes % self.pieces.bytes,
            false => (pixels.bytes - pixels.sent).min(self.pieces.at_once * self.pieces.bytes),
        };
        let picture = scanouts.picture(pixels.head);
        let bytes = pixels.next_bytes(offered, self.pieces, picture, &mut self.stage);
        let offered = bytes.len();
        let taken = match is_first {
            true if send_whole(stream, &self.header, bytes)? => offered,
            true => return Ok(false),
            false => send(stream, &[], bytes)?,
        };
        self.header.clear();
        pixels.sent += taken;
        let left = pixels.bytes - pixels.sent;
        self.pixels = self.pixels.filter(|_| left > 0);
        self.note_pieces(left.div_ceil(self.pieces.bytes));
        Ok(taken == offered)
    }

    fn note_pieces(&mut self, pieces: usize) {
        self.note(Progress { pieces: u16::try_from(pieces).unwrap_or(u16::MAX), ..self.progress });
    }

    fn note(&mut self, progress: Progress) {
        self.progress = progress;
        progress.store(&self.mark);
    }
}

/// Sends what fits into one buffer; false if the socket is full.
fn send_whole(stream: &UnixStream, front: &[u8], back: &[u8]) -> io::Result<bool> {
    match send(stream, front, back)? {
        0 => Ok(false),
        taken if taken == front.len() + back.len() => Ok(true),
        _ => Err(io::Error::other("the display's socket took a part of a message")),
    }
}

/// One system call, and how many bytes the socket took; zero if it is full.
fn send(stream: &UnixStream, front: &[u8], back: &[u8]) -> io::Result<usize> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    loop {
        let parts = [IoSlice::new(front), IoSlice::new(back)];
        return match sendmsg::<()>(stream.as_raw_fd(), &parts, &[], flags, None) {
            Ok(taken) => Ok(taken),
            Err(Errno::EAGAIN) => Ok(0),
            Err(Errno::EINTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

impl Pixels {
    /// The `count` bytes that come next: where they lie if they can be sent from there, else put in order, and then
    /// fewer pieces if they are many.
    fn next_bytes<'a>(
        &self,
        count: usize,
        pieces: Pieces,
        picture: Option<Picture<'a>>,
        stage: &'a mut Stage,
    ) -> &'a [u8] {
        let (area, range) = (self.area, self.sent..self.sent + count);
        let whole = |picture: &Picture<'_>| area.width == picture.size.width && area.fits(picture.size);
        let direct = picture.filter(whole).and_then(|picture| picture.contiguous(area.y, area.height));
        if let Some(bytes) = direct.and_then(|bytes| bytes.get(range.clone())) {
            return bytes;
        }
        let count = count.min(STAGE_BYTES / pieces.bytes * pieces.bytes);
        let range = self.sent..self.sent + count;
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
    use std::io::Read;

    proptest! {
        #[test]
        fn progress_is_read_as_it_was_noted(pieces: u16, heads: u16, resumes: u16) {
            let mark = crate::vault::Vault::unkept(0).unwrap().mark();
            let progress = Progress { pieces, heads, resumes };
            progress.store(&mark);
            prop_assert_eq!(Progress::load(&mark), progress);
        }
    }

    #[test]
    fn a_socket_takes_two_pieces_or_less_whole_or_not_at_all() {
        for pieces in [Pieces::of_host(), Pieces::CAUTIOUS] {
            for bytes in [1, pieces.bytes, 2 * pieces.bytes] {
                let (ours, _theirs) = UnixStream::pair().unwrap();
                prepare(&ours).unwrap();
                let piece = vec![0; bytes];
                let taken = (0..1 << 20).take_while(|_| send_whole(&ours, &piece, &[]).unwrap()).count();
                assert!((1..1 << 20).contains(&taken), "{taken} times {bytes} bytes");
            }
        }
    }

    #[test]
    fn a_socket_that_takes_a_part_takes_whole_pieces_however_full_it_is() {
        let pieces = Pieces::of_host();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        prepare(&ours).unwrap();
        let many = vec![0; pieces.at_once * pieces.bytes];
        let (mut parts, mut read) = (0, vec![0; 5 * pieces.bytes]);
        for round in 0..200 {
            // A message of another size now and then, as there are between updates.
            send_whole(&ours, &read[..round * 37], &[]).unwrap();
            let taken = send(&ours, &[], &many).unwrap();
            assert_eq!(taken % pieces.bytes, 0, "round {round}: {taken} bytes of {}", many.len());
            parts += u32::from(taken > 0 && taken < many.len());
            let some = round * 997 % read.len() + 1;
            theirs.read_exact(&mut read[..some]).unwrap();
        }
        assert!(pieces == Pieces::CAUTIOUS || parts > 20, "it took a part {parts} times only");
    }
}
