//! Maps the heap into the guest: one request to the front end, for all of it, whenever its device began anew.
//!
//! The front end does it in the thread in which it has requests for us, and may have some before it answers. So a
//! thread of its own waits for the answer, and holds no lock meanwhile.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::notifier::Notifier;
use crate::heap::Heap;
use crate::wire::SHARED_MEMORY_HOST_VISIBLE;

/// Asks the front end, one time after another.
#[derive(Debug, Default)]
pub(super) struct Mapper(Mutex<Option<Sender<()>>>);

impl Mapper {
    /// Starts the thread. It ends with the mapper.
    pub(super) fn start(
        &self,
        notifier: Notifier,
        heap: Heap,
        done: impl Fn(bool) + Send + 'static,
    ) -> io::Result<()> {
        let (sender, asked) = channel();
        *self.lock() = Some(sender);
        let work = move || {
            while asked.recv().is_ok() {
                let mapped = notifier.map_heap(SHARED_MEMORY_HOST_VISIBLE, &heap);
                if let Err(error) = &mapped {
                    tracing::error!("the VMM does not map this vGPU's memory, so it has no Vulkan: {error}");
                }
                done(mapped.is_ok());
            }
        };
        thread::Builder::new().name("mapper".into()).spawn(work).map(drop)
    }

    /// Has it mapped.
    pub(super) fn ask(&self) {
        if let Some(sender) = &*self.lock() {
            _ = sender.send(());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
