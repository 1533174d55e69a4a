//! Two programs and an image: one clears it and hands its memory over as a dma-buf, the other reads it.

use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

use ash::{ext, khr, vk};

use crate::gpu::{Failure, Gpu, Outcome, ensure};

const EXTENT: vk::Extent3D = vk::Extent3D { width: 200, height: 100, depth: 1 };
const COLOUR: vk::Format = vk::Format::B8G8R8A8_UNORM;
const DMA_BUF: vk::ExternalMemoryHandleTypeFlags = vk::ExternalMemoryHandleTypeFlags::DMA_BUF_EXT;
const LINEAR: u64 = 0;
const WHOLE: vk::ImageSubresourceRange = vk::ImageSubresourceRange {
    aspect_mask: vk::ImageAspectFlags::COLOR,
    base_mip_level: 0,
    level_count: 1,
    base_array_layer: 0,
    layer_count: 1,
};

pub fn run() -> Outcome {
    let (maker, reader) = (Gpu::open()?, Gpu::open()?);
    if !maker.can.dma_bufs {
        return Err(Failure::Missing("dma-bufs"));
    }
    modifiers(&maker)?;
    formats(&maker)?;
    let (image, memory) = make(&maker)?;
    clear(&maker, image)?;
    let plane = layout(&maker, image);
    let file = export(&maker, memory)?;
    let other = import(&reader, plane, file)?;
    read(&reader, other)?;
    ensure(
        explicit(&reader, vk::SubresourceLayout { row_pitch: plane.row_pitch + 256, ..plane })
            == Err(vk::Result::ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT),
        || "rows of any length are taken".into(),
    )?;
    println!("shared: ok");
    Ok(())
}

/// Formats of one plane have one modifier; what no other kernel driver could read has none.
fn modifiers(gpu: &Gpu) -> Outcome {
    let of = |format| {
        let mut rooms = [vk::DrmFormatModifierPropertiesEXT::default(); 4];
        let mut list =
            vk::DrmFormatModifierPropertiesListEXT::default().drm_format_modifier_properties(&mut rooms);
        let mut all = vk::FormatProperties2::default().push_next(&mut list);
        unsafe { gpu.instance.get_physical_device_format_properties2(gpu.physical, format, &mut all) };
        let count = list.drm_format_modifier_count;
        (count, rooms[0])
    };
    let (count, first) = of(COLOUR);
    let fits =
        count == 1 && first.drm_format_modifier == LINEAR && first.drm_format_modifier_plane_count == 1;
    let renders =
        first.drm_format_modifier_tiling_features.contains(vk::FormatFeatureFlags::COLOR_ATTACHMENT);
    ensure(fits && renders, || format!("{count} modifiers"))?;
    ensure(of(vk::Format::D32_SFLOAT).0 == 0, || "depth has modifiers".into())
}

fn formats(gpu: &Gpu) -> Outcome {
    let ask = |modifier, handle_type| {
        let mut modifier =
            vk::PhysicalDeviceImageDrmFormatModifierInfoEXT::default().drm_format_modifier(modifier);
        let mut external = vk::PhysicalDeviceExternalImageFormatInfo::default().handle_type(handle_type);
        let info = vk::PhysicalDeviceImageFormatInfo2::default()
            .format(COLOUR)
            .ty(vk::ImageType::TYPE_2D)
            .tiling(vk::ImageTiling::DRM_FORMAT_MODIFIER_EXT)
            .usage(vk::ImageUsageFlags::COLOR_ATTACHMENT)
            .push_next(&mut modifier)
            .push_next(&mut external);
        let mut told = vk::ExternalImageFormatProperties::default();
        let mut found = vk::ImageFormatProperties2::default().push_next(&mut told);
        let asked = unsafe {
            gpu.instance.get_physical_device_image_format_properties2(gpu.physical, &info, &mut found)
        };
        asked.map(|()| told.external_memory_properties.external_memory_features)
    };
    let both = vk::ExternalMemoryFeatureFlags::EXPORTABLE | vk::ExternalMemoryFeatureFlags::IMPORTABLE;
    ensure(ask(LINEAR, DMA_BUF)?.contains(both), || "images cannot be shared".into())?;
    let refused = Err(vk::Result::ERROR_FORMAT_NOT_SUPPORTED);
    ensure(ask(LINEAR + 1, DMA_BUF) == refused, || "any modifier is taken".into())?;
    let address = vk::ExternalMemoryHandleTypeFlags::HOST_ALLOCATION_EXT;
    ensure(ask(LINEAR, address) == refused, || "the host's addresses are taken".into())
}

fn image_info() -> vk::ImageCreateInfo<'static> {
    vk::ImageCreateInfo::default()
        .image_type(vk::ImageType::TYPE_2D)
        .format(COLOUR)
        .extent(EXTENT)
        .mip_levels(1)
        .array_layers(1)
        .samples(vk::SampleCountFlags::TYPE_1)
        .tiling(vk::ImageTiling::DRM_FORMAT_MODIFIER_EXT)
        .usage(vk::ImageUsageFlags::TRANSFER_SRC | vk::ImageUsageFlags::TRANSFER_DST)
}

fn make(gpu: &Gpu) -> Outcome<(vk::Image, vk::DeviceMemory)> {
    let device = &gpu.device;
    let modifiers = [LINEAR];
    let mut list = vk::ImageDrmFormatModifierListCreateInfoEXT::default().drm_format_modifiers(&modifiers);
    let mut external = vk::ExternalMemoryImageCreateInfo::default().handle_types(DMA_BUF);
    let info = image_info().push_next(&mut list).push_next(&mut external);
    let image = unsafe { device.create_image(&info, None) }?;
    let needed = unsafe { device.get_image_memory_requirements(image) };
    let mut export = vk::ExportMemoryAllocateInfo::default().handle_types(DMA_BUF);
    let mut dedicated = vk::MemoryDedicatedAllocateInfo::default().image(image);
    let info = vk::MemoryAllocateInfo::default()
        .allocation_size(needed.size)
        .memory_type_index(gpu.memory_type(needed.memory_type_bits, vk::MemoryPropertyFlags::empty())?)
        .push_next(&mut export)
        .push_next(&mut dedicated);
    let memory = unsafe { device.allocate_memory(&info, None) }?;
    unsafe { device.bind_image_memory(image, memory, 0) }?;

    let modifier = ext::image_drm_format_modifier::Device::new(&gpu.instance, device);
    let mut told = vk::ImageDrmFormatModifierPropertiesEXT::default().drm_format_modifier(!0);
    unsafe { modifier.get_image_drm_format_modifier_properties(image, &mut told) }?;
    ensure(told.drm_format_modifier == LINEAR, || {
        format!("the image's modifier is {}", told.drm_format_modifier)
    })?;
    Ok((image, memory))
}

/// A barrier from one owner of the image to the next.
fn transfer(
    image: vk::Image,
    layouts: [vk::ImageLayout; 2],
    owners: [u32; 2],
) -> vk::ImageMemoryBarrier<'static> {
    let all = vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE;
    vk::ImageMemoryBarrier::default()
        .image(image)
        .subresource_range(WHOLE)
        .src_access_mask(all)
        .dst_access_mask(all)
        .old_layout(layouts[0])
        .new_layout(layouts[1])
        .src_queue_family_index(owners[0])
        .dst_queue_family_index(owners[1])
}

fn clear(gpu: &Gpu, image: vk::Image) -> Outcome {
    let colour = vk::ClearColorValue { float32: [1.0, 0.0, 0.2, 0.4] };
    let target = vk::ImageLayout::TRANSFER_DST_OPTIMAL;
    let ignored = [vk::QUEUE_FAMILY_IGNORED; 2];
    let begin = transfer(image, [vk::ImageLayout::UNDEFINED, target], ignored);
    let end = transfer(image, [target, vk::ImageLayout::GENERAL], [0, vk::QUEUE_FAMILY_FOREIGN_EXT]);
    gpu.run(|device, commands| unsafe {
        let (stages, none) = (vk::PipelineStageFlags::ALL_COMMANDS, vk::DependencyFlags::empty());
        device.cmd_pipeline_barrier(commands, stages, stages, none, &[], &[], &[begin]);
        device.cmd_clear_color_image(commands, image, target, &colour, &[WHOLE]);
        device.cmd_pipeline_barrier(commands, stages, stages, none, &[], &[], &[end]);
    })
}

fn layout(gpu: &Gpu, image: vk::Image) -> vk::SubresourceLayout {
    let plane = vk::ImageSubresource::default().aspect_mask(vk::ImageAspectFlags::MEMORY_PLANE_0_EXT);
    let found = unsafe { gpu.device.get_image_subresource_layout(image, plane) };
    vk::SubresourceLayout { offset: found.offset, row_pitch: found.row_pitch, ..Default::default() }
}

fn export(gpu: &Gpu, memory: vk::DeviceMemory) -> Outcome<OwnedFd> {
    let info = vk::MemoryGetFdInfoKHR::default().memory(memory).handle_type(DMA_BUF);
    let files = khr::external_memory_fd::Device::new(&gpu.instance, &gpu.device);
    // SAFETY: it is the caller's.
    Ok(unsafe { OwnedFd::from_raw_fd(files.get_memory_fd(&info)?) })
}

fn explicit(gpu: &Gpu, plane: vk::SubresourceLayout) -> Result<vk::Image, vk::Result> {
    let planes = [plane];
    let mut layout = vk::ImageDrmFormatModifierExplicitCreateInfoEXT::default()
        .drm_format_modifier(LINEAR)
        .plane_layouts(&planes);
    let mut external = vk::ExternalMemoryImageCreateInfo::default().handle_types(DMA_BUF);
    let info = image_info().push_next(&mut layout).push_next(&mut external);
    unsafe { gpu.device.create_image(&info, None) }
}

fn import(gpu: &Gpu, plane: vk::SubresourceLayout, file: OwnedFd) -> Outcome<vk::Image> {
    let device = &gpu.device;
    let image = explicit(gpu, plane)?;
    let needed = unsafe { device.get_image_memory_requirements(image) };
    let files = khr::external_memory_fd::Device::new(&gpu.instance, device);
    let mut told = vk::MemoryFdPropertiesKHR::default();
    unsafe { files.get_memory_fd_properties(DMA_BUF, file.as_raw_fd(), &mut told) }?;
    let bits = needed.memory_type_bits & told.memory_type_bits;
    // The driver takes the file.
    let mut import = vk::ImportMemoryFdInfoKHR::default().handle_type(DMA_BUF).fd(file.into_raw_fd());
    let mut dedicated = vk::MemoryDedicatedAllocateInfo::default().image(image);
    let info = vk::MemoryAllocateInfo::default()
        .allocation_size(needed.size)
        .memory_type_index(gpu.memory_type(bits, vk::MemoryPropertyFlags::empty())?)
        .push_next(&mut import)
        .push_next(&mut dedicated);
    let memory = unsafe { device.allocate_memory(&info, None) }?;
    unsafe { device.bind_image_memory(image, memory, 0) }?;
    Ok(image)
}

fn read(gpu: &Gpu, image: vk::Image) -> Outcome {
    let pixels = u64::from(EXTENT.width * EXTENT.height);
    let picture = gpu.host_buffer(pixels * 4)?;
    let source = vk::ImageLayout::TRANSFER_SRC_OPTIMAL;
    let begin = transfer(image, [vk::ImageLayout::GENERAL, source], [vk::QUEUE_FAMILY_FOREIGN_EXT, 0]);
    let layers = vk::ImageSubresourceLayers::default().aspect_mask(WHOLE.aspect_mask).layer_count(1);
    let region = vk::BufferImageCopy::default().image_subresource(layers).image_extent(EXTENT);
    gpu.run(|device, commands| unsafe {
        let (stages, none) = (vk::PipelineStageFlags::ALL_COMMANDS, vk::DependencyFlags::empty());
        let after = stages | vk::PipelineStageFlags::HOST;
        device.cmd_pipeline_barrier(commands, stages, after, none, &[], &[], &[begin]);
        device.cmd_copy_image_to_buffer(commands, image, source, picture.buffer, &[region]);
        crate::gpu::barrier(device, commands);
    })?;
    let wrong = picture.slice::<[u8; 4]>().iter().find(|pixel| **pixel != [51, 0, 255, 102]);
    ensure(wrong.is_none(), || format!("there is a pixel {wrong:?}"))
}
