//! The signals that ask us to end.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use crate::sys;

/// Does something when SIGTERM or SIGINT comes, in a thread of its own. To be called before there are other threads,
/// for one of those would take the signal otherwise.
pub fn on_termination(act: impl FnOnce(Signal) + Send + 'static) -> io::Result<()> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    signals.thread_block()?;
    sys::hear_of_children()?;
    let wait = move || match signals.wait() {
        Ok(signal) => act(signal),
        Err(error) => tracing::error!("cannot wait for signals: {error}"),
    };
    thread::Builder::new().name("signals".into()).spawn(wait)?;
    Ok(())
}
