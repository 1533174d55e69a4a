//! vtest: Mesa's Vulkan driver connects to a socket, without a virtual machine.
//!
//! ```text
//! client's thread: socket ─► whole message ─► Session (blobs, commands) ─► answer
//! ring's thread:   shared memory ─────────────► Line ─► Executor ─► fences ─► syncs' descriptors
//! ```
//! A thread for each client, blocked in its socket. A message that cannot be closes its connection. What is only wrong
//! by Vulkan's rules loses its device, and the connection stays: Mesa's driver does not survive the end of one.
#![forbid(unsafe_code)]

mod client;
mod clients;
mod socket;
mod syncs;
mod wire;

pub use clients::{Clients, ClientsError};

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;

use self::client::{Client, ClientError};
use crate::guest_log::guest_warn;
use crate::quota::{Ledger, Shares};
use crate::render::venus::{Estate, Heirloom, Monitor, Renderer};
use crate::sandbox::Sealed;

/// How long to wait for a descriptor when there is none for a new client: others give theirs back when they go.
const PATIENCE: Duration = Duration::from_millis(100);

/// What clients are served with.
pub struct House {
    /// Makes a context for each.
    pub renderer: Arc<dyn Renderer>,
    /// Pays for all of them.
    pub ledger: Ledger,
    /// Says that we are alive.
    pub monitor: Arc<Monitor>,
    /// Keeps what the next process needs when this one dies.
    pub estate: Arc<dyn Estate>,
    /// What clients have beside each other.
    pub shares: Shares,
    /// Clients at a time; others are sent away.
    pub clients_max: usize,
}

/// Serves clients until the socket is shut down: those of a process that died, whose devices are lost, and new ones.
/// No unsealed process can call it.
pub fn serve(_: &Sealed, listener: &UnixListener, house: House, inherited: Vec<Heirloom>) -> io::Result<()> {
    let door = Door { house: Arc::new(house), clients: Arc::default() };
    let mut number = inherited.iter().map(|item| item.client).max().unwrap_or_default();
    door.readmit(inherited);
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                number += 1;
                door.admit(stream, number);
            }
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(()),
            Err(error) => patient(error)?,
        }
    }
}

/// Passes on what does not get better with time.
fn patient(error: io::Error) -> io::Result<()> {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EINTR | Errno::ECONNABORTED) => {}
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS) => {
            guest_warn!("a client cannot be let in: {error}");
            thread::sleep(PATIENCE);
        }
        _ => return Err(error),
    }
    Ok(())
}

/// One of the places that clients have.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(clients: &Arc<AtomicUsize>, clients_max: usize) -> Option<Self> {
        let seat = Self(Arc::clone(clients));
        (clients.fetch_add(1, Ordering::Relaxed) < clients_max).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Door {
    house: Arc<House>,
    clients: Arc<AtomicUsize>,
}

impl Door {
    fn admit(&self, stream: UnixStream, number: u64) {
        let max = self.house.clients_max;
        let Some(seat) = Seat::take(&self.clients, max) else {
            guest_warn!(
                "client {number} was sent away: {max} are served at a time; raise the profile's limits.clients"
            );
            return;
        };
        let client = Client::new(stream, number, Arc::clone(&self.house)).map_err(ClientError::from);
        start(number, seat, client);
    }

    /// Lets those in that another process served. They have their places, however many there are now.
    fn readmit(&self, inherited: Vec<Heirloom>) {
        let mut clients: BTreeMap<u64, (Option<UnixStream>, Vec<Heirloom>)> = BTreeMap::new();
        for item in inherited {
            let (connection, items) = clients.entry(item.client).or_default();
            match item {
                Heirloom { file: Some(file), .. } if item.is_connection() => *connection = Some(file.into()),
                item => items.push(item),
            }
        }
        for (number, (connection, items)) in clients {
            let seat = Seat::take(&self.clients, usize::MAX);
            if let (Some(stream), Some(seat)) = (connection, seat) {
                start(number, seat, Client::inherit(stream, number, Arc::clone(&self.house), items));
            }
        }
    }
}

fn start(number: u64, seat: Seat, client: Result<Client, ClientError>) {
    let started = client.and_then(|client| {
        let thread = thread::Builder::new().name("client".into()).spawn(move || {
            attend(client);
            drop(seat);
        });
        thread.map(drop).map_err(ClientError::from)
    });
    if let Err(error) = started {
        guest_warn!("client {number} was sent away: {error}");
    }
}

/// The client's thread. Whatever happens in it costs this client alone.
fn attend(mut client: Client) {
    match catch_unwind(AssertUnwindSafe(|| client.serve())) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => guest_warn!("{}: connection closed: {error}", client.name()),
        Err(_) => tracing::error!("{}: connection closed: we panicked; this is a bug in vgpu", client.name()),
    }
}
