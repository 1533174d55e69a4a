//! The lock that says which process serves a vGPU: a write lock (POSIX) on the whole of a file. The kernel tells whose
//! it is, and takes it back when that process dies.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// Takes the lock for this process, until it closes any descriptor of the file. False if another process has it.
pub fn hold(lock: impl AsFd) -> io::Result<bool> {
    match fcntl(lock, FcntlArg::F_SETLK(&write_lock()?)) {
        Ok(_) => Ok(true),
        Err(Errno::EACCES | Errno::EAGAIN) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The process that has the lock.
pub fn holder(lock: &File) -> io::Result<Option<i32>> {
    let mut question = write_lock()?;
    fcntl(lock, FcntlArg::F_GETLK(&mut question))?;
    Ok((i32::from(question.l_type) != libc::F_UNLCK).then_some(question.l_pid))
}

fn write_lock() -> io::Result<libc::flock> {
    let number = |constant| libc::c_short::try_from(constant).map_err(io::Error::other);
    Ok(libc::flock {
        l_type: number(libc::F_WRLCK)?,
        l_whence: number(libc::SEEK_SET)?,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    })
}
