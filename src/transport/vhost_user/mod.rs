//! vhost-user: a VMM connects to a socket, shares the guest's memory and hands out the queues' event descriptors.
//!
//! ```text
//! front end ◄──► door ◄──► vhost-user-backend crate: request thread, worker ──► device ──► display's socket
//!                 │  copies of the display's socket and the back channel ▲
//!                 └──────────────────────────────────────────────────────┘
//! ```
//! One connection a process: when it ends, whatever the guest made ends with the process.
//!
//! # Resets and pauses
//! A reset frees all that the guest made; a pause keeps it. QEMU from 8.2 on sends `RESET_DEVICE`. Older ones, and
//! other VMMs, stop the rings for both; a driver that was reset then begins with an empty ring, which the worker sees.
//! QEMU hands over a new display at each start, pause or not, and closes the old one.
//!
//! # Take-over
//! When the process dies, another one goes on with the same connection ([`Link::resume`]), and the front end notices
//! nothing. What the front end said is kept in a [`Journal`], here and by whoever started the process; the next process
//! says it all to the crate anew, sets each queue to where its used ring ends, interrupts the guest, looks at both
//! queues, and does what was asked last and not answered. It may die at any moment of that too: nothing is consumed.

mod backend;
mod door;
mod journal;
mod keeping;
mod link;
mod mapper;
mod message;
mod note;
mod notifier;
mod outbox;
mod refusal;
mod vring;
mod watch;

pub use door::DoorError;
pub use journal::{HandoverError, Journal, JournalError};
pub use keeping::{Keeping, Story};
pub use link::{Connection, Link};
pub use message::{Message, ReceiveError};
pub(in crate::transport) use message::{receive_part, send_bytes};
pub use note::{Heirlooms, Item, Note, NoteError};
pub use notifier::Notifier;
pub use outbox::Outbox;
pub use refusal::Refusal;

use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use vhost_user_backend::{Error as CrateError, VhostUserDaemon};
use vmm_sys_util::epoll::EventSet;

use self::backend::{Backend, DISPLAY_EVENT, RESUME_EVENT};
use self::door::Door;
use super::SharedMemory;
use crate::device::Device;
use crate::guest_memory::GuestMemory;
use crate::sandbox::Sealed;

/// How long the crate's threads may take to end. They wait for nothing, unless the VMM gave them something to wait on.
const END_MAX: Duration = Duration::from_secs(2);

/// Why a connection ended other than by the front end hanging up.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The threads could not be started.
    #[error("cannot start serving: {0}")]
    Start(String),
    /// The front end is at fault, or its socket.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The crate did not like what the front end said.
    #[error("the front end's request cannot be served: {0}")]
    Request(String),
    /// A bug of ours.
    #[error("the device failed on a request of the guest: this is a bug in vgpu")]
    Panicked,
    /// A thread waits for something.
    #[error("a queue's worker does not end: one of the front end's event descriptors makes it wait")]
    Stuck,
}

/// Serves one front end, until it hangs up, and tells the keeper so. No unsealed process can call it.
///
/// This blocks, and starts two threads. `memory` is empty before and after; while it serves, others may look at
/// the guest's memory through their clones of it. A test may run this in a thread of its own, with one end of
/// a [`std::os::unix::net::UnixStream::pair`] as the front end's connection ([`Link::connect`]).
pub fn serve(
    _: &Sealed,
    connection: Connection,
    device: Arc<Mutex<Device>>,
    memory: SharedMemory,
) -> Result<(), ServeError> {
    let Connection { front, link, resumed } = connection;
    let Link { inside, mut listener, notifier, keeping, outbox } = link;
    let copy = inside.try_clone().map_err(start_error)?;
    let backend = Backend::new(copy, notifier, device, memory.clone()).map_err(start_error)?;
    let backend = Arc::new(backend);
    backend.start_mapper().map_err(start_error)?;
    let mut daemon = VhostUserDaemon::new("vhost-user".into(), Arc::clone(&backend), memory.clone())
        .map_err(start_error)?;
    for worker in daemon.get_epoll_handlers() {
        let watch = backend.watch.as_raw_fd();
        worker.register_listener(watch, EventSet::IN, DISPLAY_EVENT).map_err(start_error)?;
    }
    daemon.start(&mut listener).map_err(start_error)?;
    drop(listener);

    let door = Door { front: &front, inside: &inside, house: &*backend, keeping: &keeping, outbox: &outbox };
    let begun = if resumed { resume(&daemon, &backend, &door) } else { connected(&door) };
    let relayed = begun.and_then(|()| door.relay());

    // Even where a thread that does not end keeps its copies of them.
    _ = inside.shutdown(Shutdown::Both);
    if !backend.has_panicked() {
        _ = front.shutdown(Shutdown::Both);
    }
    backend.end();
    let ended = end(daemon);
    if let Ok(table) = memory.lock() {
        table.replace(GuestMemory::new());
    }
    let served = match (relayed, ended) {
        _ if backend.has_panicked() => Err(ServeError::Panicked),
        (Err(DoorError::Inside), Err(reason)) => Err(reason),
        (Err(error), _) => Err(error.into()),
        (Ok(()), Err(ServeError::Stuck)) => Err(ServeError::Stuck),
        (Ok(()), _) => Ok(()),
    };
    // After a bug of ours the connection is for the next process to go on with.
    if backend.has_panicked() {
        return served;
    }
    keeping.end(&served.as_ref().map_or_else(ToString::to_string, |()| "the front end hung up".to_owned()));
    served
}

fn connected(door: &Door<'_, Backend>) -> Result<(), DoorError> {
    let connection = Arc::new(door.front.try_clone()?.into());
    Ok(door.keeping.note(Note::Connected(connection, door.outbox.clone()))?)
}

/// Brings the crate, the queues and the front end's requests to where another process left them.
fn resume(
    daemon: &VhostUserDaemon<Arc<Backend>>,
    backend: &Backend,
    door: &Door<'_, Backend>,
) -> Result<(), DoorError> {
    let journal = door.keeping.journal();
    door.end_answer()?;
    let resumed = backend.resume(|| door.replay(&journal))?;
    let wake = EventFd::from_value_and_flags(1, EfdFlags::EFD_CLOEXEC).map_err(io::Error::from)?;
    for worker in daemon.get_epoll_handlers() {
        worker.register_listener(wake.as_raw_fd(), EventSet::IN | EventSet::EDGE_TRIGGERED, RESUME_EVENT)?;
    }
    // The worker says nothing: it drops its end.
    if resumed.recv_timeout(END_MAX) == Err(RecvTimeoutError::Timeout) {
        return Err(DoorError::Inside);
    }
    journal.unsettled().try_for_each(|message| door.pass_on(message))
}

/// Ends the crate's threads; the error is what its request thread ended with.
fn end(mut daemon: VhostUserDaemon<Arc<Backend>>) -> Result<(), ServeError> {
    let (sender, ended) = channel();
    let ending = thread::Builder::new().name("end".into()).spawn(move || {
        let result = daemon.wait();
        drop(daemon);
        _ = sender.send(result);
    });
    match ending.map_err(start_error).map(|_| ended.recv_timeout(END_MAX))? {
        Ok(Ok(())) => Ok(()),
        Ok(Err(CrateError::HandleRequest(error))) => Err(ServeError::Request(error.to_string())),
        Ok(Err(error)) => Err(ServeError::Request(error.to_string())),
        Err(RecvTimeoutError::Timeout) => Err(ServeError::Stuck),
        Err(RecvTimeoutError::Disconnected) => Err(ServeError::Panicked),
    }
}

fn start_error(error: impl std::fmt::Display) -> ServeError {
    ServeError::Start(error.to_string())
}
