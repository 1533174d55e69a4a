//! Objects of guests, and who keeps whom alive.
//!
//! An object's place in the driver ends with the last [`Arc`] of it. Each keeps what it was made from and of, so the
//! order in which guests destroy, and whether they do at all, cannot matter to the driver: `vkDestroy…` only takes
//! the guest's name away. Drivers want one thread at a time in a pool, so the last `Arc` of anything is dropped
//! under its context's lock, or when the context is gone.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vulkanalia_sys as vk;

use super::descriptors::{DescriptorSet, PipelineLayout, Pool, SetLayout};
use super::device::Device;
use super::driver::Functions;
use super::gate::Semaphore;
use super::memory::Memory;
use super::queries::QueryPool;
use super::queue::Queue;
use super::resources::{Buffer, Image};
use super::spirv::Module;
use super::sync::Fence;
use super::table::IdHash;
use crate::quota::Charge;
use crate::sys::Address;
use crate::venus::{CommandType, ObjectType};

/// Something that a guest made, or that came with it.
pub(super) struct Object {
    pub(super) kind: ObjectType,
    /// The guest's name of it.
    pub(super) id: u64,
    /// The driver's. 0: it could not be made, and nobody may use it.
    pub(super) handle: u64,
    /// The driver's handle of the device that it belongs to; 0 for what belongs to none.
    pub(super) device_handle: u64,
    /// What it was made from: a pool, a device, an instance.
    pub(super) parent: Option<Arc<Object>>,
    /// The functions of its device, or of the instance.
    pub(super) functions: Arc<Functions>,
    /// How it ends; `None` for what ends with its parent.
    pub(super) destroy: Option<CommandType>,
    /// What is known of it beside.
    pub(super) data: Data,
    keeps: Mutex<Vec<Arc<Object>>>,
    /// The guest's names of what was made from it, for pools.
    children: Mutex<HashSet<u64, IdHash>>,
    /// The last recording that it was kept for.
    recorded: AtomicU64,
    pending: AtomicU32,
    /// Its guest destroyed it.
    orphan: AtomicBool,
    /// How many submissions there were when it was last kept until the GPU is done.
    outlives: AtomicU64,
    /// Counts its resets, for pools and command buffers.
    version: AtomicU64,
    /// What the host keeps for it.
    charge: Option<Charge>,
    /// The version that its parent had when it was made.
    parent_version: u64,
}

/// What the commands written by hand know of objects.
pub(super) enum Data {
    None,
    Device(Device),
    Buffer(Buffer),
    CommandBuffer {
        secondary: bool,
    },
    CommandPool {
        /// Its command buffers can be reset one by one.
        resets: bool,
    },
    DescriptorPool(Pool),
    DescriptorSet(DescriptorSet),
    Fence(Fence),
    Image(Image),
    Memory(Memory),
    Pipeline {
        point: vk::PipelineBindPoint,
    },
    PipelineLayout(PipelineLayout),
    QueryPool(QueryPool),
    Queue(Box<Queue>),
    Semaphore(Arc<Semaphore>),
    ShaderModule(Module),
    SetLayout(Arc<SetLayout>),
    /// It could not be made: the words say why.
    Tombstone(String),
}

impl Object {
    /// An object of the driver's that is alive. Its type says how it ends.
    pub(super) fn new(kind: ObjectType, id: u64, handle: u64, parent: &Arc<Object>) -> Self {
        let mut object = Self::root(kind, id, handle, Arc::clone(&parent.functions));
        object.parent = Some(Arc::clone(parent));
        object.parent_version = parent.version();
        object.device_handle = if kind == ObjectType::Device { handle } else { parent.device_handle };
        object
    }

    /// As [`Object::new`], for what nothing was made for.
    pub(super) fn root(kind: ObjectType, id: u64, handle: u64, functions: Arc<Functions>) -> Self {
        Self {
            kind,
            id,
            handle,
            device_handle: 0,
            parent: None,
            functions,
            destroy: None,
            data: Data::None,
            keeps: Mutex::default(),
            children: Mutex::default(),
            recorded: AtomicU64::new(0),
            pending: AtomicU32::new(0),
            orphan: AtomicBool::new(false),
            outlives: AtomicU64::new(0),
            version: AtomicU64::new(0),
            charge: None,
            parent_version: 0,
        }
    }

    /// An object that could not be made. A guest that did not ask whether it could may name it and destroy it.
    pub(super) fn tombstone(kind: ObjectType, id: u64, parent: &Arc<Object>, refusal: String) -> Self {
        Self::new(kind, id, 0, parent).with(Data::Tombstone(refusal))
    }

    /// Has the driver destroy it by this command when nobody needs it any more.
    pub(super) fn destroyed_by(mut self, command: CommandType) -> Self {
        self.destroy = Some(command);
        self
    }

    /// Says what else is known of it.
    pub(super) fn with(mut self, data: Data) -> Self {
        self.data = data;
        self
    }

    /// Holds what it is charged for as long as it lives.
    pub(super) fn charged(mut self, charge: Charge) -> Self {
        self.charge = Some(charge);
        self
    }

    /// Keeps another object alive as long as this one lives.
    pub(super) fn keep(&self, other: Arc<Object>) {
        self.keeps.lock().unwrap_or_else(PoisonError::into_inner).push(other);
    }

    /// Its size, for buffers; 0 for everything else.
    pub(super) fn bytes(&self) -> u64 {
        match &self.data {
            Data::Buffer(buffer) => buffer.bytes,
            _ => 0,
        }
    }

    /// Itself, what it was made from, what that was made from, …
    pub(super) fn origins(self: &Arc<Object>) -> impl Iterator<Item = &Arc<Object>> {
        std::iter::successors(Some(self), |object| object.parent.as_ref())
    }

    /// The device that it belongs to; itself for what belongs to none.
    pub(super) fn device(self: &Arc<Object>) -> &Arc<Object> {
        self.origins().find(|object| object.kind == ObjectType::Device).unwrap_or(self)
    }

    /// The guest's names of what was made from this pool.
    pub(super) fn children(&self) -> std::sync::MutexGuard<'_, HashSet<u64, IdHash>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the first time that a recording (each has a number) asks.
    pub(super) fn first_in(&self, recording: u64) -> bool {
        self.recorded.load(Ordering::Relaxed) != recording && {
            self.recorded.store(recording, Ordering::Relaxed);
            true
        }
    }

    /// The last recording that asked.
    pub(super) fn last_recording(&self) -> u64 {
        self.recorded.load(Ordering::Relaxed)
    }

    /// Whether its guest destroyed it, and somebody keeps it.
    pub(super) fn is_orphan(&self) -> bool {
        self.orphan.load(Ordering::Relaxed)
    }

    /// Its guest destroyed it.
    pub(super) fn orphan(&self) {
        self.orphan.store(true, Ordering::Relaxed);
    }

    /// Whether this is the first time that it is kept until the GPU is done with so many submissions.
    pub(super) fn first_after(&self, submissions: u64) -> bool {
        self.outlives.swap(submissions, Ordering::Relaxed) != submissions
    }

    /// How often it was reset.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Counts a reset.
    pub(super) fn renew(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a submission that needs it. Like all that a submission changes, this is done under the lock of the
    /// context, which is cheaper than a count that several threads may change.
    pub(super) fn begin_use(&self) {
        self.pending.store(self.pending.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Counts one less.
    pub(super) fn end_use(&self) {
        self.pending.store(self.pending.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }

    /// Whether a submission that is not done needs it.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let (Some(command), Some(parent)) = (self.destroy, &self.parent) else { return };
        // A pool that is reset frees all of its sets, those too that have no name any more and are kept.
        if parent.version() != self.parent_version {
            return;
        }
        let device = self.device_handle;
        let one = [self.handle];
        let list: Address = one.as_ptr().expose_provenance() as Address;
        match command {
            CommandType::DestroyDevice => {
                _ = self.functions.call(CommandType::DeviceWaitIdle, &[self.handle]);
                _ = self.functions.call(command, &[self.handle, 0]);
            }
            CommandType::FreeCommandBuffers | CommandType::FreeDescriptorSets => {
                _ = self.functions.call(command, &[device, parent.handle, 1, list]);
            }
            _ => _ = self.functions.call(command, &[device, self.handle, 0]),
        }
    }
}

/// An object that a submission needs, until this is dropped.
pub(super) struct Pending(Arc<Object>);

impl Pending {
    pub(super) fn new(object: &Arc<Object>) -> Self {
        object.begin_use();
        Self(Arc::clone(object))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.end_use();
    }
}
