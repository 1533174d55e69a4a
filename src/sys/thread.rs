//! How much of the processors the calling thread asks for.

use std::io;

use nix::errno::Errno;

/// Gives the calling thread a nice value: 0 as others, 19 after all others.
pub fn be_nice(value: i32) -> io::Result<()> {
    // SAFETY: setpriority takes three numbers; on Linux 0 is the calling thread, not its process.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) })?;
    Ok(())
}
