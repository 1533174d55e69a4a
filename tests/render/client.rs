//! A client whose queue has a ring index, and its commands of memory and synchronisation.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use vgpu::quota::{Ledger, Shares};
use vgpu::render::vulkan::{Context, Imports, Leave};
use vgpu::venus::CommandType;

use crate::guest::{Answer, Command, Guest};
use crate::scene::{self, DEVICE, INSTANCE, PHYSICAL_DEVICE, QUEUE};

pub(crate) const SUCCESS: i32 = 0;
pub(crate) const NOT_READY: i32 = 1;
pub(crate) const TIMEOUT: i32 = 2;
pub(crate) const OUT_OF_DEVICE_MEMORY: i32 = -2;
pub(crate) const DEVICE_LOST: i32 = -4;
pub(crate) const INVALID_EXTERNAL_HANDLE: i32 = -1_000_072_003;

/// The queue's ring index.
pub(crate) const RING_INDEX: u32 = 1;

/// A client with a device and a queue.
pub(crate) struct Client {
    pub(crate) context: Arc<Context>,
    guest: Guest,
}

impl Client {
    /// One that may have so many bytes of memory.
    pub(crate) fn new(limit: u64) -> Self {
        Self::under(&Leave::open(), &Ledger::new(limit))
    }

    /// One that may submit when it has leave to.
    pub(crate) fn under(leave: &Arc<Leave>, ledger: &Ledger) -> Self {
        Self::with(leave, ledger, None)
    }

    /// One that maps a heap.
    pub(crate) fn in_heap(imports: &Arc<Imports>) -> Self {
        Self::with(&Leave::open(), &Ledger::new(1 << 20), Some(imports))
    }

    fn with(leave: &Arc<Leave>, ledger: &Ledger, heap: Option<&Arc<Imports>>) -> Self {
        let mappings = Shares::among(1).of_client().mappings;
        let context = Context::new(scene::gpu(), ledger.clone(), mappings, leave, "test", heap);
        let mut client = Self { guest: Guest::new(Arc::clone(&context)), context };
        client.ask(scene::create_instance(INSTANCE));
        let devices = Command::new(CommandType::EnumeratePhysicalDevices).long(INSTANCE).some().int(1);
        client.ask(list64(devices, &[PHYSICAL_DEVICE]));
        client.ask(scene::create_device(DEVICE, &[]));
        let queue = Command::new(CommandType::GetDeviceQueue2).long(DEVICE).some().int(1_000_145_003).some();
        let queue = queue.structure(1_000_384_005).int(RING_INDEX);
        client.tell(queue.ints([0, 0, 0]).some().long(QUEUE));
        assert_eq!(client.lost(), None);
        client
    }

    /// The same client, on another thread.
    pub(crate) fn other_thread(&self) -> Self {
        Self { context: Arc::clone(&self.context), guest: Guest::new(Arc::clone(&self.context)) }
    }

    /// The same client, on the thread that serves its connection.
    pub(crate) fn connection(&self, socket: UnixStream) -> Self {
        let guest = Guest::of_client(Arc::clone(&self.context), socket);
        Self { context: Arc::clone(&self.context), guest }
    }

    /// Sends a stream of commands that want no answer.
    pub(crate) fn stream(&mut self, bytes: &[u8]) {
        self.guest.stream(bytes);
    }

    /// Sends a command and wants no answer.
    pub(crate) fn tell(&mut self, command: Command) {
        self.guest.send(command);
    }

    /// Sends a command and reads the answer.
    pub(crate) fn ask(&mut self, command: Command) -> Answer {
        self.guest.send(command.asked())
    }

    /// Why the client lost its device.
    pub(crate) fn lost(&self) -> Option<String> {
        self.context.lost().map(|reason| reason.to_string())
    }

    pub(crate) fn assert_lost(&self, words: &str) {
        let lost = self.lost().expect("the client should have lost its device");
        assert!(lost.contains(words), "{lost}");
    }
}

fn list64(command: Command, values: &[u64]) -> Command {
    command.long(values.len() as u64).longs(values.iter().copied())
}

fn list32(command: Command, values: &[u32]) -> Command {
    command.long(values.len() as u64).ints(values.iter().copied())
}

/// A type that guests map: the only one that lavapipe has.
fn memory_type() -> u32 {
    std::env::var("VGPU_TEST_MEMORY_TYPE").map_or(0, |number| number.parse().unwrap())
}

/// vkAllocateMemory, of a type that guests map.
pub(crate) fn allocate(id: u64, bytes: u64) -> Command {
    let command = Command::new(CommandType::AllocateMemory).long(DEVICE).info(5);
    command.long(bytes).int(memory_type()).makes(id)
}

/// vkAllocateMemory, of a resource.
pub(crate) fn import(id: u64, resource: u32, bytes: u64) -> Command {
    let command = Command::new(CommandType::AllocateMemory).long(DEVICE).some().int(5).some();
    command.structure(1_000_384_002).int(resource).long(bytes).int(memory_type()).makes(id)
}

/// vkFreeMemory.
pub(crate) fn free(id: u64) -> Command {
    Command::new(CommandType::FreeMemory).long(DEVICE).long(id).null()
}

/// vkBindBufferMemory.
pub(crate) fn bind_buffer(buffer: u64, memory: u64, offset: u64) -> Command {
    Command::new(CommandType::BindBufferMemory).long(DEVICE).long(buffer).long(memory).long(offset)
}

/// vkCreateFence.
pub(crate) fn create_fence(id: u64, signalled: bool) -> Command {
    Command::new(CommandType::CreateFence).long(DEVICE).info(8).int(signalled.into()).makes(id)
}

/// vkGetFenceStatus.
pub(crate) fn fence_status(id: u64) -> Command {
    Command::new(CommandType::GetFenceStatus).long(DEVICE).long(id)
}

/// vkWaitForFences, for one.
pub(crate) fn wait_for_fence(id: u64, timeout: u64) -> Command {
    list64(Command::new(CommandType::WaitForFences).long(DEVICE).int(1), &[id]).int(1).long(timeout)
}

/// vkResetFences.
pub(crate) fn reset_fence(id: u64) -> Command {
    list64(Command::new(CommandType::ResetFences).long(DEVICE).int(1), &[id])
}

/// vkCreateSemaphore, of a timeline.
pub(crate) fn create_timeline(id: u64, value: u64) -> Command {
    let command = Command::new(CommandType::CreateSemaphore).long(DEVICE).some().int(9).some();
    command.structure(1_000_207_002).int(1).long(value).int(0).makes(id)
}

/// vkCreateSemaphore, of a binary one.
pub(crate) fn create_binary(id: u64) -> Command {
    Command::new(CommandType::CreateSemaphore).long(DEVICE).info(9).int(0).makes(id)
}

/// vkSignalSemaphore.
pub(crate) fn signal(id: u64, value: u64) -> Command {
    Command::new(CommandType::SignalSemaphore).long(DEVICE).info(1_000_207_005).long(id).long(value)
}

/// vkGetSemaphoreCounterValue.
pub(crate) fn value(id: u64) -> Command {
    Command::new(CommandType::GetSemaphoreCounterValue).long(DEVICE).long(id).some()
}

/// vkWaitSemaphores.
pub(crate) fn wait_semaphore(id: u64, value: u64, timeout: u64) -> Command {
    let command = Command::new(CommandType::WaitSemaphores).long(DEVICE).info(1_000_207_004);
    list64(list64(command.ints([0, 1]), &[id]), &[value]).long(timeout)
}

/// vkQueueWaitIdle.
pub(crate) fn wait_idle() -> Command {
    Command::new(CommandType::QueueWaitIdle).long(QUEUE)
}

/// What a batch does: it waits, executes command buffers, signals.
#[derive(Default)]
pub(crate) struct Batch<'b> {
    pub(crate) waits: &'b [(u64, u64)],
    pub(crate) buffers: &'b [u64],
    pub(crate) signals: &'b [(u64, u64)],
}

/// vkQueueSubmit.
pub(crate) fn submit(batches: &[Batch<'_>], fence: u64) -> Command {
    let count = |length: usize| u32::try_from(length).unwrap();
    let ids = |list: &[(u64, u64)]| list.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    let values = |list: &[(u64, u64)]| list.iter().map(|(_, value)| *value).collect::<Vec<_>>();
    let start = Command::new(CommandType::QueueSubmit).long(QUEUE).int(count(batches.len()));
    let all = batches.iter().fold(start.long(batches.len() as u64), |command, batch| {
        let command = command.int(4).some().structure(1_000_207_003);
        let command = list64(command.int(count(batch.waits.len())), &values(batch.waits));
        let command = list64(command.int(count(batch.signals.len())), &values(batch.signals));
        let command = list64(command.int(count(batch.waits.len())), &ids(batch.waits));
        let command = list32(command, &vec![1 << 16; batch.waits.len()]);
        let command = list64(command.int(count(batch.buffers.len())), batch.buffers);
        list64(command.int(count(batch.signals.len())), &ids(batch.signals))
    });
    all.long(fence)
}

/// Records a command buffer that fills a buffer with sevens: pool and command buffer must not exist yet.
pub(crate) fn record_fill(client: &mut Client, [pool, commands, buffer]: [u64; 3], bytes: u64) {
    client.ask(scene::create_command_pool(pool));
    client.ask(scene::allocate_command_buffer(commands, pool));
    client.ask(scene::begin(commands));
    client.tell(scene::fill(commands, buffer, 0, bytes));
    assert_eq!(client.ask(scene::end(commands)).result(), SUCCESS);
}
