//! The device behind its transport, in a thread of the test.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vgpu::device::{Device, HeadSetup, Limits, Setup, Usage};
use vgpu::sandbox::Sealed;
use vgpu::transport::SharedMemory;
use vgpu::transport::vhost_user::{Link, Notifier, ServeError, serve};
use vgpu::wire::{ScanoutId, Size};
use vm_memory::GuestAddressSpace;

pub struct Service {
    pub device: Arc<Mutex<Device>>,
    pub memory: SharedMemory,
    pub notifier: Notifier,
    thread: JoinHandle<Result<(), ServeError>>,
}

impl Service {
    /// Starts one with a head of 1024 × 768; the socket is the front end's.
    pub fn start() -> (Self, UnixStream) {
        let (front, theirs) = UnixStream::pair().unwrap();
        let device = Arc::new(Mutex::new(Device::new(setup()).unwrap()));
        let memory = SharedMemory::new(Default::default());
        let link = Link::prepare().unwrap();
        let notifier = link.notifier();
        let connection = link.connect(front);
        let thread = thread::spawn({
            let (device, memory) = (Arc::clone(&device), memory.clone());
            move || serve(&Sealed::not_really(), connection, device, memory)
        });
        (Self { device, memory, notifier, thread }, theirs)
    }

    /// Waits for the end that the front end brought about.
    pub fn end(self) -> Result<(), ServeError> {
        assert!(wait_until(|| self.thread.is_finished()), "serving does not end");
        self.thread.join().unwrap()
    }

    pub fn usage(&self) -> Usage {
        self.device.lock().unwrap().usage()
    }

    /// What the first head shows, as blue, green, red, x.
    pub fn picture(&self) -> Option<(Size, Vec<u8>)> {
        let device = self.device.lock().unwrap();
        let memory = self.memory.memory();
        let picture = device.picture(&memory, ScanoutId::new(0).unwrap())?;
        let mut pixels = Vec::new();
        picture.append_bgrx(&picture.size.to_rect(), &mut pixels);
        Some((picture.size, pixels))
    }
}

pub fn setup() -> Setup {
    let size = Size { width: 1024, height: 768 };
    let head = HeadSetup { size, enabled: true, refresh_hz: 60, name: "vgpu".into(), modes: vec![] };
    Setup { heads: vec![head], limits: Limits::default(), serial: 1 }
}

/// False if it does not come true within ten seconds.
pub fn wait_until(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}
