//! The VMM's window as a sink: pictures and pointers go out over the socket that came with `SET_GPU_SOCKET`.
//!
//! # Why it keeps marks and no messages
//!
//! What is kept for a head is *that* its size, some areas or its pointer changed, never pixels. A message is composed
//! when the socket takes it, from what the head shows then. A VMM that reads slowly gets fewer and newer frames, and
//! a guest that draws fast costs no memory. Of a message that was taken in part, the place is kept; the rest of its
//! pixels is read when it goes on. A picture that shrank meanwhile yields black there, and is then sent whole.
//!
//! A process that goes on for one that died ends what that was sending, has the VMM forget what that asked, and sends
//! everything that there is to see.
//!
//! Invariants: nothing here waits. A new size is always sent in one message with the pixels of that size, because
//! QEMU draws an update without a size through a null pointer and forgets, but keeps, a size without an update.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};

use super::damage::Damage;
use super::outgoing::{self, Outgoing, Progress};
use super::questions::Questions;
use super::{Answer, Interest, Question, Scanouts, Sink};
use crate::vault::Mark;
use crate::wire::display::{CURSOR_BYTES, REPLY_BYTES_MAX, Reply, Request, decode_reply, update_bytes};
use crate::wire::{Rect, SCANOUTS_MAX, ScanoutId, Size};

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

impl Frontend {
    /// Takes the VMM's end of a display connection over. Nothing is sent before the first [`Sink::pump`].
    /// The mark is for whoever must [`Frontend::resume`].
    pub fn new(stream: UnixStream, mark: Mark) -> io::Result<Self> {
        Self::with(stream, mark, Progress::default(), Questions::new())
    }

    /// Goes on for a process that died. What was on its way is ended first; then the heads that the VMM was told of are
    /// dark and without a pointer, until it is told otherwise.
    pub fn resume(stream: UnixStream, mark: Mark) -> io::Result<Self> {
        let died = Progress::load(&mark);
        let progress = Progress { resumes: died.resumes.wrapping_add(1), ..died };
        let mut frontend = Self::with(stream, mark, progress, Questions::anew(progress.resumes))?;
        for (id, head) in ScanoutId::all().zip(&mut frontend.heads) {
            if progress.heads & 1 << id.get() != 0 {
                (head.shown, head.cursor) = (Shown::Nothing, CursorMark::Changed);
            }
        }
        Ok(frontend)
    }

    fn with(stream: UnixStream, mark: Mark, progress: Progress, questions: Questions) -> io::Result<Self> {
        outgoing::prepare(&stream)?;
        let outgoing = Outgoing::new(mark, progress);
        Ok(Self { stream, questions, heads: Default::default(), turn: 0, outgoing })
    }

    fn mark_cursor(&mut self, head: ScanoutId, mark: CursorMark) {
        if let Some(head) = self.heads.get_mut(head.index()) {
            head.cursor = head.cursor.max(mark);
        }
    }

    /// Reads replies until none is left; true if one answered a question.
    fn receive(&mut self) -> io::Result<bool> {
        let mut answered = false;
        while let Some(reply) = take_reply(&self.stream)? {
            answered |= self.questions.receive(reply).map_err(invalid)?;
        }
        Ok(answered)
    }

    /// Sends until nothing is left (true) or the socket is full (false).
    fn send(&mut self, scanouts: &dyn Scanouts) -> io::Result<bool> {
        loop {
            if self.outgoing.is_sent() && !self.compose(scanouts) {
                return Ok(true);
            }
            if !self.outgoing.send(&self.stream, scanouts)? {
                return Ok(false);
            }
        }
    }

    /// Makes the next messages from the marks; false if nothing is left to say.
    fn compose(&mut self, scanouts: &dyn Scanouts) -> bool {
        let outgoing = &mut self.outgoing;
        self.questions.encode(&mut outgoing.small);
        for (id, head) in ScanoutId::all().zip(&mut self.heads) {
            if outgoing.has_room() {
                let before = outgoing.small.len();
                head.encode_off(id, &mut outgoing.small);
                head.encode_cursor(id, scanouts, &mut outgoing.small);
                if outgoing.small.len() > before {
                    outgoing.tell_of(id);
                }
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
        if let Some(area) = head.encode_update(id, &mut self.outgoing.header)
            && let Some(bytes) = update_bytes(&area)
        {
            self.outgoing.tell_of(id);
            self.outgoing.announce(id, area, bytes as usize);
        }
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

    /// The size, if it is new, and the header of the oldest damage, which is returned.
    fn encode_update(&mut self, head: ScanoutId, out: &mut Vec<u8>) -> Option<Rect> {
        let area = self.take_area()?;
        if self.shown != self.told
            && let Shown::Picture(size) = self.shown
        {
            Request::Scanout(head, size).encode(out);
            self.told = self.shown;
        }
        Request::Update(head, area).encode(out);
        Some(area)
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

/// The next reply, if it is there as a whole; of one that is not, nothing is taken, so that it is still there for
/// another process. A VMM sends each at once.
fn take_reply(stream: &UnixStream) -> io::Result<Option<Reply>> {
    let mut buffer = [0; REPLY_BYTES_MAX];
    let peek = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK;
    let count = match recv_again(stream, &mut buffer, peek)? {
        None => return Ok(None),
        Some(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the display closed its socket")),
        Some(count) => count,
    };
    let there = buffer.get(..count).unwrap_or_default();
    let Some((reply, bytes)) = decode_reply(there).map_err(invalid)? else { return Ok(None) };
    let whole = buffer.get_mut(..bytes).unwrap_or_default();
    recv_again(stream, whole, MsgFlags::MSG_DONTWAIT)?;
    Ok(Some(reply))
}

/// Bytes read; `None` if there are none yet.
fn recv_again(stream: &UnixStream, into: &mut [u8], flags: MsgFlags) -> io::Result<Option<usize>> {
    loop {
        return match recv(stream.as_raw_fd(), into, flags) {
            Ok(count) => Ok(Some(count)),
            Err(Errno::EAGAIN) => Ok(None),
            Err(Errno::EINTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
