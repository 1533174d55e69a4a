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
mod socket;
mod syncs;
mod wire;

use std::io::{self, ErrorKind};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;

use self::client::Client;
use crate::guest_log::guest_warn;
use crate::quota::Ledger;
use crate::render::venus::{Monitor, Renderer};
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
    /// Clients at a time; others are sent away.
    pub clients_max: usize,
}

/// Serves clients until the socket is shut down. No unsealed process can call it.
pub fn serve(_: &Sealed, listener: &UnixListener, house: House) -> io::Result<()> {
    let house = Arc::new(house);
    let clients = Arc::new(AtomicUsize::new(0));
    let mut number = 0;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                number += 1;
                admit(stream, number, &house, &clients);
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

fn admit(stream: UnixStream, number: u64, house: &Arc<House>, clients: &Arc<AtomicUsize>) {
    let Some(seat) = Seat::take(clients, house.clients_max) else {
        let max = house.clients_max;
        guest_warn!("client {number} was sent away: {max} are served at a time; raise the profile's limit");
        return;
    };
    let client = Client::new(stream, number, Arc::clone(house));
    let started = client.and_then(|client| {
        thread::Builder::new().name("client".into()).spawn(move || {
            attend(client);
            drop(seat);
        })
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
