//! Composition root of the service for a whole host: keeps every vGPU as operators want it, and serves the API.
//!
//! ```text
//! STATE/vgpus/NAME.json          what operators want of a vGPU
//! STATE/gpus/UUID.json           how vGPUs share this GPU, if an operator said so
//! STATE/run/NAME/control.sock    where its device process answers us
//! STATE/run/NAME/lock            held by its device process as long as that lives
//! FOLDER/NAME.sock               where its VM connects
//! ```
//!
//! The daemon may end at any moment, by any signal: device processes go on without it, and the next daemon finds them
//! by their locks and keeps them on. Only `stop` and `delete` end a vGPU.
#![forbid(unsafe_code)]

mod access;
mod events;
mod folders;
mod gpus;
mod losses;
mod manager;
mod pieces;
mod promises;
mod service;
mod sharing;
mod slot;
mod store;
mod watch;

pub use service::run;
pub use store::StoreError;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::arbiter::Arbiter;
use crate::control::api::{Name, State, VgpuSpec};
use crate::control::spec::{DeviceSpec, Entry, Role};
use crate::control::{Code, Refusal};
use crate::fault;
use crate::supervisor::{
    self, Begin, Beside, Offer, PATH_BYTES_MAX, Place, Report, SocketError, Unit, remove_stale,
};
use events::Events;
use folders::Folders;
use gpus::Gpus;
use losses::Losses;
use pieces::Leases;
use promises::Promises;
use slot::{Slot, Work};
use store::{Record, Store, Wanted, make_folder, open_private};

/// What a daemon is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it keeps what it must not forget.
    pub state: PathBuf,
    /// Where it serves the API.
    pub api: PathBuf,
    /// Who else may use the API.
    pub api_group: Option<String>,
    /// Where vGPUs' sockets may be; beside the API's if there is none.
    pub socket_folders: Vec<PathBuf>,
    /// Where the kernel shows itself: which GPUs there are on PCI, and who has them.
    pub sysfs: PathBuf,
    /// Run no vGPU where the host cannot give every layer of the sandbox.
    pub require_sandbox: bool,
}

/// Why a daemon cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A folder for sockets.
    #[error("cannot use a folder for sockets: {0}")]
    Folder(io::Error),
    /// The API's socket.
    #[error(transparent)]
    Api(#[from] SocketError),
    /// The group of the API's socket.
    #[error("{0}")]
    Group(String),
    /// The host refused a thread or a descriptor.
    #[error("the host cannot run the daemon: {0}")]
    Host(io::Error),
    /// Something of an earlier daemon.
    #[error("cannot clear up what an earlier daemon left: {0}")]
    Leftover(io::Error),
}

/// Every vGPU of a host.
#[derive(Debug)]
pub struct Daemon {
    store: Store,
    folders: Folders,
    sysfs: PathBuf,
    require_sandbox: bool,
    events: Arc<Events>,
    arbiter: Arc<Arbiter>,
    gpus: Gpus,
    promises: Arc<Promises>,
    leases: Arc<Leases>,
    losses: Arc<Losses>,
    /// Whoever changes what holds for a GPU holds this.
    policies: Mutex<()>,
    /// Whoever finds a place for a vGPU holds this until it has it.
    grants: Mutex<()>,
    slots: Mutex<BTreeMap<Name, Arc<Slot>>>,
    unreadable: BTreeSet<Name>,
}

impl Daemon {
    /// Takes the state folder, ends what is not wanted, keeps on what runs and starts what should run and does not.
    pub fn open(options: &Options) -> Result<Arc<Self>, DaemonError> {
        let store = Store::open(&options.state)?;
        let folders = Folders::new(&options.socket_folders, &options.api, store.state());
        let found = store.load().map_err(DaemonError::Leftover)?;
        let events = Arc::<Events>::default();
        let daemon = Arc::new(Self {
            folders: folders.map_err(DaemonError::Folder)?,
            sysfs: options.sysfs.clone(),
            require_sandbox: options.require_sandbox,
            arbiter: watch::start(&store, &events)?,
            store,
            events,
            gpus: Gpus::default(),
            promises: Arc::default(),
            leases: Arc::default(),
            losses: Arc::default(),
            policies: Mutex::default(),
            grants: Mutex::default(),
            slots: Mutex::default(),
            unreadable: found.unreadable.into_iter().collect(),
        });
        daemon.take_up_gpus().map_err(DaemonError::Leftover)?;
        daemon.clear_strangers(&found.records).map_err(DaemonError::Leftover)?;
        daemon.watch_gpus().map_err(DaemonError::Host)?;
        found.records.into_iter().for_each(|(name, record)| daemon.take_up(name, record));
        Ok(daemon)
    }

    /// Ends what has no record: its vGPU was deleted, or never quite made.
    fn clear_strangers(&self, records: &BTreeMap<Name, Record>) -> io::Result<()> {
        for entry in fs::read_dir(self.store.state().join("run"))? {
            let name = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(name) =
                name.filter(|name| !records.contains_key(name) && !self.unreadable.contains(name))
            {
                self.clear_up(&name, None);
            }
        }
        Ok(())
    }

    /// Clears what an earlier daemon left. What cannot be cleared is on the log, and keeps no other vGPU from service.
    fn clear_up(&self, name: &Name, socket: Option<&Path>) -> bool {
        let cleared = self.clear(name, socket);
        if let Err(error) = &cleared {
            tracing::error!("{name}: something is left of it: {error}");
        }
        cleared.is_ok()
    }

    fn take_up(self: &Arc<Self>, name: Name, record: Record) {
        let unwanted = record.wanted != Wanted::Running;
        let cleared = unwanted && self.clear_up(&name, record.socket.as_deref());
        if unwanted {
            fault::point("adopt: ended");
        }
        if cleared && record.wanted == Wanted::Gone {
            if let Err(error) = self.store.remove(&name) {
                tracing::error!("{name}: its record cannot be removed: {error}");
            }
            return;
        }
        let events = self.events.clone();
        let slot = Arc::new(Slot::new(name.clone(), record.socket.clone(), record.profile(), events));
        let mut work = Work { record, unit: None, held: None };
        slot.shown().placement = work.record.placement.clone();
        self.slots().insert(name, slot.clone());
        if work.record.wanted == Wanted::Running {
            let held = self.keep_hold(&slot.name, &work.record);
            let kept = held.and_then(|held| {
                work.held = held;
                self.keep_on(&slot, &mut work)
            });
            if let Err(refusal) = kept {
                work.held = None;
                slot.hear(Report::Failing { problem: refusal.message, hopeless: true });
            }
            self.watch_gpu_of(&slot);
        }
        *slot.work() = Some(work);
    }

    /// Adopts the vGPU's device process, or starts one if there is none and one is needed.
    fn keep_on(self: &Arc<Self>, slot: &Arc<Slot>, work: &mut Work) -> Result<(), Refusal> {
        if work.record.spec.passthrough {
            slot.shown().state = State::HandedOver;
            return Ok(());
        }
        let offer = self.prepare(&slot.name, &work.record)?;
        let daemon = Arc::downgrade(self);
        let adopted = Arc::downgrade(slot);
        self.run(slot, work, offer, Begin::Adopt, move |report| {
            if let (Report::Adopted { .. }, Some(daemon), Some(slot)) =
                (report, daemon.upgrade(), adopted.upgrade())
            {
                fault::point("adopt: kept");
                daemon.tell_heads_later(slot);
            }
        })
    }

    /// In a thread of its own: the vGPU's work may be held by who waits for the unit that calls this.
    fn tell_heads_later(self: Arc<Self>, slot: Arc<Slot>) {
        let tell = move || {
            if let Some(work) = &*slot.work() {
                self.tell_heads(&slot, work);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("heads".into()).spawn(tell) {
            tracing::warn!("the monitors of an adopted vGPU were not checked: {error}");
        }
    }

    /// What a unit needs; there is a folder for it after this.
    fn prepare(&self, name: &Name, record: &Record) -> Result<Offer, Refusal> {
        let profile = record.offered();
        let access = access::of(&profile.socket)?;
        let folder = self.folder(name);
        let made = make_folder(&folder).and_then(|()| open_private(&folder.join("lock")));
        let lock = made.map_err(|error| manager::host_failed("its folder cannot be made", error))?;
        let beside = match profile.has_vulkan_in_vm() {
            true => Beside {
                control: Some(folder.join("render.sock")),
                lock: Some(
                    open_private(&folder.join("render.lock"))
                        .map_err(|error| manager::host_failed("its folder cannot be made", error))?,
                ),
            },
            false => Beside::default(),
        };
        let spec = DeviceSpec {
            role: Role::first(&profile),
            name: name.to_string(),
            entry: Entry::Listener,
            control: true,
            kept: true,
            locked: true,
            scheduled: false,
            resumed: false,
            require_sandbox: self.require_sandbox,
            supervisor: None,
            profile,
        };
        let path =
            record.socket.clone().ok_or_else(|| manager::host_failed("its record has no socket", name))?;
        let front_end = Place { path, access };
        let arbiter = Some(self.arbiter.clone());
        Ok(Offer { spec, front_end, control: Some(self.control(name)), lock: Some(lock), arbiter, beside })
    }

    fn run(
        &self,
        slot: &Arc<Slot>,
        work: &mut Work,
        offer: Offer,
        begin: Begin,
        then: impl Fn(Report) + Send + 'static,
    ) -> Result<(), Refusal> {
        let (heard, losses) = (slot.clone(), self.losses.clone());
        let placement = work.record.placement.clone();
        let report = move |report: Report| {
            losses.hear(placement.as_ref(), &report);
            heard.hear(report.clone());
            then(report);
        };
        let _named = tracing::info_span!("vgpu", name = slot.name.as_str()).entered();
        slot.shown().state = State::Waiting;
        let unit = Unit::start(offer, begin, report);
        work.unit = Some(unit.map_err(|error| manager::host_failed("it cannot be watched over", error))?);
        Ok(())
    }

    /// Ends the vGPU's device process, if one is left, and removes all but its record.
    fn clear(&self, name: &Name, socket: Option<&Path>) -> io::Result<()> {
        let folder = self.folder(name);
        for lock in ["lock", "render.lock"] {
            if let Some(lock) = unless_missing(fs::File::open(folder.join(lock)))? {
                supervisor::end_holder(&lock)?;
            }
        }
        if let Some(socket) = socket
            && let Err(error) = remove_stale(socket)
        {
            tracing::warn!("{name}: its socket is left as it is: {error}");
        }
        unless_missing(fs::remove_dir_all(&folder)).map(drop)
    }

    /// Where a new vGPU's VM will connect, if it will.
    fn place(&self, name: &Name, spec: &VgpuSpec) -> Result<Option<PathBuf>, Refusal> {
        if spec.passthrough {
            return Ok(None);
        }
        access::of(&spec.profile.socket)?;
        let control = self.control(name);
        if control.as_os_str().len() > PATH_BYTES_MAX {
            let message = format!("{} is longer than {PATH_BYTES_MAX} bytes", control.display());
            return Err(Refusal::new(Code::BadName, message)
                .field("name")
                .remedy("choose a shorter name, or start the daemon with a shorter --state"));
        }
        self.folders.place(name, spec.socket.as_deref()).map(Some)
    }

    fn folder(&self, name: &Name) -> PathBuf {
        self.store.state().join("run").join(name.as_str())
    }

    fn control(&self, name: &Name) -> PathBuf {
        self.folder(name).join("control.sock")
    }

    fn grants(&self) -> MutexGuard<'_, ()> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, name: &Name) -> Result<Arc<Slot>, Refusal> {
        self.slots().get(name).cloned().ok_or_else(|| match self.unreadable.contains(name) {
            true => self.unreadable(name, Code::NotFound),
            false => manager::not_found(name),
        })
    }

    /// Refuses to do anything with a vGPU of which nobody knows what is wanted.
    fn unreadable(&self, name: &Name, code: Code) -> Refusal {
        let path = self.store.path(name);
        Refusal::new(code, format_args!("there is a vGPU `{name}`, but {} cannot be read", path.display()))
            .remedy("mend that file or move it away, and start the daemon again")
    }
}

fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
