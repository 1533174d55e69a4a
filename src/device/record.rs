//! What of a device is in its vault, so that the next process goes on with the same one.
//!
//! A record is written after each request that changed what it tells, and all that one request changed counts at
//! once. Pixels are in the vault anyway: transfers and flushes write no record.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use super::Device;
use super::head::Head;
use super::scanout::Scanout;
use crate::display::{CURSOR_BYTES, Cursor};
use crate::guest_memory::Backing;
use crate::vault::{Inbox, Vault, VaultError};
use crate::wire::{
    Command, ContextId, Format, GuestError, HeadMode, Point, ResourceId, SCANOUTS_MAX, ScanoutId, Size,
};

/// Keys: what a record is about, then its number.
const HEAD: u64 = 1 << 32;
const CURSOR_IMAGE: u64 = 2 << 32;
const DRIVER: u64 = 3 << 32;
const CONTEXT: u64 = 4 << 32;
/// The index of the control queue when the last request was given back that a render process had.
pub(super) const GIVEN: u64 = 5 << 32;
/// That the heap is mapped into the guest.
pub(super) const HEAP: u64 = 6 << 32;
/// What a transport keeps beside the device.
const TRANSPORT: u64 = 7 << 32;
/// A request that a render process has; the rest of the key is its token, which is never so large.
const PENDING: u64 = 1 << 63;

pub(super) fn context_key(id: ContextId) -> u64 {
    CONTEXT | u64::from(id.get())
}

pub(super) fn pending_key(token: u64) -> u64 {
    PENDING | token
}

fn head_key(head: ScanoutId) -> u64 {
    HEAD | u64::from(head.get())
}

fn image_key(head: ScanoutId) -> u64 {
    CURSOR_IMAGE | u64::from(head.get())
}

fn resource_key(id: ResourceId) -> u64 {
    u64::from(id.get())
}

/// A resource. Its key is its number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResourceRecord {
    pub(super) content: ContentRecord,
    pub(super) uuid: Option<[u8; 16]>,
    /// Guest address and bytes of each piece of its backing.
    pub(super) pieces: Vec<(u64, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ContentRecord {
    Image { format: Format, size: Size, place: u64 },
    Blob { size: u64 },
    Heap { size: u64, context: ContextId, blob_id: u64 },
}

/// A head, but for the image of its pointer, which is a record of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeadRecord {
    mode: HeadMode,
    scanout: Option<Scanout>,
    at: Point,
    hot: Point,
    pointer: bool,
}

impl HeadRecord {
    /// A head that nothing was done to.
    pub(super) fn dark(mode: HeadMode) -> Self {
        Self { mode, ..Self::default() }
    }
}

/// What the driver did to the device as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Driver {
    /// The feature bits that it took.
    pub(super) features: u64,
    /// Events that it has not cleared.
    pub(super) events: u32,
}

/// The image of a pointer, copied whole instead of byte by byte. It reads as a list of bytes.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.0)
    }
}

/// The resource that a request may have made, changed or removed.
pub(super) fn resource_of(command: &Command<'_>) -> Option<ResourceId> {
    match *command {
        Command::CreateImage { id, .. }
        | Command::Unref(id)
        | Command::AttachBacking { id, .. }
        | Command::DetachBacking(id)
        | Command::AssignUuid(id)
        | Command::MapBlob { id, .. }
        | Command::UnmapBlob(id) => Some(id),
        Command::CreateBlob(blob) => Some(blob.id),
        Command::GetDisplayInfo
        | Command::GetEdid(_)
        | Command::GetCapsetInfo(_)
        | Command::GetCapset(_)
        | Command::Transfer { .. }
        | Command::Flush { .. }
        | Command::SetScanout { .. }
        | Command::SetScanoutBlob { .. }
        | Command::DisableScanout(_)
        | Command::CreateContext { .. }
        | Command::DestroyContext(_)
        | Command::AttachResource { .. }
        | Command::DetachResource { .. }
        | Command::Submit { .. } => None,
    }
}

impl Head {
    fn record(&self) -> HeadRecord {
        let Cursor { at, hot, image } = &self.cursor;
        let (mode, scanout, pointer) = (self.mode, self.scanout, image.is_some());
        HeadRecord { mode, scanout, at: *at, hot: *hot, pointer }
    }

    fn save(&mut self, head: ScanoutId, vault: &mut Vault) {
        let record = self.record();
        if std::mem::replace(&mut self.saved, record) != record {
            vault.put(head_key(head), &record);
        }
        if std::mem::take(&mut self.cursor_image_changed) {
            match &self.cursor.image {
                Some(image) => vault.put(image_key(head), &Bytes(image)),
                None => vault.remove(image_key(head)),
            }
        }
    }
}

impl Device {
    /// Writes down what a request changed: these resources, and whatever became different about heads and driver.
    pub(super) fn save(&mut self, resources: impl IntoIterator<Item = ResourceId>) {
        for id in resources {
            self.save_resource(id);
        }
        for (id, head) in ScanoutId::all().zip(&mut self.heads) {
            head.save(id, &mut self.vault);
        }
        if std::mem::replace(&mut self.saved, self.driver) != self.driver {
            self.vault.put(DRIVER, &self.driver);
        }
        self.vault.commit();
    }

    /// Without a commit.
    pub(super) fn save_resource(&mut self, id: ResourceId) {
        match self.resources.record(id) {
            Some(record) => self.vault.put(resource_key(id), &record),
            None => self.vault.remove(resource_key(id)),
        }
    }

    /// Writes down what a request about 3D changed, but for what [`Device::save_pending`] does.
    pub(super) fn save_3d(&mut self, command: &Command<'_>) {
        match command {
            Command::CreateContext { id, .. } => {
                if let Some(Ok(kind)) = self.contexts.as_ref().map(|contexts| contexts.kind(*id)) {
                    self.vault.put(context_key(*id), &kind);
                }
            }
            Command::DestroyContext(id) => self.vault.remove(context_key(*id)),
            _ => resource_of(command).into_iter().for_each(|id| self.save_resource(id)),
        }
    }

    /// Writes down what the transport needs to go on in another process, in place of what it wrote before.
    pub fn save_transport(&mut self, record: &impl Serialize) {
        self.vault.put(TRANSPORT, record);
        self.vault.commit();
    }

    /// What it wrote last.
    pub fn saved_transport<T: DeserializeOwned>(&self) -> Result<Option<T>, VaultError> {
        self.vault.get(TRANSPORT)
    }

    /// Where what a VMM asked for is while it is not answered.
    pub fn inbox(&self) -> Inbox {
        self.vault.inbox()
    }

    /// Writes down that the render process has this request, and all that was to be written with it.
    pub(super) fn save_pending(&mut self, token: u64) {
        if let Some(pending) = self.contexts.as_ref().and_then(|contexts| contexts.get(token)) {
            self.vault.put(pending_key(token), &pending);
        }
        self.vault.commit();
    }

    fn restore_contexts(&mut self, keys: &[u64]) -> Result<(), VaultError> {
        let Some(contexts) = &mut self.contexts else { return Ok(()) };
        let mut known = BTreeMap::new();
        for key in keys.iter().filter(|key| **key & !u64::from(u32::MAX) == CONTEXT) {
            let id = u32::try_from(key & u64::from(u32::MAX)).ok().and_then(ContextId::new);
            known.extend(id.zip(self.vault.get(*key)?));
        }
        let mut pending = BTreeMap::new();
        for key in keys.iter().filter(|key| **key & PENDING != 0) {
            pending.extend(self.vault.get(*key)?.map(|found| (key & !PENDING, found)));
        }
        let mapped = self.vault.get(HEAP)?.unwrap_or(false);
        if !self.vault.is_new() {
            contexts.restore(known, pending, mapped);
        }
        contexts.greet();
        Ok(())
    }

    /// Makes this new device the one that the vault tells of.
    pub(super) fn restore(&mut self) -> Result<(), VaultError> {
        self.driver = self.vault.get(DRIVER)?.unwrap_or_default();
        self.saved = self.driver;
        self.repeats = !self.vault.is_new();
        let keys: Vec<u64> = self.vault.keys().collect();
        for key in keys.iter().copied().filter(|key| *key < HEAD) {
            let id = u32::try_from(key).ok().and_then(ResourceId::new);
            let (Some(id), Some(record)) = (id, self.vault.get(key)?) else {
                return Err(VaultError::record(key, "no resource has this number"));
            };
            self.resources.restore(id, record).map_err(|error| VaultError::record(key, error))?;
        }
        self.restore_contexts(&keys)?;
        for head in ScanoutId::all() {
            if let Some(record) = self.vault.get(head_key(head))? {
                self.restore_head(head, record)?;
            }
        }
        Ok(())
    }

    fn restore_head(&mut self, head: ScanoutId, record: HeadRecord) -> Result<(), VaultError> {
        let key = head_key(head);
        if head.index() >= self.heads.len() {
            // It came with a display.
            self.heads.resize_with(SCANOUTS_MAX, Head::spare);
        }
        if let Some(scanout) = &record.scanout {
            self.check_scanout(scanout).map_err(|error| VaultError::record(key, error))?;
        }
        let image: Option<Vec<u8>> = if record.pointer { self.vault.get(image_key(head))? } else { None };
        if record.pointer && image.as_ref().is_none_or(|image| image.len() != CURSOR_BYTES) {
            return Err(VaultError::record(key, "its pointer has no image"));
        }
        let cursor = Cursor { at: record.at, hot: record.hot, image: image.map(Vec::into_boxed_slice) };
        if let Some(found) = self.heads.get_mut(head.index()) {
            (found.mode, found.scanout, found.cursor, found.saved) =
                (record.mode, record.scanout, cursor, record);
        }
        Ok(())
    }

    /// Whether a request is refused only because a former process executed it and died before it could say so. Any
    /// other request of that kind may be executed twice.
    pub(super) fn is_repeat(&self, command: &Command<'_>, error: GuestError) -> bool {
        let found = |id: ResourceId| self.resources.record(id);
        let is_backed_by = |record: &ResourceRecord, entries| {
            Backing::from_pieces(&record.pieces).is_some_and(|backing| backing == Backing::new(entries))
        };
        match (*command, error) {
            (Command::Unref(_), GuestError::UnknownResource(_))
            | (Command::DetachBacking(_), GuestError::NoBacking(_)) => true,
            (Command::AttachBacking { id, entries }, GuestError::BackingExists(_)) => {
                found(id).is_some_and(|record| is_backed_by(&record, entries.iter()))
            }
            (Command::CreateImage { id, format, size }, GuestError::ResourceExists(_)) => {
                let is_same = |content| match content {
                    ContentRecord::Image { format: its, size: wide, .. } => (its, wide) == (format, size),
                    ContentRecord::Blob { .. } | ContentRecord::Heap { .. } => false,
                };
                found(id).is_some_and(|record| record.pieces.is_empty() && is_same(record.content))
            }
            (Command::CreateBlob(blob), GuestError::ResourceExists(_)) => {
                found(blob.id).is_some_and(|record| {
                    matches!(record.content, ContentRecord::Blob { size } if size == blob.size)
                        && is_backed_by(&record, blob.entries.iter())
                })
            }
            _ => false,
        }
    }
}
