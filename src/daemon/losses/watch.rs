//! The thread that finds out which GPUs are lost, and which are back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::{Losses, News, key};
use crate::control::api::Placement;
use crate::daemon::Daemon;
use crate::daemon::slot::Slot;
use crate::inventory::{KernelLog, PciAddress, Xid};
use crate::render_process::{self, Found, RenderProcessError};

/// How often GPUs that vGPUs are on are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long after one try of a GPU the next may begin: of one that is lost, and of one of which programs lose devices,
/// as they may do by what they do themselves.
const TRY_LOST: Duration = Duration::from_secs(3);
const TRY_SUSPECT: Duration = Duration::from_secs(10);

/// A GPU whose driver does not let go of the process that tries it for so long is lost. More than a try waits itself.
const TRY_MAX: Duration = Duration::from_secs(15);

/// A GPU, or a piece that is handed over, that vGPUs on offer are on.
#[derive(Clone, Debug)]
struct Watched {
    gpu: String,
    handed_over: bool,
    address: Option<PciAddress>,
    /// Where the kernel has it, if it has an address or is handed over.
    folder: Option<PathBuf>,
}

/// A try, by another process, of the least piece of work.
struct Try {
    began: Instant,
    runs: bool,
}

/// Of a function's configuration space: what every function has. Each word of it is a read on the bus.
const CONFIG_HEADER_BYTES: u64 = 64;

/// What the kernel shows and says of GPUs.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    log: Option<KernelLog>,
    /// Nobody is on a GPU, so the log is not read.
    is_idle: bool,
    /// Those that it had; a host need not show what Vulkan finds.
    seen: BTreeSet<String>,
}

struct Watch {
    daemon: Weak<Daemon>,
    news: Receiver<News>,
    suspects: BTreeMap<String, String>,
    tries: BTreeMap<String, Try>,
}

impl Daemon {
    /// Watches GPUs, in a thread that ends after the daemon.
    pub(in crate::daemon) fn watch_gpus(self: &Arc<Self>) -> io::Result<()> {
        let news = self.losses.unread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(news) = news else { return Ok(()) };
        match KernelLog::open(&self.sysfs) {
            Ok(log) => {
                let mut kernel = self.losses.kernel();
                (kernel.log, kernel.is_idle) = (Some(log), true);
            }
            Err(error) => tracing::warn!(
                "the kernel's log cannot be read, so XIDs are not seen: {}: {error}",
                self.sysfs.with_file_name("dev").join("kmsg").display()
            ),
        }
        let mut watch =
            Watch { daemon: Arc::downgrade(self), news, suspects: BTreeMap::new(), tries: BTreeMap::new() };
        thread::Builder::new().name("gpus".into()).spawn(move || watch.work()).map(drop)
    }

    /// A vGPU has come on its GPU: that is watched from this moment.
    pub(in crate::daemon) fn watch_gpu_of(&self, slot: &Slot) {
        let Some((_, placement)) = slot.place() else { return };
        let watched = Watched::of(&placement, &self.gpus.known(), &self.sysfs);
        self.losses.kernel().begin(watched);
        self.losses.tell(News::Placed);
    }

    fn watched(&self) -> Vec<Watched> {
        let gpus = self.gpus.known();
        let slots: Vec<_> = self.slots().values().cloned().collect();
        let places = slots.iter().filter_map(|slot| slot.place());
        let offered = places.filter(|(is_offered, _)| *is_offered);
        let mut watched: Vec<Watched> =
            offered.map(|(_, placement)| Watched::of(&placement, &gpus, &self.sysfs)).collect();
        watched.sort_by(|one, other| one.gpu.cmp(&other.gpu));
        watched.dedup_by(|one, other| one.gpu == other.gpu);
        watched
    }
}

impl Losses {
    fn kernel(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kernel {
    /// Somebody is on this GPU now. What was said while nobody was on any is about nobody.
    fn begin(&mut self, watched: Watched) {
        if watched.is_there() {
            self.seen.insert(watched.gpu);
        }
        if std::mem::take(&mut self.is_idle)
            && let Some(Err(error)) = self.log.as_mut().map(KernelLog::skip)
        {
            tracing::warn!("the kernel's log is read from further back: {error}");
        }
    }

    /// What it said since it was asked last.
    fn xids(&mut self) -> Vec<Xid> {
        let xids = self.log.as_mut().map(KernelLog::xids).transpose();
        xids.map(Option::unwrap_or_default).unwrap_or_else(|error| {
            tracing::warn!("the kernel's log cannot be read any more, so XIDs are not seen: {error}");
            self.log = None;
            Vec::new()
        })
    }
}

impl Watched {
    fn of(placement: &Placement, gpus: &[Found], sysfs: &Path) -> Self {
        let found = gpus.iter().find(|gpu| Some(&gpu.uuid) == placement.uuid.as_ref());
        let address = placement.piece.parse().ok().or_else(|| found?.pci);
        let handed = placement.device.as_deref().and_then(|device| device.strip_prefix("/sys").ok());
        let at = |address: PciAddress| sysfs.join("bus/pci/devices").join(address.to_string());
        Self {
            gpu: key(placement).to_owned(),
            handed_over: placement.uuid.is_none(),
            address,
            folder: handed.map(|device| sysfs.join(device)).or_else(|| address.map(at)),
        }
    }

    fn is_there(&self) -> bool {
        self.folder.as_ref().is_none_or(|folder| folder.exists())
    }

    /// Whether it is on its bus, or what it was cut from: reads of a function that is gone give ones (PCI Express 6.0,
    /// 2.3.2). A virtual function has ones where others have their vendor's number, so that alone says nothing.
    fn answers(&self) -> bool {
        let folders =
            self.folder.iter().flat_map(|folder| [Some(folder.as_path()), folder.parent()]).flatten();
        let mut headers = folders.filter_map(|folder| config_header(folder).ok());
        headers.next().is_none_or(|header| header.iter().any(|byte| *byte != 0xff))
    }
}

fn config_header(folder: &Path) -> io::Result<Vec<u8>> {
    let mut header = Vec::new();
    File::open(folder.join("config"))?.take(CONFIG_HEADER_BYTES).read_to_end(&mut header)?;
    Ok(header)
}

impl Watch {
    fn work(&mut self) {
        let mut is_idle = true;
        loop {
            let news = match is_idle {
                true => self.news.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => self.news.recv_timeout(LOOK),
            };
            let Some(daemon) = self.daemon.upgrade() else { return };
            if is_idle && daemon.watched().iter().any(|watched| watched.folder.is_none()) {
                // Pieces without an address of their own are where their GPU is.
                _ = daemon.gpus.all();
            }
            match news {
                Ok(news) => self.hear(&daemon, news),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let watched = daemon.watched();
            self.look(&daemon, &watched);
            self.try_out(&daemon, &watched);
            daemon.follow_losses();
            is_idle = watched.is_empty() && daemon.losses.book().is_empty();
            daemon.losses.kernel().is_idle = is_idle;
        }
    }

    fn hear(&mut self, daemon: &Daemon, news: News) {
        match news {
            News::Placed => {}
            News::Suspect(gpu, why) => _ = self.suspects.entry(gpu).or_insert(why),
            News::Tried(gpu, outcome) => {
                if let Some(tried) = self.tries.get_mut(&gpu) {
                    tried.runs = false;
                }
                let suspicion = self.suspects.remove(&gpu);
                match outcome {
                    Some(Ok(())) => daemon.regain(&gpu),
                    Some(Err(why)) => {
                        daemon.lose(&gpu, &suspicion.into_iter().chain([why]).collect::<Vec<_>>().join("; "));
                    }
                    None => {}
                }
            }
        }
    }

    /// What the kernel says.
    fn look(&mut self, daemon: &Daemon, watched: &[Watched]) {
        let xids = daemon.losses.kernel().xids();
        for xid in xids {
            let concerns = |one: &&Watched| one.address.is_some_and(|at| at.shares_slot(xid.address));
            for one in watched.iter().filter(concerns) {
                match xid.is_loss() {
                    true => daemon.lose(&one.gpu, &xid.to_string()),
                    false => _ = self.suspects.entry(one.gpu.clone()).or_insert(xid.to_string()),
                }
            }
        }
        for one in watched {
            match (one.is_there(), &one.folder) {
                (true, _) => {
                    daemon.losses.kernel().seen.insert(one.gpu.clone());
                    match one.handed_over {
                        true if one.answers() => daemon.regain(&one.gpu),
                        true => {
                            daemon.lose(&one.gpu, "it does not answer: its configuration space reads as ones")
                        }
                        false => {}
                    }
                }
                (false, Some(folder)) if daemon.losses.kernel().seen.contains(&one.gpu) => {
                    daemon.lose(
                        &one.gpu,
                        &format!("the kernel has it no longer: {} is gone", folder.display()),
                    );
                }
                (false, _) => {}
            }
        }
    }

    /// Has those tried that are to be.
    fn try_out(&mut self, daemon: &Daemon, watched: &[Watched]) {
        let lost: Vec<String> = daemon.losses.book().keys().cloned().collect();
        let stuck = |one: &Try| one.runs && one.began.elapsed() >= TRY_MAX;
        for (gpu, _) in self.tries.iter().filter(|(gpu, one)| !lost.contains(gpu) && stuck(one)) {
            daemon.lose(gpu, &format!("its driver does not let go of a process after {TRY_MAX:?}"));
        }
        let all: BTreeSet<String> = lost.iter().chain(self.suspects.keys()).cloned().collect();
        for gpu in all {
            let known = watched.iter().find(|one| one.gpu == gpu);
            if known.is_some_and(|one| one.handed_over || !one.is_there()) {
                continue;
            }
            let pause = if lost.contains(&gpu) { TRY_LOST } else { TRY_SUSPECT };
            if self.tries.get(&gpu).is_none_or(|one| !one.runs && one.began.elapsed() >= pause) {
                self.start_try(daemon.losses.news.clone(), gpu);
            }
        }
    }

    fn start_try(&mut self, tell: Sender<News>, gpu: String) {
        let which = gpu.clone();
        let work = move || {
            let outcome = match render_process::rehearsal(Some(&which)) {
                Ok(_) => Some(Ok(())),
                Err(RenderProcessError::Gpu(why)) => Some(Err(why)),
                // What the host is short of is not the GPU's fault.
                Err(_) => None,
            };
            _ = tell.send(News::Tried(which, outcome));
        };
        match thread::Builder::new().name("try".into()).spawn(work) {
            Ok(_) => _ = self.tries.insert(gpu, Try { began: Instant::now(), runs: true }),
            Err(error) => tracing::error!("{gpu}: nobody can try whether it works: {error}"),
        }
    }
}

impl Daemon {
    /// Notes that a GPU is lost, if it is not known.
    fn lose(&self, gpu: &str, why: &str) {
        let mut book = self.losses.book();
        if !book.contains_key(gpu) {
            tracing::error!("GPU {gpu} is lost: {why}");
            book.insert(gpu.to_owned(), why.to_owned());
        }
    }

    /// Notes that it is back, if it was lost.
    fn regain(&self, gpu: &str) {
        if self.losses.book().remove(gpu).is_some() {
            tracing::info!("GPU {gpu} is back");
        }
    }
}
