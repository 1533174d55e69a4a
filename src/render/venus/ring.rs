//! A ring: commands that a client writes into shared memory, carried out by a thread of their own.
//!
//! The client moves the tail, we move the head, and whoever waits for a command waits for the head to pass it. While
//! there is nothing to do the thread looks again after pauses that grow with the quiet; after the timeout that the
//! client asked for it says IDLE and sleeps until it is notified, without waking up.
//!
//! A client notifies at most once in each such timeout, and only when it sees IDLE. So we say IDLE no sooner than the
//! timeout after the last notification, or a command could lie there unseen.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl;

use super::Fault;
use super::layout::{Layout, RingInfo};
use super::line::Line;
use super::memory::Shared;
use crate::sys::{SharedWord, be_nice};

/// `VK_RING_STATUS_IDLE_BIT_MESA`.
const IDLE: u32 = 1;

/// `VK_RING_STATUS_FATAL_BIT_MESA`.
const FATAL: u32 = 2;

/// Looks at a quiet ring that only give the processor to others; each pause after them sleeps.
const YIELDS: u32 = 16;

/// No pause is shorter: to sleep and wake up takes longer than this.
const PAUSE_MIN: Duration = Duration::from_micros(20);

/// No command waits longer to be seen.
const PAUSE_MAX: Duration = Duration::from_millis(2);

/// However long a client wants us to look for commands before we sleep.
const IDLE_TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// How long the control thread looks for a command to be done before it sleeps.
const LOOK: Duration = Duration::from_micros(100);

/// The words that both sides write.
#[derive(Debug)]
pub(super) struct Words {
    head: SharedWord,
    tail: SharedWord,
    status: SharedWord,
}

impl Words {
    pub(super) fn set_status(&self, bits: u32) {
        self.status.fetch_or(bits, Ordering::SeqCst);
    }
}

/// Whether a position has passed a sequence number; both count bytes and wrap around.
fn reached(position: u32, seqno: u32) -> bool {
    position.wrapping_sub(seqno).cast_signed() >= 0
}

#[derive(Debug)]
pub(super) struct Ring {
    id: u64,
    /// Its place in what is kept for the next process.
    slot: u64,
    memory: Arc<Shared>,
    layout: Layout,
    words: Arc<Words>,
    idle_timeout: Duration,
    priority: Option<i32>,
    /// The head, where the client cannot write it.
    head: AtomicU32,
    stopped: AtomicBool,
    /// Whether somebody waits for a sequence number, to be seen without the lock.
    awaited: AtomicBool,
    inbox: Mutex<Inbox>,
    bell: Condvar,
}

/// What others tell the ring's thread.
#[derive(Debug, Default)]
struct Inbox {
    notified: bool,
    virtqueue_seqno: u64,
    /// What the thread waits for.
    virtqueue_wanted: Option<u64>,
    /// What the control thread waits for.
    ring_wanted: Option<u32>,
}

impl Inbox {
    /// Whether the ring's thread and the control thread wait for each other. What the ring's thread waits for may have
    /// been said, and it is not awake yet.
    fn is_stuck(&self, head: u32) -> bool {
        let waits = self.virtqueue_wanted.is_some_and(|seqno| self.virtqueue_seqno < seqno);
        waits && self.ring_wanted.is_some_and(|seqno| !reached(head, seqno))
    }
}

impl Ring {
    /// A ring that begins at the head that its memory says.
    pub(super) fn new(id: u64, slot: u64, info: &RingInfo, memory: Arc<Shared>) -> Result<Self, Fault> {
        let layout = info.layout(memory.bytes())?;
        let word = |offset| memory.word(offset).ok_or(Fault::Bug("a ring's word lies outside its memory"));
        let words =
            Words { head: word(layout.head)?, tail: word(layout.tail)?, status: word(layout.status)? };
        Ok(Self {
            id,
            slot,
            head: AtomicU32::new(words.head.load(Ordering::Acquire)),
            words: Arc::new(words),
            layout,
            memory,
            idle_timeout: Duration::from_nanos(info.idle_timeout_ns).min(IDLE_TIMEOUT_MAX),
            priority: info.priority,
            stopped: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            inbox: Mutex::default(),
            bell: Condvar::new(),
        })
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn slot(&self) -> u64 {
        self.slot
    }

    pub(super) fn lies_in(&self, memory: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.memory, memory)
    }

    pub(super) fn words(&self) -> &Arc<Words> {
        &self.words
    }

    /// Whether head and status are as in memory that was just made ready for a ring.
    pub(super) fn is_fresh(&self) -> bool {
        self.head() == 0 && self.words.status.load(Ordering::Acquire) == 0
    }

    /// Bytes of ours that serving it takes.
    pub(super) fn buffer_bytes(&self) -> u32 {
        self.layout.buffer_bytes
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Has the thread end after the command that it is at.
    pub(super) fn stop(&self) {
        let _inbox = self.lock();
        self.stopped.store(true, Ordering::SeqCst);
        self.bell.notify_all();
    }

    /// Tells the client that nothing more will be carried out, upon which Mesa aborts the program.
    pub(super) fn condemn(&self) {
        self.words.set_status(FATAL);
        self.stop();
    }

    pub(super) fn notify(&self) {
        self.lock().notified = true;
        self.bell.notify_all();
    }

    pub(super) fn submit_virtqueue_seqno(&self, seqno: u64) {
        self.lock().virtqueue_seqno = seqno;
        self.bell.notify_all();
    }

    pub(super) fn write_extra(&self, offset: u64, value: u32) -> Result<(), Fault> {
        let extra = &self.layout.extra;
        let at = extra
            .start
            .checked_add(offset)
            .filter(|at| at.checked_add(4).is_some_and(|end| end <= extra.end));
        let word = at.and_then(|at| self.memory.word(at)).ok_or(Fault::Extra(offset))?;
        word.store(value, Ordering::Release);
        Ok(())
    }

    /// Waits on the ring's thread for the control thread to say a number.
    pub(super) fn wait_virtqueue_seqno(&self, seqno: u64) -> Result<(), Fault> {
        let mut inbox = self.lock();
        while inbox.virtqueue_seqno < seqno && !self.is_stopped() {
            inbox.virtqueue_wanted = Some(seqno);
            if inbox.is_stuck(self.head()) {
                return Err(Fault::Deadlock(self.id));
            }
            inbox = self.bell.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        inbox.virtqueue_wanted = None;
        Ok(())
    }

    /// Says on the control thread that it waits for a sequence number, unless that is passed already. Whoever moves
    /// the head then tells the client's [`Line`].
    pub(super) fn want(&self, seqno: u64) -> Result<(), Fault> {
        let unreachable = Fault::Unreachable { ring: self.id, seqno };
        let seqno = u32::try_from(seqno).map_err(|_| unreachable.clone())?;
        // The client moved the tail before it asked us to wait.
        if !reached(self.words.tail.load(Ordering::Acquire), seqno) && !reached(self.head(), seqno) {
            return Err(unreachable);
        }
        if self.reaches_soon(seqno) {
            return Ok(());
        }
        let mut inbox = self.lock();
        inbox.ring_wanted = Some(seqno);
        self.awaited.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if inbox.is_stuck(self.head()) {
            return Err(Fault::Deadlock(self.id));
        }
        inbox.notified = true;
        self.bell.notify_all();
        Ok(())
    }

    /// Looks for a short while, for to sleep and wake up takes longer than most commands.
    fn reaches_soon(&self, seqno: u32) -> bool {
        self.notify();
        let since = Instant::now();
        loop {
            if reached(self.head.load(Ordering::Acquire), seqno) {
                return true;
            }
            if since.elapsed() >= LOOK || self.is_stopped() {
                return false;
            }
            thread::yield_now();
        }
    }

    /// Whether what [`Ring::want`] was told is reached. It is forgotten then.
    pub(super) fn has_reached(&self) -> bool {
        let mut inbox = self.lock();
        let reached = inbox.ring_wanted.is_none_or(|seqno| reached(self.head(), seqno));
        if reached {
            inbox.ring_wanted = None;
            self.awaited.store(false, Ordering::Relaxed);
        }
        reached
    }

    /// The body of the ring's thread.
    pub(super) fn serve(&self, line: &mut Line) -> Result<(), Fault> {
        if let Some(nice) = self.priority {
            // Others of this client can be nicer, none can be less nice than we are.
            _ = be_nice(nice.clamp(0, 19));
        }
        // Mesa sleeps for 0.16 ms and more if we are late.
        _ = prctl::set_timerslack(1);
        // Another process may have died while it slept.
        self.words.status.fetch_and(!IDLE, Ordering::SeqCst);
        let size = self.layout.buffer_bytes;
        let mut commands = vec![0; usize::try_from(size).unwrap_or_default()];
        let mut quiet = Quiet::default();
        while !self.is_stopped() {
            let head = self.head();
            let pending = self.words.tail.load(Ordering::Acquire).wrapping_sub(head);
            if pending > size {
                return Err(Fault::Overfull { ring: self.id, pending, size });
            }
            if pending == 0 {
                self.drained(line)?;
                self.rest(&mut quiet);
                continue;
            }
            let batch =
                self.copy_out(head, pending, &mut commands).ok_or(Fault::Bug("a ring's buffer is gone"))?;
            line.run(batch, |line, consumed| {
                // A batch is no longer than the buffer.
                self.advance(head.wrapping_add(u32::try_from(consumed).unwrap_or(pending)), line);
            })?;
            quiet = Quiet::default();
        }
        Ok(())
    }

    /// Copies what is new, which may go on at the start of the buffer.
    fn copy_out<'c>(&self, head: u32, count: u32, commands: &'c mut [u8]) -> Option<&'c [u8]> {
        let size = self.layout.buffer_bytes;
        let offset = head & (size - 1);
        let straight = count.min(size - offset);
        let batch = commands.get_mut(..usize::try_from(count).ok()?)?;
        let (first, second) = batch.split_at_mut_checked(usize::try_from(straight).ok()?)?;
        self.memory.copy_out(self.layout.buffer + u64::from(offset), first)?;
        self.memory.copy_out(self.layout.buffer, second)?;
        Some(batch)
    }

    fn advance(&self, head: u32, line: &Line) {
        self.head.store(head, Ordering::Release);
        self.words.head.store(head, Ordering::Release);
        if self.awaited.load(Ordering::Relaxed) {
            line.tell_of_progress();
        }
    }

    /// Everything is done: whoever waits for more than that waits in vain.
    fn drained(&self, line: &Line) -> Result<(), Fault> {
        // The other side sets the flag and then reads the head; one of the two sees the other's store.
        fence(Ordering::SeqCst);
        if !self.awaited.load(Ordering::Relaxed) {
            return Ok(());
        }
        let inbox = self.lock();
        let Some(seqno) = inbox.ring_wanted else { return Ok(()) };
        let head = self.head();
        if !reached(head, seqno) && self.words.tail.load(Ordering::Acquire) == head {
            return Err(Fault::Unreachable { ring: self.id, seqno: seqno.into() });
        }
        line.tell_of_progress();
        Ok(())
    }

    fn rest(&self, quiet: &mut Quiet) {
        match quiet.pause(self.idle_timeout) {
            Some(Duration::ZERO) => thread::yield_now(),
            Some(pause) => self.pause(pause),
            None => {
                self.idle();
                *quiet = Quiet::default();
            }
        }
    }

    /// Sleeps, but no longer than until somebody rings the bell: a client that has us wait for a command does.
    fn pause(&self, pause: Duration) {
        let inbox = self.lock();
        // Who rang before we had the lock moved the tail before that, or stopped us.
        if self.words.tail.load(Ordering::Acquire) == self.head() && !self.is_stopped() {
            drop(self.bell.wait_timeout(inbox, pause));
        }
    }

    /// Says that the ring is idle and sleeps until somebody notifies it.
    fn idle(&self) {
        // A notification that came meanwhile begins the client's timeout anew, and so ours.
        if std::mem::take(&mut self.lock().notified) {
            return;
        }
        self.words.status.fetch_or(IDLE, Ordering::SeqCst);
        // The client moves the tail and then looks for IDLE; one of the two sees the other's store.
        if self.words.tail.load(Ordering::SeqCst) == self.head() {
            let mut inbox = self.lock();
            while !inbox.notified && !self.is_stopped() {
                inbox = self.bell.wait(inbox).unwrap_or_else(PoisonError::into_inner);
            }
            inbox.notified = false;
        }
        self.words.status.fetch_and(!IDLE, Ordering::SeqCst);
    }

    /// Only the ring's thread moves it.
    fn head(&self) -> u32 {
        self.head.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a ring has had nothing to do.
#[derive(Default)]
struct Quiet {
    looks: u32,
    since: Option<Instant>,
}

impl Quiet {
    /// How long to pause before the next look; zero is a yield, and `None` says that it is time to sleep.
    fn pause(&mut self, timeout: Duration) -> Option<Duration> {
        self.looks += 1;
        let quiet = self.since.get_or_insert_with(Instant::now).elapsed();
        match timeout.checked_sub(quiet) {
            None | Some(Duration::ZERO) => None,
            Some(_) if self.looks <= YIELDS => Some(Duration::ZERO),
            Some(left) => Some((quiet / 4).clamp(PAUSE_MIN, PAUSE_MAX).min(left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_was_told_what_it_waits_for_waits_for_nobody_though_it_sleeps_still() {
        let waiting = Inbox { virtqueue_wanted: Some(3), ring_wanted: Some(100), ..Inbox::default() };
        assert!(waiting.is_stuck(50));
        assert!(!waiting.is_stuck(100));
        assert!(!Inbox { virtqueue_seqno: 3, ..waiting }.is_stuck(50));
    }

    #[test]
    fn sequence_numbers_wrap_around() {
        assert!(reached(5, 5) && reached(6, 5) && !reached(4, 5));
        assert!(reached(3, u32::MAX) && !reached(u32::MAX, 3));
    }

    #[test]
    fn pauses_grow_with_the_quiet_and_end_at_the_timeout() {
        let mut quiet =
            Quiet { looks: YIELDS, since: Instant::now().checked_sub(Duration::from_micros(400)) };
        let pause = quiet.pause(Duration::from_millis(1)).unwrap();
        assert!((100..=150).contains(&pause.as_micros()), "{pause:?}");
        assert!(
            quiet.pause(Duration::from_micros(410)).is_none_or(|pause| pause <= Duration::from_micros(10))
        );
        assert_eq!(quiet.pause(Duration::from_micros(1)), None);
        assert_eq!(Quiet::default().pause(Duration::from_millis(1)), Some(Duration::ZERO));
        assert_eq!(Quiet::default().pause(Duration::ZERO), None);
    }
}
