//! Serving the control socket: one client after another, none for long.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::profile::size_text;
use super::protocol::{Code, HeadChange, Refusal, Request, Status};
use crate::display::screenshot::Snapshot;
use crate::wire::ScanoutId;

/// The longest request.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Bytes written at once, so that the clock is looked at between them.
const WRITE_BYTES: usize = 64 << 10;

/// What can be asked of a vGPU.
pub trait Vgpu {
    /// What a head shows.
    fn snapshot(&self, head: ScanoutId) -> Result<Snapshot, Refusal>;

    /// The state of everything.
    fn status(&self) -> Status;

    /// Plugs monitors in and out: all of these or none.
    fn set_heads(&self, changes: &[HeadChange]) -> Result<(), Refusal>;

    /// Has all programs that use Vulkan lose their devices, for the GPU is lost.
    fn lose(&self, reason: &str) -> Result<(), Refusal>;

    /// What takes a keeper's connection, where this vGPU can be kept.
    fn keepers(&self) -> Result<&dyn Fn(UnixStream), Refusal>;
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From its connection to the end of its line.
    pub request: Duration,
    /// To read the answer.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { request: Duration::from_secs(5), answer: Duration::from_secs(30) }
    }
}

/// Serves clients until the listener fails. Between them it sleeps in `accept`.
pub fn serve(listener: &UnixListener, vgpu: &impl Vgpu, patience: Patience) -> io::Error {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(error) = talk(stream, vgpu, patience) {
                    tracing::debug!("a client of the control socket went away: {error}");
                }
            }
            Err(error) if is_passing(&error) => {
                tracing::warn!("the control socket could not take a client: {error}");
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => return error,
        }
    }
}

/// Whether the next `accept` may succeed: the client left, or descriptors or memory ran out.
fn is_passing(error: &io::Error) -> bool {
    const PASSING: [i32; 6] =
        [libc::ECONNABORTED, libc::EINTR, libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error.raw_os_error().is_some_and(|code| PASSING.contains(&code))
}

fn talk(stream: UnixStream, vgpu: &impl Vgpu, patience: Patience) -> io::Result<()> {
    let line = read_line(&stream, Instant::now() + patience.request);
    let request = line.and_then(|line| Request::parse(&line));
    let (answer, body) = match request.as_ref().map_err(Refusal::clone).and_then(|r| execute(r, vgpu)) {
        Ok((ok, None)) => (json!({"ok": ok}), Vec::new()),
        Ok((ok, Some(body))) => (json!({"ok": ok, "length": body.len()}), body),
        Err(refusal) => (json!({"error": refusal}), Vec::new()),
    };
    let end = Instant::now() + patience.answer;
    write(&stream, format!("{answer}\n").as_bytes(), end)?;
    write(&stream, &body, end)?;
    if let (Ok(Request::Keep), Ok(keepers)) = (request, vgpu.keepers()) {
        keepers(stream);
    }
    Ok(())
}

fn execute(request: &Request, vgpu: &impl Vgpu) -> Result<(Value, Option<Vec<u8>>), Refusal> {
    match request {
        Request::Status => Ok((json!(vgpu.status()), None)),
        Request::Set(changes) => vgpu.set_heads(changes).map(|()| (json!({}), None)),
        Request::Lose(reason) => vgpu.lose(reason).map(|()| (json!({}), None)),
        Request::Keep => vgpu.keepers().map(|_| (json!({}), None)),
        Request::Screenshot(head) => {
            let shot = vgpu.snapshot(*head)?;
            let mut file = Growing::default();
            shot.png(&mut file).map_err(|error| Refusal::new(Code::HostFailed, error))?;
            Ok((json!({"head": head.get(), "size": size_text(shot.size())}), Some(file.0)))
        }
    }
}

/// A file in memory that fails, and does not end the process, when there is no more.
#[derive(Default)]
struct Growing(Vec<u8>);

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_reserve(bytes.len()).map_err(io::Error::other)?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line without its end. A client may close its side instead of ending the line.
fn read_line(mut stream: &UnixStream, end: Instant) -> Result<Vec<u8>, Refusal> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            Refusal::new(Code::TooSlow, "the request did not come in time")
                .remedy("send one line, and end it")
        }
        _ => Refusal::new(Code::BadJson, format_args!("the request cannot be read: {error}")),
    };
    let mut line = Vec::new();
    let mut piece = [0; 4096];
    while line.len() <= REQUEST_BYTES_MAX {
        stream.set_read_timeout(Some(left(end).map_err(failed)?)).map_err(failed)?;
        let count = stream.read(&mut piece).map_err(failed)?;
        let new = piece.get(..count).unwrap_or_default();
        let (text, ended) = match new.iter().position(|byte| *byte == b'\n') {
            Some(place) => (new.get(..place).unwrap_or_default(), true),
            None => (new, count == 0),
        };
        line.extend_from_slice(text);
        if ended {
            return Ok(line);
        }
    }
    Err(Refusal::new(Code::TooLong, format_args!("the request is longer than {REQUEST_BYTES_MAX} bytes")))
}

fn write(mut stream: &UnixStream, bytes: &[u8], end: Instant) -> io::Result<()> {
    for piece in bytes.chunks(WRITE_BYTES) {
        stream.set_write_timeout(Some(left(end)?))?;
        stream.write_all(piece)?;
    }
    Ok(())
}

/// The time until `end`, never zero: that would mean to wait for ever.
fn left(end: Instant) -> io::Result<Duration> {
    end.checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or(ErrorKind::TimedOut.into())
}
