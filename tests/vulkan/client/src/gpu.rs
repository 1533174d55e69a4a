//! The little of Vulkan that the checks share: a device with a queue, buffers, compute pipelines.

use std::ffi::CStr;

use ash::{Device, Entry, Instance, vk};

pub type Outcome<T = ()> = Result<T, Failure>;

/// Why a check did not pass.
#[derive(Debug)]
pub enum Failure {
    /// The device cannot do it, and says so.
    Missing(&'static str),
    Wrong(String),
}

impl From<vk::Result> for Failure {
    fn from(result: vk::Result) -> Self {
        Self::Wrong(format!("{result:?}"))
    }
}

pub fn ensure(condition: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(Failure::Wrong(otherwise())) }
}

pub struct Gpu {
    _entry: Entry,
    pub instance: Instance,
    pub physical: vk::PhysicalDevice,
    pub properties: vk::PhysicalDeviceProperties,
    pub memory: vk::PhysicalDeviceMemoryProperties,
    pub device: Device,
    pub queues: Vec<vk::Queue>,
    pub timestamp_bits: u32,
    pub can: Features,
    /// VK_KHR_dynamic_rendering.
    pub rendering: Option<ash::khr::dynamic_rendering::Device>,
    commands: vk::CommandPool,
}

#[derive(Clone, Copy, Default)]
pub struct Features {
    pub bits8: bool,
    pub bits16: bool,
    pub bits64: bool,
    pub timeline: bool,
    pub dynamic_rendering: bool,
    /// Memory of images can be handed over as dma-bufs.
    pub dma_bufs: bool,
}

const DMA_BUFS: [&CStr; 4] = [
    ash::khr::external_memory_fd::NAME,
    ash::ext::external_memory_dma_buf::NAME,
    ash::ext::image_drm_format_modifier::NAME,
    ash::ext::queue_family_foreign::NAME,
];

impl Gpu {
    pub fn open() -> Outcome<Self> {
        Self::open_on(|queues| queues.contains(vk::QueueFlags::COMPUTE))
    }

    /// With queues of the first family that can do what is wanted.
    pub fn open_on(wanted: impl Fn(vk::QueueFlags) -> bool) -> Outcome<Self> {
        // SAFETY: the loader is the system's own.
        let entry = unsafe { Entry::load() }.map_err(|error| Failure::Wrong(error.to_string()))?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_2);
        let create = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: all of what is asked for is valid, here and below; the program ends when it is not.
        let instance = unsafe { entry.create_instance(&create, None) }?;
        let physical =
            *unsafe { instance.enumerate_physical_devices() }?.first().ok_or(Failure::Missing("a GPU"))?;
        let properties = unsafe { instance.get_physical_device_properties(physical) };
        let memory = unsafe { instance.get_physical_device_memory_properties(physical) };
        let families = unsafe { instance.get_physical_device_queue_family_properties(physical) };
        let (family, found) = (0..)
            .zip(&families)
            .find(|(_, family)| wanted(family.queue_flags))
            .ok_or(Failure::Missing("such a queue"))?;
        let can = features(&instance, physical);
        let count = found.queue_count.min(2);
        let device = open_device(&instance, physical, family, count, can)?;
        let queues = (0..count).map(|index| unsafe { device.get_device_queue(family, index) }).collect();
        let pool = vk::CommandPoolCreateInfo::default()
            .queue_family_index(family)
            .flags(vk::CommandPoolCreateFlags::RESET_COMMAND_BUFFER);
        let commands = unsafe { device.create_command_pool(&pool, None) }?;
        let timestamp_bits = found.timestamp_valid_bits;
        let rendering =
            can.dynamic_rendering.then(|| ash::khr::dynamic_rendering::Device::new(&instance, &device));
        Ok(Self {
            _entry: entry,
            instance,
            physical,
            properties,
            memory,
            device,
            queues,
            timestamp_bits,
            can,
            rendering,
            commands,
        })
    }

    pub fn name(&self) -> String {
        let name = self.properties.device_name_as_c_str().unwrap_or(c"?");
        name.to_string_lossy().into_owned()
    }

    /// The first type of memory that has all of these properties.
    pub fn memory_type(&self, bits: u32, wanted: vk::MemoryPropertyFlags) -> Outcome<u32> {
        (0..self.memory.memory_type_count)
            .zip(&self.memory.memory_types)
            .find(|(index, kind)| bits & 1 << index != 0 && kind.property_flags.contains(wanted))
            .map(|(index, _)| index)
            .ok_or(Failure::Missing("such a type of memory"))
    }

    pub fn allocate(&self, bytes: u64, kind: u32) -> Result<vk::DeviceMemory, vk::Result> {
        let info = vk::MemoryAllocateInfo::default().allocation_size(bytes).memory_type_index(kind);
        unsafe { self.device.allocate_memory(&info, None) }
    }

    /// A buffer that the host sees, all zero.
    pub fn host_buffer(&self, bytes: u64) -> Outcome<Buffer<'_>> {
        let properties = vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT;
        let mut buffer = self.buffer(bytes, properties)?;
        let at =
            unsafe { self.device.map_memory(buffer.memory, 0, vk::WHOLE_SIZE, vk::MemoryMapFlags::empty()) }?;
        buffer.at = at.cast();
        buffer.slice_mut::<u8>().fill(0);
        Ok(buffer)
    }

    pub fn buffer(&self, bytes: u64, properties: vk::MemoryPropertyFlags) -> Outcome<Buffer<'_>> {
        let usage = vk::BufferUsageFlags::STORAGE_BUFFER
            | vk::BufferUsageFlags::INDIRECT_BUFFER
            | vk::BufferUsageFlags::VERTEX_BUFFER
            | vk::BufferUsageFlags::INDEX_BUFFER
            | vk::BufferUsageFlags::TRANSFER_SRC
            | vk::BufferUsageFlags::TRANSFER_DST;
        let info = vk::BufferCreateInfo::default().size(bytes).usage(usage);
        let buffer = unsafe { self.device.create_buffer(&info, None) }?;
        let needed = unsafe { self.device.get_buffer_memory_requirements(buffer) };
        let memory = self.allocate(needed.size, self.memory_type(needed.memory_type_bits, properties)?)?;
        unsafe { self.device.bind_buffer_memory(buffer, memory, 0) }?;
        Ok(Buffer { gpu: self, buffer, memory, at: std::ptr::null_mut(), bytes })
    }

    /// Records commands.
    pub fn record(&self, commands: impl FnOnce(&Device, vk::CommandBuffer)) -> Outcome<vk::CommandBuffer> {
        let info =
            vk::CommandBufferAllocateInfo::default().command_pool(self.commands).command_buffer_count(1);
        let buffer = *unsafe { self.device.allocate_command_buffers(&info) }?
            .first()
            .ok_or_else(|| Failure::Wrong("no command buffer".into()))?;
        // Benchmarks have two submissions of it in flight.
        let begin =
            vk::CommandBufferBeginInfo::default().flags(vk::CommandBufferUsageFlags::SIMULTANEOUS_USE);
        unsafe { self.device.begin_command_buffer(buffer, &begin) }?;
        commands(&self.device, buffer);
        unsafe { self.device.end_command_buffer(buffer) }?;
        Ok(buffer)
    }

    /// Runs commands and waits for their end.
    pub fn run(&self, commands: impl FnOnce(&Device, vk::CommandBuffer)) -> Outcome {
        let buffer = self.record(commands)?;
        self.submit_and_wait(buffer)?;
        unsafe { self.device.free_command_buffers(self.commands, &[buffer]) };
        Ok(())
    }

    pub fn submit_and_wait(&self, buffer: vk::CommandBuffer) -> Outcome {
        let fence = unsafe { self.device.create_fence(&vk::FenceCreateInfo::default(), None) }?;
        let buffers = [buffer];
        let submit = vk::SubmitInfo::default().command_buffers(&buffers);
        unsafe { self.device.queue_submit(self.queues[0], &[submit], fence) }?;
        unsafe { self.device.wait_for_fences(&[fence], true, SECONDS_20) }?;
        unsafe { self.device.destroy_fence(fence, None) };
        Ok(())
    }

    /// A timeline semaphore.
    pub fn timeline(&self, value: u64) -> Outcome<vk::Semaphore> {
        if !self.can.timeline {
            return Err(Failure::Missing("timelineSemaphore"));
        }
        let mut kind = vk::SemaphoreTypeCreateInfo::default()
            .semaphore_type(vk::SemaphoreType::TIMELINE)
            .initial_value(value);
        let info = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
        Ok(unsafe { self.device.create_semaphore(&info, None) }?)
    }
}

pub const SECONDS_20: u64 = 20_000_000_000;

impl Drop for Gpu {
    fn drop(&mut self) {
        unsafe {
            self.device.destroy_command_pool(self.commands, None);
            self.device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
    }
}

fn features(instance: &Instance, physical: vk::PhysicalDevice) -> Features {
    let mut eleven = vk::PhysicalDeviceVulkan11Features::default();
    let mut twelve = vk::PhysicalDeviceVulkan12Features::default();
    let mut all = vk::PhysicalDeviceFeatures2::default().push_next(&mut eleven).push_next(&mut twelve);
    unsafe { instance.get_physical_device_features2(physical, &mut all) };
    let core = all.features;
    Features {
        bits8: twelve.storage_buffer8_bit_access != 0 && twelve.shader_int8 != 0,
        bits16: eleven.storage_buffer16_bit_access != 0 && core.shader_int16 != 0,
        bits64: core.shader_int64 != 0,
        timeline: twelve.timeline_semaphore != 0,
        dynamic_rendering: has_extension(instance, physical, ash::khr::dynamic_rendering::NAME),
        dma_bufs: DMA_BUFS.iter().all(|name| has_extension(instance, physical, name)),
    }
}

fn has_extension(instance: &Instance, physical: vk::PhysicalDevice, name: &CStr) -> bool {
    let all = unsafe { instance.enumerate_device_extension_properties(physical) }.unwrap_or_default();
    all.iter().any(|extension| extension.extension_name_as_c_str() == Ok(name))
}

fn open_device(
    instance: &Instance,
    physical: vk::PhysicalDevice,
    family: u32,
    queues: u32,
    can: Features,
) -> Outcome<Device> {
    let priorities = vec![1.0; queues as usize];
    let queue =
        [vk::DeviceQueueCreateInfo::default().queue_family_index(family).queue_priorities(&priorities)];
    let core = vk::PhysicalDeviceFeatures::default().shader_int16(can.bits16).shader_int64(can.bits64);
    let mut eleven = vk::PhysicalDeviceVulkan11Features::default().storage_buffer16_bit_access(can.bits16);
    let mut twelve = vk::PhysicalDeviceVulkan12Features::default()
        .storage_buffer8_bit_access(can.bits8)
        .shader_int8(can.bits8)
        .timeline_semaphore(can.timeline);
    let mut rendering = vk::PhysicalDeviceDynamicRenderingFeatures::default().dynamic_rendering(true);
    let mut extensions = Vec::new();
    if can.dma_bufs {
        extensions.extend(DMA_BUFS.map(CStr::as_ptr));
    }
    if can.dynamic_rendering {
        extensions.push(ash::khr::dynamic_rendering::NAME.as_ptr());
    }
    let mut info = vk::DeviceCreateInfo::default()
        .queue_create_infos(&queue)
        .enabled_features(&core)
        .enabled_extension_names(&extensions)
        .push_next(&mut eleven)
        .push_next(&mut twelve);
    if can.dynamic_rendering {
        info = info.push_next(&mut rendering);
    }
    Ok(unsafe { instance.create_device(physical, &info, None) }?)
}

/// A buffer with memory of its own.
pub struct Buffer<'gpu> {
    gpu: &'gpu Gpu,
    pub buffer: vk::Buffer,
    pub memory: vk::DeviceMemory,
    at: *mut u8,
    pub bytes: u64,
}

impl Buffer<'_> {
    /// What lies in it. Nobody else writes meanwhile: the checks wait for the GPU first.
    pub fn slice<T: Copy>(&self) -> &[T] {
        unsafe { std::slice::from_raw_parts(self.at.cast(), self.bytes as usize / size_of::<T>()) }
    }

    pub fn slice_mut<T: Copy>(&mut self) -> &mut [T] {
        unsafe { std::slice::from_raw_parts_mut(self.at.cast(), self.bytes as usize / size_of::<T>()) }
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        unsafe {
            self.gpu.device.destroy_buffer(self.buffer, None);
            self.gpu.device.free_memory(self.memory, None);
        }
    }
}

/// A compute pipeline over storage buffers 0, 1, ... and at most 128 bytes of push constants.
pub struct Pipeline<'gpu> {
    gpu: &'gpu Gpu,
    pub layout: vk::PipelineLayout,
    pub pipeline: vk::Pipeline,
    set_layout: vk::DescriptorSetLayout,
    pool: vk::DescriptorPool,
    set: vk::DescriptorSet,
}

impl<'gpu> Pipeline<'gpu> {
    pub fn new(
        gpu: &'gpu Gpu,
        code: &[u8],
        buffers: &[&Buffer<'_>],
        specialisation: Option<&vk::SpecializationInfo<'_>>,
    ) -> Outcome<Self> {
        let device = &gpu.device;
        let count = buffers.len() as u32;
        let bindings: Vec<_> = (0..count)
            .map(|binding| {
                vk::DescriptorSetLayoutBinding::default()
                    .binding(binding)
                    .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
                    .descriptor_count(1)
                    .stage_flags(vk::ShaderStageFlags::COMPUTE)
            })
            .collect();
        let info = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
        let set_layout = unsafe { device.create_descriptor_set_layout(&info, None) }?;
        let layouts = [set_layout];
        let push = [vk::PushConstantRange::default().stage_flags(vk::ShaderStageFlags::COMPUTE).size(128)];
        let info = vk::PipelineLayoutCreateInfo::default().set_layouts(&layouts).push_constant_ranges(&push);
        let layout = unsafe { device.create_pipeline_layout(&info, None) }?;
        let pipeline = create_pipeline(device, code, layout, vk::PipelineCache::null(), specialisation)?;

        let sizes = [vk::DescriptorPoolSize::default()
            .ty(vk::DescriptorType::STORAGE_BUFFER)
            .descriptor_count(count)];
        let info = vk::DescriptorPoolCreateInfo::default().max_sets(1).pool_sizes(&sizes);
        let pool = unsafe { device.create_descriptor_pool(&info, None) }?;
        let info = vk::DescriptorSetAllocateInfo::default().descriptor_pool(pool).set_layouts(&layouts);
        let set = unsafe { device.allocate_descriptor_sets(&info) }?[0];
        for (binding, buffer) in (0..).zip(buffers) {
            let whole = [vk::DescriptorBufferInfo::default().buffer(buffer.buffer).range(vk::WHOLE_SIZE)];
            let write = vk::WriteDescriptorSet::default()
                .dst_set(set)
                .dst_binding(binding)
                .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
                .buffer_info(&whole);
            unsafe { device.update_descriptor_sets(&[write], &[]) };
        }
        Ok(Self { gpu, layout, pipeline, set_layout, pool, set })
    }

    pub fn bind(&self, commands: vk::CommandBuffer) {
        let device = &self.gpu.device;
        let point = vk::PipelineBindPoint::COMPUTE;
        unsafe { device.cmd_bind_pipeline(commands, point, self.pipeline) };
        unsafe { device.cmd_bind_descriptor_sets(commands, point, self.layout, 0, &[self.set], &[]) };
    }

    pub fn push(&self, commands: vk::CommandBuffer, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let stages = vk::ShaderStageFlags::COMPUTE;
        unsafe { self.gpu.device.cmd_push_constants(commands, self.layout, stages, 0, &bytes) };
    }
}

impl Drop for Pipeline<'_> {
    fn drop(&mut self) {
        let device = &self.gpu.device;
        unsafe {
            device.destroy_pipeline(self.pipeline, None);
            device.destroy_descriptor_pool(self.pool, None);
            device.destroy_pipeline_layout(self.layout, None);
            device.destroy_descriptor_set_layout(self.set_layout, None);
        }
    }
}

pub fn create_pipeline(
    device: &Device,
    code: &[u8],
    layout: vk::PipelineLayout,
    cache: vk::PipelineCache,
    specialisation: Option<&vk::SpecializationInfo<'_>>,
) -> Outcome<vk::Pipeline> {
    let words =
        ash::util::read_spv(&mut std::io::Cursor::new(code)).map_err(|e| Failure::Wrong(e.to_string()))?;
    let module =
        unsafe { device.create_shader_module(&vk::ShaderModuleCreateInfo::default().code(&words), None) }?;
    let main: &CStr = c"main";
    let mut stage = vk::PipelineShaderStageCreateInfo::default()
        .stage(vk::ShaderStageFlags::COMPUTE)
        .module(module)
        .name(main);
    if let Some(specialisation) = specialisation {
        stage = stage.specialization_info(specialisation);
    }
    let info = vk::ComputePipelineCreateInfo::default().stage(stage).layout(layout);
    let made = unsafe { device.create_compute_pipelines(cache, &[info], None) }.map_err(|(_, result)| result);
    unsafe { device.destroy_shader_module(module, None) };
    Ok(made?[0])
}

/// What one stage of commands wrote is seen by the next, and by the host.
pub fn barrier(device: &Device, commands: vk::CommandBuffer) {
    let all = vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE;
    let memory = [vk::MemoryBarrier::default().src_access_mask(all).dst_access_mask(all)];
    let stages = vk::PipelineStageFlags::ALL_COMMANDS;
    let after = stages | vk::PipelineStageFlags::HOST;
    let none = vk::DependencyFlags::empty();
    unsafe { device.cmd_pipeline_barrier(commands, stages, after, none, &memory, &[], &[]) };
}
