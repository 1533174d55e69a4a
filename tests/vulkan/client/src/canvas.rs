//! Offscreen pictures of 64 by 64 pixels: attachments, pipelines that draw on them, and what came of it.

use ash::{Device, vk};

use crate::checks::compute::shader;
use crate::gpu::{Buffer, Failure, Gpu, Outcome, ensure};

pub const SIDE: u32 = 64;
pub const COLOUR: vk::Format = vk::Format::R8G8B8A8_UNORM;
const DEPTH: vk::Format = vk::Format::D32_SFLOAT_S8_UINT;
const EXTENT: vk::Extent3D = vk::Extent3D { width: SIDE, height: SIDE, depth: 1 };
const AREA: vk::Rect2D =
    vk::Rect2D { offset: vk::Offset2D { x: 0, y: 0 }, extent: vk::Extent2D { width: SIDE, height: SIDE } };

/// What is behind all that is drawn: colours that eight bits can hold, for GPUs round those between as they like.
pub const BACKGROUND: [f32; 4] = [0.0, 0.2, 0.6, 1.0];

/// A corner: where it is, and its colour or its place in a texture.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Vertex {
    pub position: [f32; 4],
    pub colour: [f32; 4],
}

/// Two triangles that fill a rectangle, at a depth.
pub fn rectangle(left: f32, top: f32, right: f32, bottom: f32, depth: f32, colour: [f32; 4]) -> Vec<Vertex> {
    [(left, top), (right, top), (left, bottom), (left, bottom), (right, top), (right, bottom)]
        .map(|(x, y)| Vertex { position: [x, y, depth, 1.0], colour })
        .into()
}

/// What a canvas has.
#[derive(Clone, Copy)]
pub struct Kind {
    pub samples: vk::SampleCountFlags,
    /// No render pass, but attachments that the commands name.
    pub dynamic: bool,
}

/// How a pipeline draws.
#[derive(Clone, Copy, Default)]
pub struct Style<'s> {
    pub depth: bool,
    pub blend: bool,
    /// Draws nothing but where the stencil is 1; or marks it with 1 and draws nothing.
    pub stencil: Option<Stencil>,
    /// Colours are places in this texture.
    pub texture: Option<&'s Texture>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stencil {
    Mark,
    Within,
}

enum Made {
    Image(vk::Image),
    Memory(vk::DeviceMemory),
    View(vk::ImageView),
    Sampler(vk::Sampler),
    RenderPass(vk::RenderPass),
    Framebuffer(vk::Framebuffer),
    Module(vk::ShaderModule),
    Pipeline(vk::Pipeline),
    Layout(vk::PipelineLayout),
    SetLayout(vk::DescriptorSetLayout),
    Pool(vk::DescriptorPool),
}

struct Attachment {
    image: vk::Image,
    view: vk::ImageView,
}

pub struct Canvas<'gpu> {
    gpu: &'gpu Gpu,
    kind: Kind,
    made: Vec<Made>,
    colour: Attachment,
    depth: Attachment,
    /// Where several samples become one.
    resolved: Option<Attachment>,
    pass: vk::RenderPass,
    framebuffer: vk::Framebuffer,
    picture: Buffer<'gpu>,
}

pub struct Texture {
    view: vk::ImageView,
    sampler: vk::Sampler,
}

/// A pipeline, with what it is bound with.
pub struct Brush {
    pipeline: vk::Pipeline,
    layout: vk::PipelineLayout,
    set: Option<vk::DescriptorSet>,
}

impl<'gpu> Canvas<'gpu> {
    pub fn new(gpu: &'gpu Gpu, kind: Kind) -> Outcome<Self> {
        if kind.dynamic && !gpu.can.dynamic_rendering {
            return Err(Failure::Missing("dynamic rendering"));
        }
        let picture = gpu.host_buffer(u64::from(SIDE * SIDE) * 4)?;
        let none = || Attachment { image: vk::Image::null(), view: vk::ImageView::null() };
        let (colour, depth, made) = (none(), none(), Vec::new());
        let (pass, framebuffer) = (vk::RenderPass::null(), vk::Framebuffer::null());
        let mut canvas = Self { gpu, kind, made, colour, depth, resolved: None, pass, framebuffer, picture };
        let (colours, copied) = (vk::ImageUsageFlags::COLOR_ATTACHMENT, vk::ImageUsageFlags::TRANSFER_SRC);
        let depths = vk::ImageUsageFlags::DEPTH_STENCIL_ATTACHMENT;
        let single = vk::SampleCountFlags::TYPE_1;
        canvas.colour = canvas.attachment(COLOUR, colours | copied, kind.samples)?;
        canvas.depth = canvas.attachment(DEPTH, depths, kind.samples)?;
        if kind.samples != single {
            canvas.resolved = Some(canvas.attachment(COLOUR, colours | copied, single)?);
        }
        if !kind.dynamic {
            canvas.pass = canvas.render_pass()?;
            let resolved = canvas.resolved.iter().map(|attachment| attachment.view);
            let views: Vec<_> = [canvas.colour.view, canvas.depth.view].into_iter().chain(resolved).collect();
            let info = vk::FramebufferCreateInfo::default().render_pass(canvas.pass).attachments(&views);
            let info = info.width(SIDE).height(SIDE).layers(1);
            canvas.framebuffer = unsafe { gpu.device.create_framebuffer(&info, None) }?;
            canvas.made.push(Made::Framebuffer(canvas.framebuffer));
        }
        Ok(canvas)
    }

    fn image(&mut self, info: &vk::ImageCreateInfo<'_>) -> Outcome<vk::Image> {
        let device = &self.gpu.device;
        let image = unsafe { device.create_image(info, None) }?;
        self.made.push(Made::Image(image));
        let needed = unsafe { device.get_image_memory_requirements(image) };
        let local = vk::MemoryPropertyFlags::DEVICE_LOCAL;
        let kind = self.gpu.memory_type(needed.memory_type_bits, local)?;
        let memory = self.gpu.allocate(needed.size, kind)?;
        self.made.push(Made::Memory(memory));
        unsafe { device.bind_image_memory(image, memory, 0) }?;
        Ok(image)
    }

    fn view(&mut self, image: vk::Image, format: vk::Format) -> Outcome<vk::ImageView> {
        let info = vk::ImageViewCreateInfo::default().image(image).format(format);
        let info = info.view_type(vk::ImageViewType::TYPE_2D).subresource_range(whole(format));
        let view = unsafe { self.gpu.device.create_image_view(&info, None) }?;
        self.made.push(Made::View(view));
        Ok(view)
    }

    fn attachment(
        &mut self,
        format: vk::Format,
        usage: vk::ImageUsageFlags,
        samples: vk::SampleCountFlags,
    ) -> Outcome<Attachment> {
        let image = self.image(&image_info(format, EXTENT, 1).usage(usage).samples(samples))?;
        Ok(Attachment { image, view: self.view(image, format)? })
    }

    fn render_pass(&mut self) -> Outcome<vk::RenderPass> {
        let samples = self.kind.samples;
        let (clear, keep) = (vk::AttachmentLoadOp::CLEAR, vk::AttachmentStoreOp::STORE);
        let attachment = |format, samples, layout| {
            let plain = vk::AttachmentDescription::default().format(format).samples(samples);
            let plain = plain.load_op(clear).store_op(keep).stencil_load_op(clear).stencil_store_op(keep);
            plain.initial_layout(vk::ImageLayout::UNDEFINED).final_layout(layout)
        };
        let (source, depth) =
            (vk::ImageLayout::TRANSFER_SRC_OPTIMAL, vk::ImageLayout::DEPTH_STENCIL_ATTACHMENT_OPTIMAL);
        let mut all = vec![attachment(COLOUR, samples, source), attachment(DEPTH, samples, depth)];
        if self.resolved.is_some() {
            let single = attachment(COLOUR, vk::SampleCountFlags::TYPE_1, source);
            all.push(single.load_op(vk::AttachmentLoadOp::DONT_CARE));
        }
        let target = vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL;
        let reference = |index, layout| vk::AttachmentReference { attachment: index, layout };
        let (colours, resolves) = ([reference(0, target)], [reference(2, target)]);
        let depths = reference(1, depth);
        let mut subpass = vk::SubpassDescription::default()
            .pipeline_bind_point(vk::PipelineBindPoint::GRAPHICS)
            .color_attachments(&colours)
            .depth_stencil_attachment(&depths);
        if self.resolved.is_some() {
            subpass = subpass.resolve_attachments(&resolves);
        }
        let subpasses = [subpass];
        let info = vk::RenderPassCreateInfo::default().attachments(&all).subpasses(&subpasses);
        let pass = unsafe { self.gpu.device.create_render_pass(&info, None) }?;
        self.made.push(Made::RenderPass(pass));
        Ok(pass)
    }

    /// A texture with a level for each of these sets of pixels, each half as wide and high as the one before.
    pub fn texture(&mut self, levels: &[Vec<[u8; 4]>], filter: vk::Filter) -> Outcome<Texture> {
        let side = (levels.first().map_or(0, Vec::len) as f64).sqrt() as u32;
        let extent = vk::Extent3D { width: side, height: side, depth: 1 };
        let usage = vk::ImageUsageFlags::SAMPLED | vk::ImageUsageFlags::TRANSFER_DST;
        let image = self.image(&image_info(COLOUR, extent, levels.len() as u32).usage(usage))?;
        let view = self.view(image, COLOUR)?;
        let info = vk::SamplerCreateInfo::default().mag_filter(filter).min_filter(filter).max_lod(8.0);
        let info = info.address_mode_u(vk::SamplerAddressMode::REPEAT);
        let sampler = unsafe { self.gpu.device.create_sampler(&info, None) }?;
        self.made.push(Made::Sampler(sampler));
        let pixels: Vec<[u8; 4]> = levels.concat();
        let mut upload = self.gpu.host_buffer(pixels.len() as u64 * 4)?;
        upload.slice_mut().copy_from_slice(&pixels);
        let mut offset = 0;
        let copies: Vec<_> = (0..)
            .zip(levels)
            .map(|(level, pixels)| {
                let layers = vk::ImageSubresourceLayers { mip_level: level, ..layers() };
                let (width, height) = (side >> level, side >> level);
                let copy = vk::BufferImageCopy::default().buffer_offset(offset).image_subresource(layers);
                offset += pixels.len() as u64 * 4;
                copy.image_extent(vk::Extent3D { width, height, depth: 1 })
            })
            .collect();
        let (undefined, target) = (vk::ImageLayout::UNDEFINED, vk::ImageLayout::TRANSFER_DST_OPTIMAL);
        self.gpu.run(|device, commands| {
            change(device, commands, image, COLOUR, (undefined, target));
            unsafe { device.cmd_copy_buffer_to_image(commands, upload.buffer, image, target, &copies) };
            change(device, commands, image, COLOUR, (target, vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL));
        })?;
        Ok(Texture { view, sampler })
    }

    fn module(&mut self, code: &[u8]) -> Outcome<vk::ShaderModule> {
        let words = ash::util::read_spv(&mut std::io::Cursor::new(code));
        let words = words.map_err(|error| Failure::Wrong(error.to_string()))?;
        let info = vk::ShaderModuleCreateInfo::default().code(&words);
        let module = unsafe { self.gpu.device.create_shader_module(&info, None) }?;
        self.made.push(Made::Module(module));
        Ok(module)
    }

    /// A set with a texture, and its layout.
    fn texture_set(&mut self, texture: &Texture) -> Outcome<(vk::DescriptorSetLayout, vk::DescriptorSet)> {
        let device = &self.gpu.device;
        let kind = vk::DescriptorType::COMBINED_IMAGE_SAMPLER;
        let bindings = [vk::DescriptorSetLayoutBinding::default()
            .descriptor_type(kind)
            .descriptor_count(1)
            .stage_flags(vk::ShaderStageFlags::FRAGMENT)];
        let info = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
        let layout = unsafe { device.create_descriptor_set_layout(&info, None) }?;
        self.made.push(Made::SetLayout(layout));
        let sizes = [vk::DescriptorPoolSize { ty: kind, descriptor_count: 1 }];
        let info = vk::DescriptorPoolCreateInfo::default().max_sets(1).pool_sizes(&sizes);
        let pool = unsafe { device.create_descriptor_pool(&info, None) }?;
        self.made.push(Made::Pool(pool));
        let layouts = [layout];
        let info = vk::DescriptorSetAllocateInfo::default().descriptor_pool(pool).set_layouts(&layouts);
        let set = unsafe { device.allocate_descriptor_sets(&info) }?[0];
        let images = [vk::DescriptorImageInfo {
            sampler: texture.sampler,
            image_view: texture.view,
            image_layout: vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL,
        }];
        let write = vk::WriteDescriptorSet::default().dst_set(set).descriptor_type(kind).image_info(&images);
        unsafe { device.update_descriptor_sets(&[write], &[]) };
        Ok((layout, set))
    }

    pub fn brush(&mut self, style: Style<'_>) -> Outcome<Brush> {
        let (vertex, fragment) = match style.texture {
            Some(_) => (shader!("flat.vert"), &shader!("texture.frag")[..]),
            None => (shader!("flat.vert"), &shader!("flat.frag")[..]),
        };
        let modules = [self.module(vertex)?, self.module(fragment)?];
        let bound = style.texture.map(|texture| self.texture_set(texture)).transpose()?;
        let sets: Vec<_> = bound.iter().map(|(layout, _)| *layout).collect();
        let push = [vk::PushConstantRange::default().stage_flags(vk::ShaderStageFlags::VERTEX).size(16)];
        let info = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets).push_constant_ranges(&push);
        let layout = unsafe { self.gpu.device.create_pipeline_layout(&info, None) }?;
        self.made.push(Made::Layout(layout));
        let pipeline = self.pipeline(style, modules, layout)?;
        self.made.push(Made::Pipeline(pipeline));
        Ok(Brush { pipeline, layout, set: bound.map(|(_, set)| set) })
    }

    fn pipeline(
        &self,
        style: Style<'_>,
        [vertex, fragment]: [vk::ShaderModule; 2],
        layout: vk::PipelineLayout,
    ) -> Outcome<vk::Pipeline> {
        let stage = |stage, module| {
            vk::PipelineShaderStageCreateInfo::default().stage(stage).module(module).name(c"main")
        };
        let stages =
            [stage(vk::ShaderStageFlags::VERTEX, vertex), stage(vk::ShaderStageFlags::FRAGMENT, fragment)];
        let corners = [vk::VertexInputBindingDescription {
            binding: 0,
            stride: size_of::<Vertex>() as u32,
            input_rate: vk::VertexInputRate::VERTEX,
        }];
        let place = |location, offset| vk::VertexInputAttributeDescription {
            location,
            binding: 0,
            format: vk::Format::R32G32B32A32_SFLOAT,
            offset,
        };
        let places = [place(0, 0), place(1, 16)];
        let input = vk::PipelineVertexInputStateCreateInfo::default()
            .vertex_binding_descriptions(&corners)
            .vertex_attribute_descriptions(&places);
        let assembly = vk::PipelineInputAssemblyStateCreateInfo::default()
            .topology(vk::PrimitiveTopology::TRIANGLE_LIST);
        let viewports = vk::PipelineViewportStateCreateInfo::default().viewport_count(1).scissor_count(1);
        let raster = vk::PipelineRasterizationStateCreateInfo::default().line_width(1.0);
        let samples =
            vk::PipelineMultisampleStateCreateInfo::default().rasterization_samples(self.kind.samples);
        let (depth, blends) = (depth_state(style), [blend_state(style)]);
        let blend = vk::PipelineColorBlendStateCreateInfo::default().attachments(&blends);
        let changes = [vk::DynamicState::VIEWPORT, vk::DynamicState::SCISSOR];
        let dynamic = vk::PipelineDynamicStateCreateInfo::default().dynamic_states(&changes);
        let formats = [COLOUR];
        let mut rendering = vk::PipelineRenderingCreateInfo::default()
            .color_attachment_formats(&formats)
            .depth_attachment_format(DEPTH)
            .stencil_attachment_format(DEPTH);
        let mut info = vk::GraphicsPipelineCreateInfo::default()
            .stages(&stages)
            .vertex_input_state(&input)
            .input_assembly_state(&assembly)
            .viewport_state(&viewports)
            .rasterization_state(&raster)
            .multisample_state(&samples)
            .depth_stencil_state(&depth)
            .color_blend_state(&blend)
            .dynamic_state(&dynamic)
            .layout(layout)
            .render_pass(self.pass);
        if self.kind.dynamic {
            info = info.push_next(&mut rendering);
        }
        let none = vk::PipelineCache::null();
        let made = unsafe { self.gpu.device.create_graphics_pipelines(none, &[info], None) };
        Ok(made.map_err(|(_, result)| result)?[0])
    }

    /// Clears the canvas, has it drawn on, and reads it.
    pub fn draw(&self, on: impl FnOnce(&Device, vk::CommandBuffer)) -> Outcome<Picture> {
        let gpu = self.gpu;
        gpu.run(|device, commands| {
            self.begin(device, commands);
            let viewport = vk::Viewport {
                width: SIDE as f32,
                height: SIDE as f32,
                max_depth: 1.0,
                ..Default::default()
            };
            unsafe { device.cmd_set_viewport(commands, 0, &[viewport]) };
            unsafe { device.cmd_set_scissor(commands, 0, &[AREA]) };
            on(device, commands);
            self.end(device, commands);
            let seen = self.resolved.as_ref().unwrap_or(&self.colour).image;
            let layout = vk::ImageLayout::TRANSFER_SRC_OPTIMAL;
            crate::gpu::barrier(device, commands);
            let copy = [vk::BufferImageCopy::default().image_subresource(layers()).image_extent(EXTENT)];
            unsafe { device.cmd_copy_image_to_buffer(commands, seen, layout, self.picture.buffer, &copy) };
            crate::gpu::barrier(device, commands);
        })?;
        Ok(Picture(self.picture.slice().to_vec()))
    }

    fn begin(&self, device: &Device, commands: vk::CommandBuffer) {
        let colour = vk::ClearValue { color: vk::ClearColorValue { float32: BACKGROUND } };
        let depth_stencil = vk::ClearDepthStencilValue { depth: 1.0, stencil: 0 };
        let depth = vk::ClearValue { depth_stencil };
        let Some(extension) = self.gpu.rendering.as_ref().filter(|_| self.kind.dynamic) else {
            let values = [colour, depth, colour];
            let info = vk::RenderPassBeginInfo::default().render_pass(self.pass).render_area(AREA);
            let info = info.framebuffer(self.framebuffer).clear_values(&values);
            unsafe { device.cmd_begin_render_pass(commands, &info, vk::SubpassContents::INLINE) };
            return;
        };
        let (target, depths) =
            (vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL, vk::ImageLayout::DEPTH_STENCIL_ATTACHMENT_OPTIMAL);
        let attachment = |view, layout, clear| {
            let plain = vk::RenderingAttachmentInfo::default().image_view(view).image_layout(layout);
            let plain = plain.load_op(vk::AttachmentLoadOp::CLEAR).store_op(vk::AttachmentStoreOp::STORE);
            plain.clear_value(clear)
        };
        for (image, format, layout) in
            [(self.colour.image, COLOUR, target), (self.depth.image, DEPTH, depths)]
        {
            change(device, commands, image, format, (vk::ImageLayout::UNDEFINED, layout));
        }
        let mut drawn = attachment(self.colour.view, target, colour);
        if let Some(resolved) = &self.resolved {
            change(device, commands, resolved.image, COLOUR, (vk::ImageLayout::UNDEFINED, target));
            drawn = drawn.resolve_mode(vk::ResolveModeFlags::AVERAGE);
            drawn = drawn.resolve_image_view(resolved.view).resolve_image_layout(target);
        }
        let (drawn, depth) = ([drawn], attachment(self.depth.view, depths, depth));
        let info = vk::RenderingInfo::default().render_area(AREA).layer_count(1).color_attachments(&drawn);
        let info = info.depth_attachment(&depth).stencil_attachment(&depth);
        unsafe { extension.cmd_begin_rendering(commands, &info) };
    }

    fn end(&self, device: &Device, commands: vk::CommandBuffer) {
        let Some(extension) = self.gpu.rendering.as_ref().filter(|_| self.kind.dynamic) else {
            return unsafe { device.cmd_end_render_pass(commands) };
        };
        unsafe { extension.cmd_end_rendering(commands) };
        let seen = self.resolved.as_ref().unwrap_or(&self.colour).image;
        let layouts = (vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL, vk::ImageLayout::TRANSFER_SRC_OPTIMAL);
        change(device, commands, seen, COLOUR, layouts);
    }
}

impl Brush {
    /// Draws from here on, moved by so much.
    pub fn take(&self, device: &Device, commands: vk::CommandBuffer, offset: [f32; 4]) {
        let point = vk::PipelineBindPoint::GRAPHICS;
        let bytes: Vec<u8> = offset.iter().flat_map(|part| part.to_ne_bytes()).collect();
        unsafe {
            device.cmd_bind_pipeline(commands, point, self.pipeline);
            device.cmd_push_constants(commands, self.layout, vk::ShaderStageFlags::VERTEX, 0, &bytes);
            if let Some(set) = self.set {
                device.cmd_bind_descriptor_sets(commands, point, self.layout, 0, &[set], &[]);
            }
        }
    }

    /// Draws all corners of a buffer.
    pub fn draw(&self, device: &Device, commands: vk::CommandBuffer, corners: &Buffer<'_>) {
        self.take(device, commands, [0.0; 4]);
        let count = corners.bytes / size_of::<Vertex>() as u64;
        unsafe {
            device.cmd_bind_vertex_buffers(commands, 0, &[corners.buffer], &[0]);
            device.cmd_draw(commands, count as u32, 1, 0, 0);
        }
    }
}

/// A buffer of corners.
pub fn corners<'gpu>(gpu: &'gpu Gpu, corners: &[Vertex]) -> Outcome<Buffer<'gpu>> {
    let mut buffer = gpu.host_buffer(size_of_val(corners) as u64)?;
    buffer.slice_mut().copy_from_slice(corners);
    Ok(buffer)
}

fn depth_state(style: Style<'_>) -> vk::PipelineDepthStencilStateCreateInfo<'static> {
    let (compare, pass) = match style.stencil {
        Some(Stencil::Within) => (vk::CompareOp::EQUAL, vk::StencilOp::KEEP),
        _ => (vk::CompareOp::ALWAYS, vk::StencilOp::REPLACE),
    };
    let keep = vk::StencilOp::KEEP;
    let face = vk::StencilOpState {
        fail_op: keep,
        pass_op: pass,
        depth_fail_op: keep,
        compare_op: compare,
        compare_mask: 0xff,
        write_mask: 0xff,
        reference: 1,
    };
    vk::PipelineDepthStencilStateCreateInfo::default()
        .depth_test_enable(style.depth)
        .depth_write_enable(style.depth)
        .depth_compare_op(vk::CompareOp::LESS)
        .stencil_test_enable(style.stencil.is_some())
        .front(face)
        .back(face)
}

fn blend_state(style: Style<'_>) -> vk::PipelineColorBlendAttachmentState {
    let mask = match style.stencil {
        Some(Stencil::Mark) => vk::ColorComponentFlags::empty(),
        _ => vk::ColorComponentFlags::RGBA,
    };
    vk::PipelineColorBlendAttachmentState::default()
        .color_write_mask(mask)
        .blend_enable(style.blend)
        .src_color_blend_factor(vk::BlendFactor::SRC_ALPHA)
        .dst_color_blend_factor(vk::BlendFactor::ONE_MINUS_SRC_ALPHA)
        .src_alpha_blend_factor(vk::BlendFactor::ONE)
        .dst_alpha_blend_factor(vk::BlendFactor::ZERO)
}

fn image_info(format: vk::Format, extent: vk::Extent3D, levels: u32) -> vk::ImageCreateInfo<'static> {
    vk::ImageCreateInfo::default()
        .image_type(vk::ImageType::TYPE_2D)
        .format(format)
        .extent(extent)
        .mip_levels(levels)
        .array_layers(1)
        .samples(vk::SampleCountFlags::TYPE_1)
}

fn aspects(format: vk::Format) -> vk::ImageAspectFlags {
    match format {
        DEPTH => vk::ImageAspectFlags::DEPTH | vk::ImageAspectFlags::STENCIL,
        _ => vk::ImageAspectFlags::COLOR,
    }
}

fn whole(format: vk::Format) -> vk::ImageSubresourceRange {
    vk::ImageSubresourceRange::default()
        .aspect_mask(aspects(format))
        .level_count(vk::REMAINING_MIP_LEVELS)
        .layer_count(1)
}

fn layers() -> vk::ImageSubresourceLayers {
    vk::ImageSubresourceLayers::default().aspect_mask(vk::ImageAspectFlags::COLOR).layer_count(1)
}

fn change(
    device: &Device,
    commands: vk::CommandBuffer,
    image: vk::Image,
    format: vk::Format,
    (from, to): (vk::ImageLayout, vk::ImageLayout),
) {
    let all = vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE;
    let barrier = vk::ImageMemoryBarrier::default()
        .src_access_mask(all)
        .dst_access_mask(all)
        .old_layout(from)
        .new_layout(to)
        .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .image(image)
        .subresource_range(whole(format));
    let (stages, none) = (vk::PipelineStageFlags::ALL_COMMANDS, vk::DependencyFlags::empty());
    unsafe { device.cmd_pipeline_barrier(commands, stages, stages, none, &[], &[], &[barrier]) };
}

impl Drop for Canvas<'_> {
    fn drop(&mut self) {
        let device = &self.gpu.device;
        for made in self.made.drain(..).rev() {
            unsafe {
                match made {
                    Made::Image(image) => device.destroy_image(image, None),
                    Made::Memory(memory) => device.free_memory(memory, None),
                    Made::View(view) => device.destroy_image_view(view, None),
                    Made::Sampler(sampler) => device.destroy_sampler(sampler, None),
                    Made::RenderPass(pass) => device.destroy_render_pass(pass, None),
                    Made::Framebuffer(framebuffer) => device.destroy_framebuffer(framebuffer, None),
                    Made::Module(module) => device.destroy_shader_module(module, None),
                    Made::Pipeline(pipeline) => device.destroy_pipeline(pipeline, None),
                    Made::Layout(layout) => device.destroy_pipeline_layout(layout, None),
                    Made::SetLayout(layout) => device.destroy_descriptor_set_layout(layout, None),
                    Made::Pool(pool) => device.destroy_descriptor_pool(pool, None),
                }
            }
        }
    }
}

/// What was drawn, a row after the other.
pub struct Picture(Vec<[u8; 4]>);

impl Picture {
    pub fn at(&self, x: u32, y: u32) -> [u8; 4] {
        self.0[(y * SIDE + x) as usize]
    }

    /// Whether a pixel has a colour, but for what rounding takes.
    pub fn expect(&self, x: u32, y: u32, colour: [f32; 4]) -> Outcome {
        let (found, wanted) = (self.at(x, y), colour.map(|part| part * 255.0));
        let close = found.iter().zip(wanted).all(|(found, wanted)| (f32::from(*found) - wanted).abs() <= 1.0);
        ensure(close, || format!("pixel {x}, {y} is {found:?}, not {wanted:?}"))
    }

    /// How many pixels are not the background.
    pub fn drawn(&self) -> usize {
        let background = BACKGROUND.map(|part| (part * 255.0).round() as u8);
        self.0.iter().filter(|pixel| **pixel != background).count()
    }

    /// Tells what was drawn, so that it can be compared: a digest, and the picture itself to VGPU_PICTURES.
    pub fn tell(&self, name: &str) -> Outcome {
        let fold = |digest: u64, byte: &u8| (digest ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        let digest = self.0.as_flattened().iter().fold(0xcbf2_9ce4_8422_2325, fold);
        println!("{name}: picture {digest:016x}");
        let Some(folder) = std::env::var_os("VGPU_PICTURES") else { return Ok(()) };
        let mut file = format!("P6\n{SIDE} {SIDE}\n255\n").into_bytes();
        file.extend(self.0.iter().flat_map(|[red, green, blue, _]| [red, green, blue]));
        let path = std::path::Path::new(&folder).join(name).with_extension("ppm");
        std::fs::write(&path, file).map_err(|error| Failure::Wrong(format!("{}: {error}", path.display())))
    }
}
