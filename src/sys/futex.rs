//! Sleeping until a word changes that other processes may change as well.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Sleeps while the word has this value, until somebody wakes its sleepers, or for so long at most. It may also return
/// for no reason, so look again.
pub fn futex_wait(word: &AtomicU32, value: u32, at_most: Option<Duration>) {
    let timeout = at_most.map(|time| libc::timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: an aligned word that outlives the call, and a time or none.
    _ = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, value, timeout) };
}

/// Wakes all who sleep on the word, in whatever process.
pub fn futex_wake(word: &AtomicU32) {
    // SAFETY: an aligned word; nothing is read or written.
    _ = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, libc::c_int::MAX) };
}
