//! One vGPU as the daemon knows it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::events::Events;
use super::pieces::Lease;
use super::promises::Promise;
use super::store::Record;
use crate::control::api::{EventKind, Name, Placement, State, Vgpu};
use crate::control::profile::{Profile, Transport};
use crate::guest_log::Gate;
use crate::supervisor::{Report, Unit};

/// Details of events of a vGPU that programs use without a VM.
const UNUSED: &str = "the last program hung up";
const LOST: &str = "programs that use Vulkan on it are told that their devices are lost";

/// A place for a vGPU: taken before it is made, and until nothing of it is left.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: Name,
    /// Nobody else can have this path while the slot is taken.
    pub(super) socket: Option<PathBuf>,
    /// What clients are told without waiting for anybody.
    shown: Mutex<Vgpu>,
    trouble: Mutex<Trouble>,
    /// Whoever does something to the vGPU holds this. `None` before it is made and after it is gone.
    work: Mutex<Option<Work>>,
    events: Arc<Events>,
    /// Programs may come and go as often as they like: not each time is news.
    usage: Gate,
}

/// What clients are told instead of what its process does.
#[derive(Debug, Default)]
struct Trouble {
    /// Why its GPU is lost.
    lost: Option<String>,
    /// Why no process runs that a VM has for Vulkan.
    beside: Option<String>,
}

/// What is wanted of a vGPU, and the unit that does it.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) record: Record,
    pub(super) unit: Option<Unit>,
    /// What it has of its GPU, while it is on offer.
    pub(super) held: Option<Held>,
}

/// What a vGPU on offer has of a GPU; given back on drop.
#[derive(Debug)]
#[expect(dead_code, reason = "held to be dropped")]
pub(super) enum Held {
    /// Memory that it may use.
    Memory(Promise),
    /// The piece itself.
    Piece(Lease),
}

impl Slot {
    pub(super) fn new(name: Name, socket: Option<PathBuf>, profile: Profile, events: Arc<Events>) -> Self {
        let shown = Vgpu {
            name: name.clone(),
            state: State::Stopped,
            socket: socket.clone(),
            profile,
            placement: None,
            pid: None,
            takeovers: 0,
            last_death: None,
            problem: None,
            priority: None,
            device: None,
        };
        let (shown, work) = (Mutex::new(shown), Mutex::new(None));
        Self { name, socket, shown, trouble: Mutex::default(), work, events, usage: Gate::new() }
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Vgpu> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What clients are told.
    pub(super) fn vgpu(&self) -> Vgpu {
        let mut vgpu = self.shown().clone();
        let trouble = self.trouble();
        let told = [(State::Lost, &trouble.lost), (State::Failing, &trouble.beside)];
        let first = told.into_iter().find_map(|(state, reason)| Some((state, Some(reason.clone()?))));
        if let Some(first) = first.filter(|_| vgpu.state != State::Stopped) {
            (vgpu.state, vgpu.problem) = first;
        }
        vgpu
    }

    /// Where it is, if that was said or chosen, and whether it is on offer there.
    pub(super) fn place(&self) -> Option<(bool, Placement)> {
        let shown = self.shown();
        Some((shown.state != State::Stopped, shown.placement.clone()?))
    }

    /// Why its GPU is lost, if it is.
    pub(super) fn lost(&self) -> Option<String> {
        self.trouble().lost.clone()
    }

    pub(super) fn set_lost(&self, reason: Option<String>) {
        self.trouble().lost = reason;
    }

    /// Nothing of it runs any more.
    pub(super) fn end(&self) {
        *self.trouble() = Trouble::default();
        let mut shown = self.shown();
        (shown.state, shown.pid, shown.problem) = (State::Stopped, None, None);
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for whoever does something to the vGPU.
    pub(super) fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, kind: EventKind, detail: Option<String>) {
        let more = detail.iter().map(|detail| format!(": {detail}")).collect::<String>();
        tracing::info!("{}: {kind}{more}", self.name);
        self.events.add(&self.name, kind, detail);
    }

    /// Takes the unit's word for what happens. It must not wait for [`Self::work`]: its holder may wait for the unit.
    pub(super) fn hear(&self, report: Report) {
        let mut shown = self.shown();
        let is_usage = matches!(report, Report::Connected | Report::Unused);
        let (state, pid, event) = match report {
            Report::Started { pid } => (State::Waiting, Some(pid), None),
            Report::Adopted { pid, connected } => {
                let state = if connected { State::Connected } else { State::Waiting };
                (state, Some(pid), Some((EventKind::Adopted, None)))
            }
            Report::Connected => (State::Connected, shown.pid, Some((EventKind::Connected, None))),
            Report::Disconnected(reason) => {
                (State::Waiting, None, Some((EventKind::Disconnected, Some(reason))))
            }
            Report::Unused => {
                (State::Waiting, shown.pid, Some((EventKind::Disconnected, Some(UNUSED.to_owned()))))
            }
            // Whether its GPU is lost others find out.
            Report::DeviceLost => return,
            Report::Beside(problem) => {
                self.trouble().beside = problem;
                return;
            }
            Report::Died(how) => {
                shown.last_death = Some(how.clone());
                (shown.state, None, Some((EventKind::Died, Some(how))))
            }
            Report::TakenOver { pid } => {
                shown.takeovers += 1;
                let detail = match shown.profile.transport {
                    Transport::VhostUser | Transport::VfioUser => None,
                    Transport::Vtest => Some(LOST.to_owned()),
                };
                (State::Connected, Some(pid), Some((EventKind::TakenOver, detail)))
            }
            Report::Failing { problem, .. } => {
                shown.problem = Some(problem);
                (State::Failing, None, None)
            }
        };
        (shown.state, shown.pid) = (state, pid);
        if state != State::Failing {
            shown.problem = None;
        }
        drop(shown);
        if let Some((kind, detail)) = event
            && (!is_usage || self.usage.pass().is_some())
        {
            self.tell(kind, detail);
        }
    }
}
