//! The VMM's side of the display protocol, as QEMU plays it (QEMU, `docs/interop/vhost-user-gpu.rst`): a thread that
//! keeps a surface for each head and notes every message that would harm QEMU. Only std: benches and VM tests use it
//! too.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How the peer behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Protocol features that it offers: bit 0 EDID, bit 1 DMABUF2.
    pub features: u64,
    /// Width and height of each head; a window for each. Others are ignored, and EDIDs of others never answered.
    pub heads: Vec<(u32, u32)>,
    /// The EDID of each of them.
    pub edid: Vec<u8>,
    /// Keep what is drawn. Without it pixels are read and dropped, for benches.
    pub keep_pixels: bool,
    /// Hang up after this many bytes.
    pub hang_up_after: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            features: 0b11,
            heads: vec![(1280, 800); 16],
            edid: (0..=255).collect(),
            keep_pixels: true,
            hang_up_after: None,
        }
    }
}

/// What a head shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    pub width: u32,
    pub height: u32,
    /// Blue, green, red, x.
    pub pixels: Vec<u8>,
    /// Whether an update followed the size: only then does QEMU show it.
    pub drawn: bool,
}

impl Surface {
    /// The pixel in this place as blue, green, red.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let start = (y * self.width + x) as usize * 4;
        self.pixels[start..start + 3].try_into().unwrap()
    }
}

/// A head's pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    pub visible: bool,
    pub at: (u32, u32),
    pub hot: (u32, u32),
    pub image: Vec<u8>,
}

/// Everything seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub surfaces: Vec<Option<Surface>>,
    pub pointers: Vec<Pointer>,
    /// What the other side set.
    pub features_set: Option<u64>,
    pub scanouts: u64,
    pub updates: u64,
    /// Updates of each head.
    pub updates_of: Vec<u64>,
    pub pointer_moves: u64,
    pub bytes: u64,
    /// What would have harmed QEMU, or what it would not have understood.
    pub violations: Vec<String>,
    pub closed: bool,
}

#[derive(Default)]
struct Control {
    seen: Seen,
    stalled: bool,
    stopped: bool,
}

#[derive(Default)]
struct Shared {
    control: Mutex<Control>,
    changed: Condvar,
}

/// A display that runs until it is dropped.
pub struct DisplayPeer {
    shared: Arc<Shared>,
    stream: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl DisplayPeer {
    /// Starts one; the socket is the other side's.
    pub fn start(options: Options) -> (Self, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Self::on(ours, options), theirs)
    }

    /// Starts one on a connected socket.
    pub fn on(stream: UnixStream, options: Options) -> Self {
        let shared = Arc::new(Shared::default());
        {
            let seen = &mut shared.control.lock().unwrap().seen;
            seen.surfaces = vec![None; options.heads.len()];
            seen.pointers = vec![Pointer::default(); options.heads.len()];
            seen.updates_of = vec![0; options.heads.len()];
        }
        let mut session = Session {
            stream: stream.try_clone().unwrap(),
            shared: shared.clone(),
            options,
            dropped: Vec::new(),
        };
        let thread = std::thread::spawn(move || session.run());
        Self { shared, stream, thread: Some(thread) }
    }

    /// Stops reading, in the middle of a message if need be.
    pub fn stall(&self) {
        self.shared.lock().stalled = true;
    }

    /// Goes on reading.
    pub fn resume(&self) {
        self.shared.lock().stalled = false;
        self.shared.changed.notify_all();
    }

    /// Closes the connection.
    pub fn hang_up(&self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// A copy of everything seen.
    pub fn seen(&self) -> Seen {
        self.shared.lock().seen.clone()
    }

    /// Looks at what was seen, without a copy.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.shared.lock().seen)
    }

    /// Waits until `condition` holds; false if it does not within `limit`.
    pub fn wait(&self, limit: Duration, condition: impl Fn(&Seen) -> bool) -> bool {
        let end = Instant::now() + limit;
        let mut control = self.shared.lock();
        while !condition(&control.seen) {
            let Some(left) = end.checked_duration_since(Instant::now()) else { return false };
            control = self.shared.changed.wait_timeout(control, left).unwrap().0;
        }
        true
    }
}

impl Drop for DisplayPeer {
    fn drop(&mut self) {
        self.hang_up();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

struct Session {
    stream: UnixStream,
    shared: Arc<Shared>,
    options: Options,
    /// Where pixels go that are not kept.
    dropped: Vec<u8>,
}

/// The words of a message's payload, without its pixels.
fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect()
}

impl Session {
    fn run(&mut self) {
        let end = loop {
            if let Err(error) = self.message() {
                break error;
            }
        };
        let mut control = self.shared.lock();
        if end.kind() == io::ErrorKind::InvalidData {
            control.seen.violations.push(end.to_string());
        }
        control.seen.closed = true;
        drop(control);
        self.shared.changed.notify_all();
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn message(&mut self) -> io::Result<()> {
        let header = words(&self.read(12)?);
        let (number, flags, size) = (header[0], header[1], header[2]);
        if flags != 0 {
            return violation(format!("message {number} has flags {flags:#x}"));
        }
        let fixed = match number {
            1 | 3 => 0,
            2 => 8,
            4 | 5 | 7 => 12,
            6 => 20 + 64 * 64 * 4,
            8 => 20,
            11 => 4,
            _ => return violation(format!("message {number} of {size} bytes is unknown")),
        };
        if number == 8 && size < 20 || number != 8 && size != fixed {
            return violation(format!("message {number} has {size} bytes instead of {fixed}"));
        }
        let payload = self.read(fixed as usize)?;
        let fields = words(&payload[..payload.len().min(20)]);
        match number {
            1 => self.reply(1, &self.options.features.to_ne_bytes())?,
            2 => self.note(|seen| seen.features_set = Some(u64::from_ne_bytes(payload.try_into().unwrap()))),
            3 => self.reply(3, &self.display_info())?,
            4..=6 => self.pointer(number, &fields, payload.get(20..).unwrap_or_default()),
            7 => self.scanout(&fields)?,
            8 => self.update(&fields, size - 20)?,
            _ => self.edid(fields[0])?,
        }
        self.shared.changed.notify_all();
        Ok(())
    }

    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.shared.lock().seen);
    }

    fn pointer(&self, number: u32, fields: &[u32], image: &[u8]) {
        let mut control = self.shared.lock();
        control.seen.pointer_moves += u64::from(number == 4);
        let Some(pointer) = control.seen.pointers.get_mut(fields[0] as usize) else { return };
        pointer.visible = number != 5;
        pointer.at = (fields[1], fields[2]);
        if number == 6 {
            pointer.hot = (fields[3], fields[4]);
            pointer.image = image.to_vec();
        }
    }

    fn scanout(&self, fields: &[u32]) -> io::Result<()> {
        let (head, width, height) = (fields[0], fields[1], fields[2]);
        let mut control = self.shared.lock();
        control.seen.scanouts += 1;
        let Some(surface) = control.seen.surfaces.get_mut(head as usize) else { return Ok(()) };
        if surface.as_ref().is_some_and(|surface| !surface.drawn) {
            return violation(format!(
                "head {head} has a new size before an update of its last one: QEMU leaks it"
            ));
        }
        let bytes = width as usize * height as usize * 4 * usize::from(self.options.keep_pixels);
        let new = Surface { width, height, pixels: vec![0; bytes], drawn: false };
        *surface = (width > 0).then_some(new);
        Ok(())
    }

    fn update(&mut self, fields: &[u32], size: u32) -> io::Result<()> {
        let (head, x, y, width, height) = (fields[0], fields[1], fields[2], fields[3], fields[4]);
        if head as usize >= self.options.heads.len() {
            // QEMU reads the message and looks no further.
            return self.pixels(size as usize).map(drop);
        }
        if u64::from(width) * u64::from(height) * 4 != u64::from(size) || size == 0 {
            return violation(format!("an update of {width}x{height} has {size} bytes"));
        }
        if let Some(surface) = self.shared.lock().seen.surfaces.get(head as usize) {
            let fits = |surface: &Surface| x + width <= surface.width && y + height <= surface.height;
            match surface {
                None => return violation(format!("head {head} is updated and has no size: QEMU ends")),
                Some(surface) if !fits(surface) => {
                    return violation(format!(
                        "an update at {x},{y} of {width}x{height} is outside head {head}"
                    ));
                }
                Some(_) => {}
            }
        }
        let pixels = self.pixels(size as usize)?;
        let seen = &mut self.shared.lock().seen;
        seen.updates += 1;
        let Some(Some(surface)) = seen.surfaces.get_mut(head as usize) else { return Ok(()) };
        seen.updates_of[head as usize] += 1;
        surface.drawn = true;
        for (line, from) in pixels.chunks_exact(width as usize * 4).enumerate() {
            let start = ((y as usize + line) * surface.width as usize + x as usize) * 4;
            surface.pixels[start..start + from.len()].copy_from_slice(from);
        }
        Ok(())
    }

    /// Like QEMU, reads a whole update before any of it is drawn. Without `keep_pixels`, gives none.
    fn pixels(&mut self, size: usize) -> io::Result<Vec<u8>> {
        if self.options.keep_pixels {
            return self.read(size);
        }
        let mut left = size;
        while left > 0 {
            let mut piece = std::mem::take(&mut self.dropped);
            piece.resize(256 << 10, 0);
            let now = left.min(piece.len());
            self.read_into(&mut piece[..now])?;
            self.dropped = piece;
            left -= now;
        }
        Ok(Vec::new())
    }

    fn display_info(&self) -> Vec<u8> {
        let mut out = vec![0; 24];
        out[..4].copy_from_slice(&0x1101u32.to_le_bytes());
        for head in 0..16 {
            let size = self.options.heads.get(head).copied();
            let (width, height) = size.unwrap_or_default();
            for word in [0, 0, width, height, u32::from(size.is_some()), 0] {
                out.extend_from_slice(&word.to_le_bytes());
            }
        }
        out
    }

    fn edid(&mut self, head: u32) -> io::Result<()> {
        if head as usize >= self.options.heads.len() {
            return Ok(());
        }
        let mut out = vec![0; 1056];
        out[..4].copy_from_slice(&0x1104u32.to_le_bytes());
        let size = self.options.edid.len();
        out[24..28].copy_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
        out[32..32 + size].copy_from_slice(&self.options.edid);
        self.reply(11, &out)
    }

    fn reply(&self, number: u32, payload: &[u8]) -> io::Result<()> {
        let mut out: Vec<u8> = Vec::new();
        for word in [number, 4, u32::try_from(payload.len()).unwrap()] {
            out.extend_from_slice(&word.to_ne_bytes());
        }
        out.extend_from_slice(payload);
        (&self.stream).write_all(&out)
    }

    fn read(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut out = vec![0; count];
        self.read_into(&mut out)?;
        Ok(out)
    }

    fn read_into(&mut self, mut rest: &mut [u8]) -> io::Result<()> {
        while !rest.is_empty() {
            let allowed = self.allowed(rest.len())?;
            let count = self.stream.read(&mut rest[..allowed])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.note(|seen| seen.bytes += count as u64);
            rest = &mut rest[count..];
        }
        Ok(())
    }

    /// Waits while reading is stalled; then, how many bytes may be read now.
    fn allowed(&self, wanted: usize) -> io::Result<usize> {
        let control = self.shared.lock();
        let control = self.shared.changed.wait_while(control, |control| control.stalled && !control.stopped);
        let control = control.unwrap_or_else(|poisoned| poisoned.into_inner());
        let left =
            self.options.hang_up_after.map_or(u64::MAX, |after| after.saturating_sub(control.seen.bytes));
        if control.stopped || left == 0 {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(wanted.min(256 << 10).min(usize::try_from(left).unwrap_or(usize::MAX)))
    }
}

fn violation<T>(what: String) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidData, what))
}
