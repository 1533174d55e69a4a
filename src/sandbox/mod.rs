//! What a process that reads guest bytes may still do: as good as nothing.
//!
//! [`Sandbox::prepare`] does what needs paths, [`Sandbox::enter`] takes the process's powers away and hands out a
//! [`Sealed`]. Nothing else makes one, so a function that asks for `&Sealed` cannot be called unsealed.
//!
//! ```text
//! open everything ─► prepare ─► enter ─► Sealed ─► start threads, accept, serve
//!                                 └─ with a GPU: all but the system call filter ─► load its driver ─► the filter
//! ```
//! A process with a GPU's driver keeps what that needs ([`Needs`]) and says so. The driver starts threads as it is
//! loaded, so that happens behind every layer that binds the calling thread only, and before the one that binds all.
//!
//! Invariants: `enter` begins while the process has one thread, and each layer stands by itself: what one host cannot
//! give is named in the [`Report`], and the others hold all the same.
//!
//! A process of a vGPU of the latency class keeps CAP_SYS_NICE, if the one that starts it has it: drivers ask the
//! kernel for it before work on the GPU gets priority. It counts in the first user namespace alone, so such a process
//! stays there.
//!
//! There is no PID namespace here: it would bind children only, and a sealed process cannot have any. There is no
//! file size limit: the only file that it may hold is its log.
#![forbid(unsafe_code)]

mod limits;
mod namespaces;
mod needs;
mod report;
mod seccomp;

pub use needs::{Needs, driver_environment};
pub use report::{Layer, Missing, Report};

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

use crate::sys;

/// What the process that is to be sealed still needs.
#[derive(Clone, Debug)]
pub struct SandboxSpec {
    /// Bytes that the device's ledger may hand out; the kernel's limit is this and a fixed allowance.
    pub memory_bytes: u64,
    /// What the driver of a GPU needs that this process is to load; nothing where it loads none.
    pub driver: Option<Needs>,
    /// Keep CAP_SYS_NICE, by which that driver gives work on the GPU priority, as far as this process has it.
    pub priority: bool,
    /// Die when this process, our parent, dies.
    pub parent: Option<Pid>,
    /// A layer that the host cannot give is an error.
    pub require_all: bool,
}

/// Why a process could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// More than one thread: most layers bind only the thread that asks for them.
    #[error("cannot seal a process of {0} threads: seal it before it starts any")]
    Threads(usize),
    /// Something that every Linux has failed.
    #[error("cannot prepare the sandbox: {0}")]
    Prepare(#[from] io::Error),
    /// The list of allowed system calls does not compile for this processor.
    #[error("cannot compile the system call filter: {0}")]
    Filter(#[from] seccompiler::BackendError),
    /// The process that we were to die with is gone already.
    #[error("the process that started this one is gone")]
    Orphaned,
    /// The host cannot give everything and everything was asked for.
    #[error("this host cannot seal the device completely: {}", sentences(.0))]
    Incomplete(Box<Report>),
}

fn sentences(report: &Report) -> String {
    let sentences: Vec<String> = report.missing().iter().map(ToString::to_string).collect();
    sentences.join("\n")
}

/// A sandbox that is ready to be entered.
pub struct Sandbox {
    spec: SandboxSpec,
    filter: seccomp::Filter,
    landlock: Result<RulesetCreated, String>,
    priority: bool,
}

/// Proof that this process gave its powers away. Only [`Sandbox::enter`] makes one.
#[derive(Debug)]
pub struct Sealed {
    report: Report,
}

impl Sealed {
    /// Proof of nothing, for tests and benchmarks that serve from a thread of their own. The program is built without
    /// the feature that this needs.
    #[cfg(feature = "unsealed")]
    pub fn not_really() -> Self {
        Self { report: Report::default() }
    }

    /// Which layers hold and which the host could not give.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

impl Sandbox {
    /// Does all that needs paths or memory: counts threads, sets the heap up, compiles the filter, asks for Landlock.
    pub fn prepare(spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let threads = std::fs::read_dir("/proc/self/task")?.count();
        if threads != 1 {
            return Err(SandboxError::Threads(threads));
        }
        if spec.driver.is_none() {
            sys::share_one_heap();
        }
        let landlock = nothing_but(spec.driver.as_ref()).map_err(|error| error.to_string());
        let filter = seccomp::Filter::compile(spec.driver.is_some())?;
        let priority = spec.priority && spec.driver.is_some() && namespaces::priority_can_be_kept();
        Ok(Self { spec: spec.clone(), filter, landlock, priority })
    }

    /// Takes the process's powers away, for good.
    pub fn enter(self) -> Result<Sealed, SandboxError> {
        self.enter_with(|| ()).map(|(sealed, ())| sealed)
    }

    /// The same, and loads a driver where only the system call filter is missing yet.
    ///
    /// The order matters: namespaces need capabilities, Landlock forbids mounting, a change of user clears the
    /// parent-death signal, and the filter allows none of the calls before it.
    pub fn enter_with<T>(self, load: impl FnOnce() -> T) -> Result<(Sealed, T), SandboxError> {
        let driver = self.spec.driver.as_ref();
        let mut report = Report::of(driver, self.priority);
        limits::set(self.spec.memory_bytes, driver.is_some(), &mut report);
        namespaces::enter(driver, &mut report);
        if !self.priority {
            limits::set_threads(driver.is_some(), &mut report);
        }
        report.note_as(Layer::Capabilities, drop_capabilities(self.priority));
        report.note(Layer::NoNewPrivileges, prctl::set_no_new_privs().map_err(io::Error::from));
        report.note(Layer::NotDumpable, prctl::set_dumpable(false).map_err(io::Error::from));
        report.note_as(Layer::Landlock, self.landlock.and_then(restrict));
        die_with(self.spec.parent)?;
        let loaded = load();
        report.note(Layer::Seccomp, self.filter.apply());
        match self.spec.require_all && !report.is_complete() {
            true => Err(SandboxError::Incomplete(Box::new(report))),
            false => Ok((Sealed { report }, loaded)),
        }
    }
}

/// All but CAP_SYS_NICE, where that is kept. What it permits beside a driver's wish is the filter's to forbid.
fn drop_capabilities(keeps_priority: bool) -> Result<String, caps::errors::CapsError> {
    for capability in caps::all() {
        // Needs CAP_SETPCAP and matters only to exec, which the filter forbids: emptied where that is allowed.
        let _ = caps::drop(None, caps::CapSet::Bounding, capability);
    }
    let kept = keeps_priority.then_some(caps::Capability::CAP_SYS_NICE).into_iter().collect();
    caps::clear(None, caps::CapSet::Ambient)?;
    caps::clear(None, caps::CapSet::Inheritable)?;
    caps::set(None, caps::CapSet::Effective, &kept)?;
    caps::set(None, caps::CapSet::Permitted, &kept)?;
    Ok(if keeps_priority { "but for CAP_SYS_NICE" } else { "" }.to_owned())
}

/// A ruleset that handles all that the kernel's Landlock knows and allows nothing but what a driver needs.
fn nothing_but(driver: Option<&Needs>) -> Result<RulesetCreated, landlock::RulesetError> {
    let newest = ABI::V10;
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?;
    let Some(Needs { read, nodes }) = driver else { return Ok(ruleset) };
    // What is mapped to be executed only needs to be read; nothing is run.
    let look = AccessFs::ReadFile | AccessFs::ReadDir;
    let control = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    ruleset.add_rules(path_beneath_rules(read, look))?.add_rules(path_beneath_rules(nodes, control))
}

fn restrict(ruleset: RulesetCreated) -> Result<String, String> {
    let status = ruleset.no_new_privs(false).restrict_self().map_err(|error| error.to_string())?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, LandlockStatus::NotImplemented) => {
            Err("not built into the kernel".to_owned())
        }
        (RulesetStatus::NotEnforced, _) => Err("switched off at boot".to_owned()),
        (_, LandlockStatus::Available { effective_abi, .. }) => Ok(format!("ABI {}", effective_abi as i32)),
        (_, status) => Err(format!("in the state {status:?}")),
    }
}

fn die_with(parent: Option<Pid>) -> Result<(), SandboxError> {
    let Some(parent) = parent else { return Ok(()) };
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from)?;
    // It may have died just before the signal was asked for.
    if getppid() == parent { Ok(()) } else { Err(SandboxError::Orphaned) }
}
