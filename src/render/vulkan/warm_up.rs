//! What a driver loads late, loaded early: once the process is sealed it opens nothing new.
//!
//! A device is made, a compute and a graphics pipeline are compiled, work is given to the GPU and waited for.

use std::sync::Arc;

use vulkanalia_sys as vk;

use super::driver::{
    Failure, Functions, address_of, address_of_first, address_of_mut, address_of_name, pointer_to,
    pointer_to_first,
};
use super::extensions::OWN;
use super::gpu::Gpu;
use super::objects::Object;
use crate::venus::{CommandType, ObjectType};

/// A GPU that does not do an empty piece of work within this long will do no other.
const PATIENCE_NS: u64 = 10_000_000_000;
const COMPUTE: u32 = 5;
const VERTEX: u32 = 0;
const FRAGMENT: u32 = 4;

/// Warms the driver up with a device that ends when this returns. Says how many bytes of the GPU's memory this process
/// has with it.
pub(super) fn warm_up(gpu: &Gpu) -> Result<u64, (&'static str, Failure)> {
    let device = Warm::device(gpu).map_err(|failure| ("vkCreateDevice", failure))?;
    let warm = Warm { device: &device, functions: &device.functions };
    let compute = warm.compute().map_err(|failure| ("vkCreateComputePipelines", failure))?;
    warm.graphics().map_err(|failure| ("vkCreateGraphicsPipelines", failure))?;
    warm.submit(&compute).map_err(|failure| ("vkQueueSubmit", failure))?;
    Ok(gpu.bytes_used())
}

struct Warm<'d> {
    device: &'d Arc<Object>,
    functions: &'d Functions,
}

impl Warm<'_> {
    fn device(gpu: &Gpu) -> Result<Arc<Object>, Failure> {
        let extensions: Vec<u64> =
            OWN.iter().filter(|name| gpu.has(name)).map(|name| address_of_name(name)).collect();
        let priority = 1.0_f32;
        let queue = vk::DeviceQueueCreateInfo {
            queue_count: 1,
            queue_priorities: pointer_to(&priority),
            ..Default::default()
        };
        let info = vk::DeviceCreateInfo {
            queue_create_info_count: 1,
            queue_create_infos: pointer_to(&queue),
            enabled_extension_count: u32::try_from(extensions.len()).unwrap_or_default(),
            enabled_extension_names: pointer_to_first(&extensions),
            ..Default::default()
        };
        let handle = gpu.functions.create(CommandType::CreateDevice, gpu.physical_device, &info)?;
        let functions = Arc::new(gpu.functions.of_device(&gpu.library, gpu.instance, handle));
        let instance = Object::root(ObjectType::Instance, 0, gpu.instance, Arc::clone(&gpu.functions));
        let mut device = Object::new(ObjectType::Device, 0, handle, &Arc::new(instance));
        device.functions = functions;
        Ok(Arc::new(device.destroyed_by(CommandType::DestroyDevice)))
    }

    /// Makes something that ends with what is returned.
    fn make<T: crate::sys::CStruct>(
        &self,
        kind: ObjectType,
        (create, destroy): (CommandType, CommandType),
        info: &T,
    ) -> Result<Object, Failure> {
        let handle = self.functions.create(create, self.device.handle, info)?;
        Ok(Object::new(kind, 0, handle, self.device).destroyed_by(destroy))
    }

    fn shader(&self, model: u32) -> Result<Object, Failure> {
        let words = empty_shader(model);
        let info = vk::ShaderModuleCreateInfo {
            code_size: size_of_val(words.as_slice()),
            code: pointer_to_first(&words),
            ..Default::default()
        };
        let commands = (CommandType::CreateShaderModule, CommandType::DestroyShaderModule);
        self.make(ObjectType::ShaderModule, commands, &info)
    }

    fn layout(&self) -> Result<Object, Failure> {
        let commands = (CommandType::CreatePipelineLayout, CommandType::DestroyPipelineLayout);
        self.make(ObjectType::PipelineLayout, commands, &vk::PipelineLayoutCreateInfo::default())
    }

    fn pipeline<T: crate::sys::CStruct>(&self, command: CommandType, info: &T) -> Result<Object, Failure> {
        let mut handle = 0_u64;
        let place = address_of_mut(&mut handle);
        self.functions.result(command, &[self.device.handle, 0, 1, address_of(info), 0, place])?;
        Ok(Object::new(ObjectType::Pipeline, 0, handle, self.device)
            .destroyed_by(CommandType::DestroyPipeline))
    }

    fn compute(&self) -> Result<Object, Failure> {
        let (shader, layout) = (self.shader(COMPUTE)?, self.layout()?);
        let info = vk::ComputePipelineCreateInfo {
            stage: stage(&shader, vk::ShaderStageFlags::COMPUTE),
            layout: vk::Handle::from_raw(layout.handle),
            ..Default::default()
        };
        self.pipeline(CommandType::CreateComputePipelines, &info)
    }

    /// Draws nothing into nothing, by two shaders.
    fn graphics(&self) -> Result<(), Failure> {
        let (vertex, fragment, layout) = (self.shader(VERTEX)?, self.shader(FRAGMENT)?, self.layout()?);
        let subpass = vk::SubpassDescription::default();
        let pass = vk::RenderPassCreateInfo {
            subpass_count: 1,
            subpasses: pointer_to(&subpass),
            ..Default::default()
        };
        let commands = (CommandType::CreateRenderPass, CommandType::DestroyRenderPass);
        let pass = self.make(ObjectType::RenderPass, commands, &pass)?;
        let stages =
            [stage(&vertex, vk::ShaderStageFlags::VERTEX), stage(&fragment, vk::ShaderStageFlags::FRAGMENT)];
        let (input, assembly) = (vk::PipelineVertexInputStateCreateInfo::default(), triangles());
        let (area, scissor) =
            (vk::Viewport { width: 1.0, height: 1.0, ..Default::default() }, vk::Rect2D::default());
        let viewport = vk::PipelineViewportStateCreateInfo {
            viewport_count: 1,
            viewports: pointer_to(&area),
            scissor_count: 1,
            scissors: pointer_to(&scissor),
            ..Default::default()
        };
        let raster = vk::PipelineRasterizationStateCreateInfo { line_width: 1.0, ..Default::default() };
        let samples = vk::PipelineMultisampleStateCreateInfo {
            rasterization_samples: vk::SampleCountFlags::_1,
            ..Default::default()
        };
        let info = vk::GraphicsPipelineCreateInfo {
            stage_count: 2,
            stages: pointer_to(&stages),
            vertex_input_state: pointer_to(&input),
            input_assembly_state: pointer_to(&assembly),
            viewport_state: pointer_to(&viewport),
            rasterization_state: pointer_to(&raster),
            multisample_state: pointer_to(&samples),
            layout: vk::Handle::from_raw(layout.handle),
            render_pass: vk::Handle::from_raw(pass.handle),
            ..Default::default()
        };
        self.pipeline(CommandType::CreateGraphicsPipelines, &info).map(drop)
    }

    fn submit(&self, pipeline: &Object) -> Result<(), Failure> {
        let commands = (CommandType::CreateCommandPool, CommandType::DestroyCommandPool);
        let pool = self.make(ObjectType::CommandPool, commands, &vk::CommandPoolCreateInfo::default())?;
        let info = vk::CommandBufferAllocateInfo {
            command_pool: vk::Handle::from_raw(pool.handle),
            command_buffer_count: 1,
            ..Default::default()
        };
        let (mut buffer, mut queue) = ([0_u64], 0_u64);
        let device = self.device.handle;
        let place = address_of_first(&mut buffer);
        self.functions.result(CommandType::AllocateCommandBuffers, &[device, address_of(&info), place])?;
        let [command_buffer] = buffer;
        let begin = vk::CommandBufferBeginInfo::default();
        self.functions.result(CommandType::BeginCommandBuffer, &[command_buffer, address_of(&begin)])?;
        let point = u64::from(vk::PipelineBindPoint::COMPUTE.as_raw().cast_unsigned());
        _ = self.functions.call(CommandType::CmdBindPipeline, &[command_buffer, point, pipeline.handle]);
        _ = self.functions.call(CommandType::CmdDispatch, &[command_buffer, 1, 1, 1]);
        self.functions.result(CommandType::EndCommandBuffer, &[command_buffer])?;
        _ = self.functions.call(CommandType::GetDeviceQueue, &[device, 0, 0, address_of_mut(&mut queue)]);
        let submit = vk::SubmitInfo {
            command_buffer_count: 1,
            command_buffers: pointer_to(&command_buffer),
            ..Default::default()
        };
        let commands = (CommandType::CreateFence, CommandType::DestroyFence);
        let fence = self.make(ObjectType::Fence, commands, &vk::FenceCreateInfo::default())?;
        let arguments = [queue, 1, address_of(&submit), fence.handle];
        self.functions.result(CommandType::QueueSubmit, &arguments)?;
        let mut fences = [fence.handle];
        let arguments = [device, 1, address_of_first(&mut fences), 1, PATIENCE_NS];
        self.functions.result(CommandType::WaitForFences, &arguments).map(drop)
    }
}

fn triangles() -> vk::PipelineInputAssemblyStateCreateInfo {
    vk::PipelineInputAssemblyStateCreateInfo {
        topology: vk::PrimitiveTopology::TRIANGLE_LIST,
        ..Default::default()
    }
}

fn stage(shader: &Object, stage: vk::ShaderStageFlags) -> vk::PipelineShaderStageCreateInfo {
    vk::PipelineShaderStageCreateInfo {
        stage,
        module: vk::Handle::from_raw(shader.handle),
        name: c"main".as_ptr(),
        ..Default::default()
    }
}

/// `void main() {}` of an execution model, in SPIR-V.
#[rustfmt::skip]
pub(super) fn empty_shader(model: u32) -> Vec<u32> {
    let mode: &[u32] = match model {
        COMPUTE => &[0x0006_0010, 4, 17, 1, 1, 1], // OpExecutionMode %4 LocalSize 1 1 1
        FRAGMENT => &[0x0003_0010, 4, 7], // OpExecutionMode %4 OriginUpperLeft
        _ => &[],
    };
    let head = [
        0x0723_0203, 0x0001_0000, 0, 6, 0, // SPIR-V 1.0, identifiers below 6
        0x0002_0011, 1, // OpCapability Shader
        0x0003_000e, 0, 1, // OpMemoryModel Logical GLSL450
        0x0005_000f, model, 4, 0x6e69_616d, 0, // OpEntryPoint %4 "main"
    ];
    let body = [
        0x0002_0013, 2, // %2 = OpTypeVoid
        0x0003_0021, 3, 2, // %3 = OpTypeFunction %2
        0x0005_0036, 2, 4, 0, 3, // %4 = OpFunction %2 None %3
        0x0002_00f8, 5, // %5 = OpLabel
        0x0001_00fd, // OpReturn
        0x0001_0038, // OpFunctionEnd
    ];
    [&head, mode, &body].concat()
}
