//! One vGPU: its sockets, its device process, and what the next one needs to go on with the same VM.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::adoption;
use super::legacy::Legacy;
use super::plan::{End, Next, Plan};
use super::process::{Ending, Process};
use super::tie::Tied;
use super::wait::{Untimely, wait};
use super::{Claimed, Inheritance, Place, Sockets};
use crate::arbiter::{Arbiter, Seating};
use crate::control::profile::Profile;
use crate::control::spec::{DeviceSpec, Role};
use crate::sched::Settings;
use crate::transport::vhost_user::Note;

/// How long a message from or to a device process may take once it has begun.
pub(super) const MESSAGE_MAX: Duration = Duration::from_secs(5);

/// How long a device process that hung up may take to be gone.
const EXIT_MAX: Duration = Duration::from_secs(1);

const EFD: EfdFlags = EfdFlags::EFD_CLOEXEC;

/// What one vGPU is, and where.
#[derive(Debug)]
pub struct Offer {
    /// What a device process is told; whether it is kept, locked or resumed is filled in here.
    pub spec: DeviceSpec,
    /// Where VMs connect.
    pub front_end: Place,
    /// Where operators connect.
    pub control: Option<PathBuf>,
    /// Held by the vGPU's device process as long as it lives.
    pub lock: Option<File>,
    /// Who says when a render process may use its GPU; always if nobody does.
    pub arbiter: Option<Arc<Arbiter>>,
    /// Of the render process beside a VM's device process, where the profile has both.
    pub beside: Beside,
}

/// Where operators of ours meet a process that nobody else does.
#[derive(Debug, Default)]
pub struct Beside {
    /// Its control socket.
    pub control: Option<PathBuf>,
    /// Held by it as long as it lives.
    pub lock: Option<File>,
}

/// How a unit begins.
#[derive(Debug)]
pub enum Begin {
    /// On these sockets, which are those of the offer.
    With(Sockets),
    /// With the device process that an earlier keeper left running; if there is none or it does not answer, anew.
    Adopt,
}

/// What happened, for whoever started the unit. It is told in the unit's own thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A device process waits for a VM.
    Started {
        /// It.
        pid: i32,
    },
    /// An earlier keeper's device process is ours now.
    Adopted {
        /// It.
        pid: i32,
        /// Whether it serves a VM.
        connected: bool,
    },
    /// A VM connected, or the first program that uses Vulkan.
    Connected,
    /// The VM hung up or was sent away, and why; its process ends.
    Disconnected(String),
    /// The last program hung up that used Vulkan.
    Unused,
    /// The GPU's driver says that it lost the device of a program: the GPU itself may be lost.
    DeviceLost,
    /// The device process died, and how.
    Died(String),
    /// A new device process goes on with the VM.
    TakenOver {
        /// It.
        pid: i32,
    },
    /// The render process beside a VM's device process cannot run, and why; or one runs.
    Beside(Option<String>),
    /// No device process runs, and why; there will be another try unless it is hopeless.
    Failing {
        /// Why.
        problem: String,
        /// What was asked for cannot be.
        hopeless: bool,
    },
}

/// A vGPU on offer. Dropping it lets the vGPU go on until our own process ends; [`Unit::stop`] ends it.
#[derive(Debug)]
pub struct Unit {
    spec: Arc<Mutex<DeviceSpec>>,
    stop: Arc<EventFd>,
    retry: Arc<EventFd>,
    held: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    /// The render process of a VM.
    beside: Option<Box<Self>>,
}

impl Unit {
    /// Puts the vGPU on offer, in a thread of its own that sleeps unless something happens. A VM's render process has
    /// another thread.
    pub fn start(offer: Offer, begin: Begin, report: impl Fn(Report) + Send + 'static) -> io::Result<Self> {
        let Offer { spec, front_end, control, lock, arbiter, beside } = offer;
        let tie = spec.is_tied().then(|| Tied::new(spec.profile.gpu.host_visible)).transpose()?;
        let begin_beside = match (&begin, &beside.control) {
            (Begin::Adopt, _) => Begin::Adopt,
            (Begin::With(_), control) => {
                let control = control.as_deref().map(Claimed::claim).transpose().map_err(io::Error::other)?;
                Begin::With(Sockets { front_end: None, control })
            }
        };
        let render = tie.clone().map(|tie| Part {
            spec: DeviceSpec { role: Role::Render, control: beside.control.is_some(), ..spec.clone() },
            front_end: None,
            control: beside.control,
            lock: beside.lock,
            arbiter: arbiter.clone(),
            tie: Some(tie),
        });
        let arbiter = arbiter.filter(|_| spec.role == Role::Render);
        let first = Part { spec, front_end: Some(front_end), control, lock, arbiter, tie };
        let Some(render) = render else { return Self::keep(first, begin, report) };
        let report = Arc::new(Mutex::new(report));
        let of_render = Arc::clone(&report);
        let mut unit = Self::keep(first, begin, move |what| tell(&report, what))?;
        // What it does otherwise is no news of the VM's.
        let beside = Self::keep(render, begin_beside, move |what| match what {
            Report::Failing { problem, hopeless: true } => tell(&of_render, Report::Beside(Some(problem))),
            Report::Started { .. } | Report::TakenOver { .. } => tell(&of_render, Report::Beside(None)),
            Report::DeviceLost => tell(&of_render, what),
            other => tracing::debug!("its render process: {other:?}"),
        })?;
        unit.beside = Some(Box::new(beside));
        Ok(unit)
    }

    fn keep(part: Part, begin: Begin, report: impl Fn(Report) + Send + 'static) -> io::Result<Self> {
        let Part { spec, front_end, control, lock, arbiter, tie } = part;
        let [stop, retry] = [EFD, EFD | EfdFlags::EFD_NONBLOCK].map(EventFd::from_flags);
        let (stop, retry, held) = (Arc::new(stop?), Arc::new(retry?), Arc::<AtomicBool>::default());
        let (locked, scheduled) = (lock.is_some(), arbiter.is_some());
        let spec = DeviceSpec { kept: true, locked, scheduled, ..spec };
        let spec = Arc::new(Mutex::new(spec));
        let keeper = Keeper {
            spec: spec.clone(),
            front_end,
            control,
            lock,
            arbiter,
            tie,
            seating: Mutex::default(),
            stop: stop.clone(),
            retry: retry.clone(),
            held: held.clone(),
            report: Box::new(report),
        };
        let span = tracing::Span::current();
        let work = move || {
            let _entered = span.enter();
            let Stopped = keeper.work(begin);
        };
        let thread = thread::Builder::new().name("unit".into()).spawn(work)?;
        Ok(Self { spec, stop, retry, held, thread, beside: None })
    }

    /// What the next VM gets.
    pub fn set_profile(&self, profile: Profile) {
        if let Some(beside) = &self.beside {
            beside.set_profile(profile.clone());
        }
        self.spec.lock().unwrap_or_else(PoisonError::into_inner).profile = profile;
    }

    /// Has no render process follow the one that there is, if there is one, until [`Unit::retry`].
    pub fn hold(&self) {
        match &self.beside {
            Some(beside) => beside.hold(),
            None => self.held.store(true, Ordering::Release),
        }
    }

    /// Has a process tried again at once that was held, or could not be started, were it hopeless.
    pub fn retry(&self) -> io::Result<()> {
        self.beside.iter().try_for_each(|beside| beside.retry())?;
        self.held.store(false, Ordering::Release);
        Ok(self.retry.write(1).map(drop)?)
    }

    /// Ends the device process and removes the sockets; both are gone when this returns.
    pub fn stop(self) -> io::Result<()> {
        self.stop.write(1)?;
        let stopped = self.thread.join();
        self.beside.map_or(Ok(()), |beside| beside.stop())?;
        stopped.map_err(|_| io::Error::other("the thread that kept the vGPU panicked"))
    }
}

fn tell(report: &Mutex<impl Fn(Report)>, what: Report) {
    report.lock().unwrap_or_else(PoisonError::into_inner)(what);
}

/// Somebody wants the vGPU to be off offer.
struct Stopped;

/// A process and whom it serves.
pub(super) struct Kept {
    pub(super) process: Process,
    pub(super) channel: UnixStream,
    pub(super) legacy: Legacy,
    pub(super) started: Instant,
    /// It said that it served its VM to the end.
    pub(super) ended: bool,
    /// Why it serves nobody, in its own words.
    pub(super) failure: Option<String>,
}

impl Kept {
    fn new(process: Process, channel: UnixStream, legacy: Legacy, started: Instant) -> Self {
        Self { process, channel, legacy, started, ended: false, failure: None }
    }
}

/// One of a vGPU's processes, as it is to be kept.
struct Part {
    spec: DeviceSpec,
    front_end: Option<Place>,
    control: Option<PathBuf>,
    lock: Option<File>,
    arbiter: Option<Arc<Arbiter>>,
    tie: Option<Tied>,
}

struct Keeper {
    spec: Arc<Mutex<DeviceSpec>>,
    front_end: Option<Place>,
    control: Option<PathBuf>,
    lock: Option<File>,
    arbiter: Option<Arc<Arbiter>>,
    /// What a VM's processes share.
    tie: Option<Tied>,
    /// What the arbiter shares with the render process, and with those after it.
    seating: Mutex<Option<Seating>>,
    stop: Arc<EventFd>,
    retry: Arc<EventFd>,
    held: Arc<AtomicBool>,
    report: Box<dyn Fn(Report) + Send>,
}

impl Keeper {
    fn role(&self) -> &'static str {
        self.spec().role.name()
    }

    fn work(&self, begin: Begin) -> Stopped {
        let stopped = self.keep(begin).err().unwrap_or(Stopped);
        // The keeper of the other process may wait for that.
        self.tie.iter().for_each(Tied::settle);
        if let Some(arbiter) = &self.arbiter {
            arbiter.leave(&self.spec().name);
        }
        stopped
    }

    fn spec(&self) -> MutexGuard<'_, DeviceSpec> {
        self.spec.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next render process shares with the arbiter: what the one before did, or something new.
    fn seat(&self) -> io::Result<Option<[OwnedFd; 2]>> {
        let Some(arbiter) = &self.arbiter else { return Ok(None) };
        let mut seating = self.seating.lock().unwrap_or_else(PoisonError::into_inner);
        if seating.is_none() {
            *seating = Some(self.with_terms(|name, settings, bytes| arbiter.admit(name, settings, bytes))?);
        }
        let both = seating.as_ref().map(|Seating { page, kick }| Ok([page.try_clone()?, kick.try_clone()?]));
        both.transpose()
    }

    /// Goes on with what a running render process shares with the arbiter that was.
    fn seat_again(&self, seating: Option<[Arc<OwnedFd>; 2]>) -> io::Result<()> {
        if let (Some(arbiter), Some([page, kick])) = (&self.arbiter, seating) {
            let seating = Seating { page, kick };
            self.with_terms(|name, settings, bytes| arbiter.adopt(name, settings, bytes, &seating))?;
            *self.seating.lock().unwrap_or_else(PoisonError::into_inner) = Some(seating);
        }
        Ok(())
    }

    /// Has the arbiter know the vGPU, with what it may have. Whoever changes that meanwhile waits, and then finds it
    /// there.
    fn with_terms<T>(&self, know: impl FnOnce(&str, Settings, u64) -> T) -> T {
        let spec = self.spec();
        know(&spec.name, spec.profile.share.settings(), spec.profile.limits.memory)
    }

    fn keep(&self, begin: Begin) -> Result<std::convert::Infallible, Stopped> {
        let mut plan = Plan::default();
        let is_device = self.spec().role == Role::Device;
        let (sockets, mut kept) = match begin {
            Begin::With(sockets) => (sockets, None),
            Begin::Adopt => match self.adopt() {
                Some((sockets, kept)) => (sockets, Some(kept)),
                None => (self.claim(&mut plan)?, None),
            },
        };
        // A device process that runs has the tie that there is; a render process takes that.
        let tie = self.tie.as_ref().filter(|_| is_device);
        tie.into_iter().for_each(Tied::settle);
        let mut heir = None;
        loop {
            let current = match kept.take() {
                Some(adopted) => adopted,
                None => self.start(&sockets, &mut heir, &mut plan)?,
            };
            heir = self.serve(current, &mut plan)?;
        }
    }

    /// Claims the sockets that nobody listens on any more.
    fn claim(&self, plan: &mut Plan) -> Result<Sockets, Stopped> {
        loop {
            match Sockets::claim(self.front_end.as_ref(), self.control.as_deref()) {
                Ok(sockets) => return Ok(sockets),
                Err(error) => self.fail(error, plan.delay())?,
            }
        }
    }

    fn adopt(&self) -> Option<(Sockets, Kept)> {
        let (lock, control) = (self.lock.as_ref()?, self.control.as_deref()?);
        let process = match Process::of_lock(lock) {
            Ok(found) => found?,
            Err(error) => {
                tracing::error!("cannot see whether a device process runs: {error}");
                return None;
            }
        };
        match self.adopt_from(control) {
            Ok((sockets, channel, legacy)) => {
                let kept = Kept::new(process, channel, legacy, Instant::now());
                let connected = kept.legacy.is_in_use();
                (self.report)(Report::Adopted { pid: kept.process.pid(), connected });
                Some((sockets, kept))
            }
            Err(untimely) => {
                if let Untimely::Nonsense(error) = untimely {
                    let pid = process.pid();
                    tracing::error!("the device process {pid} is ended, for it cannot be adopted: {error}");
                }
                if let Err(error) = process.end_within(Duration::ZERO) {
                    tracing::error!("it cannot be ended: {error}");
                }
                None
            }
        }
    }

    fn adopt_from(&self, control: &Path) -> Result<(Sockets, UnixStream, Legacy), Untimely> {
        let talk = adoption::Talk::open(control, &self.stop)?;
        let (legacy, heirlooms) = talk.hear(self.spec().profile.transport)?;
        self.seat_again(heirlooms.seating).map_err(Untimely::Nonsense)?;
        if let (Some(tied), Some(files)) = (&self.tie, heirlooms.tie) {
            tied.meet(files).map_err(Untimely::Nonsense)?;
        }
        let found = |path: &Path, listener: &OwnedFd| -> Result<Claimed, Untimely> {
            let listener = listener.try_clone().map_err(Untimely::Nonsense)?;
            if !path.exists() {
                tracing::warn!(
                    "{} is gone: nobody else can connect until it is stopped and started",
                    path.display()
                );
            }
            Ok(Claimed::found(path, listener.into()))
        };
        let front_end = self.front_end.as_ref();
        let sockets = Sockets {
            front_end: front_end.map(|place| found(&place.path, &heirlooms.front_end)).transpose()?,
            control: Some(found(control, &heirlooms.control)?),
        };
        Ok((sockets, talk.channel, legacy))
    }

    /// Starts a device process, again and again until one runs.
    fn start(&self, sockets: &Sockets, heir: &mut Option<Legacy>, plan: &mut Plan) -> Result<Kept, Stopped> {
        loop {
            while self.held.load(Ordering::Acquire) {
                self.pause(PollTimeout::NONE)?;
            }
            match self.try_start(sockets, heir) {
                Ok(kept) => {
                    let pid = kept.process.pid();
                    (self.report)(match kept.legacy.is_in_use() {
                        true => Report::TakenOver { pid },
                        false => Report::Started { pid },
                    });
                    return Ok(kept);
                }
                // A host may be short of processes, descriptors or memory for a while.
                Err(error) => self.fail(
                    format_args!("the {} process cannot be started: {error}", self.role()),
                    plan.delay(),
                )?,
            }
        }
    }

    fn try_start(&self, sockets: &Sockets, heir: &mut Option<Legacy>) -> io::Result<Kept> {
        let spec = self.spec().clone();
        if heir.is_none() {
            *heir = Some(Legacy::new(&spec)?);
        }
        let legacy = heir.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let (channel, theirs) = UnixStream::pair()?;
        channel.set_read_timeout(Some(MESSAGE_MAX))?;
        channel.set_write_timeout(Some(MESSAGE_MAX))?;
        let spec = DeviceSpec { resumed: legacy.is_in_use(), ..spec };
        let tie = self.tie.as_ref().map(|tied| tied.get().duplicate()).transpose()?;
        let command = Inheritance {
            front_end: sockets.front_end.as_ref().map(Claimed::duplicate).transpose()?,
            control: sockets.control.as_ref().map(Claimed::duplicate).transpose()?,
            keeper: Some(theirs.into()),
            vault: legacy.vault().map(OwnedFd::try_clone).transpose()?,
            lock: self.lock.as_ref().map(File::try_clone).transpose()?.map(OwnedFd::from),
            connection: legacy.connection().map(OwnedFd::try_clone).transpose()?,
            seating: self.seat()?,
            tie,
        };
        let started = Instant::now();
        let process = Process::of_child(command.prepare(&spec)?.spawn()?)?;
        if spec.resumed
            && let Err(error) = legacy.send(&channel)
        {
            // It will be found dead, or it ends for want of the rest.
            tracing::warn!("a new {} process did not hear the story to its end: {error}", spec.role.name());
        }
        let legacy = heir.take().ok_or(io::ErrorKind::NotFound)?;
        Ok(Kept::new(process, channel, legacy, started))
    }

    /// Keeps what this process tells until it is dead. Returns what it leaves to the next, if somebody was served.
    fn serve(&self, mut kept: Kept, plan: &mut Plan) -> Result<Option<Legacy>, Stopped> {
        let mut followed = self.follow(&mut kept);
        while followed.is_ok() && !kept.ended && !kept.process.is_gone_within(EXIT_MAX) {
            // It hung up and lives: it had more to tell than the channel had room for.
            followed = self.keep_again(&mut kept).and_then(|()| self.follow(&mut kept));
        }
        let Kept { process, legacy, started, ended, failure, .. } = kept;
        let most = if followed.is_ok() { EXIT_MAX } else { Duration::ZERO };
        let ending = process.end_within(most).unwrap_or_else(|error| {
            tracing::error!("{error}");
            Ending::default()
        });
        if let Some(arbiter) = &self.arbiter {
            arbiter.died(&self.spec().name);
        }
        match followed {
            Err(Untimely::Stopped) => return Err(Stopped),
            Err(Untimely::Nonsense(error)) => {
                tracing::error!("the device process was ended, for what it told us makes no sense: {error}");
            }
            Ok(()) => {}
        }
        let end = match (ended, legacy.is_in_use()) {
            (true, _) => End::Orderly,
            (false, true) => End::InUse,
            (false, false) => End::Unused,
        };
        let role = self.role();
        let how = ending.describe() + &failure.iter().map(|why| format!(": {why}")).collect::<String>();
        if end != End::Orderly {
            (self.report)(Report::Died(how.clone()));
        }
        match plan.after(end, started, Instant::now()) {
            Next::Fresh => Ok(None),
            Next::TakeOver => {
                let next = match legacy.is_of_vm() {
                    true => "takes its VM over",
                    false => "tells its clients that their devices are lost",
                };
                tracing::error!("the {role} process {how}; another one {next}");
                Ok(Some(legacy.inherited()))
            }
            Next::GiveUp => {
                let whom = if legacy.is_of_vm() { "this VM" } else { "these clients" };
                let reason = format!("the {role} process {how}, as others of {whom} just before: given up");
                tracing::error!("{reason}");
                (self.report)(Report::Disconnected(reason));
                Ok(None)
            }
            Next::Wait(_) if ending.is_hopeless() => {
                let why = failure.map_or("; the log says why".to_owned(), |why| format!(": {why}"));
                let problem = format!("the {role} process cannot run as it was asked to{why}");
                (self.report)(Report::Failing { problem, hopeless: true });
                self.pause(PollTimeout::NONE).map(|()| None)
            }
            Next::Wait(delay) => self.fail(format_args!("the {role} process {how}"), delay).map(|()| None),
        }
    }

    fn keep_again(&self, kept: &mut Kept) -> Result<(), Untimely> {
        let Some(control) = &self.control else {
            return Err(Untimely::nonsense("it hung up, and lives"));
        };
        let talk = adoption::Talk::open(control, &self.stop)?;
        (kept.legacy, _) = talk.hear(self.spec().profile.transport)?;
        kept.channel = talk.channel;
        Ok(())
    }

    /// Hears the device process until it ends.
    fn follow(&self, kept: &mut Kept) -> Result<(), Untimely> {
        loop {
            match wait(&self.stop, &[kept.channel.as_fd(), kept.process.handle()], PollTimeout::NONE)? {
                // Its last words come first.
                Some(0) => match Note::receive(&kept.channel).map_err(Untimely::nonsense)? {
                    Some(note) => self.hear(kept, note)?,
                    None => return Ok(()),
                },
                _ => return Ok(()),
            }
            if kept.ended {
                return Ok(());
            }
        }
    }

    fn hear(&self, kept: &mut Kept, note: Note) -> Result<(), Untimely> {
        let was_in_use = kept.legacy.is_in_use();
        match note {
            Note::Ended(reason) => {
                kept.ended = true;
                if was_in_use {
                    (self.report)(Report::Disconnected(reason));
                }
            }
            Note::Failed(reason) => kept.failure = Some(reason),
            Note::Lost => (self.report)(Report::DeviceLost),
            Note::Connected(..) if was_in_use => return Err(Untimely::nonsense("a second VM")),
            note => {
                kept.legacy.apply(note).map_err(Untimely::Nonsense)?;
                match (was_in_use, kept.legacy.is_in_use()) {
                    (false, true) => (self.report)(Report::Connected),
                    (true, false) => (self.report)(Report::Unused),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn fail(&self, problem: impl std::fmt::Display, delay: Duration) -> Result<(), Stopped> {
        let problem = problem.to_string();
        tracing::error!("{problem}; the next try is in {delay:?}");
        (self.report)(Report::Failing { problem, hopeless: false });
        self.pause(PollTimeout::try_from(delay).unwrap_or(PollTimeout::MAX))
    }

    fn pause(&self, most: PollTimeout) -> Result<(), Stopped> {
        // Who asked before this began meant it as well.
        let waited = wait(&self.stop, &[self.retry.as_fd()], most);
        _ = self.retry.read();
        match waited {
            Err(Untimely::Stopped) => Err(Stopped),
            // A host that cannot even poll has no more to offer; nobody is to spin on that.
            Ok(_) | Err(Untimely::Nonsense(_)) => Ok(()),
        }
    }
}
