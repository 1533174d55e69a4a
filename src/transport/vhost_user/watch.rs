//! The worker's ear for sockets of others: the display's, whichever that is at the moment, and the render process's.
//!
//! An epoll of its own, which is registered in the crate's epoll once: a display that comes, goes, or is not to be
//! written to now changes nothing there.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

pub(super) struct Watch {
    epoll: Epoll,
    display: Mutex<Option<Watched>>,
    /// The render process's.
    gpu: Mutex<Option<Watched>>,
    /// Wakes the worker.
    bell: EventFd,
}

struct Watched {
    /// A copy, so that it can be taken off the epoll however it is closed elsewhere.
    socket: OwnedFd,
    write: bool,
}

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        epoll.add(&bell, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        Ok(Self { epoll, display: Mutex::default(), gpu: Mutex::default(), bell })
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
        if let Some(watched) = self.display().as_mut() {
            self.set_write(watched, write);
        }
    }

    /// Watches the render process's socket, or does so no more.
    pub(super) fn watch_gpu(&self, socket: Option<(BorrowedFd<'_>, bool)>) {
        let mut gpu = self.gpu.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *gpu, socket) {
            (Some(watched), Some((_, write))) => self.set_write(watched, write),
            (None, Some((socket, write))) => {
                let added = socket.try_clone_to_owned().and_then(|socket| {
                    self.epoll.add(&socket, events(write))?;
                    Ok(Watched { socket, write })
                });
                match added {
                    Ok(watched) => *gpu = Some(watched),
                    Err(error) => tracing::error!("the render process cannot be heard: {error}"),
                }
            }
            (Some(watched), None) => {
                _ = self.epoll.delete(&watched.socket);
                *gpu = None;
            }
            (None, None) => {}
        }
    }

    fn set_write(&self, watched: &mut Watched, write: bool) {
        if std::mem::replace(&mut watched.write, write) != write
            && let Err(error) = self.epoll.modify(&watched.socket, &mut events(write))
        {
            tracing::warn!("a socket may be sent nothing more: {error}");
        }
    }

    /// Has the worker look at everything.
    pub(super) fn wake(&self) {
        _ = self.bell.write(1);
    }

    /// The worker looks.
    pub(super) fn is_awake(&self) {
        _ = self.bell.read();
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
