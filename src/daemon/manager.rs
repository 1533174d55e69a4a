//! The operators' verbs.
//!
//! # Order
//! Each verb first writes down what is wanted, then does it: a daemon that dies in between is followed by one that does
//! the rest. Where it cannot be done, what was wanted before is written down again. Monitors, shares and smaller limits
//! are the exception, since only the device process knows whether the VMM's window decides the ones, and only the
//! arbiter whether the others fit: they are changed first, and the next daemon knows only what was written down.
//!
//! Memory of a GPU is promised before any of that: who is refused leaves no trace.

use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::sync::broadcast;

use super::Daemon;
use super::slot::{Slot, Work};
use super::store::{Record, Wanted};
use crate::control::api::{
    Change, Event, EventKind, Gpu, GpuChange, GpuList, Host, Manager, Name, State, UsageList, Vgpu,
    VgpuChange, VgpuSpec,
};
use crate::control::client::{Client, ClientError};
use crate::control::{Code, HeadChange, Refusal, no_heads};
use crate::fault;
use crate::supervisor::{Begin, SocketError, Sockets, Unit};
use crate::wire::ScanoutId;

/// How long whoever looks at a vGPU waits for its device process.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// How long a change of monitors may take, and a screenshot.
const WORK_MAX: Duration = Duration::from_secs(10);

impl Manager for Daemon {
    fn list(&self) -> Vec<Vgpu> {
        self.slots().values().map(|slot| slot.vgpu()).collect()
    }

    fn show(&self, name: &Name) -> Result<Vgpu, Refusal> {
        let mut vgpu = self.slot(name)?.vgpu();
        if vgpu.pid.is_some() {
            vgpu.device = self.client(name, LOOK_MAX).status().ok();
        }
        if let Some(device) = vgpu.device.as_mut().filter(|_| vgpu.profile.has_vulkan_in_vm())
            && let Ok(render) = Client::with_patience(self.render_of(name).0, LOOK_MAX).status()
        {
            (device.gpu, device.left_open) = (render.gpu, render.left_open);
        }
        Ok(self.with_priority(vgpu))
    }

    fn create(&self, name: &Name, spec: VgpuSpec) -> Result<Change, Refusal> {
        let socket = self.place(name, &spec)?;
        loop {
            let slot = match self.slot(name) {
                Ok(slot) => slot,
                Err(_) => Arc::new(Slot::new(
                    name.clone(),
                    socket.clone(),
                    spec.profile.clone(),
                    self.events.clone(),
                )),
            };
            let mut work = slot.work();
            match &*work {
                Some(work) => {
                    return same(&work.record, &spec, socket.as_deref()).map(|()| Change::Same(slot.vgpu()));
                }
                // Somebody made or deleted one just now.
                None if !self.take(&slot)? => {}
                None => {
                    let made = self.make(&slot, &mut work, spec);
                    return made.map(|()| Change::Made(slot.vgpu())).inspect_err(|_| self.release(&slot));
                }
            }
        }
    }

    fn set(&self, name: &Name, change: VgpuChange) -> Result<Vgpu, Refusal> {
        let slot = self.slot(name)?;
        let mut guard = slot.work();
        let work = present(&mut guard, name)?;
        let record = changed(&work.record, &change)?;
        self.tell(name, work, &record)?;
        if !change.heads.is_empty() && work.unit.is_some() && slot.shown().state != State::Failing {
            let told = self.client(name, WORK_MAX).set_heads(&change.heads).map_err(refusal_of);
            told.inspect_err(|_| self.hold_to(name, work, &work.record.offered()))?;
        }
        fault::point("set: told");
        if let Err(error) = self.store.save(name, &record) {
            self.hold_to(name, work, &work.record.offered());
            if !change.heads.is_empty() {
                self.tell_heads(&slot, work);
            }
            return Err(host_failed("the change could not be written down", error));
        }
        fault::point("set: saved");
        work.record = record;
        let offered = work.record.offered();
        if let Some(unit) = &work.unit {
            unit.set_profile(offered.clone());
        }
        self.hold_to(name, work, &offered);
        slot.shown().profile = work.record.profile();
        slot.tell(EventKind::Changed, None);
        Ok(self.with_priority(slot.vgpu()))
    }

    fn start(&self, name: &Name) -> Result<Vgpu, Refusal> {
        let slot = self.slot(name)?;
        let mut guard = slot.work();
        let work = present(&mut guard, name)?;
        if let (Some(_), Some(placement)) = (slot.lost(), &work.record.placement) {
            self.losses.check(placement)?;
        }
        if !matches!(slot.vgpu().state, State::Stopped | State::Failing) {
            return Ok(slot.vgpu());
        }
        let before = work.record.wanted;
        let _still = self.hold_still(&work.record.spec)?;
        let (record, fresh) = match work.held {
            Some(_) => (work.record.clone(), None),
            None => self.grant(name, &work.record)?,
        };
        let old = std::mem::replace(&mut work.record, record);
        if let Err(refusal) = self.want(&slot, work, Wanted::Running) {
            work.record = old;
            return Err(refusal);
        }
        slot.shown().placement.clone_from(&work.record.placement);
        fault::point("start: saved");
        let held = fresh.or(work.held.take());
        self.end(&slot, work)?;
        work.held = held;
        if let Err(refusal) = self.offer(&slot, work) {
            self.end(&slot, work)?;
            self.want(&slot, work, before)?;
            return Err(refusal);
        }
        fault::point("start: offered");
        slot.tell(EventKind::Started, None);
        Ok(slot.vgpu())
    }

    fn stop(&self, name: &Name) -> Result<Vgpu, Refusal> {
        let slot = self.slot(name)?;
        let mut guard = slot.work();
        let work = present(&mut guard, name)?;
        if work.record.wanted == Wanted::Stopped && work.unit.is_none() {
            return Ok(slot.vgpu());
        }
        self.want(&slot, work, Wanted::Stopped)?;
        fault::point("stop: saved");
        self.end(&slot, work)?;
        fault::point("stop: ended");
        slot.tell(EventKind::Stopped, None);
        Ok(slot.vgpu())
    }

    fn delete(&self, name: &Name) -> Result<(), Refusal> {
        let slot = self.slot(name)?;
        let mut guard = slot.work();
        let work = present(&mut guard, name)?;
        self.want(&slot, work, Wanted::Gone)?;
        fault::point("delete: saved");
        self.end(&slot, work)?;
        fault::point("delete: ended");
        self.store.remove(name).map_err(|error| host_failed("its record cannot be removed", error))?;
        fault::point("delete: forgotten");
        self.release(&slot);
        *guard = None;
        slot.tell(EventKind::Deleted, None);
        Ok(())
    }

    fn screenshot(&self, name: &Name, head: ScanoutId) -> Result<Vec<u8>, Refusal> {
        let slot = self.slot(name)?;
        let state = slot.shown().state;
        match state {
            _ if slot.shown().profile.heads.is_empty() => Err(no_heads().field("head")),
            State::Waiting | State::Connected => {
                self.client(name, WORK_MAX).screenshot(head).map_err(refusal_of)
            }
            State::HandedOver => {
                let message = format!("`{name}` is handed over as it is: only its guest knows its picture");
                Err(Refusal::new(Code::UnknownHead, message).field("head").remedy("ask the VM for it"))
            }
            State::Stopped | State::Failing | State::Lost => {
                Err(Refusal::new(Code::NotRunning, format_args!("vGPU `{name}` is not on offer"))
                    .remedy(format_args!("`vgpu start {name}`; `vgpu show {name}` says more")))
            }
        }
    }

    fn usage(&self) -> UsageList {
        self.used()
    }

    fn gpus(&self) -> Result<GpuList, Refusal> {
        self.list_gpus()
    }

    fn set_gpu(&self, gpu: &str, change: GpuChange) -> Result<Gpu, Refusal> {
        self.change_gpu(gpu, change)
    }

    fn events(&self, after: u64) -> (Vec<Event>, broadcast::Receiver<Event>) {
        self.events.after(after)
    }

    fn host(&self) -> Host {
        Host {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id().cast_signed(),
            state_folder: self.store.state().to_owned(),
            socket_folders: self.folders.allowed().to_vec(),
        }
    }
}

impl Daemon {
    fn client(&self, name: &Name, patience: Duration) -> Client {
        Client::with_patience(self.control(name), patience)
    }

    /// Takes a slot for a new vGPU: false if its name was taken just now. No two have one path, be they stopped or not.
    fn take(&self, slot: &Arc<Slot>) -> Result<bool, Refusal> {
        let mut slots = self.slots();
        if slots.contains_key(&slot.name) {
            return Ok(false);
        }
        if self.unreadable.contains(&slot.name) {
            return Err(self.unreadable(&slot.name, Code::Conflict));
        }
        if let Some(socket) = &slot.socket
            && let Some(other) = slots.values().find(|other| other.socket == slot.socket)
        {
            let message = format!("{} is the socket of vGPU `{}`", socket.display(), other.name);
            return Err(Refusal::new(Code::Conflict, message)
                .field("socket")
                .remedy("leave `socket` out, or choose a path of its own for each vGPU"));
        }
        slots.insert(slot.name.clone(), slot.clone());
        Ok(true)
    }

    fn release(&self, slot: &Slot) {
        self.slots().remove(&slot.name);
    }

    /// Makes a vGPU in a slot of its own, or leaves nothing of it.
    fn make(&self, slot: &Arc<Slot>, place: &mut Option<Work>, spec: VgpuSpec) -> Result<(), Refusal> {
        let (socket, wanted) = (slot.socket.clone(), Wanted::Running);
        let _still = self.hold_still(&spec)?;
        let is_chosen = spec.on.is_none();
        let record = Record {
            spec,
            placement: None,
            socket,
            heads: Vec::new(),
            share: None,
            memory_bytes_max: None,
            wanted,
        };
        let granted = self.grant(&slot.name, &record);
        let (record, held) =
            granted.map_err(|refusal| if is_chosen { refusal.within("profile") } else { refusal })?;
        let mut work = Work { record, unit: None, held };
        slot.shown().placement = work.record.placement.clone();
        let made = self.want(slot, &mut work, Wanted::Running).and_then(|()| {
            fault::point("create: saved");
            self.offer(slot, &mut work)
        });
        if let Err(refusal) = made {
            let undone = self.end(slot, &mut work).err();
            let forgotten = self.store.remove(&slot.name).err().filter(|error| !is_missing(error));
            if undone.is_some() || forgotten.is_some() {
                tracing::error!("{} could not be made, nor unmade: {undone:?} {forgotten:?}", slot.name);
            }
            return Err(refusal);
        }
        fault::point("create: offered");
        *place = Some(work);
        slot.tell(EventKind::Created, None);
        slot.tell(EventKind::Started, None);
        Ok(())
    }

    fn want(&self, slot: &Slot, work: &mut Work, wanted: Wanted) -> Result<(), Refusal> {
        let record = Record { wanted, ..work.record.clone() };
        let saved = self.store.save(&slot.name, &record);
        saved.map_err(|error| host_failed("what is wanted could not be written down", error))?;
        work.record = record;
        Ok(())
    }

    /// Puts a vGPU of which nothing is left on offer. Its socket accepts when this returns.
    fn offer(&self, slot: &Arc<Slot>, work: &mut Work) -> Result<(), Refusal> {
        if work.record.spec.passthrough {
            slot.shown().state = State::HandedOver;
            self.watch_gpu_of(slot);
            return Ok(());
        }
        let offer = self.prepare(&slot.name, &work.record)?;
        fault::point("offer: folder made");
        let sockets =
            Sockets::claim(Some(&offer.front_end), offer.control.as_deref()).map_err(refuse_socket)?;
        fault::point("offer: claimed");
        self.run(slot, work, offer, Begin::With(sockets), drop)?;
        self.watch_gpu_of(slot);
        Ok(())
    }

    /// Takes a vGPU off offer; nothing of it is left but its record.
    fn end(&self, slot: &Slot, work: &mut Work) -> Result<(), Refusal> {
        let stopped = work.unit.take().map_or(Ok(()), Unit::stop);
        work.held = None;
        slot.end();
        let cleared = self.clear(&slot.name, slot.socket.as_deref());
        stopped.and(cleared).map_err(|error| host_failed("something of the vGPU is left", error))
    }

    /// Brings the device process's monitors to what is written down.
    pub(super) fn tell_heads(&self, slot: &Slot, work: &Work) {
        let heads = work.record.profile().heads;
        let change = |(head, monitor): (_, crate::control::profile::Head)| HeadChange {
            head,
            size: monitor.enabled.then_some(monitor.size),
        };
        let changes: Vec<HeadChange> = ScanoutId::all().zip(heads).map(change).collect();
        match self.client(&slot.name, WORK_MAX).set_heads(&changes) {
            Ok(()) => {}
            Err(ClientError::Refused(refusal)) if refusal.code == Code::WindowDecides => {}
            Err(error) => {
                tracing::warn!("{}: its monitors may not be what was asked for: {error}", slot.name)
            }
        }
    }
}

fn present<'a>(guard: &'a mut MutexGuard<'_, Option<Work>>, name: &Name) -> Result<&'a mut Work, Refusal> {
    guard.as_mut().ok_or_else(|| not_found(name))
}

pub(super) fn not_found(name: &Name) -> Refusal {
    Refusal::new(Code::NotFound, format_args!("there is no vGPU `{name}`"))
        .remedy("`vgpu list` shows those that there are")
}

/// An error unless this is what was asked for when the vGPU was created.
fn same(record: &Record, spec: &VgpuSpec, socket: Option<&Path>) -> Result<(), Refusal> {
    let (old, new) = (&record.spec.profile, &spec.profile);
    let parts = [
        ("profile.name", old.name != new.name),
        ("profile.transport", old.transport != new.transport),
        ("profile.gpu", old.gpu != new.gpu),
        ("profile.head", old.heads != new.heads),
        ("profile.limits", old.limits != new.limits),
        ("profile.share", old.share != new.share),
        ("profile.socket", old.socket != new.socket),
        ("on", record.spec.on != spec.on),
        ("strategy", record.spec.strategy != spec.strategy),
        ("numa_node", record.spec.numa_node != spec.numa_node),
        ("passthrough", record.spec.passthrough != spec.passthrough),
        ("socket", record.socket.as_deref() != socket),
    ];
    let Some((field, _)) = parts.into_iter().find(|(_, differs)| *differs) else { return Ok(()) };
    Err(Refusal::new(Code::Conflict, format_args!("there is a vGPU of this name with another `{field}`"))
        .field(field)
        .remedy(
            "choose another name; or change monitors, shares and memory with `vgpu set`; or delete that vGPU first",
        ))
}

/// The record with these changes.
fn changed(record: &Record, change: &VgpuChange) -> Result<Record, Refusal> {
    if record.spec.passthrough {
        let message = "it is handed over as it is: it has no monitors, share or limit of ours";
        return Err(Refusal::new(Code::BadField, message)
            .remedy("change what the VM has of it; or delete it, and create a vGPU on a GPU of the host's"));
    }
    let mut record = with_heads(record, &change.heads)?;
    if let Some(share) = &change.share {
        record.share = Some(share.of(&record.profile())?);
    }
    if let Some(limits) = &change.limits {
        record.memory_bytes_max = Some(limits.of(&record.profile())?.memory);
    }
    Ok(record)
}

/// The record with these monitors.
fn with_heads(record: &Record, changes: &[HeadChange]) -> Result<Record, Refusal> {
    let count = record.spec.profile.heads.len();
    if count == 0 && !changes.is_empty() {
        return Err(no_heads().field("heads"));
    }
    let mut record = record.clone();
    for (place, change) in changes.iter().enumerate() {
        if change.head.index() >= count {
            let message =
                format!("there is no head {}; the profile has {count}, from 0 on", change.head.get());
            return Err(Refusal::new(Code::UnknownHead, message)
                .field(format_args!("heads[{place}].head"))
                .remedy("heads are made with the vGPU: create one whose profile has more"));
        }
        record.heads.retain(|old| old.head != change.head || change.size.is_none() && old.size.is_some());
        record.heads.push(*change);
        let checked = record.profile().check();
        checked.map_err(|refusal| refusal.field(format_args!("heads[{place}].size")))?;
    }
    Ok(record)
}

fn refusal_of(error: ClientError) -> Refusal {
    match error {
        ClientError::Refused(refusal) => refusal,
        error @ ClientError::NoAnswer { .. } => Refusal::new(Code::HostFailed, error)
            .remedy("its device process is busy or stuck: try again, or end it with `vgpu stop`"),
        error => Refusal::new(Code::HostFailed, error).remedy("the daemon's log says more; try again"),
    }
}

fn refuse_socket(error: SocketError) -> Refusal {
    let (code, remedy) = match &error {
        SocketError::InUse(_) => (Code::Conflict, "end that process, or choose another path"),
        SocketError::NotASocket(_) => (Code::Conflict, "remove it, or choose another path"),
        SocketError::TooLong(_) => (Code::BadPath, "use a shorter path or name, or a shorter state folder"),
        SocketError::Host { .. } => (Code::HostFailed, "the daemon must be allowed to write to that folder"),
    };
    Refusal::new(code, error).field("socket").remedy(remedy)
}

pub(super) fn host_failed(what: &str, error: impl Display) -> Refusal {
    Refusal::new(Code::HostFailed, format_args!("{what}: {error}"))
        .remedy("the host has no room or no permission for it; the daemon's log says more")
}

fn is_missing(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}
