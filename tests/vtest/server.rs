//! vtest served by a thread of this process, with an executor of a few commands that no Vulkan has.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{Shutdown, shutdown};
use vgpu::quota::{Ledger, Part, Shares};
use vgpu::render::venus::{Estate, Executor, Heirloom, Monitor, Nobody, Renderer};
use vgpu::render::vulkan::{Reason, Worker};
use vgpu::sandbox::Sealed;
use vgpu::sys::sealed_file;
use vgpu::transport::vtest::{House, serve};
use vgpu::venus::Malformed;

use crate::peer::Peer;

/// Does nothing; its reply, if one is wanted, is its number.
pub const NOP: u32 = 1000;
/// Replies with the words behind their count.
pub const ECHO: u32 = 1001;
/// Takes as many milliseconds.
pub const SLEEP: u32 = 1002;
pub const PANIC: u32 = 1003;
/// Runs the fences that were asked for so far.
pub const FINISH: u32 = 1004;
/// Loses the context.
pub const LOSE: u32 = 1005;

/// What `export` gives out, and nothing else.
pub const MEMORY_ID: u64 = 0x77;

/// Not a real one: every byte tells its place.
pub const CAPSET: [u8; 160] = {
    let mut bytes = [0; 160];
    let mut place = 0;
    while place < 160 {
        bytes[place] = place as u8;
        place += 1;
    }
    bytes
};

type Fence = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub struct Fake {
    lost: AtomicBool,
    fences: Mutex<Vec<Fence>>,
    done: Arc<AtomicUsize>,
}

fn words<const N: usize>(stream: &[u8]) -> Result<[u32; N], Malformed> {
    let mut words = [0; N];
    let bytes = stream.get(..4 * N).ok_or(Malformed::NoCommand)?;
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_le_bytes(bytes.try_into().unwrap());
    }
    Ok(words)
}

impl Executor for Fake {
    fn execute(&self, stream: &[u8], worker: &mut Worker) -> Result<usize, Malformed> {
        let [number, flags] = words(stream)?;
        let mut bytes = 8;
        let mut reply = number.to_le_bytes().to_vec();
        match number {
            NOP => {}
            ECHO => {
                let [_, _, count] = words(stream)?;
                let end = 12 + 4 * count as usize;
                reply = stream.get(12..end).ok_or(Malformed::NoCommand)?.to_vec();
                bytes = end;
            }
            SLEEP => {
                let [_, _, milliseconds] = words(stream)?;
                if !self.lost.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(milliseconds.into()));
                }
                bytes = 12;
            }
            PANIC => panic!("a command made me"),
            FINISH => self.fences.lock().unwrap().drain(..).for_each(|done| done()),
            LOSE => self.lose(Reason::Gone),
            other => return Err(Malformed::UnknownCommand(other)),
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        if flags & 1 != 0 {
            let lost = self.lost.load(Ordering::Relaxed);
            worker.reply.extend_from_slice(if lost { &[0xff; 4] } else { &reply });
        }
        Ok(bytes)
    }

    fn export(&self, memory_id: u64, bytes: u64) -> Result<OwnedFd, String> {
        if memory_id != MEMORY_ID || self.lost.load(Ordering::Relaxed) {
            return Err("no such memory".to_owned());
        }
        sealed_file(bytes).map_err(|error| error.to_string())
    }

    fn fence(&self, _: u32, done: Fence) {
        if self.lost.load(Ordering::Relaxed) {
            return done();
        }
        self.fences.lock().unwrap().push(done);
    }

    fn lose(&self, _: Reason) {
        self.lost.store(true, Ordering::Relaxed);
        let fences = std::mem::take(&mut *self.fences.lock().unwrap());
        fences.into_iter().for_each(|done| done());
    }
}

struct Contexts(Arc<AtomicUsize>);

impl Renderer for Contexts {
    fn capset(&self) -> [u8; 160] {
        CAPSET
    }

    fn context(&self, _: &str, _: &Part) -> Arc<dyn Executor> {
        Arc::new(Fake { done: Arc::clone(&self.0), ..Fake::default() })
    }
}

/// What clients are served with: this ledger, and an executor that counts what is done.
pub fn house(clients_max: usize, ledger: &Ledger, estate: Arc<dyn Estate>, done: &Arc<AtomicUsize>) -> House {
    let renderer = Arc::new(Contexts(Arc::clone(done)));
    let (monitor, shares) = (Monitor::new(), Shares::among(clients_max));
    House { renderer, ledger: ledger.clone(), monitor, estate, shares, clients_max }
}

pub struct Server {
    listener: UnixListener,
    thread: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
    pub ledger: Ledger,
    /// Commands that were carried out, of all clients.
    pub done: Arc<AtomicUsize>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(64, 1 << 30)
    }

    pub fn start_with(clients_max: usize, bytes: u64) -> Self {
        Self::start_after(clients_max, bytes, Arc::new(Nobody), Vec::new())
    }

    /// One that goes on with the clients of another.
    pub fn start_after(
        clients_max: usize,
        bytes: u64,
        estate: Arc<dyn Estate>,
        inherited: Vec<Heirloom>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let (ledger, done) = (Ledger::new(bytes), Arc::default());
        let house = house(clients_max, &ledger, estate, &done);
        let theirs = listener.try_clone().unwrap();
        let thread = thread::spawn(move || serve(&Sealed::not_really(), &theirs, house, inherited).unwrap());
        Self { listener, thread: Some(thread), folder, ledger, done }
    }

    pub fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.folder.path().join("socket")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// A client that has a context.
    pub fn client(&self) -> Peer {
        let mut peer = Peer::new(self.connect());
        peer.begin();
        peer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        shutdown(self.listener.as_raw_fd(), Shutdown::Both).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Waits for something that another thread brings about.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < end, "{what} did not happen");
        thread::sleep(Duration::from_micros(200));
    }
}
