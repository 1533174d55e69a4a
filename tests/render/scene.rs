//! A guest with a device, and commands that tests make of it.

use std::sync::{Arc, OnceLock};

use vgpu::quota::{Ledger, Shares};
use vgpu::render::vulkan::{Context, Gpu, GpuOptions, Leave};
use vgpu::venus::CommandType as C;

use crate::guest::{Command, Guest};

pub(crate) const INSTANCE: u64 = 1;
pub(crate) const PHYSICAL_DEVICE: u64 = 2;
pub(crate) const DEVICE: u64 = 3;
pub(crate) const QUEUE: u64 = 4;

/// The host's GPU, opened once. Needs libvulkan1 and mesa-vulkan-drivers.
pub(crate) fn gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    let which = std::env::var("VGPU_TEST_GPU").unwrap_or("llvmpipe".into());
    GPU.get_or_init(|| Gpu::open(GpuOptions { which: Some(which), ..GpuOptions::default() }).unwrap()).clone()
}

/// A guest that has made nothing.
pub(crate) fn stranger() -> Guest {
    stranger_with(Ledger::new(1 << 30))
}

fn stranger_with(ledger: Ledger) -> Guest {
    stranger_on(gpu(), ledger)
}

fn stranger_on(gpu: Arc<Gpu>, ledger: Ledger) -> Guest {
    Guest::new(Context::new(gpu, ledger, Shares::among(1).of_client().mappings, &Leave::open(), "test", None))
}

/// A guest with an instance and a physical device.
pub(crate) fn visitor() -> Guest {
    admit(stranger())
}

/// The same on a GPU of the test's own.
pub(crate) fn visitor_on(gpu: Arc<Gpu>) -> Guest {
    admit(stranger_on(gpu, Ledger::new(1 << 30)))
}

fn admit(mut guest: Guest) -> Guest {
    guest.do_well(create_instance(INSTANCE));
    let found = Command::asking(C::EnumeratePhysicalDevices)
        .long(INSTANCE)
        .some()
        .int(1)
        .long(1)
        .long(PHYSICAL_DEVICE);
    guest.do_well(found);
    guest
}

/// A guest with a device and its queue.
pub(crate) fn tenant() -> Guest {
    tenant_with(Ledger::new(1 << 30))
}

/// As [`tenant`], whose memory is charged to this ledger.
pub(crate) fn tenant_with(ledger: Ledger) -> Guest {
    let mut guest = admit(stranger_with(ledger));
    guest.do_well(create_device(DEVICE, &[]));
    let queue = Command::new(C::GetDeviceQueue2).long(DEVICE).info(1_000_145_003).ints([0, 0, 0]);
    guest.do_well(queue.some().long(QUEUE));
    guest
}

pub(crate) fn create_instance(id: u64) -> Command {
    let info = Command::asking(C::CreateInstance).info(1).int(0).null();
    info.int(0).null().int(0).null().makes(id)
}

pub(crate) fn create_device(id: u64, extensions: &[&str]) -> Command {
    let queue = Command::asking(C::CreateDevice).long(PHYSICAL_DEVICE).info(3).int(0);
    let queue = queue.int(1).long(1).structure(2).ints([0, 0, 1]).long(1).int(1.0_f32.to_bits());
    let names = u32::try_from(extensions.len()).unwrap();
    let info = queue.int(0).null().int(names).long(names.into());
    extensions.iter().fold(info, |info, name| info.text(name)).null().makes(id)
}

pub(crate) fn create_buffer(id: u64, bytes: u64) -> Command {
    const ANYTHING: u32 = 0x1ff;
    create_buffer_for(ANYTHING, id, bytes)
}

pub(crate) fn create_buffer_for(usage: u32, id: u64, bytes: u64) -> Command {
    let info = Command::asking(C::CreateBuffer).long(DEVICE).info(12).int(0).long(bytes);
    info.ints([usage, 0, 0]).null().makes(id)
}

pub(crate) fn allocate_memory(id: u64, bytes: u64) -> Command {
    Command::asking(C::AllocateMemory).long(DEVICE).info(5).long(bytes).int(0).makes(id)
}

pub(crate) fn bind_buffer(buffer: u64, memory: u64) -> Command {
    Command::asking(C::BindBufferMemory).longs([DEVICE, buffer, memory, 0])
}

pub(crate) fn create_fence(id: u64) -> Command {
    Command::asking(C::CreateFence).long(DEVICE).info(8).int(0).makes(id)
}

pub(crate) fn create_event(id: u64) -> Command {
    Command::asking(C::CreateEvent).long(DEVICE).info(10).int(0).makes(id)
}

pub(crate) fn create_shader(id: u64, words: &[u32]) -> Command {
    let info = Command::asking(C::CreateShaderModule).long(DEVICE).info(16).int(0);
    let count = words.len() as u64;
    info.long(count * 4).long(count).ints(words.iter().copied()).makes(id)
}

/// One storage buffer at binding 0.
pub(crate) fn create_set_layout(id: u64) -> Command {
    const STORAGE_BUFFER: u32 = 7;
    let info = Command::asking(C::CreateDescriptorSetLayout).long(DEVICE).info(32).ints([0, 1]);
    info.long(1).ints([0, STORAGE_BUFFER, 1, 0x20]).null().makes(id)
}

/// With a push constant of four bytes.
pub(crate) fn create_pipeline_layout(id: u64, set: u64) -> Command {
    let info = Command::asking(C::CreatePipelineLayout).long(DEVICE).info(30).ints([0, 1]);
    info.long(1).long(set).int(1).long(1).ints([0x20, 0, 4]).makes(id)
}

/// With one specialisation constant.
pub(crate) fn create_pipeline(id: u64, module: u64, layout: u64, name: &str, constant: u32) -> Command {
    let info = Command::asking(C::CreateComputePipelines).longs([DEVICE, 0]).int(1).long(1);
    let stage = info.structure(29).int(0).structure(18).ints([0, 0x20]).long(module).text(name);
    let constants = stage.some().int(1).long(1).ints([0, 0]).long(4).long(4).bytes(&constant.to_le_bytes());
    constants.long(layout).long(0).int(u32::MAX).null().long(1).long(id)
}

pub(crate) fn create_descriptor_pool(id: u64) -> Command {
    let info = Command::asking(C::CreateDescriptorPool).long(DEVICE).info(33).ints([0, 8, 1]);
    info.long(1).ints([7, 8]).makes(id)
}

pub(crate) fn allocate_set(id: u64, pool: u64, layout: u64) -> Command {
    let info = Command::asking(C::AllocateDescriptorSets).long(DEVICE).info(34).long(pool).int(1);
    info.long(1).long(layout).long(1).long(id)
}

/// Writes a whole buffer to an element of binding 0.
pub(crate) fn write_set(set: u64, element: u32, buffer: u64) -> Command {
    let write = Command::new(C::UpdateDescriptorSets).long(DEVICE).int(1).long(1).structure(35).long(set);
    let write = write.ints([0, element, 1, 7]).null().long(1).long(buffer).long(0).long(u64::MAX).null();
    write.int(0).null()
}

pub(crate) fn create_command_pool(id: u64) -> Command {
    const RESETS_BUFFERS: u32 = 2;
    Command::asking(C::CreateCommandPool).long(DEVICE).info(39).ints([RESETS_BUFFERS, 0]).makes(id)
}

pub(crate) fn allocate_command_buffer(id: u64, pool: u64) -> Command {
    let info = Command::asking(C::AllocateCommandBuffers).long(DEVICE).info(40).long(pool);
    info.ints([0, 1]).long(1).long(id)
}

pub(crate) fn begin(buffer: u64) -> Command {
    Command::asking(C::BeginCommandBuffer).long(buffer).info(42).int(0).null()
}

pub(crate) fn end(buffer: u64) -> Command {
    Command::asking(C::EndCommandBuffer).long(buffer)
}

pub(crate) fn bind_pipeline(buffer: u64, pipeline: u64) -> Command {
    Command::new(C::CmdBindPipeline).long(buffer).int(1).long(pipeline)
}

pub(crate) fn bind_set(buffer: u64, layout: u64, set: u64) -> Command {
    let sets = Command::new(C::CmdBindDescriptorSets).long(buffer).int(1).long(layout).ints([0, 1]);
    sets.long(1).long(set).int(0).null()
}

pub(crate) fn push_constant(buffer: u64, layout: u64, offset: u32, value: u32) -> Command {
    let push = Command::new(C::CmdPushConstants).long(buffer).long(layout).ints([0x20, offset, 4]);
    push.bytes(&value.to_le_bytes())
}

pub(crate) fn dispatch(buffer: u64, groups: [u32; 3]) -> Command {
    Command::new(C::CmdDispatch).long(buffer).ints(groups)
}

pub(crate) fn fill(buffer: u64, target: u64, offset: u64, bytes: u64) -> Command {
    Command::new(C::CmdFillBuffer).longs([buffer, target, offset, bytes]).int(7)
}

pub(crate) fn submit(buffer: u64, fence: u64) -> Command {
    let info = Command::asking(C::QueueSubmit).long(QUEUE).int(1).long(1).structure(4);
    info.int(0).null().null().int(1).long(1).long(buffer).int(0).null().long(fence)
}

pub(crate) fn wait(fence: u64) -> Command {
    Command::asking(C::WaitForFences).long(DEVICE).int(1).long(1).long(fence).int(1).long(10_000_000_000)
}

pub(crate) fn destroy(command: C, id: u64) -> Command {
    Command::new(command).long(DEVICE).long(id).null()
}

/// The shader of fill.comp.
pub(crate) fn shader() -> Vec<u32> {
    let bytes = include_bytes!("fill.spv");
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}
