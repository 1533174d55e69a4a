//! Sessions on the host's GPU.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::{Executor, Renderer};
use crate::heap::{Heap, HeapRange};
use crate::quota::{Ledger, Part};
use crate::render::vulkan::{Context, Gpu, Imports, Leave, Reason, Witness, Worker};
use crate::sys::SharedMemory;
use crate::venus::{Malformed, Reader};

/// Makes contexts on one GPU, for which one account pays.
pub struct GpuRenderer {
    gpu: Arc<Gpu>,
    ledger: Ledger,
    leave: Arc<Leave>,
    heap: Option<Arc<Imports>>,
}

impl GpuRenderer {
    /// For all clients of a vGPU. With a heap all that they map lies there, and each must be [`Setup`](super::Setup)
    /// with the same.
    pub fn new(gpu: Arc<Gpu>, ledger: Ledger, leave: Arc<Leave>, heap: Option<Heap>) -> Arc<Self> {
        Arc::new(Self { gpu, ledger, leave, heap: heap.map(Imports::of) })
    }
}

impl Renderer for GpuRenderer {
    fn capset(&self) -> [u8; 160] {
        self.gpu.capset(self.heap.is_some()).to_bytes()
    }

    fn context(&self, name: &str, mappings: &Part) -> Arc<dyn Executor> {
        let (gpu, ledger) = (Arc::clone(&self.gpu), self.ledger.clone());
        let heap = self.heap.as_ref();
        Arc::new(OnGpu(Context::new(gpu, ledger, mappings.clone(), &self.leave, name, heap)))
    }
}

struct OnGpu(Arc<Context>);

impl Executor for OnGpu {
    fn execute(&self, stream: &[u8], worker: &mut Worker) -> Result<usize, Malformed> {
        let mut reader = Reader::new(stream);
        self.0.execute(&mut reader, worker)?;
        Ok(reader.position())
    }

    fn export(&self, memory_id: u64, bytes: u64) -> Result<OwnedFd, String> {
        self.0.export(memory_id, bytes).map_err(|refusal| refusal.to_string())
    }

    fn fence(&self, ring_index: u32, done: Box<dyn FnOnce() + Send>) {
        self.0.fence(ring_index, done);
    }

    fn tell_of_feedback(&self, witness: Witness) {
        self.0.tell_of_feedback(witness);
    }

    fn end_waits_in(&self, resource: Option<u32>, memory: SharedMemory) {
        self.0.end_waits_in(resource, memory);
    }

    fn attach(&self, id: u32, range: HeapRange) -> Result<(), String> {
        self.0.attach(id, range).map_err(|error| error.to_string())
    }

    fn detach(&self, id: u32) {
        self.0.detach(id);
    }

    fn detach_all(&self) {
        self.0.detach_all();
    }

    fn lose(&self, reason: Reason) {
        self.0.lose(reason);
    }
}
