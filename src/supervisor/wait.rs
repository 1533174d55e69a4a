//! What a unit's thread sleeps on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::EventFd;

/// Why a device process is not heard to the end.
pub(super) enum Untimely {
    Stopped,
    Nonsense(io::Error),
}

impl Untimely {
    pub(super) fn nonsense(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Nonsense(io::Error::other(error))
    }
}

/// Sleeps until one of these descriptors has something, and says which is the first such; `None` when the time is up.
pub(super) fn wait(
    stop: &EventFd,
    others: &[BorrowedFd<'_>],
    most: PollTimeout,
) -> Result<Option<usize>, Untimely> {
    let mut polled: Vec<PollFd<'_>> =
        [&stop.as_fd()].into_iter().chain(others).map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    loop {
        match poll(&mut polled, most) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(Untimely::Nonsense(error.into())),
            Ok(_) => break,
        }
    }
    match polled.iter().position(|fd| fd.any().unwrap_or(true)) {
        Some(0) => Err(Untimely::Stopped),
        found => Ok(found.map(|place| place - 1)),
    }
}
