//! GPUs that are lost: vGPUs on them stop with the reason, and go on once they are back.
//!
//! ```text
//! XID 79 in the kernel's log, or gone from PCI ──────────────────────────┐
//! another XID, a device that the driver lost, ─► another process tries ──┴─► lost ─► it is tried again and again
//! or a process that cannot open it               the least piece of work    what is on it stops │    works: goes on
//! ```
//! Programs on a lost GPU are told by their render process that their devices are lost. Then it ends, for what somebody
//! has open cannot be reset, and the next one starts when the GPU is back. What a VM has beside Vulkan goes on. A vGPU
//! that comes or starts meanwhile is refused, or placed elsewhere where nobody said on which GPU it is to be.

mod watch;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Daemon;
use super::slot::Slot;
use crate::control::api::{EventKind, Manager, Name, Placement, State};
use crate::control::client::Client;
use crate::control::{Code, Refusal};
use crate::supervisor::{Report, end_holder};

/// How long a render process may take to tell its programs, and they to hear it.
const TELL_MAX: Duration = Duration::from_secs(2);
const HEAR_MAX: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

/// What the thread that watches GPUs is told. GPUs are called what [`key`] calls them.
#[derive(Debug)]
enum News {
    /// A vGPU is on one.
    Placed,
    /// This one may be lost, and why.
    Suspect(String, String),
    /// Another process tried this one, if one could.
    Tried(String, Option<Result<(), String>>),
}

/// Which GPUs are lost, and the way to whoever finds out.
#[derive(Debug)]
pub(super) struct Losses {
    /// Why each is.
    book: Mutex<BTreeMap<String, String>>,
    kernel: Mutex<watch::Kernel>,
    news: Sender<News>,
    /// Until there is a thread that reads them.
    unread: Mutex<Option<Receiver<News>>>,
}

impl Default for Losses {
    fn default() -> Self {
        let (news, unread) = mpsc::channel();
        let (book, kernel) = (Mutex::default(), Mutex::default());
        Self { book, kernel, news, unread: Mutex::new(Some(unread)) }
    }
}

/// What a GPU, or a piece that is handed over, is called here.
fn key(placement: &Placement) -> &str {
    placement.uuid.as_deref().unwrap_or(&placement.piece)
}

impl Losses {
    fn book(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, news: News) {
        // Nobody reads them in a daemon that could start no thread for it.
        _ = self.news.send(news);
    }

    /// Why the GPU with this UUID is lost, if it is.
    pub(super) fn why(&self, uuid: &str) -> Option<String> {
        self.book().get(uuid).cloned()
    }

    /// Refuses a GPU that is lost.
    pub(super) fn check(&self, placement: &Placement) -> Result<(), Refusal> {
        match self.why(key(placement)) {
            Some(why) => Err(refuse(placement, &why)),
            None => Ok(()),
        }
    }

    /// Hears what a vGPU's keeper reports, for it may be the GPU's fault.
    pub(super) fn hear(&self, placement: Option<&Placement>, report: &Report) {
        let why = match report {
            Report::DeviceLost => "its driver lost the device of a program",
            Report::Failing { hopeless: true, .. } | Report::Beside(Some(_)) => "no process can use it",
            _ => return,
        };
        if let Some(placement) = placement {
            self.tell(News::Suspect(key(placement).to_owned(), why.to_owned()));
        }
    }
}

/// Waits until the programs that were told have gone, but not for those that do not listen.
fn wait_for_programs(client: &Client) {
    let end = Instant::now() + HEAR_MAX;
    let has_programs = || client.status().is_ok_and(|status| status.gpu.is_some_and(|gpu| gpu.clients > 0));
    while Instant::now() < end && has_programs() {
        thread::sleep(LOOK);
    }
}

/// The refusal of a GPU that is lost.
pub(super) fn refuse(placement: &Placement, why: &str) -> Refusal {
    let Placement { piece, name, .. } = placement;
    let message = format!("{piece} ({name}) is lost: {why}");
    Refusal::new(Code::Conflict, message).remedy(
        "take another GPU; or reset this one (`nvidia-smi --gpu-reset`, or 1 written to its `reset` or `remove` below \
         /sys and then to /sys/bus/pci/rescan): it is found by itself once it works",
    )
}

impl Daemon {
    /// Brings every vGPU to what its GPU is: those on one that is lost stop, those on one that is back go on.
    fn follow_losses(&self) {
        let slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        thread::scope(|scope| {
            for slot in slots {
                let Some((is_offered, placement)) = slot.place() else { continue };
                let why = self.losses.why(key(&placement));
                match (why, slot.lost()) {
                    (Some(why), None) if is_offered => {
                        _ = scope.spawn(move || self.stop_on(&slot, &placement, why))
                    }
                    (None, Some(_)) if !is_offered => slot.set_lost(None),
                    (None, Some(_)) => _ = scope.spawn(move || self.go_on(&slot)),
                    _ => {}
                }
            }
        });
    }

    /// The GPU of a vGPU is lost: its programs are told, and their process ends.
    fn stop_on(&self, slot: &Slot, placement: &Placement, why: String) {
        let Placement { piece, name, .. } = placement;
        let reason = format!("its GPU {piece} ({name}) is lost: {why}");
        slot.set_lost(Some(reason.clone()));
        slot.tell(EventKind::Lost, Some(why));
        if placement.uuid.is_none() {
            return;
        }
        if let Some(unit) = slot.work().as_ref().and_then(|work| work.unit.as_ref()) {
            unit.hold();
        }
        let client = Client::with_patience(self.render_of(&slot.name).0, TELL_MAX);
        match client.lose(&reason) {
            Ok(()) => wait_for_programs(&client),
            Err(error) => tracing::warn!("{}: its programs are not told: {error}", slot.name),
        }
        self.end_render(&slot.name);
    }

    /// The GPU of a vGPU is back: another process takes it.
    fn go_on(&self, slot: &Slot) {
        self.end_render(&slot.name);
        let has_unit = slot.work().as_ref().and_then(|work| Some(work.unit.as_ref()?.retry()));
        slot.set_lost(None);
        slot.tell(EventKind::Recovered, None);
        match has_unit {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::error!("{}: its process is not started anew: {error}", slot.name),
            None if slot.shown().state == State::Failing => {
                if let Err(refusal) = self.start(&slot.name) {
                    tracing::error!("{}: it is not on offer again: {refusal}", slot.name);
                }
            }
            None => {}
        }
    }

    /// Where the process that runs a vGPU's Vulkan answers, and the lock that it holds: beside the VM's, or alone.
    pub(super) fn render_of(&self, name: &Name) -> (PathBuf, PathBuf) {
        let folder = self.folder(name);
        let beside = folder.join("render.lock");
        match beside.exists() {
            true => (folder.join("render.sock"), beside),
            false => (self.control(name), folder.join("lock")),
        }
    }

    fn end_render(&self, name: &Name) {
        let (_, lock) = self.render_of(name);
        match File::open(&lock) {
            Ok(file) => {
                if let Err(error) = end_holder(&file) {
                    tracing::error!("the process that holds {} is not ended: {error}", lock.display());
                }
            }
            Err(error) => tracing::debug!("{name} has no process: {}: {error}", lock.display()),
        }
    }
}
