//! A client that writes its commands by hand, byte by byte as the protocol has them.

use std::sync::{Arc, OnceLock};

use vgpu::quota::Ledger;
use vgpu::render::vulkan::{Context, Gpu, GpuOptions, Worker};
use vgpu::venus::{CommandType, Reader};

pub(crate) const SUCCESS: i32 = 0;
pub(crate) const NOT_READY: i32 = 1;
pub(crate) const TIMEOUT: i32 = 2;
pub(crate) const OUT_OF_DEVICE_MEMORY: i32 = -2;
pub(crate) const DEVICE_LOST: i32 = -4;

/// Names of what every client here has.
pub(crate) const INSTANCE: u64 = 1;
pub(crate) const PHYSICAL_DEVICE: u64 = 2;
pub(crate) const DEVICE: u64 = 3;
pub(crate) const QUEUE: u64 = 4;

/// The queue's ring index.
pub(crate) const RING_INDEX: u32 = 1;

/// The GPU, opened once.
pub(crate) fn gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    let open = || Gpu::open(&GpuOptions { which: Some("llvmpipe".into()) }).unwrap();
    Arc::clone(GPU.get_or_init(open))
}

/// A command that is being written.
pub(crate) struct Command {
    command: CommandType,
    bytes: Vec<u8>,
}

impl Command {
    pub(crate) fn new(command: CommandType) -> Self {
        Self { command, bytes: Vec::new() }
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// A pointer to something, which follows.
    pub(crate) fn some(self) -> Self {
        self.u64(1)
    }

    /// A pointer to nothing, or an empty list.
    pub(crate) fn none(self) -> Self {
        self.u64(0)
    }

    /// A structure's type, and no chain.
    pub(crate) fn head(self, structure: u32) -> Self {
        self.u32(structure).none()
    }

    pub(crate) fn list64(self, values: &[u64]) -> Self {
        values.iter().fold(self.u64(values.len() as u64), |command, value| command.u64(*value))
    }

    pub(crate) fn list32(self, values: &[u32]) -> Self {
        values.iter().fold(self.u64(values.len() as u64), |command, value| command.u32(*value))
    }

    /// The end of commands that make something: no allocator, and the name of what they make.
    pub(crate) fn makes(self, id: u64) -> Self {
        self.none().some().u64(id)
    }
}

/// What came back: the bytes behind the command's number.
pub(crate) struct Reply(Vec<u8>);

impl Reply {
    pub(crate) fn result(&self) -> i32 {
        i32::from_le_bytes(self.0[..4].try_into().unwrap())
    }

    /// A number so many bytes behind the result.
    pub(crate) fn u64(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.0[4 + offset..12 + offset].try_into().unwrap())
    }
}

/// A client with a device and a queue.
pub(crate) struct Client {
    pub(crate) context: Arc<Context>,
    worker: Worker,
}

impl Client {
    /// One that may have so many bytes of memory.
    pub(crate) fn new(limit: u64) -> Self {
        let context = Context::new(gpu(), Ledger::new(limit), "test");
        let mut client = Self { context, worker: Worker::new().unwrap() };
        client.ask(
            Command::new(CommandType::CreateInstance)
                .some()
                .head(1)
                .u32(0)
                .none()
                .u32(0)
                .none()
                .u32(0)
                .none()
                .makes(INSTANCE),
        );
        client.ask(
            Command::new(CommandType::EnumeratePhysicalDevices)
                .u64(INSTANCE)
                .some()
                .u32(1)
                .list64(&[PHYSICAL_DEVICE]),
        );
        let device =
            Command::new(CommandType::CreateDevice).u64(PHYSICAL_DEVICE).some().head(3).u32(0).u32(1).u64(1);
        let device = device.head(2).u32(0).u32(0).u32(1).list32(&[1_f32.to_bits()]);
        client.ask(device.u32(0).none().u32(0).none().none().makes(DEVICE));
        let queue = Command::new(CommandType::GetDeviceQueue2).u64(DEVICE).some();
        let queue = queue.u32(1_000_145_003).some().u32(1_000_384_005).none().u32(RING_INDEX);
        client.tell(queue.u32(0).u32(0).u32(0).some().u64(QUEUE));
        assert_eq!(client.lost(), None);
        client
    }

    /// The same client, on another thread.
    pub(crate) fn other_thread(&self) -> Self {
        Self { context: Arc::clone(&self.context), worker: Worker::new().unwrap() }
    }

    fn send(&mut self, command: Command, flags: u32) {
        let mut bytes = (command.command as u32).to_le_bytes().to_vec();
        bytes.extend(flags.to_le_bytes());
        bytes.extend(command.bytes);
        let mut reader = Reader::new(&bytes);
        self.worker.reply.clear();
        self.context.execute(&mut reader, &mut self.worker).unwrap();
        assert!(reader.is_empty(), "{:?} was read to its end", command.command);
    }

    /// Sends a command and wants no answer.
    pub(crate) fn tell(&mut self, command: Command) {
        self.send(command, 0);
        assert!(self.worker.reply.is_empty());
    }

    /// Sends a command and reads the answer.
    pub(crate) fn ask(&mut self, command: Command) -> Reply {
        let number = command.command as u32;
        self.send(command, 1);
        let reply = &self.worker.reply;
        assert_eq!(reply[..4], number.to_le_bytes());
        Reply(reply[4..].to_vec())
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

/// vkAllocateMemory, of the only type that lavapipe has.
pub(crate) fn allocate(id: u64, bytes: u64) -> Command {
    Command::new(CommandType::AllocateMemory).u64(DEVICE).some().head(5).u64(bytes).u32(0).makes(id)
}

/// vkFreeMemory.
pub(crate) fn free(id: u64) -> Command {
    Command::new(CommandType::FreeMemory).u64(DEVICE).u64(id).none()
}

/// vkCreateBuffer, to copy from and to.
pub(crate) fn create_buffer(id: u64, bytes: u64) -> Command {
    let command = Command::new(CommandType::CreateBuffer).u64(DEVICE).some().head(12).u32(0).u64(bytes);
    command.u32(3).u32(0).u32(0).none().makes(id)
}

/// vkBindBufferMemory.
pub(crate) fn bind_buffer(buffer: u64, memory: u64, offset: u64) -> Command {
    Command::new(CommandType::BindBufferMemory).u64(DEVICE).u64(buffer).u64(memory).u64(offset)
}

/// vkCreateFence.
pub(crate) fn create_fence(id: u64, signalled: bool) -> Command {
    Command::new(CommandType::CreateFence).u64(DEVICE).some().head(8).u32(signalled.into()).makes(id)
}

/// vkGetFenceStatus.
pub(crate) fn fence_status(id: u64) -> Command {
    Command::new(CommandType::GetFenceStatus).u64(DEVICE).u64(id)
}

/// vkWaitForFences, for all.
pub(crate) fn wait_for_fences(ids: &[u64], timeout: u64) -> Command {
    let count = u32::try_from(ids.len()).unwrap();
    Command::new(CommandType::WaitForFences).u64(DEVICE).u32(count).list64(ids).u32(1).u64(timeout)
}

/// vkResetFences.
pub(crate) fn reset_fence(id: u64) -> Command {
    Command::new(CommandType::ResetFences).u64(DEVICE).u32(1).list64(&[id])
}

/// vkCreateSemaphore, of a timeline.
pub(crate) fn create_timeline(id: u64, value: u64) -> Command {
    let command = Command::new(CommandType::CreateSemaphore).u64(DEVICE).some().u32(9).some();
    command.u32(1_000_207_002).none().u32(1).u64(value).u32(0).makes(id)
}

/// vkCreateSemaphore, of a binary one.
pub(crate) fn create_binary(id: u64) -> Command {
    Command::new(CommandType::CreateSemaphore).u64(DEVICE).some().head(9).u32(0).makes(id)
}

/// vkSignalSemaphore.
pub(crate) fn signal(id: u64, value: u64) -> Command {
    Command::new(CommandType::SignalSemaphore).u64(DEVICE).some().head(1_000_207_005).u64(id).u64(value)
}

/// vkGetSemaphoreCounterValue.
pub(crate) fn value(id: u64) -> Command {
    Command::new(CommandType::GetSemaphoreCounterValue).u64(DEVICE).u64(id).some()
}

/// vkWaitSemaphores.
pub(crate) fn wait_semaphore(id: u64, value: u64, timeout: u64) -> Command {
    let command = Command::new(CommandType::WaitSemaphores).u64(DEVICE).some().head(1_000_207_004);
    command.u32(0).u32(1).list64(&[id]).list64(&[value]).u64(timeout)
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
    let count = u32::try_from(batches.len()).unwrap();
    let command = Command::new(CommandType::QueueSubmit).u64(QUEUE).u32(count).u64(count.into());
    let command = batches.iter().fold(command, |command, batch| {
        let ids = |list: &[(u64, u64)]| list.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let values = |list: &[(u64, u64)]| list.iter().map(|(_, value)| *value).collect::<Vec<_>>();
        let count = |length: usize| u32::try_from(length).unwrap();
        let command = command.u32(4).some().u32(1_000_207_003).none();
        let command = command.u32(count(batch.waits.len())).list64(&values(batch.waits));
        let command = command.u32(count(batch.signals.len())).list64(&values(batch.signals));
        let command = command.u32(count(batch.waits.len())).list64(&ids(batch.waits));
        let command = command.list32(&vec![1 << 16; batch.waits.len()]);
        let command = command.u32(count(batch.buffers.len())).list64(batch.buffers);
        command.u32(count(batch.signals.len())).list64(&ids(batch.signals))
    });
    command.u64(fence)
}

/// Records a command buffer that fills a buffer with a word: pool, command buffer and buffer must not exist yet.
pub(crate) fn record_fill(client: &mut Client, [pool, commands, buffer]: [u64; 3], bytes: u64, word: u32) {
    use CommandType as C;
    client.ask(Command::new(C::CreateCommandPool).u64(DEVICE).some().head(39).u32(2).u32(0).makes(pool));
    let allocate = Command::new(C::AllocateCommandBuffers).u64(DEVICE).some().head(40);
    client.ask(allocate.u64(pool).u32(0).u32(1).list64(&[commands]));
    begin(client, commands);
    client.tell(Command::new(C::CmdFillBuffer).u64(commands).u64(buffer).u64(0).u64(bytes).u32(word));
    let ended = client.ask(Command::new(C::EndCommandBuffer).u64(commands));
    assert_eq!(ended.result(), SUCCESS);
}

/// vkBeginCommandBuffer.
pub(crate) fn begin(client: &mut Client, commands: u64) {
    client.ask(Command::new(CommandType::BeginCommandBuffer).u64(commands).some().head(42).u32(0).none());
}
