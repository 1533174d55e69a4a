//! Device memory in the heap: a guest's kernel gives a resource its place, and then a guest imports the resource.
//!
//! # Who writes where
//!
//! Guests drop a resource before they free the memory, and their kernel may give its place to another program as soon
//! as we let go of it, while the GPU is at work in the import still. So each import is a mapping of its own, and when
//! the resource goes, memory that is nobody else's is put in its place. The driver notices nothing. It all happens
//! under the context's lock, as allocating does: there is no import that the table does not know.
//!
//! What was imported keeps host memory beyond the heap from then on until it is freed: that which was put in its place,
//! or the pages that the GPU has pinned. The heap is charged for once, as a whole, so imports have an account of their
//! own with room for [`HEAPS_IMPORTED_MAX`] heaps.
//!
//! Ranges may overlap: whoever places resources is the guest's kernel, which can write anywhere in the heap anyway.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Once, Weak};

use vulkanalia_sys::{self as vk, StructureType};

use super::Refused;
use crate::heap::{Heap, HeapRange};
use crate::quota::Ledger;
use crate::render::vulkan::context::Context;
use crate::render::vulkan::reason::Reason;
use crate::render::vulkan::turn::{Outcome, Turn};
use crate::sys::{MemoryResourceAllocationSizePropertiesMESA, MemoryResourcePropertiesMESA, Pages};
use crate::venus;

/// Two programs may have all of it, as one that draws and one that shows what it drew.
const HEAPS_IMPORTED_MAX: u64 = 2;

const ALLOCATION_SIZE_PROPERTIES_MESA: StructureType = StructureType::from_raw(1_000_384_003);

/// The heap of a vGPU, with what all of its contexts have imported.
pub struct Imports {
    heap: Heap,
    imported: Ledger,
    old_guest: Once,
}

impl Imports {
    /// Of a heap of which nothing is imported yet.
    pub fn of(heap: Heap) -> Arc<Self> {
        let imported = Ledger::new(heap.bytes().saturating_mul(HEAPS_IMPORTED_MAX));
        Arc::new(Self { heap, imported, old_guest: Once::new() })
    }
}

/// A part of a resource's range that is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render::vulkan) struct Import {
    pub id: u32,
    pub range: HeapRange,
}

struct Attachment {
    range: HeapRange,
    /// Its imports, some of which may be gone; none if there never was one.
    imports: Vec<Weak<Pages>>,
}

/// The resources of one context.
pub(in crate::render::vulkan) struct Attached {
    all: Arc<Imports>,
    table: BTreeMap<u32, Attachment>,
}

impl Attached {
    pub(in crate::render::vulkan) fn new(all: Arc<Imports>) -> Self {
        Self { all, table: BTreeMap::new() }
    }

    pub(in crate::render::vulkan) fn heap(&self) -> &Heap {
        &self.all.heap
    }

    /// Pays for imports.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.all.imported
    }

    /// Where so many bytes of a resource lie.
    pub(super) fn find(&self, id: u32, bytes: u64, alignment: u64) -> Result<Import, Refused> {
        let Attachment { range, .. } = self.table.get(&id).ok_or(Refused::Unknown(id))?;
        let too_small = Refused::TooSmall { id, has: range.bytes(), wanted: bytes, alignment };
        let part = self.all.heap.range(range.offset(), bytes).ok().filter(|_| bytes <= range.bytes());
        part.map(|range| Import { id, range }).ok_or(too_small)
    }

    /// Maps what is to be imported.
    pub(super) fn map(&mut self, import: Import) -> io::Result<Arc<Pages>> {
        let file = self.all.heap.file();
        let pages = Arc::new(Pages::map_range(&file, import.range.offset(), import.range.bytes())?);
        if let Some(Attachment { imports, .. }) = self.table.get_mut(&import.id) {
            imports.retain(|import| import.strong_count() > 0);
            imports.push(Arc::downgrade(&pages));
        }
        Ok(pages)
    }

    /// Says once for a vGPU that a guest allocates in a way that a heap does not serve.
    pub(super) fn tell_of_old_guest(&self, name: &str) {
        self.all.old_guest.call_once(|| {
            tracing::warn!(
                "{name}: guest Mesa is older than 24.0: it allocates host-visible memory before there is a place \
                 for it; its programs get none until the VM has Mesa 24.0 or newer"
            );
        });
    }

    /// What is attached and was never imported.
    pub(in crate::render::vulkan) fn untouched(&self) -> impl Iterator<Item = Import> {
        let untouched = self.table.iter().filter(|(_, attached)| attached.imports.is_empty());
        untouched.map(|(id, attached)| Import { id: *id, range: attached.range })
    }

    fn remove(&mut self, id: u32) {
        let imports = self.table.remove(&id).map(|attached| attached.imports).unwrap_or_default();
        imports.iter().filter_map(Weak::upgrade).for_each(|pages| pages.bury());
    }
}

/// A resource that cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Everything is elsewhere.
    #[error("the context has no heap")]
    NoHeap,
    /// Another range has this number.
    #[error("resource {0} is attached already, and lies elsewhere")]
    Exists(u32),
}

impl Context {
    /// Lets the client import a range of the heap as the resource of this number. The same again changes nothing.
    pub fn attach(&self, id: u32, range: HeapRange) -> Result<(), AttachError> {
        let state = &mut *self.state();
        let attached = state.attached.as_mut().ok_or(AttachError::NoHeap)?;
        match attached.table.get(&id) {
            Some(found) if found.range == range => return Ok(()),
            Some(_) => return Err(AttachError::Exists(id)),
            None => _ = attached.table.insert(id, Attachment { range, imports: Vec::new() }),
        }
        if matches!(&state.lost, Some(reason) if *reason != Reason::Gone) {
            state.feedback.end_untouched(Import { id, range });
        }
        Ok(())
    }

    /// Takes a resource away. When this returns nothing that the client has going, on the GPU or here, reaches its
    /// range any more: once each context that has it let go of it, the range may be punched and be somebody else's.
    pub fn detach(&self, id: u32) {
        let state = &mut *self.state();
        state.feedback.forget(id);
        state.attached.iter_mut().for_each(|attached| attached.remove(id));
    }

    /// As [`Context::detach`], of all resources.
    pub fn detach_all(&self) {
        let state = &mut *self.state();
        state.feedback.forget_all();
        if let Some(attached) = &mut state.attached {
            let ids: Vec<_> = attached.table.keys().copied().collect();
            ids.into_iter().for_each(|id| attached.remove(id));
        }
    }
}

/// vkGetMemoryResourcePropertiesMESA: a resource in the heap can be memory of each type that guests map.
pub(in crate::render::vulkan) fn resource_properties(turn: &mut Turn<'_>) -> Outcome {
    let attached = turn.state.attached.as_ref();
    let id = u32::try_from(turn.call.arg(1)).ok();
    let Some(found) = id.and_then(|id| attached?.table.get(&id)) else {
        return vk::Result::ERROR_INVALID_EXTERNAL_HANDLE.into();
    };
    let (at, bytes) = (turn.call.arg(2), found.range.bytes());
    if let Some(properties) = turn.arena.get_mut::<MemoryResourcePropertiesMESA>(at) {
        properties.memory_type_bits = turn.state.gpu.memory.types.mapped_bits();
    }
    if let Some(at) = venus::find(turn.arena, at, ALLOCATION_SIZE_PROPERTIES_MESA)
        && let Some(size) = turn.arena.get_mut::<MemoryResourceAllocationSizePropertiesMESA>(at)
    {
        size.allocation_size = bytes;
    }
    vk::Result::SUCCESS.into()
}
