//! Who may use a host's GPUs: carries out what [`sched`](crate::sched) decides.
//!
//! ```text
//! daemon: Arbiter ── a thread; a sched::Partition for each GPU ──┬─ page, eventfd ─ render process: follower ─ Leave
//!                                                               └─ page, eventfd ─ render process ...
//! ```
//! A vGPU's page is shared by the daemon and that vGPU's render process alone. Through it the daemon says until when
//! submissions may go to the GPU, and the render process what it has to do and when nothing of it is on the GPU any
//! more. Should the daemon die, render processes open their gates themselves, and the hardware's slices do; the next
//! daemon gets the pages from them.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod desk;
mod follower;
mod kicks;
mod page;
mod seating;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

pub use desk::TenantUsage;
pub use seating::{Seating, follow};

use crate::sched::{Offence, Policy, Refused, Settings};
use crate::sys::now_ns;
use desk::Hall;
use kicks::Kicks;

/// What happened that operators should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the vGPU does.
    pub offence: Offence,
    /// Whether it does so for too long: its render process is to be ended.
    pub kill: bool,
}

/// Hears of faults of vGPUs, by their names. It may call the arbiter.
pub type OnFault = Box<dyn Fn(&str, Fault) + Send + Sync>;

/// The arbiter of a host: GPUs by their UUIDs, vGPUs by their names.
pub struct Arbiter {
    hall: Mutex<Hall>,
    sleeper: Sleeper,
}

/// What the arbiter's thread sleeps on.
struct Sleeper {
    epoll: Epoll,
    timer: TimerFd,
    /// Something was changed by another thread.
    poke: EventFd,
}

impl Arbiter {
    /// One that knows nobody, and its thread, which ends after it.
    pub fn start(on_fault: OnFault) -> io::Result<Arc<Self>> {
        let arbiter = Arc::new(Self { hall: Mutex::default(), sleeper: Sleeper::new()? });
        let weak = Arc::downgrade(&arbiter);
        thread::Builder::new().name("arbiter".into()).spawn(move || work(&weak, &on_fault))?;
        Ok(arbiter)
    }

    /// A vGPU comes that has no render process yet. What is returned is for that, and for those after it.
    pub fn admit(&self, name: &str, settings: Settings, memory_bytes_max: u64) -> io::Result<Seating> {
        let seating =
            Seating { page: page::file()?.into(), kick: Arc::new(EventFd::from_flags(EFD)?.into()) };
        self.adopt(name, settings, memory_bytes_max, &seating)?;
        Ok(seating)
    }

    /// A vGPU is met again whose render process runs.
    pub fn adopt(
        &self,
        name: &str,
        settings: Settings,
        memory_bytes_max: u64,
        seating: &Seating,
    ) -> io::Result<()> {
        let kick = Arc::clone(&seating.kick);
        self.sleeper.epoll.add(&kick, edges(number_of(&kick)))?;
        self.hall().admit(name, settings, memory_bytes_max, &seating.page.as_fd(), kick)?;
        self.sleeper.poke();
        Ok(())
    }

    /// A vGPU's render process has ended.
    pub fn died(&self, name: &str) {
        self.hall().died(name);
        self.sleeper.poke();
    }

    /// A vGPU goes, with its render process.
    pub fn leave(&self, name: &str) {
        self.hall().leave(name);
        self.sleeper.poke();
    }

    /// Other settings for a vGPU, from its next slice on.
    pub fn set(&self, name: &str, settings: Settings) -> Result<(), Refused> {
        settings.check()?;
        let set = self.hall().set(name, settings);
        self.sleeper.poke();
        set
    }

    /// Another limit for what a vGPU's programs may allocate, at once. A smaller one is refused if they have more, with
    /// how much that is.
    pub fn limit_memory(&self, name: &str, bytes: u64) -> Result<(), u64> {
        self.hall().limit_memory(name, bytes)
    }

    /// Another policy for a GPU, whether any vGPU is on it or not.
    pub fn set_policy(&self, gpu: &str, policy: Policy) -> Result<(), Refused> {
        let set = self.hall().set_policy(gpu, policy);
        self.sleeper.poke();
        set
    }

    /// The policy of a GPU, and whether one tenant at a time runs on it now.
    pub fn policy(&self, gpu: &str) -> (Policy, bool) {
        self.hall().policy(gpu)
    }

    /// What each vGPU got so far.
    pub fn usage(&self) -> Vec<TenantUsage> {
        self.hall().usage()
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const EFD: EfdFlags = EfdFlags::EFD_CLOEXEC.union(EfdFlags::EFD_NONBLOCK);

/// What is no kick.
const OTHER: u64 = u64::MAX;

/// By what a kick is known to the set that the thread sleeps on.
fn number_of(kick: &impl AsRawFd) -> u64 {
    u64::try_from(kick.as_raw_fd()).unwrap_or(OTHER)
}

/// Edges are enough: nothing is read from any of them.
fn edges(number: u64) -> EpollEvent {
    EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, number)
}

/// The arbiter's thread.
fn work(arbiter: &Weak<Arbiter>, on_fault: &OnFault) {
    let Some(epoll) = arbiter.upgrade().and_then(|arbiter| arbiter.sleeper.epoll.0.try_clone().ok()) else {
        return;
    };
    let (epoll, mut kicks) = (Epoll(epoll), Kicks::default());
    loop {
        let mut events = [EpollEvent::empty(); 64];
        let count = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(error) => {
                tracing::error!(
                    "the arbiter cannot wait and ends, so GPUs share their time by themselves: {error}"
                );
                return;
            }
        };
        let Some(arbiter) = arbiter.upgrade() else { return };
        let mut hall = arbiter.hall();
        let now_ns = now_ns();
        let rang = events.iter().take(count).map(EpollEvent::data).filter(|number| *number != OTHER);
        kicks.rang(rang, now_ns, |number, hear| {
            let mut event = if hear { edges(number) } else { EpollEvent::new(EpollFlags::empty(), number) };
            if let Some(kick) = hall.kick(|kick| number_of(kick) == number) {
                _ = epoll.modify(kick, &mut event);
            }
        });
        let (next_ns, faults) = hall.pass(now_ns);
        drop(hall);
        arbiter.sleeper.wake_at(next_ns.into_iter().chain(kicks.next_ns()).min());
        faults.iter().for_each(|(name, fault)| on_fault(name, *fault));
    }
}

impl Sleeper {
    fn new() -> io::Result<Self> {
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        let sleeper = Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            timer,
            poke: EventFd::from_flags(EFD)?,
        };
        sleeper.epoll.add(&sleeper.timer, edges(OTHER))?;
        sleeper.epoll.add(&sleeper.poke, edges(OTHER))?;
        Ok(sleeper)
    }

    fn poke(&self) {
        _ = self.poke.write(1);
    }

    fn wake_at(&self, at_ns: Option<u64>) {
        let set = match at_ns {
            Some(at_ns) => {
                let at = TimeSpec::from_duration(std::time::Duration::from_nanos(at_ns.max(1)));
                self.timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)
            }
            None => self.timer.unset(),
        };
        if let Err(error) = set {
            tracing::error!("the arbiter's timer cannot be set: {error}");
        }
    }
}

impl Drop for Arbiter {
    fn drop(&mut self) {
        self.sleeper.poke();
    }
}

impl fmt::Debug for Arbiter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Arbiter")
    }
}
