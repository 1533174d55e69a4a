//! Composition root of the process that runs guests' Vulkan commands on a GPU: rehearse, open, seal, serve.
//!
//! ```text
//! rehearsal: a process of its own opens the GPU and says what that took ─► what the seal leaves open
//! this one:  every layer but the system call filter ─► open the GPU ─► the filter ─► serve clients
//! ```
//! Nobody knows beforehand what a GPU's driver opens, and a process that has run it has threads, which most layers
//! would not bind. So another process finds out, and ends.
//!
//! This process is made to be lost: it may be killed at any moment, and so may it be by what a guest does. Then the
//! next one tells its clients that their devices are lost, and serves new ones. What that takes is noted with the
//! keeper ([`Clients`]).
#![forbid(unsafe_code)]

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::arbiter::{self, Seating};
use crate::control::profile::Class;
use crate::control::spec::DeviceSpec;
use crate::control::{GpuStatus, Inherited, InheritedError, RenderHandle};
use crate::guest_log::Gate;
use crate::heap::Heap;
use crate::link::RenderEnd;
use crate::quota::{Ledger, Shares};
use crate::render::venus::{GpuRenderer, Monitor};
pub use crate::render::vulkan::{Found, Kind};
use crate::render::vulkan::{Gpu, GpuOptions, Leave, OpenError};
use crate::sandbox::{Needs, Sandbox, SandboxError, SandboxSpec, Sealed, driver_environment};
use crate::transport::contexts;
use crate::transport::vhost_user::{HandoverError, Heirlooms, Keeping, Note, Story};
use crate::transport::vtest::{self, Clients, House};

/// The verb of the rehearsing process, and its option.
const REHEARSE: &str = "rehearse";
const ALL: &str = "--all";

/// Why no clients could be served.
#[derive(Debug, thiserror::Error)]
pub enum RenderProcessError {
    /// What the parent process should have left is not there, or another process has it.
    #[error(transparent)]
    Inherited(#[from] InheritedError),
    /// The rehearsal could not be held.
    #[error("no process could find out what the GPU's driver needs: {0}")]
    Rehearsal(io::Error),
    /// The GPU cannot be used: trying again would end the same way.
    #[error("{0}")]
    Gpu(String),
    /// The process could not be sealed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The clients of the process before this one did not come.
    #[error("cannot go on with the clients of the process that died: {0}")]
    Handover(#[from] HandoverError),
    /// The host refused a socket or a thread.
    #[error("the host has no socket or thread left for this process: {0}")]
    Host(#[from] io::Error),
}

/// What a rehearsal found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The GPU's name.
    pub name: String,
    /// Its driver's name and version.
    pub driver: String,
    /// What checks shaders before the driver sees them.
    pub shader_checks: String,
    /// What its driver needs.
    pub needs: Needs,
}

/// Opens a GPU in this process, which then ends, and says what that took.
pub fn rehearse(device: Option<String>) -> Result<Rehearsal, OpenError> {
    let gpu = Gpu::open(GpuOptions { which: device, privilege: None })?;
    Ok(Rehearsal {
        name: gpu.name().to_owned(),
        driver: gpu.driver().to_owned(),
        shader_checks: gpu.shader_checks().to_owned(),
        needs: Needs::of_this_process().unwrap_or_default(),
    })
}

/// Has another process open this GPU, or the one that is taken if none is named.
pub fn rehearsal(device: Option<&str>) -> Result<Rehearsal, RenderProcessError> {
    asked(&[&[REHEARSE], device.as_slice()].concat())
}

/// Has another process look for GPUs.
pub fn gpus() -> Result<Vec<Found>, RenderProcessError> {
    asked(&[REHEARSE, ALL])
}

/// What another process of ours says that loads drivers. It ends with us.
fn asked<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, RenderProcessError> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("vgpu").args(arguments).env_clear().envs(driver_environment());
    let output = command.stdin(Stdio::null()).output().map_err(RenderProcessError::Rehearsal)?;
    match output.status.success() {
        true => serde_json::from_slice(&output.stdout)
            .map_err(|error| RenderProcessError::Rehearsal(error.into())),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(RenderProcessError::Gpu(refusal(&said, output.status)))
        }
    }
}

/// Ends this process when the one that started it ends: nobody else wants to know.
pub fn end_with_parent() {
    let parent = getppid();
    if prctl::set_pdeathsig(Signal::SIGKILL).is_err() || getppid() != parent {
        tracing::debug!("whoever asked may be gone");
    }
}

/// The reason among what a rehearsing process said; drivers say things too.
fn refusal(said: &str, status: std::process::ExitStatus) -> String {
    let reason = said.lines().find_map(|line| line.strip_prefix("error: "));
    reason.map_or_else(|| format!("the GPU's driver does not survive its start: {status}"), str::to_owned)
}

/// Serves clients until the process is ended. Nothing after the seal may make a socket or another process.
pub fn run(spec: &DeviceSpec) -> Result<(), RenderProcessError> {
    let mut inherited = Inherited::adopt(spec)?;
    let keeping = keep(&mut inherited, spec)?;
    serve(spec, &inherited, &keeping).inspect_err(|error| keeping.fail(error))
}

fn serve(
    spec: &DeviceSpec,
    inherited: &Inherited,
    keeping: &Keeping<Clients>,
) -> Result<(), RenderProcessError> {
    let device = spec.profile.gpu.device.as_deref();
    let found = rehearsal(device)?;
    tracing::info!("the GPU is {}, its driver {}", found.name, found.driver);
    let open = || {
        let privilege = inherited.seating.as_ref().map(Seating::privilege).transpose()?;
        let options = GpuOptions { which: device.map(Into::into), privilege };
        Gpu::open(options).map_err(|error| RenderProcessError::Gpu(error.to_string()))
    };
    let (sealed, gpu) = seal(spec, found.needs.clone(), open)?;
    let gpu = gpu?;

    let ledger = match &inherited.seating {
        Some(seating) => seating.ledger()?,
        None => Ledger::new(spec.profile.limits.memory),
    };
    let status = status(spec, &gpu, found);
    let leave = Leave::open();
    watch_for_loss(&leave, keeping);
    inherited.answer_operators(handle(status, inherited, &sealed, &ledger, keeping, &leave))?;
    if let Some(seating) = &inherited.seating {
        arbiter::follow(seating, &gpu, Arc::clone(&leave))?;
    }
    let clients_max = usize::try_from(spec.profile.limits.clients()).unwrap_or(usize::MAX);
    let heap = inherited.tie.as_ref().map(|[.., heap]| Heap::open(heap.try_clone()?)).transpose()?;
    let house = House {
        renderer: GpuRenderer::new(gpu, ledger.clone(), leave, heap.clone()),
        ledger,
        monitor: Monitor::new(),
        estate: Arc::new(keeping.clone()),
        shares: Shares::among(clients_max),
        clients_max,
    };
    let orphans = keeping.look(Clients::heirlooms)?;
    if let (Some([_, end, _]), Some(heap)) = (&inherited.tie, heap) {
        return Ok(contexts::serve(&sealed, &RenderEnd::new(end.try_clone()?), heap, house, orphans)?);
    }
    let front_end =
        inherited.front_end.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
    let listener = UnixListener::from(front_end.try_clone()?);
    Ok(vtest::serve(&sealed, &listener, house, orphans)?)
}

/// Tells the keeper when the driver loses devices. Guests may have that happen as often as they like.
fn watch_for_loss(leave: &Leave, keeping: &Keeping<Clients>) {
    let (keeping, gate) = (keeping.clone(), Gate::new());
    leave.set_alarm(move || {
        if gate.pass().is_some() {
            // That changes no story.
            _ = keeping.note(Note::Lost);
        }
    });
}

/// The clients of the process before this one, if it died, and the keeper that is told of them from now on. It waits
/// with its story, so that is heard before anything else is done.
fn keep(inherited: &mut Inherited, spec: &DeviceSpec) -> Result<Keeping<Clients>, RenderProcessError> {
    let keeping = Keeping::default();
    if let Some(keeper) = inherited.keeper.take().map(UnixStream::from) {
        if spec.resumed {
            keeping.resume(Clients::receive(&keeper)?);
        }
        keeping.start(keeper);
    }
    Ok(keeping)
}

fn seal<T>(spec: &DeviceSpec, needs: Needs, load: impl FnOnce() -> T) -> Result<(Sealed, T), SandboxError> {
    let priority = wants_priority(spec);
    let sandbox = Sandbox::prepare(&SandboxSpec {
        memory_bytes: spec.profile.limits.memory,
        driver: Some(needs),
        priority,
        parent: spec.supervisor.map(Pid::from_raw),
        require_all: spec.require_sandbox,
    })?;
    let (sealed, loaded) = sandbox.enter_with(load)?;
    let report = sealed.report();
    report.missing().iter().for_each(|missing| tracing::warn!("{missing}"));
    tracing::info!("sealed: {report}");
    report.left_open().iter().for_each(|open| tracing::info!("left open: {open}"));
    if priority && !report.keeps_priority() {
        tracing::warn!(
            "its class is latency, but it cannot keep CAP_SYS_NICE, without which drivers give no priority; \
             remedy: run the daemon as root, outside of containers that have users of their own"
        );
    }
    Ok((sealed, loaded))
}

/// Whether the driver is to be asked for priority on the GPU. Only the arbiter sees to it that others get their share.
fn wants_priority(spec: &DeviceSpec) -> bool {
    spec.scheduled && spec.profile.share.class == Class::Latency
}

/// All that is said of the GPU but who uses it.
fn status(spec: &DeviceSpec, gpu: &Gpu, found: Rehearsal) -> GpuStatus {
    GpuStatus {
        name: found.name,
        driver: found.driver,
        memory_bytes_driver: gpu.driver_bytes(),
        shader_checks: found.shader_checks,
        clients: 0,
        clients_max: spec.profile.limits.clients(),
    }
}

fn handle(
    gpu: GpuStatus,
    inherited: &Inherited,
    sealed: &Sealed,
    ledger: &Ledger,
    keeping: &Keeping<Clients>,
    leave: &Arc<Leave>,
) -> RenderHandle {
    let (clients, leave) = (keeping.clone(), Arc::clone(leave));
    let keepers = heirlooms(inherited).map(|heirlooms| Box::new(keeping.adopted_by(heirlooms)) as Box<_>);
    RenderHandle {
        gpu,
        clients: Box::new(move || clients.look(Clients::count)),
        ledger: ledger.clone(),
        lose: Box::new(move |why| leave.lose(why)),
        sandbox: sealed.report().clone(),
        keepers,
    }
}

/// What another keeper needs, if all of it is there.
fn heirlooms(inherited: &Inherited) -> Option<Heirlooms> {
    Some(Heirlooms {
        front_end: inherited
            .front_end
            .clone()
            .or_else(|| inherited.tie.as_ref().map(|[_, end, _]| end.clone()))?,
        control: inherited.control.clone()?,
        lock: inherited.lock.clone()?,
        vault: None,
        seating: inherited.seating.clone().map(|seating| [seating.page, seating.kick]),
        tie: inherited.tie.clone(),
    })
}
