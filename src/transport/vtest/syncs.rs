//! Numbers that only the client and the GPU move, and descriptors that become readable when they are high enough.
//!
//! These are pipes: the other end hangs up if this process dies, which Mesa's driver takes for a lost device.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::unistd::{pipe2, write};

use super::wire::SyncPoint;

/// Syncs that a client may have.
const SYNCS_MAX: usize = 1 << 16;

/// Waits of a client that may be open at a time; each keeps a descriptor of ours.
const WAITS_MAX: usize = 256;

/// A client that gives up does so by itself; until it has, its end must not hang up.
const GRACE: Duration = Duration::from_secs(10);

/// Why a client is sent away.
#[derive(Debug, thiserror::Error)]
pub(super) enum SyncError {
    #[error("there is no sync {0}")]
    Unknown(u32),
    #[error(
        "the client has {SYNCS_MAX} syncs, or waits for syncs {WAITS_MAX} times at once, and may do no more"
    )]
    TooMany,
    #[error("the host has no descriptor left: {0}")]
    Host(#[from] io::Error),
}

/// A sync outlives its number as long as somebody waits for it or is to signal it.
type Sync = Arc<AtomicU64>;

/// The syncs of one client. Copies are the same ones.
#[derive(Clone, Default)]
pub(super) struct Syncs(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    table: BTreeMap<u32, Sync>,
    last_id: u32,
    waits: Vec<Wait>,
    /// Whether another process knew the client's syncs, and died: all of them are signalled.
    orphaned: bool,
}

struct Wait {
    points: Vec<(Sync, u64)>,
    any: bool,
    signal: OwnedFd,
    until: Option<Instant>,
}

impl Wait {
    fn is_over(&self) -> bool {
        let mut reached = self.points.iter().map(|(sync, value)| sync.load(Ordering::Relaxed) >= *value);
        if self.any && !self.points.is_empty() { reached.any(|yes| yes) } else { reached.all(|yes| yes) }
    }
}

/// Syncs that are to be signalled later.
pub(super) struct Signal {
    points: Vec<(Sync, u64)>,
    syncs: Syncs,
}

impl Signal {
    /// Sets each sync and wakes who waits.
    pub(super) fn send(self) {
        let mut state = self.syncs.lock();
        for (sync, value) in &self.points {
            sync.store(*value, Ordering::Relaxed);
        }
        state.finish_waits();
    }
}

impl State {
    fn find(&self, id: u32) -> Result<Sync, SyncError> {
        match self.table.get(&id) {
            Some(sync) => Ok(Arc::clone(sync)),
            None if self.orphaned => Ok(Arc::new(AtomicU64::new(u64::MAX))),
            None => Err(SyncError::Unknown(id)),
        }
    }

    fn find_all(&self, points: &[SyncPoint]) -> Result<Vec<(Sync, u64)>, SyncError> {
        points.iter().map(|(id, value)| Ok((self.find(*id)?, *value))).collect()
    }

    fn finish_waits(&mut self) {
        let orphaned = self.orphaned;
        self.waits.retain(|wait| {
            let over = wait.is_over() || orphaned;
            if over {
                // The pipe is empty; the client may have closed its end.
                _ = write(&wait.signal, &[1]);
            }
            !over
        });
    }
}

impl Syncs {
    /// Syncs of which only the client knows. Numbers that it got from another process may be given out again: to wait
    /// for any of them is over at once.
    pub(super) fn orphaned() -> Self {
        Self(Arc::new(Mutex::new(State { orphaned: true, ..State::default() })))
    }

    pub(super) fn create(&self, value: u64) -> Result<u32, SyncError> {
        let mut state = self.lock();
        if state.table.len() >= SYNCS_MAX {
            return Err(SyncError::TooMany);
        }
        // Numbers begin anew after 2^32 syncs; fewer are in use, so one is free.
        let free = |id: &u32| *id != 0 && !state.table.contains_key(id);
        let id = (1..=u32::MAX).map(|step| state.last_id.wrapping_add(step)).find(free);
        let id = id.ok_or(SyncError::TooMany)?;
        state.last_id = id;
        state.table.insert(id, Arc::new(AtomicU64::new(value)));
        Ok(id)
    }

    /// Unknown numbers are nothing to forget.
    pub(super) fn remove(&self, id: u32) {
        self.lock().table.remove(&id);
    }

    pub(super) fn read(&self, id: u32) -> Result<u64, SyncError> {
        self.lock().find(id).map(|sync| sync.load(Ordering::Relaxed))
    }

    /// Sets a sync, to a lower value too: that is how the client uses it anew.
    pub(super) fn write(&self, point: SyncPoint) -> Result<(), SyncError> {
        self.signal(&[point])?.send();
        Ok(())
    }

    /// Takes note of what is to be signalled once work is done.
    pub(super) fn signal(&self, points: &[SyncPoint]) -> Result<Signal, SyncError> {
        let points = self.lock().find_all(points)?;
        Ok(Signal { points, syncs: self.clone() })
    }

    /// A descriptor that becomes readable when all syncs, or any of them, have their values. The client gives up
    /// after the timeout by itself; it only says how long we need to remember.
    pub(super) fn wait(
        &self,
        points: &[SyncPoint],
        any: bool,
        timeout_ms: Option<u32>,
    ) -> Result<OwnedFd, SyncError> {
        let (theirs, signal) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(io::Error::from)?;
        let now = Instant::now();
        let patience = |timeout: u32| Duration::from_millis(timeout.into()) + GRACE;
        let until = timeout_ms.and_then(|timeout| now.checked_add(patience(timeout)));
        let mut state = self.lock();
        let wait = Wait { points: state.find_all(points)?, any, signal, until };
        state.waits.retain(|wait| wait.until.is_none_or(|until| until > now));
        state.waits.push(wait);
        state.finish_waits();
        if state.waits.len() > WAITS_MAX { Err(SyncError::TooMany) } else { Ok(theirs) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    fn readable(file: &OwnedFd) -> bool {
        let mut waits = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        poll(&mut waits, PollTimeout::ZERO).unwrap();
        waits[0].revents().unwrap().contains(PollFlags::POLLIN)
    }

    #[test]
    fn waits_for_all_end_with_the_last_and_for_any_with_the_first() {
        let syncs = Syncs::default();
        let [a, b] = [0, 5].map(|value| syncs.create(value).unwrap());
        let points = [(a, 3), (b, 6)];
        let [all, any] = [false, true].map(|any| syncs.wait(&points, any, None).unwrap());
        assert!(!readable(&all) && !readable(&any));

        syncs.write((a, 3)).unwrap();
        assert!(!readable(&all) && readable(&any));
        syncs.write((b, 7)).unwrap();
        assert!(readable(&all));
        assert_eq!(syncs.lock().waits.len(), 0);
    }

    #[test]
    fn a_wait_that_is_over_when_it_begins_is_readable_at_once() {
        let syncs = Syncs::default();
        let a = syncs.create(5).unwrap();
        for (points, any) in [(&[(a, 5)][..], false), (&[(a, 5), (a, 6)], true), (&[], false), (&[], true)] {
            assert!(readable(&syncs.wait(points, any, Some(0)).unwrap()));
        }
        assert_eq!(syncs.lock().waits.len(), 0);
        assert!(!readable(&syncs.wait(&[(a, 6)], false, Some(0)).unwrap()));
    }

    #[test]
    fn a_sync_that_was_forgotten_is_still_signalled() {
        let syncs = Syncs::default();
        let a = syncs.create(0).unwrap();
        let wait = syncs.wait(&[(a, 1)], false, None).unwrap();
        let signal = syncs.signal(&[(a, 1)]).unwrap();
        syncs.remove(a);
        assert!(matches!(syncs.read(a), Err(SyncError::Unknown(_))));

        signal.send();

        assert!(readable(&wait));
    }

    #[test]
    fn a_sync_may_go_back() {
        let syncs = Syncs::default();
        let a = syncs.create(9).unwrap();
        syncs.write((a, 1)).unwrap();
        assert_eq!(syncs.read(a).unwrap(), 1);
        assert!(syncs.create(0).unwrap() != a);
    }

    #[test]
    fn syncs_of_another_process_are_signalled() {
        let syncs = Syncs::orphaned();
        assert_eq!(syncs.read(7).unwrap(), u64::MAX);
        let again = syncs.create(0).unwrap();
        assert!(readable(&syncs.wait(&[(7, 9), (again, 1)], false, None).unwrap()));
    }

    #[test]
    fn a_wait_hangs_up_with_the_process() {
        let syncs = Syncs::default();
        let a = syncs.create(0).unwrap();
        let wait = syncs.wait(&[(a, 1)], false, None).unwrap();
        drop(syncs);
        let mut waits = [PollFd::new(wait.as_fd(), PollFlags::POLLIN)];
        poll(&mut waits, PollTimeout::ZERO).unwrap();
        assert_eq!(waits[0].revents(), Some(PollFlags::POLLHUP), "Mesa: a lost device");
    }

    #[test]
    fn waits_that_nobody_waits_for_any_more_are_dropped_and_too_many_refused() {
        let syncs = Syncs::default();
        let a = syncs.create(0).unwrap();
        for _ in 0..2 * WAITS_MAX {
            syncs.wait(&[(a, 1)], false, Some(1)).unwrap();
            syncs.lock().waits.iter_mut().for_each(|wait| wait.until = Some(Instant::now()));
        }
        for _ in 0..WAITS_MAX - 1 {
            syncs.wait(&[(a, 1)], false, None).unwrap();
        }
        assert!(matches!(
            syncs.wait(&[(a, 1)], false, None).and_then(|_| syncs.wait(&[(a, 1)], false, None)),
            Err(SyncError::TooMany)
        ));
    }
}
