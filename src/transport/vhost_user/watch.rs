//! The worker's ear for the display's socket, whichever that is at the moment.
//!
//! An epoll of its own, which is registered in the crate's epoll once: a display that comes, goes, or is not to be
//! written to now changes nothing there.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

pub(super) struct Watch {
    epoll: Epoll,
    display: Mutex<Option<Watched>>,
}

struct Watched {
    /// A copy, so that it can be taken off the epoll however it is closed elsewhere.
    socket: OwnedFd,
    write: bool,
}

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?, display: Mutex::default() })
    }

    /// Watches this socket and no other. The worker hears of it at once, since it can be written to.
    pub(super) fn watch(&self, socket: impl AsFd) -> io::Result<()> {
        self.forget();
        let socket = socket.as_fd().try_clone_to_owned()?;
        self.epoll.add(&socket, events(true))?;
        *self.display() = Some(Watched { socket, write: true });
        Ok(())
    }

    /// Whether the worker is to hear when the socket can be written to.
    pub(super) fn want_write(&self, write: bool) {
        let mut display = self.display();
        if let Some(watched) = display.as_mut().filter(|watched| watched.write != write) {
            watched.write = write;
            if let Err(error) = self.epoll.modify(&watched.socket, &mut events(write)) {
                tracing::warn!("the display may be sent nothing more: {error}");
            }
        }
    }

    /// Watches nothing.
    pub(super) fn forget(&self) {
        if let Some(watched) = self.display().take() {
            // It was added, so this fails only where it would change nothing.
            _ = self.epoll.delete(&watched.socket);
        }
    }

    fn display(&self) -> std::sync::MutexGuard<'_, Option<Watched>> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.0.as_raw_fd()
    }
}

fn events(write: bool) -> EpollEvent {
    let write = if write { EpollFlags::EPOLLOUT } else { EpollFlags::empty() };
    EpollEvent::new(EpollFlags::EPOLLIN | write, 0)
}
