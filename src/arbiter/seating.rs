//! What the daemon left for a render process, and the thread there that goes by it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;

use nix::sys::prctl;
use nix::unistd::write;
use uuid::Uuid;

use super::follower::Follower;
use super::page::Page;
use crate::quota::Ledger;
use crate::render::vulkan::{Gpu, Leave, Privilege};

/// What a thread that only waits and calls needs.
const STACK_BYTES: usize = 256 << 10;

/// What the arbiter left for a render process.
#[derive(Clone, Debug)]
pub struct Seating {
    /// The page.
    pub page: Arc<OwnedFd>,
    /// An eventfd that wakes the daemon.
    pub kick: Arc<OwnedFd>,
}

impl Seating {
    /// The account of the vGPU's memory: the daemon says its limit.
    pub fn ledger(&self) -> io::Result<Ledger> {
        Page::map(&self.page.as_fd()).map(Page::ledger)
    }

    /// What the vGPU's class has its driver asked for: the daemon says its class.
    pub fn privilege(&self) -> io::Result<Privilege> {
        Page::map(&self.page.as_fd()).map(Page::privilege)
    }
}

/// Starts the thread. From now on clients have leave only when the daemon says so, or is dead.
pub fn follow(seating: &Seating, gpu: &Gpu, leave: Arc<Leave>) -> io::Result<()> {
    let page = Page::map(&seating.page.as_fd())?;
    page.set_gpu(Uuid::parse_str(gpu.uuid()).unwrap_or_default(), gpu.driver_bytes());
    let kick = Arc::clone(&seating.kick);
    let tell_daemon = move || _ = write(&kick, &1_u64.to_ne_bytes());
    #[cfg(feature = "faults")]
    if crate::fault::out_of_turn() {
        disobey(&leave);
    }
    let mut follower = Follower::new(page, leave, tell_daemon.clone());
    tell_daemon();
    let thread = thread::Builder::new().name("vgpu-leave".into()).stack_size(STACK_BYTES);
    let follow = move || {
        // Woken later than asked for, it would leave the GPU idle for that time at each hand-over.
        _ = prctl::set_timerslack(1);
        loop {
            follower.round();
        }
    };
    thread.spawn(follow).map(drop)
}

/// Leave is taken for good, whatever the daemon says.
#[cfg(feature = "faults")]
fn disobey(leave: &Arc<Leave>) {
    let leave = Arc::clone(leave);
    thread::spawn(move || {
        loop {
            leave.extend(u64::MAX);
            leave.advance();
            thread::sleep(std::time::Duration::from_millis(1));
        }
    });
}
