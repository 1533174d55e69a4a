//! A live device process: how it is waited for and ended, whether it is our child or was there before us.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::HOPELESS;
use crate::control::lock::holder;
use crate::sys;

/// How long a process may take to be gone once it is killed. Longer only in the middle of a call to the kernel.
const GONE_MAX: Duration = Duration::from_secs(10);

/// A process, dead or alive, that is not mistaken for another one.
#[derive(Debug)]
pub(super) struct Process {
    pid: i32,
    handle: OwnedFd,
    child: Option<Child>,
}

impl Process {
    /// One that we started.
    pub(super) fn of_child(mut child: Child) -> io::Result<Self> {
        let pid = child.id().cast_signed();
        match sys::process_handle(pid) {
            Ok(handle) => Ok(Self { pid, handle, child: Some(child) }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// The one that holds this lock, if one does.
    pub(super) fn of_lock(lock: &File) -> io::Result<Option<Self>> {
        loop {
            let Some(pid) = holder(lock)? else { return Ok(None) };
            match sys::process_handle(pid) {
                // It held the lock before and after, so the handle is of no later process with this number.
                Ok(handle) if holder(lock)? == Some(pid) => {
                    return Ok(Some(Self { pid, handle, child: None }));
                }
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                _ => {}
            }
        }
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// Readable once it is dead.
    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Waits for its end, and brings it about if it does not come by itself in this time.
    pub(super) fn end_within(mut self, most: Duration) -> io::Result<Ending> {
        if !self.is_gone_within(most) {
            match sys::kill_process(self.handle.as_fd()) {
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                _ => {}
            }
            if !self.is_gone_within(GONE_MAX) {
                return Err(io::Error::other(format!(
                    "process {} does not end though it was killed",
                    self.pid
                )));
            }
        }
        Ok(Ending(self.child.as_mut().map(Child::wait).transpose()?))
    }

    /// Waits so long for its end, and says whether it came.
    pub(super) fn is_gone_within(&self, most: Duration) -> bool {
        let timeout = PollTimeout::try_from(most).unwrap_or(PollTimeout::MAX);
        loop {
            match poll(&mut [PollFd::new(self.handle.as_fd(), PollFlags::POLLIN)], timeout) {
                Err(Errno::EINTR) => {}
                ready => return ready.is_ok_and(|count| count > 0),
            }
        }
    }
}

/// How a process ended, as far as that can be known: of one that is not our child it cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ending(Option<ExitStatus>);

impl Ending {
    /// Whether it said that another try would not help.
    pub(super) fn is_hopeless(self) -> bool {
        self.0.is_some_and(|status| status.code() == Some(HOPELESS))
    }

    pub(super) fn describe(self) -> String {
        let Some(status) = self.0 else { return "ended".to_owned() };
        match status.signal().map(|number| (number, Signal::try_from(number))) {
            Some((_, Ok(Signal::SIGSYS))) => "made a system call that it may not make (SIGSYS)".to_owned(),
            Some((_, Ok(signal))) => format!("was ended by {signal}"),
            Some((number, Err(_))) => format!("was ended by signal {number}"),
            None => format!("ended with code {}", status.code().unwrap_or_default()),
        }
    }
}

/// Ends the device process that holds this lock, if one does; true if one did.
pub fn end_holder(lock: &File) -> io::Result<bool> {
    match Process::of_lock(lock)? {
        Some(process) => process.end_within(Duration::ZERO).map(|_| true),
        None => Ok(false),
    }
}
