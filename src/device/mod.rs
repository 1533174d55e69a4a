//! The virtio-gpu of one vGPU (virtio 1.3, section 5.7), complete for 2D.
//!
//! It takes the bytes of requests and gives the bytes of answers. It knows no queue, no socket and no thread, and
//! holds no host pointer into guest memory. Every command is done when it is answered, so fences are in order by
//! themselves; only a question to the display can make one wait. What is refused changes nothing.
//!
//! With a [`Gpu`] it has 3D contexts too, of Venus. Another process carries out what they ask for ([`crate::link`]), so
//! these requests are answered later, and in another order.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod contexts;
mod cursor;
mod head;
mod record;
mod resource;
mod scanout;

pub use contexts::{Finished, Gpu};
pub use head::{HeadError, HeadSetup, Setup};

pub use crate::wire::Limits;

use std::fmt;
use std::io;

use crate::display::{Cursor, Interest, Picture, Scanouts, Sink};
use crate::guest_log::guest_warn;
use crate::guest_memory::GuestMemory;
use crate::vault::{Mark, Vault, VaultError};
use crate::wire::{
    Command, Config, CursorCommand, FEATURE_CONTEXT_INIT, FEATURE_EDID, FEATURE_RESOURCE_BLOB,
    FEATURE_RESOURCE_UUID, FEATURE_VIRGL, GuestError, Header, Response, SCANOUTS_MAX, ScanoutId,
    events_clear,
};

use contexts::{Contexts, Step};
use head::Head;
use record::Driver;
use resource::Resources;

/// Features that can be negotiated.
const FEATURES: u64 = 1 << FEATURE_EDID | 1 << FEATURE_RESOURCE_UUID | 1 << FEATURE_RESOURCE_BLOB;

/// Those of 3D.
const FEATURES_3D: u64 = 1 << FEATURE_VIRGL | 1 << FEATURE_CONTEXT_INIT;

/// What became of a control request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a request that waits has no answer yet"]
pub enum Progress {
    /// The answer is there.
    Done,
    /// The display is being asked, or the render process, and nothing was done: the same request goes in again when it
    /// has answered.
    Wait,
    /// It is [`Device::finished`] later.
    Later,
}

/// What a guest has at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes charged.
    pub bytes: u64,
    /// Resources.
    pub resources: usize,
}

/// The virtio-gpu device of one vGPU.
pub struct Device {
    heads: Vec<Head>,
    /// How many of them the operator asked for; the others came with a display.
    own_heads: usize,
    resources: Resources,
    driver: Driver,
    /// What the vault tells of the driver.
    saved: Driver,
    /// Whether the next control request may be one that a former process executed already.
    repeats: bool,
    serial: u32,
    sink: Option<Box<dyn Sink>>,
    contexts: Option<Contexts>,
    vault: Vault,
}

impl Device {
    /// A device that shows nothing yet and goes on in no other process.
    pub fn new(setup: Setup) -> Result<Self, VaultError> {
        let vault = Vault::unkept(setup.limits.memory_bytes)?;
        Self::open(setup, vault, None)
    }

    /// The device that the process had which died with this vault, or a new one where there was none.
    pub fn open(setup: Setup, vault: Vault, gpu: Option<Gpu>) -> Result<Self, VaultError> {
        let heads = Head::row(setup.heads);
        let mut device = Self {
            own_heads: heads.len(),
            heads,
            resources: Resources::new(setup.limits, vault.pixels().clone()),
            driver: Driver::default(),
            saved: Driver::default(),
            repeats: false,
            serial: setup.serial,
            sink: None,
            contexts: gpu.map(Contexts::new),
            vault,
        };
        device.restore()?;
        Ok(device)
    }

    /// Where the display's messages note how far they came, for the next process.
    pub fn display_mark(&self) -> Mark {
        self.vault.mark()
    }

    /// The feature bits of this device type that it offers.
    pub fn offered_features(&self) -> u64 {
        FEATURES | if self.contexts.is_some() { FEATURES_3D } else { 0 }
    }

    /// Takes the feature bits that the driver acknowledged; those of transports mean nothing here.
    pub fn set_features(&mut self, acked: u64) {
        self.driver.features = acked & self.offered_features();
        self.save(None);
    }

    /// The configuration space.
    pub fn config(&self) -> [u8; 16] {
        let scanouts = u32::try_from(self.own_heads).unwrap_or(u32::MAX);
        let capsets = self.contexts.is_some().into();
        Config { events_read: self.driver.events, scanouts, capsets }.encode()
    }

    /// A write to the configuration space.
    pub fn write_config(&mut self, offset: u32, bytes: &[u8]) {
        self.driver.events &= !events_clear(offset, bytes);
        self.save(None);
    }

    /// Executes one control request, the whole readable part of a chain, and puts its answer in place of what `reply`
    /// held. By the ticket, which no other request has that is not answered yet, it is found again if it is answered
    /// later.
    pub fn control(
        &mut self,
        memory: &GuestMemory,
        ticket: u16,
        request: &[u8],
        reply: &mut Vec<u8>,
    ) -> Progress {
        reply.clear();
        let (header, body) = Header::decode(request).unwrap_or_default();
        let step = self.decode(&header, body);
        match step.and_then(|command| self.execute(memory, ticket, &header, command)) {
            Ok(Step::Answer(response)) => response.encode(&header, reply),
            Ok(Step::Wait) => return Progress::Wait,
            Ok(Step::Later(token)) => {
                self.save_pending(token);
                return Progress::Later;
            }
            Err(error) => refuse(&header, error, reply),
        }
        self.repeats = false;
        Progress::Done
    }

    /// Executes one cursor request like [`Device::control`]; it never waits.
    pub fn cursor(&mut self, memory: &GuestMemory, request: &[u8], reply: &mut Vec<u8>) {
        let (header, body) = Header::decode(request).unwrap_or_default();
        match CursorCommand::decode(&header, body).and_then(|command| self.execute_cursor(memory, command)) {
            Ok(()) => {
                self.save(None);
                Response::Done.encode(&header, reply);
            }
            Err(error) => refuse(&header, error, reply),
        }
    }

    fn decode<'a>(&self, header: &Header, body: &'a [u8]) -> Result<Command<'a>, GuestError> {
        if let Some(bit) = header.feature().filter(|bit| self.driver.features & 1 << bit == 0) {
            return Err(GuestError::NotNegotiated(bit));
        }
        Command::decode(header, body, self.resources.limits())
    }

    /// A request that a former process executed already has the same answer again.
    fn execute(
        &mut self,
        memory: &GuestMemory,
        ticket: u16,
        header: &Header,
        command: Command<'_>,
    ) -> Result<Step, GuestError> {
        match self.execute_once(memory, ticket, header, command) {
            Err(error) if self.repeats && self.is_repeat(&command, error) => Ok(Step::Answer(Response::Done)),
            result => result,
        }
    }

    /// One arm a command; what changes more than pixels is written down.
    fn execute_once(
        &mut self,
        memory: &GuestMemory,
        ticket: u16,
        header: &Header,
        command: Command<'_>,
    ) -> Result<Step, GuestError> {
        let mut response = Response::Done;
        match command {
            Command::GetDisplayInfo => return Ok(self.display_info().map_or(Step::Wait, Step::Answer)),
            Command::GetEdid(head) => return Ok(self.edid(head)?.map_or(Step::Wait, Step::Answer)),
            Command::Transfer { id, area, offset } => {
                return self.resources.transfer(memory, id, &area, offset).map(|()| Step::Answer(response));
            }
            Command::Flush { id, area } => return self.flush(id, &area).map(|()| Step::Answer(response)),
            Command::AssignUuid(id) => response = Response::ResourceUuid(self.resources.uuid(id)?),
            Command::CreateImage { id, format, size } => self.resources.create_image(id, format, size)?,
            Command::CreateBlob(blob) if blob.is_host_memory() => self.create_heap_blob(&blob)?,
            Command::CreateBlob(blob) => self.resources.create_blob(memory, &blob)?,
            Command::Unref(id) => {
                let mapped = self.resources.mapped(id);
                self.unref(id)?;
                if let Some(token) = mapped.and_then(|blob| self.unref_mapped(ticket, header, blob)) {
                    self.save(Some(id));
                    return Ok(Step::Later(token));
                }
            }
            Command::AttachBacking { id, entries } => self.resources.attach(memory, id, entries)?,
            Command::DetachBacking(id) => self.resources.detach(id)?,
            Command::SetScanout { head, id, area } => self.set_scanout(head, id, area)?,
            Command::SetScanoutBlob { head, id, area, layout } => {
                self.set_scanout_blob(head, id, area, layout)?;
            }
            Command::DisableScanout(head) => self.disable_scanout(head)?,
            _ => {
                let step = self.execute_3d(ticket, header, &command)?;
                self.save_3d(&command);
                return Ok(step);
            }
        }
        self.save(record::resource_of(&command));
        Ok(Step::Answer(response))
    }

    /// A reset by the driver: resources, scanouts, pointers and pending events go. Monitors stay plugged in, the sink
    /// stays, and features stay until they are negotiated anew.
    pub fn reset(&mut self) {
        let resources = self.resources.ids();
        self.reset_contexts();
        self.resources.clear();
        self.driver.events = 0;
        self.repeats = false;
        let used = |head: &Head| head.scanout.is_some() || head.cursor != Cursor::default();
        let heads: Vec<_> = self.numbered_heads().filter(|(_, head)| used(head)).map(|(id, _)| id).collect();
        for head in heads {
            self.show(head, None);
            self.update_cursor(head, Cursor::default());
        }
        self.save(resources);
    }

    /// Connects a display, or disconnects it. A new one is told all that there is to see.
    ///
    /// A display has heads of its own: QEMU tells the guest how many (`max_outputs`) and nobody tells us, so from then
    /// on there are as many as there can be.
    pub fn set_sink(&mut self, sink: Option<Box<dyn Sink>>) {
        if sink.is_some() {
            self.heads.resize_with(SCANOUTS_MAX, Head::spare);
        }
        self.sink = sink;
        self.replay();
    }

    /// Lets the display send and receive. Without one there is nothing to wait for; after an error there is none.
    pub fn pump(&mut self, memory: &GuestMemory) -> io::Result<Interest> {
        let Some(mut sink) = self.sink.take() else { return Ok(Interest::default()) };
        let interest = sink.pump(&self.view(memory))?;
        self.sink = Some(sink);
        Ok(interest)
    }

    /// What the heads show, for a display or a screenshot.
    pub fn view<'a>(&'a self, memory: &'a GuestMemory) -> View<'a> {
        View { device: self, memory }
    }

    /// The feature bits of this device type that the driver took.
    pub fn features(&self) -> u64 {
        self.driver.features
    }

    /// Whether a display is connected. Then it answers for the heads' modes.
    pub fn has_sink(&self) -> bool {
        self.sink.is_some()
    }

    /// What the guest may have at most.
    pub fn limits(&self) -> &Limits {
        self.resources.limits()
    }

    /// What the guest has at this moment.
    pub fn usage(&self) -> Usage {
        Usage { bytes: self.resources.bytes_used(), resources: self.resources.len() }
    }
}

fn refuse(header: &Header, error: GuestError, reply: &mut Vec<u8>) {
    guest_warn!("command {:#06x} refused: {error}", header.kind);
    Response::Error(error.code()).encode(header, reply);
}

impl fmt::Debug for Device {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Device")
            .field("heads", &self.heads)
            .field("resources", &self.resources)
            .field("driver", &self.driver)
            .field("sink", &self.sink.is_some())
            .finish()
    }
}

/// What the heads of a device show at this moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    device: &'a Device,
    memory: &'a GuestMemory,
}

impl Scanouts for View<'_> {
    fn picture(&self, head: ScanoutId) -> Option<Picture<'_>> {
        self.device.picture(self.memory, head)
    }

    fn cursor(&self, head: ScanoutId) -> &Cursor {
        self.device.cursor_of(head)
    }
}
