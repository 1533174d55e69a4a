//! The VMM's window as a sink: pictures and pointers go out over the socket that came with `SET_GPU_SOCKET`.
//!
//! # Why it keeps marks and no messages
//!
//! What is kept for a head is *that* its size, some areas or its pointer changed, never pixels. A message is composed
//! when the socket takes it, from what the head shows then. A VMM that reads slowly gets fewer and newer frames, and
//! a guest that draws fast costs no memory. Of a message that was taken in part, the place is kept; the rest of its
//! pixels is read when it goes on. A picture that shrank meanwhile yields black there, and is then sent whole.
//!
//! Invariants: nothing here waits. A new size is always sent in one message with the pixels of that size, because
//! QEMU draws an update without a size through a null pointer and forgets, but keeps, a size without an update.

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, sendmsg, setsockopt, sockopt};

use super::damage::Damage;
use super::questions::Questions;
use super::{Answer, Interest, Picture, Question, Scanouts, Sink};
use crate::wire::display::{CURSOR_BYTES, REPLY_BYTES_MAX, Reply, Request, decode_reply, update_bytes};
use crate::wire::{Rect, SCANOUTS_MAX, ScanoutId, Size};

/// Asked of the kernel for the way to the VMM: an eighth of a 1080p frame, so that a frame takes few wake-ups.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// Pixels that do not lie as the VMM wants them are put in order in pieces of this size.
const STAGE_BYTES: usize = 128 << 10;

/// Messages without pixels are sent together up to about here (a cursor image more).
const SMALL_BYTES: usize = 16 << 10;

/// The largest update: QEMU takes memory for a whole message before it reads it.
const UPDATE_BYTES_MAX: u32 = 64 << 20;

/// The longest side of a picture; QEMU ends itself when it cannot make the surface.
const SIDE_MAX: u32 = 16384;

/// The display protocol's side of a vhost-user GPU.
#[derive(Debug)]
pub struct Frontend {
    stream: UnixStream,
    questions: Questions,
    heads: [Head; SCANOUTS_MAX],
    /// The head whose damage was sent last.
    turn: usize,
    outgoing: Outgoing,
    stage: Vec<u8>,
    incoming: Incoming,
}

/// What a head shows, and what of it the VMM has not been told.
#[derive(Debug, Default)]
struct Head {
    shown: Shown,
    told: Shown,
    damage: Damage,
    cursor: CursorMark,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shown {
    /// Nothing was said yet: the VMM keeps what it has.
    #[default]
    Unsaid,
    Nothing,
    Picture(Size),
}

/// What changed about a pointer, the greater including the lesser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum CursorMark {
    #[default]
    Unchanged,
    Moved,
    Changed,
}

/// The messages on their way: small ones and headers as bytes, then the pixels of the last one.
#[derive(Debug, Default)]
struct Outgoing {
    small: Vec<u8>,
    small_sent: usize,
    pixels: Option<Pixels>,
}

/// Pixels that were announced.
#[derive(Clone, Copy, Debug)]
struct Pixels {
    head: ScanoutId,
    area: Rect,
    bytes: usize,
    sent: usize,
}

#[derive(Debug)]
struct Incoming {
    buffer: [u8; REPLY_BYTES_MAX],
    filled: usize,
}

impl Frontend {
    /// Takes the VMM's end of a display connection over. Nothing is sent before the first [`Sink::pump`].
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        if let Err(error) = setsockopt(&stream, sockopt::SndBuf, &SEND_BUFFER_BYTES) {
            tracing::debug!("the display's socket keeps its send buffer: {error}");
        }
        Ok(Self {
            stream,
            questions: Questions::new(),
            heads: Default::default(),
            turn: 0,
            outgoing: Outgoing::default(),
            stage: Vec::new(),
            incoming: Incoming { buffer: [0; REPLY_BYTES_MAX], filled: 0 },
        })
    }

    fn mark_cursor(&mut self, head: ScanoutId, mark: CursorMark) {
        if let Some(head) = self.heads.get_mut(head.index()) {
            head.cursor = head.cursor.max(mark);
        }
    }

    /// Reads replies until none is left; true if one answered a question.
    fn receive(&mut self) -> io::Result<bool> {
        let mut answered = false;
        loop {
            let more = self.incoming.fill(&self.stream)?;
            while let Some(reply) = self.incoming.next()? {
                answered |= self.questions.receive(reply).map_err(invalid)?;
            }
            if !more {
                return Ok(answered);
            }
        }
    }

    /// Sends until nothing is left (true) or the socket is full (false).
    fn send(&mut self, scanouts: &dyn Scanouts) -> io::Result<bool> {
        loop {
            if self.outgoing.is_sent() && !self.compose(scanouts) {
                return Ok(true);
            }
            if !self.outgoing.send(&self.stream, scanouts, &mut self.stage)? {
                return Ok(false);
            }
        }
    }

    /// Makes the next messages from the marks; false if nothing is left to say.
    fn compose(&mut self, scanouts: &dyn Scanouts) -> bool {
        let small = &mut self.outgoing.small;
        small.clear();
        self.outgoing.small_sent = 0;
        self.questions.encode(small);
        for (id, head) in ScanoutId::all().zip(&mut self.heads) {
            if small.len() < SMALL_BYTES {
                head.encode_off(id, small);
                head.encode_cursor(id, scanouts, small);
            }
        }
        self.compose_update();
        !self.outgoing.is_sent()
    }

    /// Damage in turn, so that no head can keep another from being seen.
    fn compose_update(&mut self) {
        let turns = (1..=SCANOUTS_MAX).map(|step| (self.turn + step) % SCANOUTS_MAX);
        let damaged = |index: &usize| self.heads.get(*index).is_some_and(|head| !head.damage.is_empty());
        let Some(index) = turns.into_iter().find(damaged) else { return };
        let Some((id, head)) = ScanoutId::all().zip(&mut self.heads).nth(index) else { return };
        self.turn = index;
        self.outgoing.pixels = head.encode_update(id, &mut self.outgoing.small);
    }
}

impl Sink for Frontend {
    fn ask(&mut self, question: Question) -> Option<Answer> {
        self.questions.ask(question)
    }

    fn show(&mut self, head: ScanoutId, size: Option<Size>) {
        let Some(head) = self.heads.get_mut(head.index()) else { return };
        let fits = |size: &Size| !size.is_empty() && size.width.max(size.height) <= SIDE_MAX;
        head.damage.clear();
        head.shown = match size.filter(fits) {
            None => Shown::Nothing,
            Some(size) => {
                head.damage.add(size.to_rect());
                Shown::Picture(size)
            }
        };
    }

    fn damage(&mut self, head: ScanoutId, area: Rect) {
        let Some(head) = self.heads.get_mut(head.index()) else { return };
        if let Shown::Picture(size) = head.shown
            && let Some(seen) = area.intersection(&size.to_rect())
        {
            head.damage.add(seen);
        }
    }

    fn cursor_changed(&mut self, head: ScanoutId) {
        self.mark_cursor(head, CursorMark::Changed);
    }

    fn cursor_moved(&mut self, head: ScanoutId) {
        self.mark_cursor(head, CursorMark::Moved);
    }

    fn pump(&mut self, scanouts: &dyn Scanouts) -> io::Result<Interest> {
        let answered = self.receive()?;
        let write = !self.send(scanouts)?;
        Ok(Interest { write, answered })
    }
}

impl AsFd for Frontend {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Head {
    fn encode_off(&mut self, id: ScanoutId, out: &mut Vec<u8>) {
        if self.shown == Shown::Nothing && self.told != Shown::Nothing {
            Request::Scanout(id, Size::default()).encode(out);
            self.told = Shown::Nothing;
        }
    }

    fn encode_cursor(&mut self, id: ScanoutId, scanouts: &dyn Scanouts, out: &mut Vec<u8>) {
        let cursor = scanouts.cursor(id);
        let image = cursor.image.as_deref().and_then(<[u8]>::first_chunk::<CURSOR_BYTES>);
        match (std::mem::take(&mut self.cursor), image) {
            (CursorMark::Changed, Some(image)) => {
                Request::CursorImage { head: id, at: cursor.at, hot: cursor.hot, image }.encode(out);
            }
            (CursorMark::Changed, None) => Request::CursorHidden(id, cursor.at).encode(out),
            (CursorMark::Moved, Some(_)) => Request::CursorAt(id, cursor.at).encode(out),
            (CursorMark::Moved, None) | (CursorMark::Unchanged, _) => {}
        }
    }

    /// The size, if it is new, and the header of the oldest damage.
    fn encode_update(&mut self, head: ScanoutId, out: &mut Vec<u8>) -> Option<Pixels> {
        let area = self.take_area()?;
        if self.shown != self.told
            && let Shown::Picture(size) = self.shown
        {
            Request::Scanout(head, size).encode(out);
            self.told = self.shown;
        }
        Request::Update(head, area).encode(out);
        Some(Pixels { head, area, bytes: update_bytes(&area)? as usize, sent: 0 })
    }

    /// The oldest damage, or as many rows of it as one message may have.
    fn take_area(&mut self) -> Option<Rect> {
        let area = self.damage.take()?;
        let rows_max = UPDATE_BYTES_MAX.checked_div(area.width.saturating_mul(4))?.max(1);
        if area.height <= rows_max {
            return Some(area);
        }
        self.damage.add(Rect { y: area.y + rows_max, height: area.height - rows_max, ..area });
        Some(Rect { height: rows_max, ..area })
    }
}

impl Outgoing {
    fn is_sent(&self) -> bool {
        self.small_sent == self.small.len() && self.pixels.is_none()
    }

    /// One system call; false if the socket is full.
    fn send(
        &mut self,
        stream: &UnixStream,
        scanouts: &dyn Scanouts,
        stage: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let small = self.small.get(self.small_sent..).unwrap_or_default();
        let pixels = match &self.pixels {
            Some(pixels) => pixels.next_bytes(scanouts.picture(pixels.head), stage),
            None => &[],
        };
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let pieces = [IoSlice::new(small), IoSlice::new(pixels)];
        let offered = small.len() + pixels.len();
        match sendmsg::<()>(stream.as_raw_fd(), &pieces, &[], flags, None) {
            Ok(taken) => {
                self.advance(taken);
                Ok(taken == offered)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(Errno::EINTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn advance(&mut self, taken: usize) {
        let small = taken.min(self.small.len() - self.small_sent);
        self.small_sent += small;
        if let Some(pixels) = &mut self.pixels {
            pixels.sent += taken - small;
        }
        self.pixels = self.pixels.filter(|pixels| pixels.sent < pixels.bytes);
    }
}

impl Pixels {
    /// The bytes that come next: where they lie if they can be sent from there, else put in order in `stage`.
    fn next_bytes<'a>(&self, picture: Option<Picture<'a>>, stage: &'a mut Vec<u8>) -> &'a [u8] {
        let row = self.area.width as usize * 4;
        let (done, within) = (self.sent / row, self.sent % row);
        let rest = self.rows(done, usize::MAX);
        let whole = |picture: &Picture<'_>| rest.width == picture.size.width && rest.fits(picture.size);
        let direct = picture.filter(whole).and_then(|picture| picture.contiguous(rest.y, rest.height));
        let bytes = match direct {
            Some(bytes) => bytes,
            None => {
                let piece = self.rows(done, (STAGE_BYTES / row).max(1));
                stage.clear();
                match picture.filter(|picture| piece.fits(picture.size)) {
                    Some(picture) => picture.append_bgrx(&piece, stage),
                    None => stage.resize(row * piece.height as usize, 0),
                }
                stage
            }
        };
        bytes.get(within..).unwrap_or_default()
    }

    /// At most `count` rows of the area, after the first `done`.
    fn rows(&self, done: usize, count: usize) -> Rect {
        let done = u32::try_from(done).unwrap_or(u32::MAX).min(self.area.height);
        let height = (self.area.height - done).min(u32::try_from(count).unwrap_or(u32::MAX));
        Rect { y: self.area.y + done, height, ..self.area }
    }
}

impl Incoming {
    /// Reads what is there; true if there may be more. The buffer holds any reply, so it is never full of an
    /// unfinished one.
    fn fill(&mut self, stream: &UnixStream) -> io::Result<bool> {
        let space = self.buffer.get_mut(self.filled..).unwrap_or_default();
        match recv(stream.as_raw_fd(), space, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => Err(io::Error::new(ErrorKind::UnexpectedEof, "the display closed its socket")),
            Ok(count) => {
                let more = count == space.len();
                self.filled += count;
                Ok(more)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(Errno::EINTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn next(&mut self) -> io::Result<Option<Reply>> {
        let filled = self.buffer.get(..self.filled).unwrap_or_default();
        let Some((reply, taken)) = decode_reply(filled).map_err(invalid)? else { return Ok(None) };
        self.buffer.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        Ok(Some(reply))
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
