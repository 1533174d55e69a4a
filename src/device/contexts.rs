//! 3D contexts: what of them the device knows, and what it asks the render process for.
//!
//! A request that the render process carries out is answered when that says so, in whatever order. So a VM's contexts
//! wait for nobody, and what is on its way is bounded by its queue.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::Device;
use crate::guest_log::guest_warn;
use crate::guest_memory::GuestMemory;
use crate::heap::Heap;
use crate::link::{Blob, CAPSET_BYTES, DeviceEnd, Event, Request};
use crate::vault::VaultError;
use crate::venus::CAPSET_ID;
use crate::wire::{Command, ContextId, CreateBlob, ErrorCode, GuestError, Header, ResourceId, Response};

/// Bits of a serial: a token has a ticket of 16 beside it, and one bit is for the key of its record. They have room for
/// two years of microseconds.
const SERIALS: u64 = (1 << 46) - 1;

/// What a device with 3D has.
#[derive(Debug)]
pub struct Gpu {
    /// The way to the process that renders.
    pub end: DeviceEnd,
    /// What the guest sees as its host-visible memory: a power of two of bytes.
    pub heap: Heap,
    /// The same, for heads that show some of it.
    pub view: GuestMemory,
    /// Contexts at a time.
    pub contexts_max: u32,
}

/// What a context can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Nothing: it has no capability set.
    Idle,
    /// Vulkan.
    Venus,
}

/// The heap's place in the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mapping {
    #[default]
    None,
    /// Whoever serves us was asked for it.
    Asked,
    Done,
}

/// A request that the render process has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    flags: u32,
    fence_id: u64,
    context: u32,
    ring: u8,
    /// The blob that it maps.
    maps: Option<ResourceId>,
}

impl Pending {
    fn header(&self) -> Header {
        let Self { flags, fence_id, context, ring, .. } = *self;
        Header { kind: 0, flags, fence_id, ctx_id: context, ring_idx: ring }
    }
}

/// A request that was carried out or refused, and not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    token: u64,
}

impl Finished {
    /// What [`Device::control`] was given with it.
    pub fn ticket(self) -> u16 {
        u16::try_from(self.token & 0xffff).unwrap_or_default()
    }
}

#[derive(Debug)]
pub(super) struct Contexts {
    gpu: Gpu,
    capset: Option<[u8; CAPSET_BYTES]>,
    /// The guest's kernel has one of its own that does nothing, and is of no capability set.
    known: BTreeMap<ContextId, Kind>,
    pending: BTreeMap<u64, Pending>,
    /// Of those, which are over, and how.
    over: VecDeque<(u64, bool)>,
    serial: u64,
    mapping: Mapping,
    /// Nothing sensible comes from the render process any more.
    broken: bool,
}

impl Contexts {
    pub(super) fn new(gpu: Gpu) -> Self {
        Self {
            gpu,
            capset: None,
            known: BTreeMap::new(),
            pending: BTreeMap::new(),
            over: VecDeque::new(),
            serial: first_serial(),
            mapping: Mapping::None,
            broken: false,
        }
    }

    /// Goes on with what a former process had.
    pub(super) fn restore(
        &mut self,
        known: BTreeMap<ContextId, Kind>,
        pending: BTreeMap<u64, Pending>,
        mapped: bool,
    ) {
        (self.known, self.pending) = (known, pending);
        self.mapping = if mapped { Mapping::Done } else { Mapping::None };
    }

    /// Asks the render process what it can, which it may have told a former device only.
    pub(super) fn greet(&mut self) {
        let token = self.token(0);
        self.gpu.end.send(token, Request::Greet);
    }

    pub(super) fn get(&self, token: u64) -> Option<Pending> {
        self.pending.get(&token).copied()
    }

    /// Whether any of what is pending was forgotten is for the render process to say.
    fn recall(&mut self) {
        let tokens: Vec<u64> = self.pending.keys().copied().collect();
        let token = self.token(0);
        self.gpu.end.send(token, Request::Recall(&tokens));
    }

    fn token(&mut self, ticket: u16) -> u64 {
        self.serial += 1;
        self.serial << 16 | u64::from(ticket)
    }

    pub(super) fn kind(&self, id: ContextId) -> Result<Kind, GuestError> {
        self.known.get(&id).copied().ok_or(GuestError::UnknownContext(id.get()))
    }

    fn admit(&self, id: ContextId, capset: u32) -> Result<Kind, GuestError> {
        let kind = match capset {
            0 => Kind::Idle,
            CAPSET_ID => Kind::Venus,
            other => return Err(GuestError::BadContext(other)),
        };
        if self.known.contains_key(&id) {
            return Err(GuestError::ContextExists(id.get()));
        }
        let max = self.gpu.contexts_max;
        if self.known.len() > max as usize { Err(GuestError::TooManyContexts(max)) } else { Ok(kind) }
    }

    /// Gives a request to the render process.
    fn ask(&mut self, ticket: u16, header: &Header, request: Request<'_>) -> u64 {
        let token = self.token(ticket);
        let maps = match request {
            Request::Map(blob) => Some(blob.resource),
            _ => None,
        };
        let Header { flags, fence_id, ctx_id: context, ring_idx: ring, .. } = *header;
        self.pending.insert(token, Pending { flags, fence_id, context, ring, maps });
        if self.broken {
            self.over.push_back((token, false));
        } else {
            self.gpu.end.send(token, request);
        }
        token
    }

    fn hear(&mut self) -> io::Result<()> {
        self.gpu.end.flush()?;
        while let Some(event) = self.gpu.end.receive()? {
            match event {
                Event::Hello(capset) => {
                    self.capset = Some(capset);
                    self.recall();
                }
                Event::Done { token, carried_out } if self.pending.contains_key(&token) => {
                    self.over.push_back((token, carried_out));
                }
                Event::Done { .. } => {}
            }
        }
        Ok(())
    }

    /// Nothing more is asked for, and what was is refused.
    fn give_up(&mut self) {
        self.broken = true;
        let over: BTreeSet<u64> = self.over.iter().map(|(token, _)| *token).collect();
        self.over
            .extend(self.pending.keys().filter(|token| !over.contains(token)).map(|token| (*token, false)));
    }

    /// What can be answered next: a blob is mapped when the heap is.
    fn next_over(&mut self) -> Option<(u64, bool)> {
        let waits = |token: &u64| self.pending.get(token).is_some_and(|pending| pending.maps.is_some());
        let mapped = self.mapping == Mapping::Done;
        let ready = |(token, carried_out): &(u64, bool)| mapped || !carried_out || !waits(token);
        let index = self.over.iter().position(ready)?;
        self.over.swap(0, index);
        self.over.front().copied()
    }
}

/// Above those of every device before this one, whose requests may be on their way still: a device began at such a
/// number too, and has taken longer than a microsecond for each request since.
fn first_serial() -> u64 {
    let since_boot = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(since_boot.as_micros()).unwrap_or_default() & SERIALS
}

/// What becomes of a request about 3D.
pub(super) enum Step {
    Answer(Response),
    /// The render process has not said yet what it can.
    Wait,
    /// The render process has it.
    Later(u64),
}

impl Device {
    /// Those of a device that has 3D; a guest sends none to one that has not, for it lacks the features.
    pub(super) fn execute_3d(
        &mut self,
        ticket: u16,
        header: &Header,
        command: &Command<'_>,
    ) -> Result<Step, GuestError> {
        let Some(contexts) = &mut self.contexts else {
            return Err(match *command {
                Command::GetCapsetInfo(number) | Command::GetCapset(number) => {
                    GuestError::UnknownCapset(number)
                }
                _ => GuestError::UnknownCommand(header.kind),
            });
        };
        let request = match *command {
            Command::GetCapsetInfo(0) => {
                return Ok(Step::Answer(Response::CapsetInfo(
                    CAPSET_ID,
                    u32::try_from(CAPSET_BYTES).unwrap_or_default(),
                )));
            }
            Command::GetCapset(CAPSET_ID) => {
                let told = contexts.capset.map(|capset| Response::Capset(capset.to_vec()));
                return Ok(told.map_or(Step::Wait, Step::Answer));
            }
            Command::GetCapsetInfo(number) | Command::GetCapset(number) => {
                return Err(GuestError::UnknownCapset(number));
            }
            Command::CreateContext { id, capset, name } => {
                let kind = contexts.admit(id, capset)?;
                contexts.known.insert(id, kind);
                match kind {
                    Kind::Venus => Request::Create(id, name),
                    Kind::Idle => return Ok(Step::Answer(Response::Done)),
                }
            }
            Command::DestroyContext(id) => {
                let kind = contexts.kind(id)?;
                contexts.known.remove(&id);
                match kind {
                    Kind::Venus => Request::Destroy(id),
                    Kind::Idle => return Ok(Step::Answer(Response::Done)),
                }
            }
            Command::AttachResource { context, id } | Command::DetachResource { context, id } => {
                let kind = contexts.kind(context)?;
                self.resources.get(id)?;
                match self.resources.mapped(id).filter(|_| kind == Kind::Venus) {
                    Some(blob) if matches!(command, Command::AttachResource { .. }) => {
                        Request::Attach(Blob { context, ..blob })
                    }
                    Some(_) => Request::Detach(context, id),
                    // Linux attaches every buffer that a program has; contexts use those in the heap alone.
                    None => return Ok(Step::Answer(Response::Done)),
                }
            }
            Command::Submit { context, commands } => {
                if contexts.kind(context)? == Kind::Idle {
                    return Err(GuestError::BadContext(0));
                }
                Request::Submit { context, timeline: header.timeline(), commands }
            }
            Command::MapBlob { id, offset } => {
                Request::Map(self.resources.map_blob(id, offset, contexts.gpu.heap.bytes())?)
            }
            Command::UnmapBlob(id) => Request::Unmap(self.resources.unmap_blob(id)?),
            _ => return Err(GuestError::UnknownCommand(header.kind)),
        };
        Ok(Step::Later(contexts.ask(ticket, header, request)))
    }

    /// `RESOURCE_CREATE_BLOB` of host memory. Nothing is to be done before it is mapped.
    pub(super) fn create_heap_blob(&mut self, blob: &CreateBlob<'_>) -> Result<(), GuestError> {
        let bad = GuestError::BadBlob { kind: blob.kind, flags: blob.flags };
        let contexts = self.contexts.as_ref().ok_or(bad)?;
        let context = blob.context.ok_or(GuestError::UnknownContext(0))?;
        contexts.kind(context)?;
        self.resources.create_heap_blob(blob, context)
    }

    /// `RESOURCE_UNREF` of a blob that is mapped: its range is free when the render process says so.
    pub(super) fn unref_mapped(&mut self, ticket: u16, header: &Header, blob: Blob) -> Option<u64> {
        Some(self.contexts.as_mut()?.ask(ticket, header, Request::Unmap(blob)))
    }

    /// What heads show of the heap, and VMMs may read of it by the byte.
    pub fn heap_view(&self) -> Option<&GuestMemory> {
        self.contexts.as_ref().map(|contexts| &contexts.gpu.view)
    }

    /// What is to be mapped into the guest.
    pub fn heap(&self) -> Option<&Heap> {
        self.contexts.as_ref().map(|contexts| &contexts.gpu.heap)
    }

    /// All contexts go.
    pub(super) fn reset_contexts(&mut self) {
        let Some(contexts) = &mut self.contexts else { return };
        for token in std::mem::take(&mut contexts.pending).into_keys() {
            self.vault.remove(super::record::pending_key(token));
        }
        contexts.over.clear();
        contexts.mapping = Mapping::None;
        self.vault.remove(super::record::HEAP);
        for id in std::mem::take(&mut contexts.known).into_keys() {
            self.vault.remove(super::record::context_key(id));
        }
        let token = contexts.token(0);
        contexts.gpu.end.send(token, Request::Reset);
    }

    /// Sends and hears what there is to. True if a request that waited may go on.
    pub fn pump_gpu(&mut self) -> bool {
        let Some(contexts) = self.contexts.as_mut().filter(|contexts| !contexts.broken) else { return false };
        let knew = contexts.capset.is_some();
        if let Err(error) = contexts.hear() {
            tracing::error!("the render process is not understood, and this VM has no 3D any more: {error}");
            contexts.give_up();
        }
        !knew && contexts.capset.is_some()
    }

    /// Where [`Device::pump_gpu`] hears and sends, and whether it has anything to send.
    pub fn gpu_socket(&self) -> Option<(BorrowedFd<'_>, bool)> {
        let contexts = self.contexts.as_ref().filter(|contexts| !contexts.broken)?;
        Some((contexts.gpu.end.as_fd(), contexts.gpu.end.wants_to_write()))
    }

    /// The next request that is over, with its answer in place of what `reply` held. It stays so until
    /// [`Device::gave_back`].
    pub fn finished(&mut self, reply: &mut Vec<u8>) -> Option<Finished> {
        let contexts = self.contexts.as_mut()?;
        let (token, carried_out) = contexts.next_over()?;
        let pending = *contexts.pending.get(&token)?;
        let response = match (carried_out, pending.maps) {
            (true, Some(_)) => Response::Mapped,
            (true, None) => Response::Done,
            (false, _) => Response::Error(ErrorCode::Unspecified),
        };
        response.encode(&pending.header(), reply);
        Some(Finished { token })
    }

    /// The answer to a request that was over is where the guest will find it once its queue's index is this.
    pub fn gave_back(&mut self, finished: Finished, index: u16) {
        let Some(contexts) = &mut self.contexts else { return };
        let token = finished.token;
        let carried_out = contexts.over.front().is_some_and(|(_, carried_out)| *carried_out);
        contexts.over.retain(|(other, _)| *other != token);
        let pending = contexts.pending.remove(&token);
        if let Some(id) = pending.and_then(|pending| pending.maps)
            && !carried_out
        {
            guest_warn!("resource {} could not be mapped", id.get());
            _ = self.resources.unmap_blob(id);
            self.save_resource(id);
        }
        self.vault.remove(super::record::pending_key(token));
        self.vault.put(super::record::GIVEN, &index);
        self.vault.commit();
    }

    /// Requests that the render process has, and the index of their queue when the last of the others was given back.
    pub fn pending(&self) -> Result<(u16, Option<u16>), VaultError> {
        let count = self.contexts.as_ref().map_or(0, |contexts| contexts.pending.len());
        Ok((u16::try_from(count).unwrap_or(u16::MAX), self.vault.get(super::record::GIVEN)?))
    }

    /// Whether the heap is to be mapped into the guest now: then [`Device::heap_mapped`] is to follow.
    pub fn wants_heap(&mut self) -> bool {
        let Some(contexts) = &mut self.contexts else { return false };
        let maps = contexts.mapping == Mapping::None
            && contexts.pending.values().any(|pending| pending.maps.is_some());
        if maps {
            contexts.mapping = Mapping::Asked;
        }
        maps
    }

    /// The heap is mapped into the guest, or cannot be.
    pub fn heap_mapped(&mut self, mapped: bool) {
        let Some(contexts) = self.contexts.as_mut().filter(|contexts| contexts.mapping == Mapping::Asked)
        else {
            return;
        };
        if mapped {
            contexts.mapping = Mapping::Done;
            self.vault.put(super::record::HEAP, &true);
            self.vault.commit();
        } else {
            contexts.give_up();
        }
    }
}
