//! What a vGPU's memory costs the host, counted before it is taken.
//!
//! A [`Charge`] is held by what was charged for and gives back when that is dropped, so an error path cannot forget.
#![forbid(unsafe_code)]

mod shares;

pub use shares::{NoneLeft, Part, Share, Shares, Taken};

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::SharedWord;

/// The account of one vGPU. Copies are the same account.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: Limit,
    used: Word,
    overhead: Option<Ledger>,
}

#[derive(Debug)]
enum Limit {
    /// So many bytes.
    Bytes(Arc<Word>),
    /// Of the overhead of an account with this limit.
    OverheadOf(Arc<Word>),
}

/// A number of ours, or one that another process sees too.
#[derive(Debug)]
enum Word {
    Own(AtomicU64),
    Shared(SharedWord<AtomicU64>),
}

impl Deref for Word {
    type Target = AtomicU64;

    fn deref(&self) -> &AtomicU64 {
        match self {
            Self::Own(word) => word,
            Self::Shared(word) => word,
        }
    }
}

/// A charge that would go beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{wanted} more bytes do not fit beside the {used} in use under the limit of {limit}; raise the limit or use less"
)]
pub struct OverLimit {
    /// Bytes asked for.
    pub wanted: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes allowed.
    pub limit: u64,
}

/// The overhead of a vGPU may be a quarter of its memory, but so many bytes at least, and at most.
const OVERHEAD_BYTES: (u64, u64) = (256 << 20, 2 << 30);

impl Ledger {
    /// An account without charges.
    pub fn new(limit: u64) -> Self {
        Self::with(Word::Own(limit.into()), Word::Own(0.into()))
    }

    /// An account whose limit another process says, and may change at any time; that sees what is used. What is in use
    /// beyond a limit that became smaller stays, and nothing is charged until it fits.
    pub fn shared(limit: SharedWord<AtomicU64>, used: SharedWord<AtomicU64>) -> Self {
        Self::with(Word::Shared(limit), Word::Shared(used))
    }

    fn with(limit: Word, used: Word) -> Self {
        let limit = Arc::new(limit);
        let account = |limit, used, overhead| Self(Arc::new(Account { limit, used, overhead }));
        let overhead = account(Limit::OverheadOf(Arc::clone(&limit)), Word::Own(0.into()), None);
        account(Limit::Bytes(limit), used, Some(overhead))
    }

    /// The account of what the host keeps for a vGPU beside its memory: objects, pools, recordings, as estimates.
    /// It has a limit of its own, so that a guest gets all the memory that it is told of.
    pub fn overhead(&self) -> &Ledger {
        self.0.overhead.as_ref().unwrap_or(self)
    }

    /// Charges bytes that are about to be taken.
    pub fn charge(&self, bytes: u64) -> Result<Charge, OverLimit> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit());
        self.0
            .used
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fits)
            .map(|_| Charge { ledger: self.clone(), bytes })
            .map_err(|used| OverLimit { wanted: bytes, used, limit: self.limit() })
    }

    /// Bytes charged and not given back.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Bytes that can be charged at most.
    pub fn limit(&self) -> u64 {
        match &self.0.limit {
            Limit::Bytes(bytes) => bytes.load(Ordering::SeqCst),
            Limit::OverheadOf(bytes) => {
                let (least, most) = OVERHEAD_BYTES;
                bytes.load(Ordering::SeqCst).div_ceil(4).clamp(least, most)
            }
        }
    }
}

/// Bytes on a [`Ledger`], given back on drop.
#[derive(Debug)]
#[must_use = "a dropped charge is given back at once"]
pub struct Charge {
    ledger: Ledger,
    bytes: u64,
}

impl Charge {
    /// Bytes that it stands for.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Charges more bytes for the same.
    pub fn grow(&mut self, bytes: u64) -> Result<(), OverLimit> {
        let mut more = self.ledger.charge(bytes)?;
        self.bytes += std::mem::take(&mut more.bytes);
        Ok(())
    }

    /// Gives back what turned out not to be needed.
    pub fn shrink_to(&mut self, bytes: u64) {
        let excess = self.bytes.saturating_sub(bytes);
        self.ledger.0.used.fetch_sub(excess, Ordering::Relaxed);
        self.bytes -= excess;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{SharedMemory, sealed_file};
    use proptest::prelude::*;

    #[test]
    fn a_charge_up_to_the_limit_is_granted_and_one_byte_more_is_not() {
        let ledger = Ledger::new(100);
        let most = ledger.charge(99).unwrap();
        let last = ledger.charge(1).unwrap();
        assert_eq!(ledger.charge(1).unwrap_err(), OverLimit { wanted: 1, used: 100, limit: 100 });
        assert_eq!(ledger.charge(u64::MAX).unwrap_err().used, 100);
        drop(most);
        assert_eq!((ledger.used(), last.bytes()), (1, 1));
    }

    #[test]
    fn a_charge_grows_up_to_the_limit_and_overhead_has_its_own() {
        let ledger = Ledger::new(100);
        let mut charge = ledger.charge(60).unwrap();
        assert!(charge.grow(41).is_err());
        charge.grow(40).unwrap();
        let overhead = ledger.overhead().charge(1 << 20).unwrap();
        assert_eq!((ledger.used(), ledger.overhead().used()), (100, overhead.bytes()));
        drop(charge);
        assert_eq!(ledger.used(), 0);
    }

    #[test]
    fn a_limit_that_another_process_says_holds_at_once_and_what_is_in_use_stays() {
        let memory = Arc::new(SharedMemory::map(&sealed_file(4096).unwrap(), 4096).unwrap());
        let word = |offset| memory.long_word(offset).unwrap();
        let (limit, used) = (word(0), word(8));
        limit.store(4 << 30, Ordering::SeqCst);
        let ledger = Ledger::shared(word(0), word(8));
        let first = ledger.charge(3 << 30).unwrap();
        assert_eq!((used.load(Ordering::SeqCst), ledger.overhead().limit()), (3 << 30, 1 << 30));

        limit.store(2 << 30, Ordering::SeqCst);
        assert_eq!(ledger.charge(1).unwrap_err(), OverLimit { wanted: 1, used: 3 << 30, limit: 2 << 30 });
        assert_eq!((ledger.used(), ledger.overhead().limit()), (3 << 30, 512 << 20));
        limit.store(5 << 30, Ordering::SeqCst);
        let second = ledger.charge(2 << 30).unwrap();

        drop((first, second));
        assert_eq!(used.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn threads_that_charge_at_once_never_pass_the_limit_and_give_all_back() {
        let ledger = Ledger::new(10);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let charge = ledger.charge(4);
                        assert!(ledger.used() <= 10);
                        drop(charge);
                    }
                });
            }
        });
        assert_eq!(ledger.used(), 0);
    }

    proptest! {
        #[test]
        fn what_is_used_is_the_sum_of_what_is_held(steps in prop::collection::vec((0u64..50, 0u64..50), 0..40)) {
            let ledger = Ledger::new(300);
            let mut held = Vec::new();
            for (bytes, keep) in steps {
                match ledger.charge(bytes) {
                    Ok(mut charge) => {
                        charge.shrink_to(keep);
                        prop_assert_eq!(charge.bytes(), bytes.min(keep));
                        held.push(charge);
                    }
                    Err(over) => prop_assert!(over.used + bytes > 300),
                }
                prop_assert_eq!(ledger.used(), held.iter().map(Charge::bytes).sum::<u64>());
            }
            held.clear();
            prop_assert_eq!(ledger.used(), 0);
        }
    }
}
