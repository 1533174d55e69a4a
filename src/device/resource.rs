//! The resources of a guest: images of ours that it transfers pixels into, and blobs, which are its own pages.

use std::collections::BTreeMap;

use uuid::Uuid;
use vm_memory::{GuestAddress, GuestMemoryBackend};

use super::record::{ContentRecord, ResourceRecord};
use crate::guest_memory::{Backing, GuestMemory};
use crate::link::Blob;
use crate::quota::{Charge, Ledger, OverLimit};
use crate::render::software::{Image, NoMemory};
use crate::vault::PixelSpace;
use crate::wire::{ContextId, CreateBlob, Entries, Format, GuestError, Limits, Rect, ResourceId, Size};

/// What a resource takes beside its image and its list, charged so that empty ones are not free.
const RESOURCE_BYTES: u64 = 512;
const _: () =
    assert!(size_of::<(ResourceId, Resource)>() as u64 * 2 <= RESOURCE_BYTES, "tree nodes may be half empty");

/// What ranges of the heap are multiples of.
const PAGE_BYTES: u64 = 4096;

/// How often a list of pages is charged: once for itself, and three times for its record, which takes less. The vault's
/// log has up to twice what counts in it, and what counts once more while it is shortened.
const LIST_COPIES: u64 = 4;

/// One resource.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) content: Content,
    pages: Pages,
    uuid: Option<Uuid>,
    _charge: Charge,
}

/// What a resource is.
#[derive(Debug)]
pub(super) enum Content {
    /// Made by `RESOURCE_CREATE_2D`.
    Image(Image),
    /// Made by `RESOURCE_CREATE_BLOB`: guest pages and nothing else.
    Blob {
        /// Bytes that it has, none of them beyond its pages.
        size: u64,
    },
    /// Made by `RESOURCE_CREATE_BLOB`: a range of the heap, once it is mapped. That is its only page then.
    Heap {
        /// Bytes that it has.
        size: u64,
        /// The context that made it.
        context: ContextId,
        /// What that context calls it.
        blob_id: u64,
    },
}

/// The guest pages of a resource; empty before they are attached.
#[derive(Debug, Default)]
struct Pages {
    backing: Backing,
    _charge: Option<Charge>,
}

impl Pages {
    /// A list without a page is the same as none, before and after a death.
    fn new(backing: Backing, charge: Charge) -> Self {
        Self { _charge: (!backing.is_empty()).then_some(charge), backing }
    }
}

impl Resource {
    /// Its guest pages; none where none are attached.
    pub(super) fn backing(&self) -> &Backing {
        &self.pages.backing
    }

    /// The error of an area that leaves the image. A blob has no size that it could leave.
    pub(super) fn check(&self, area: &Rect) -> Result<(), GuestError> {
        match &self.content {
            Content::Image(image) => check_inside(area, image.size()),
            Content::Blob { .. } | Content::Heap { .. } => Ok(()),
        }
    }
}

/// Every resource of one guest, and what it may still have.
#[derive(Debug)]
pub(super) struct Resources {
    table: BTreeMap<ResourceId, Resource>,
    ledger: Ledger,
    limits: Limits,
    pixels: PixelSpace,
}

impl Resources {
    pub(super) fn new(limits: Limits, pixels: PixelSpace) -> Self {
        Self { table: BTreeMap::new(), ledger: Ledger::new(limits.memory_bytes), limits, pixels }
    }

    /// Every number that is taken.
    pub(super) fn ids(&self) -> Vec<ResourceId> {
        self.table.keys().copied().collect()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes_used(&self) -> u64 {
        self.ledger.used()
    }

    pub(super) fn clear(&mut self) {
        self.table.clear();
    }

    pub(super) fn find(&self, id: ResourceId) -> Option<&Resource> {
        self.table.get(&id)
    }

    pub(super) fn get(&self, id: ResourceId) -> Result<&Resource, GuestError> {
        self.find(id).ok_or(GuestError::UnknownResource(id.get()))
    }

    fn get_mut(&mut self, id: ResourceId) -> Result<&mut Resource, GuestError> {
        self.table.get_mut(&id).ok_or(GuestError::UnknownResource(id.get()))
    }

    /// `RESOURCE_CREATE_2D`.
    pub(super) fn create_image(
        &mut self,
        id: ResourceId,
        format: Format,
        size: Size,
    ) -> Result<(), GuestError> {
        self.check_size(size)?;
        let charge = self.admit(id)?;
        let image = Image::zeroed(size, format, &self.ledger, &self.pixels).map_err(no_memory)?;
        self.insert(id, Content::Image(image), Pages::default(), charge);
        Ok(())
    }

    fn check_size(&self, size: Size) -> Result<(), GuestError> {
        let side = self.limits.image_side;
        let fits = !size.is_empty() && size.width <= side && size.height <= side;
        if fits { Ok(()) } else { Err(GuestError::BadSize(size)) }
    }

    /// What the next process has to know of a resource.
    pub(super) fn record(&self, id: ResourceId) -> Option<ResourceRecord> {
        let resource = self.find(id)?;
        let content = match &resource.content {
            Content::Image(image) => {
                ContentRecord::Image { format: image.format(), size: image.size(), place: image.place() }
            }
            Content::Blob { size } => ContentRecord::Blob { size: *size },
            Content::Heap { size, context, blob_id } => {
                ContentRecord::Heap { size: *size, context: *context, blob_id: *blob_id }
            }
        };
        let uuid = resource.uuid.map(Uuid::into_bytes);
        Some(ResourceRecord { content, uuid, pieces: resource.backing().pieces().collect() })
    }

    /// Adds a resource of a former process, under the same limits.
    pub(super) fn restore(&mut self, id: ResourceId, record: ResourceRecord) -> Result<(), GuestError> {
        let charge = self.admit(id)?;
        let backing = Backing::from_pieces(&record.pieces).ok_or(GuestError::NoBacking(id.get()))?;
        let content = match record.content {
            ContentRecord::Image { format, size, place } => {
                self.check_size(size)?;
                let image = Image::found(size, format, place, &self.ledger, &self.pixels);
                Content::Image(image.map_err(no_memory)?)
            }
            ContentRecord::Blob { size } => {
                check_blob(size, backing.len(), !backing.is_empty())?;
                Content::Blob { size }
            }
            ContentRecord::Heap { size, context, blob_id } => Content::Heap { size, context, blob_id },
        };
        let list = self.ledger.charge(LIST_COPIES * backing.list_bytes()).map_err(over_limit)?;
        self.insert(id, content, Pages::new(backing, list), charge);
        if let Some(resource) = self.table.get_mut(&id) {
            resource.uuid = record.uuid.map(Uuid::from_bytes);
        }
        Ok(())
    }

    /// `RESOURCE_CREATE_BLOB`.
    pub(super) fn create_blob(
        &mut self,
        memory: &GuestMemory,
        blob: &CreateBlob<'_>,
    ) -> Result<(), GuestError> {
        if !blob.is_guest_memory() {
            return Err(GuestError::BadBlob { kind: blob.kind, flags: blob.flags });
        }
        let charge = self.admit(blob.id)?;
        let content = Content::Blob { size: blob.size };
        let pages = self.pages(memory, blob.entries, &content)?;
        self.insert(blob.id, content, pages, charge);
        Ok(())
    }

    /// `RESOURCE_CREATE_BLOB` of host memory.
    pub(super) fn create_heap_blob(
        &mut self,
        blob: &CreateBlob<'_>,
        context: ContextId,
    ) -> Result<(), GuestError> {
        let CreateBlob { id, size, blob_id, .. } = *blob;
        check_blob(size, 0, false)?;
        let charge = self.admit(id)?;
        self.insert(id, Content::Heap { size, context, blob_id }, Pages::default(), charge);
        Ok(())
    }

    /// `RESOURCE_MAP_BLOB`.
    pub(super) fn map_blob(&mut self, id: ResourceId, offset: u64, heap: u64) -> Result<Blob, GuestError> {
        let resource = self.get_mut(id)?;
        let Content::Heap { size, context, blob_id } = resource.content else {
            return Err(GuestError::NotMappable(id.get()));
        };
        if !resource.backing().is_empty() {
            return Err(GuestError::NotMappable(id.get()));
        }
        let bytes = size.checked_next_multiple_of(PAGE_BYTES).unwrap_or(u64::MAX);
        let fits = offset.checked_add(bytes).is_some_and(|end| end <= heap);
        if !fits || !offset.is_multiple_of(PAGE_BYTES) {
            return Err(GuestError::OutsideHeap { offset, bytes, heap });
        }
        resource.pages.backing = Backing::from_pieces(&[(offset, bytes)]).unwrap_or_default();
        Ok(Blob { resource: id, context, blob_id, offset, bytes })
    }

    /// `RESOURCE_UNMAP_BLOB`. Tells what it was.
    pub(super) fn unmap_blob(&mut self, id: ResourceId) -> Result<Blob, GuestError> {
        let blob = self.mapped(id).ok_or(GuestError::NotMappable(id.get()))?;
        self.get_mut(id)?.pages = Pages::default();
        Ok(blob)
    }

    /// The range of the heap that a resource is at this moment, if it is one.
    pub(super) fn mapped(&self, id: ResourceId) -> Option<Blob> {
        let resource = self.find(id)?;
        let Content::Heap { context, blob_id, .. } = resource.content else { return None };
        let (offset, bytes) = resource.backing().pieces().next()?;
        Some(Blob { resource: id, context, blob_id, offset, bytes })
    }

    /// Makes sure that a resource may be added, and charges what each takes.
    fn admit(&self, id: ResourceId) -> Result<Charge, GuestError> {
        if self.table.contains_key(&id) {
            return Err(GuestError::ResourceExists(id.get()));
        }
        if self.table.len() >= self.limits.resources as usize {
            return Err(GuestError::TooManyResources(self.limits.resources));
        }
        self.ledger.charge(RESOURCE_BYTES).map_err(over_limit)
    }

    fn insert(&mut self, id: ResourceId, content: Content, pages: Pages, charge: Charge) {
        self.table.insert(id, Resource { content, pages, uuid: None, _charge: charge });
    }

    /// `RESOURCE_UNREF`.
    pub(super) fn remove(&mut self, id: ResourceId) -> Result<(), GuestError> {
        self.table.remove(&id).map(drop).ok_or(GuestError::UnknownResource(id.get()))
    }

    /// `RESOURCE_ATTACH_BACKING`.
    pub(super) fn attach(
        &mut self,
        memory: &GuestMemory,
        id: ResourceId,
        entries: Entries<'_>,
    ) -> Result<(), GuestError> {
        let resource = self.get(id)?;
        if !resource.backing().is_empty() || matches!(resource.content, Content::Heap { .. }) {
            return Err(GuestError::BackingExists(id.get()));
        }
        let pages = self.pages(memory, entries, &resource.content)?;
        self.get_mut(id)?.pages = pages;
        Ok(())
    }

    /// Charges and makes a list of pages. No page at all is allowed, and is the same as none attached.
    fn pages(&self, memory: &GuestMemory, entries: Entries<'_>, of: &Content) -> Result<Pages, GuestError> {
        let mut backed = 0;
        for (address, len) in entries.iter() {
            if len == 0 || !memory.check_range(GuestAddress(address), len as usize) {
                return Err(GuestError::BadEntry { address, len });
            }
            backed += u64::from(len);
        }
        if let Content::Blob { size } = *of {
            check_blob(size, backed, !entries.is_empty())?;
        }
        let list_bytes = LIST_COPIES * entries.len() as u64 * Backing::BYTES_PER_ENTRY;
        let mut charge = self.ledger.charge(list_bytes).map_err(over_limit)?;
        let backing = Backing::new(entries.iter());
        charge.shrink_to(LIST_COPIES * backing.list_bytes());
        Ok(Pages::new(backing, charge))
    }

    /// `RESOURCE_DETACH_BACKING`.
    pub(super) fn detach(&mut self, id: ResourceId) -> Result<(), GuestError> {
        let resource = self.get_mut(id)?;
        if resource.backing().is_empty() || matches!(resource.content, Content::Heap { .. }) {
            return Err(GuestError::NoBacking(id.get()));
        }
        resource.pages = Pages::default();
        Ok(())
    }

    /// `TRANSFER_TO_HOST_2D`. A blob's pixels are read where they are, so for one there is nothing to do.
    pub(super) fn transfer(
        &mut self,
        memory: &GuestMemory,
        id: ResourceId,
        area: &Rect,
        offset: u64,
    ) -> Result<(), GuestError> {
        let Resource { content, pages, .. } = self.get_mut(id)?;
        let Content::Image(image) = content else { return Ok(()) };
        if pages.backing.is_empty() {
            return Err(GuestError::NoBacking(id.get()));
        }
        check_inside(area, image.size())?;
        check_bytes(area, image.stride() as u64, offset, pages.backing.len())?;
        image.transfer(memory, &pages.backing, area, offset).map_err(|_| GuestError::MemoryGone(id.get()))
    }

    /// `RESOURCE_ASSIGN_UUID`: random, and the same as long as the resource lives.
    pub(super) fn uuid(&mut self, id: ResourceId) -> Result<[u8; 16], GuestError> {
        Ok(self.get_mut(id)?.uuid.get_or_insert_with(Uuid::new_v4).into_bytes())
    }
}

/// The error of a blob without a byte, or with pages that are fewer bytes than it.
fn check_blob(size: u64, backed: u64, has_pages: bool) -> Result<(), GuestError> {
    let fits = size > 0 && (backed >= size || !has_pages);
    if fits { Ok(()) } else { Err(GuestError::ShortBlob { size, backed }) }
}

/// The error of an area that leaves an image of this size.
pub(super) fn check_inside(area: &Rect, size: Size) -> Result<(), GuestError> {
    if area.fits(size) { Ok(()) } else { Err(GuestError::OutsideImage { area: *area, size }) }
}

/// The error of an area whose first pixel is at `offset` and whose last one ends beyond `bytes`.
pub(super) fn check_bytes(area: &Rect, stride: u64, offset: u64, bytes: u64) -> Result<(), GuestError> {
    let row = u64::from(area.width) * u64::from(Format::BYTES_PER_PIXEL);
    let end = u64::from(area.height)
        .saturating_sub(1)
        .checked_mul(stride)
        .and_then(|rows| rows.checked_add(row)?.checked_add(offset));
    match end {
        Some(end) if end <= bytes => Ok(()),
        _ => Err(GuestError::OutsideBytes { area: *area, stride, offset, bytes }),
    }
}

fn over_limit(OverLimit { wanted, used, limit }: OverLimit) -> GuestError {
    GuestError::OutOfMemory { wanted, used, limit }
}

fn no_memory(error: NoMemory) -> GuestError {
    match error {
        NoMemory::OverLimit(error) => over_limit(error),
        NoMemory::Host(wanted) => GuestError::HostOutOfMemory(wanted),
    }
}
