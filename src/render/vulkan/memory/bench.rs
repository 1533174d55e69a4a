//! A few commands of our own on a device: to try out what its memory does, and to clear it.

use std::sync::Arc;

use vulkanalia_sys::{self as vk, Handle};

use crate::render::vulkan::driver::{Failure, Functions, address_of, address_of_mut, pointer_to};
use crate::sys::Pages;
use crate::venus::CommandType;

/// A device with a queue that nobody else uses meanwhile.
#[derive(Clone)]
pub(in crate::render::vulkan) struct Bench {
    pub functions: Arc<Functions>,
    pub device: u64,
    /// The queue, which can copy at least, and its family.
    pub queue: u64,
    pub family: u32,
}

/// Something on the device that ends with this value.
pub(super) struct Owned<'b> {
    bench: &'b Bench,
    destroy: CommandType,
    pub handle: u64,
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        _ = self.bench.functions.call(self.destroy, &[self.bench.device, self.handle, 0]);
    }
}

/// Memory bound to a buffer over all of it. Memory goes last.
pub(super) struct Filled<'b> {
    pub buffer: Owned<'b>,
    _memory: Owned<'b>,
}

impl Bench {
    fn own(&self, destroy: CommandType, handle: u64) -> Owned<'_> {
        Owned { bench: self, destroy, handle }
    }

    /// A buffer to copy from and to. `imported`: it can lie in memory of ours.
    pub(super) fn buffer(&self, bytes: u64, imported: bool) -> Result<Owned<'_>, Failure> {
        let external = vk::ExternalMemoryBufferCreateInfo {
            handle_types: vk::ExternalMemoryHandleTypeFlags::HOST_ALLOCATION_EXT,
            ..Default::default()
        };
        let info = vk::BufferCreateInfo {
            next: if imported { pointer_to(&external) } else { std::ptr::null() },
            size: bytes,
            usage: vk::BufferUsageFlags::TRANSFER_SRC | vk::BufferUsageFlags::TRANSFER_DST,
            ..Default::default()
        };
        let buffer = self.functions.create(CommandType::CreateBuffer, self.device, &info)?;
        Ok(self.own(CommandType::DestroyBuffer, buffer))
    }

    /// What a buffer asks of its memory.
    pub(super) fn requirements(&self, buffer: u64) -> vk::MemoryRequirements {
        let mut requirements = vk::MemoryRequirements::default();
        let at = address_of_mut(&mut requirements);
        _ = self.functions.call(CommandType::GetBufferMemoryRequirements, &[self.device, buffer, at]);
        requirements
    }

    /// Memory of a type with a buffer over it; imported pages or the driver's own.
    pub(super) fn memory(
        &self,
        index: u32,
        bytes: u64,
        pages: Option<&Pages>,
    ) -> Result<Filled<'_>, Failure> {
        let buffer = self.buffer(bytes, pages.is_some())?;
        let requirements = self.requirements(buffer.handle);
        if requirements.memory_type_bits >> index & 1 == 0 {
            return Err(Failure(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY));
        }
        let import = vk::ImportMemoryHostPointerInfoEXT {
            handle_type: vk::ExternalMemoryHandleTypeFlags::HOST_ALLOCATION_EXT,
            host_pointer: pages.map_or(std::ptr::null_mut(), |pages| {
                std::ptr::with_exposed_provenance_mut(usize::try_from(pages.address()).unwrap_or_default())
            }),
            ..Default::default()
        };
        let info = vk::MemoryAllocateInfo {
            next: if pages.is_some() { pointer_to(&import) } else { std::ptr::null() },
            allocation_size: pages.map_or(requirements.size, Pages::bytes),
            memory_type_index: index,
            ..Default::default()
        };
        let memory = self.functions.create(CommandType::AllocateMemory, self.device, &info)?;
        let memory = self.own(CommandType::FreeMemory, memory);
        let bind = [self.device, buffer.handle, memory.handle, 0];
        self.functions.result(CommandType::BindBufferMemory, &bind)?;
        Ok(Filled { buffer, _memory: memory })
    }

    /// Records commands and waits until the device has executed them.
    pub(super) fn run(&self, record: impl FnOnce(&Functions, u64)) -> Result<(), Failure> {
        let info = vk::CommandPoolCreateInfo { queue_family_index: self.family, ..Default::default() };
        let pool = self.functions.create(CommandType::CreateCommandPool, self.device, &info)?;
        let pool = self.own(CommandType::DestroyCommandPool, pool);
        let info = vk::CommandBufferAllocateInfo {
            command_pool: vk::CommandPool::from_raw(pool.handle),
            command_buffer_count: 1,
            ..Default::default()
        };
        let mut commands = 0_u64;
        let allocate = [self.device, address_of(&info), address_of_mut(&mut commands)];
        self.functions.result(CommandType::AllocateCommandBuffers, &allocate)?;
        let info = vk::CommandBufferBeginInfo::default();
        self.functions.result(CommandType::BeginCommandBuffer, &[commands, address_of(&info)])?;
        record(&self.functions, commands);
        self.functions.result(CommandType::EndCommandBuffer, &[commands])?;
        let submit = vk::SubmitInfo {
            command_buffer_count: 1,
            command_buffers: pointer_to(&commands),
            ..Default::default()
        };
        self.functions.result(CommandType::QueueSubmit, &[self.queue, 1, address_of(&submit), 0])?;
        self.functions.result(CommandType::QueueWaitIdle, &[self.queue]).map(drop)
    }

    /// Fills a buffer with a word.
    pub(super) fn fill(&self, buffer: u64, word: u32) -> Result<(), Failure> {
        self.run(|functions, commands| {
            let arguments = [commands, buffer, 0, vk::WHOLE_SIZE, word.into()];
            _ = functions.call(CommandType::CmdFillBuffer, &arguments);
        })
    }

    /// Copies from one buffer to another.
    pub(super) fn copy(&self, from: u64, to: u64, bytes: u64) -> Result<(), Failure> {
        let region = vk::BufferCopy { src_offset: 0, dst_offset: 0, size: bytes };
        self.run(|functions, commands| {
            _ = functions.call(CommandType::CmdCopyBuffer, &[commands, from, to, 1, address_of(&region)]);
        })
    }
}
