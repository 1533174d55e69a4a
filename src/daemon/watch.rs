//! What is done about vGPUs that keep their GPU, or take it, when others are to have it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::DaemonError;
use super::events::Events;
use super::store::Store;
use crate::arbiter::{Arbiter, Fault};
use crate::control::api::{EventKind, Name};
use crate::sched::Offence;
use crate::supervisor::end_holder;

/// Starts the arbiter, and does about its faults what is to be done.
pub(super) fn start(store: &Store, events: &Arc<Events>) -> Result<Arc<Arbiter>, DaemonError> {
    let (run, events) = (store.state().join("run"), events.clone());
    Arbiter::start(Box::new(move |name, fault| meet(&run, &events, name, fault))).map_err(DaemonError::Host)
}

fn meet(run: &Path, events: &Events, name: &str, fault: Fault) {
    let detail = match (fault.offence, fault.kill) {
        (Offence::Late, false) => "it does not hand its GPU back, so others run beside it",
        (Offence::Late, true) => "it does not hand its GPU back: its process is ended",
        (Offence::Trespass, false) => "it submits out of its turn",
        (Offence::Trespass, true) => "it submits out of its turn again and again: its process is ended",
    };
    tracing::warn!("{name}: {detail}");
    if let Ok(name) = name.parse::<Name>() {
        events.add(&name, EventKind::Overran, Some(detail.to_owned()));
    }
    if fault.kill {
        // The render process of a VM, or the only process that there is.
        let folder = run.join(name);
        let [beside, lock] = ["render.lock", "lock"].map(|lock| folder.join(lock));
        let lock = if beside.exists() { beside } else { lock };
        // The arbiter's thread has others to serve, and a process that is at work for a GPU may take long to end.
        if let Err(error) = thread::Builder::new().name("kill".into()).spawn(move || end(lock)) {
            tracing::error!("{name}: nobody can end its process: {error}");
        }
    }
}

fn end(lock: PathBuf) {
    if let Err(error) = File::open(&lock).and_then(|file| end_holder(&file)) {
        tracing::error!("the process that holds {} is not ended: {error}", lock.display());
    }
}
