//! What the clients of one process share that is counted, not measured: each is sure of some, and who comes first has
//! the rest. So one client may have many when others have few, and none keeps a new one from working.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rings of all clients. Each is a thread, of which the sandbox allows 4096: clients and drivers have theirs too.
const RINGS_MAX: usize = 2048;

/// Mappings of all clients' memory, each with a descriptor. The process may have a few more, for its own.
const MAPPINGS_MAX: usize = 28 << 10;

/// Mesa's driver makes a ring for each instance and for each thread that compiles pipelines.
const RINGS_SURE: usize = 16;

/// Of the 64 clients that there are at most unless an operator says otherwise, half of what there is.
const MAPPINGS_SURE: usize = 224;

/// What all clients have.
#[derive(Clone, Debug)]
pub struct Shares {
    rings: Arc<Pool>,
    mappings: Arc<Pool>,
}

/// What one client has. Copies are the same.
#[derive(Clone, Debug)]
pub struct Share {
    /// Rings, which are threads.
    pub rings: Part,
    /// Mapped ranges of memory.
    pub mappings: Part,
}

impl Shares {
    /// For so many clients at most.
    pub fn among(clients_max: usize) -> Self {
        Self {
            rings: Pool::new("rings", RINGS_MAX, RINGS_SURE, clients_max),
            mappings: Pool::new("ranges of memory", MAPPINGS_MAX, MAPPINGS_SURE, clients_max),
        }
    }

    /// For one more client.
    pub fn of_client(&self) -> Share {
        Share { rings: Part::of(&self.rings), mappings: Part::of(&self.mappings) }
    }
}

#[derive(Debug)]
struct Pool {
    what: &'static str,
    /// What each client is sure of.
    sure: usize,
    /// What is left for clients that have more than that.
    left: AtomicUsize,
}

impl Pool {
    fn new(what: &'static str, all: usize, sure: usize, clients_max: usize) -> Arc<Self> {
        let sure = sure.min(all / clients_max.max(1)).max(1);
        let left = AtomicUsize::new(all.saturating_sub(sure.saturating_mul(clients_max)));
        Arc::new(Self { what, sure, left })
    }
}

/// What one client has of one kind. Copies are the same.
#[derive(Clone, Debug)]
pub struct Part {
    pool: Arc<Pool>,
    taken: Arc<Mutex<usize>>,
}

/// More than a client is sure of, when others have the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the client has {taken} {what}: each is sure of {sure}, and clients have all that there are beyond; use fewer or \
     lower the profile's limits.clients"
)]
pub struct NoneLeft {
    what: &'static str,
    taken: usize,
    sure: usize,
}

impl Part {
    fn of(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), taken: Arc::default() }
    }

    /// Takes one.
    pub fn take(&self) -> Result<Taken, NoneLeft> {
        let Pool { what, sure, left } = &*self.pool;
        let mut taken = self.lock();
        if *taken >= *sure {
            let one_less =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            one_less.map_err(|_| NoneLeft { what, taken: *taken, sure: *sure })?;
        }
        *taken += 1;
        Ok(Taken(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of a [`Part`], given back on drop.
#[derive(Debug)]
#[must_use = "what is dropped is given back at once"]
pub struct Taken(Part);

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.0.lock();
        *taken -= 1;
        if *taken >= self.0.pool.sure {
            self.0.pool.left.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_is_sure_of_is_there_whatever_another_one_has() {
        let pool = Pool::new("rings", 10, 2, 3);
        let [greedy, other] = [Part::of(&pool), Part::of(&pool)];
        let mut held: Vec<_> = std::iter::from_fn(|| greedy.take().ok()).collect();
        assert_eq!((held.len(), greedy.take().unwrap_err().taken), (6, 6));

        let own = [other.take().unwrap(), other.take().unwrap()];
        assert!(other.take().is_err());
        held.pop();
        let more = other.take().unwrap();
        assert!(greedy.take().is_err() && other.take().is_err());
        drop((held, own, more));
        assert_eq!(pool.left.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn more_clients_are_sure_of_less_each_and_of_one_at_least() {
        assert_eq!(Pool::new("rings", 10, 4, 5).sure, 2);
        assert_eq!(Pool::new("rings", 10, 4, 100).sure, 1);
        assert_eq!(Pool::new("rings", 10, 4, 0).sure, 4);
    }
}
