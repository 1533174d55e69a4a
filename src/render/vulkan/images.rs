//! Where images are copied, cleared, seen and waited for: within their levels, layers and edges. Drivers compute
//! addresses from what commands say, and do not look.

use std::sync::Arc;

use vulkanalia_sys::{self as vk, ImageAspectFlags as Aspect};

use super::formats::{self, Block};
use super::objects::{Data, Object};
use super::queries::lower_half;
use super::reason::Reason;
use super::resources::Shape;
use super::turn::Turn;
use crate::sys::{Address, CStruct};

/// A rule that is broken.
type Rule = &'static str;

const NULL: Rule = "an image is NULL";
const LEVELS: Rule = "the image has no such mip level";
const LAYERS: Rule = "the image has no such array layers";
const EDGES: Rule = "it goes beyond the edges of an image";
const ASPECT: Rule = "the image has no such aspect";
const BUFFER: Rule = "it goes beyond the end of a buffer";

/// A region of one image, before it is looked at.
struct Region {
    layers: vk::ImageSubresourceLayers,
    offset: vk::Offset3D,
}

/// Regions of two images.
struct Pair {
    from: Region,
    to: Region,
    extent: vk::Extent3D,
}

/// A structure with two regions of the same extent.
trait Pairs: CStruct {
    fn pair(&self) -> Pair;
}

macro_rules! pairs {
    ($($name:ty),+) => {
        $(impl Pairs for $name {
            fn pair(&self) -> Pair {
                Pair {
                    from: Region { layers: self.src_subresource, offset: self.src_offset },
                    to: Region { layers: self.dst_subresource, offset: self.dst_offset },
                    extent: self.extent,
                }
            }
        })+
    };
}

pairs!(vk::ImageCopy, vk::ImageCopy2, vk::ImageResolve, vk::ImageResolve2);

impl Shape {
    /// How many layers a command means that begins at one.
    fn layers(&self, base: u32, count: u32) -> Result<u32, Rule> {
        let left = self.layers.checked_sub(base).ok_or(LAYERS)?;
        let count = if count == vk::REMAINING_ARRAY_LAYERS { left } else { count };
        if (1..=left).contains(&count) { Ok(count) } else { Err(LAYERS) }
    }

    fn has_levels(&self, base: u32, count: u32) -> Result<(), Rule> {
        let left = self.levels.checked_sub(base).ok_or(LEVELS)?;
        let count = if count == vk::REMAINING_MIP_LEVELS { left } else { count };
        if (1..=left).contains(&count) { Ok(()) } else { Err(LEVELS) }
    }

    fn has_aspects(&self, wanted: Aspect) -> Result<(), Rule> {
        let all = !wanted.is_empty() && formats::aspects(self.format).contains(wanted);
        if all { Ok(()) } else { Err(ASPECT) }
    }

    /// Whether it has one level of one layer.
    pub(super) fn has_subresource(&self, one: &vk::ImageSubresource) -> Result<(), Rule> {
        self.has_aspects(one.aspect_mask)?;
        self.has_levels(one.mip_level, 1)?;
        self.layers(one.array_layer, 1).map(drop)
    }

    fn is_volume(&self) -> bool {
        self.kind == vk::ImageType::_3D
    }

    /// Width, height and depth of a level.
    fn level(&self, level: u32) -> Result<[u32; 3], Rule> {
        self.has_levels(level, 1)?;
        let vk::Extent3D { width, height, depth } = self.extent;
        Ok([width, height, depth].map(|size| size.checked_shr(level).unwrap_or_default().max(1)))
    }

    /// Its texels of the one aspect, or of depth and stencil together.
    fn block(&self, aspect: Aspect) -> Result<Block, Rule> {
        let aspect = if aspect == Aspect::DEPTH | Aspect::STENCIL { Aspect::DEPTH } else { aspect };
        formats::block(self.format, aspect).ok_or("the image's format has no such aspect, or is not known")
    }

    /// Whether so many blocks lie within a level, from an offset in texels on.
    fn holds(&self, region: &Region, block: Block, blocks: [u32; 3]) -> Result<(), Rule> {
        self.has_aspects(region.layers.aspect_mask)?;
        let [width, height, depth] = self.level(region.layers.mip_level)?;
        let sizes = [width.div_ceil(block.shrinks.0), height.div_ceil(block.shrinks.1), depth];
        let offsets = [region.offset.x, region.offset.y, region.offset.z];
        let units = [block.width, block.height, 1];
        for (((size, offset), unit), count) in sizes.into_iter().zip(offsets).zip(units).zip(blocks) {
            let first = u32::try_from(offset).map_err(|_| EDGES)?;
            let end = (first / unit).checked_add(count).ok_or(EDGES)?;
            if !first.is_multiple_of(unit) || count == 0 || end > size.div_ceil(unit) {
                return Err(EDGES);
            }
        }
        Ok(())
    }
}

/// An extent in blocks.
fn in_blocks(extent: vk::Extent3D, block: Block) -> [u32; 3] {
    [extent.width.div_ceil(block.width), extent.height.div_ceil(block.height), extent.depth]
}

fn shape(object: Option<&Arc<Object>>) -> Result<&Shape, Rule> {
    match &object.ok_or(NULL)?.data {
        Data::Image(image) => Ok(&image.shape),
        _ => Err(NULL),
    }
}

/// Whether the layers of a copy are counted as this driver counts them: older ones know no "all that remain".
fn are_counted(turn: &Turn<'_>, layers: vk::ImageSubresourceLayers) -> Result<(), Rule> {
    let known = layers.layer_count != vk::REMAINING_ARRAY_LAYERS
        || turn.state.gpu.extensions.host_has("VK_KHR_maintenance5");
    if known { Ok(()) } else { Err(LAYERS) }
}

fn broken(turn: &Turn<'_>, looked: Result<(), Rule>) -> Result<(), Reason> {
    looked.map_err(|rule| turn.invalid(rule))
}

/// Copies between two images: blocks go to blocks, layers to layers or to the slices of a volume.
fn copy_fits(from: &Shape, to: &Shape, pair: &Pair) -> Result<(), Rule> {
    let (source, target) = (pair.from.layers, pair.to.layers);
    let combined = |shape: &Shape| formats::aspects(shape.format) == Aspect::DEPTH | Aspect::STENCIL;
    let source_block = from.block(source.aspect_mask)?;
    let target_block = to.block(target.aspect_mask)?;
    let alike = if combined(from) || combined(to) {
        from.format == to.format && source.aspect_mask == target.aspect_mask
    } else {
        source_block.bytes == target_block.bytes
    };
    if !alike || from.samples != to.samples {
        return Err("the images' texels are not of the same size");
    }
    let blocks = in_blocks(pair.extent, source_block);
    let [width, height, depth] = blocks;
    let layers = [
        from.layers(source.base_array_layer, source.layer_count)?,
        to.layers(target.base_array_layer, target.layer_count)?,
    ];
    let (source_depth, target_depth, fits) = match (from.is_volume(), to.is_volume()) {
        (true, false) => (depth, 1, layers == [1, depth]),
        (false, true) => (1, depth, layers == [depth, 1]),
        (true, true) => (depth, depth, layers == [1, 1]),
        (false, false) => (1, 1, layers[0] == layers[1] && depth == 1),
    };
    if !fits {
        return Err("it copies more layers than it is to write, or fewer");
    }
    from.holds(&pair.from, source_block, [width, height, source_depth])?;
    to.holds(&pair.to, target_block, [width, height, target_depth])
}

fn resolve_fits(from: &Shape, to: &Shape, pair: &Pair) -> Result<(), Rule> {
    let one = vk::SampleCountFlags::_1;
    if from.format != to.format || from.samples == one || to.samples != one {
        return Err("it does not resolve samples to one of the same format");
    }
    let alike = Shape { samples: one, ..*from };
    copy_fits(&alike, to, pair)
}

/// vkCmdCopyImage and vkCmdResolveImage.
pub(super) fn between(turn: &Turn<'_>, resolves: bool) -> Result<(), Reason> {
    let images = (turn.argument(1), turn.argument(3));
    let (at, count) = (turn.call.arg(6), lower_half(turn.call.arg(5)));
    match resolves {
        true => all_between::<vk::ImageResolve>(turn, images, (at, count), resolve_fits),
        false => all_between::<vk::ImageCopy>(turn, images, (at, count), copy_fits),
    }
}

/// vkCmdCopyImage2 and vkCmdResolveImage2.
pub(super) fn between2(turn: &Turn<'_>, resolves: bool) -> Result<(), Reason> {
    let at = turn.call.arg(1);
    // The two structures are laid out alike.
    let info = *turn.get::<vk::CopyImageInfo2>(at)?;
    let image = |offset: usize| turn.at(at + offset as u64);
    let images = (
        image(std::mem::offset_of!(vk::CopyImageInfo2, src_image)),
        image(std::mem::offset_of!(vk::CopyImageInfo2, dst_image)),
    );
    let regions = (info.regions.expose_provenance() as Address, info.region_count);
    match resolves {
        true => all_between::<vk::ImageResolve2>(turn, images, regions, resolve_fits),
        false => all_between::<vk::ImageCopy2>(turn, images, regions, copy_fits),
    }
}

type Images<'o> = (Option<&'o Arc<Object>>, Option<&'o Arc<Object>>);

fn all_between<T: Pairs>(
    turn: &Turn<'_>,
    (from, to): Images<'_>,
    (at, count): (Address, u32),
    fits: impl Fn(&Shape, &Shape, &Pair) -> Result<(), Rule>,
) -> Result<(), Reason> {
    let regions = turn.slice::<T>(at, count)?;
    let look = || {
        let (from, to) = (shape(from)?, shape(to)?);
        regions.iter().map(Pairs::pair).try_for_each(|pair| {
            are_counted(turn, pair.from.layers)?;
            are_counted(turn, pair.to.layers)?;
            fits(from, to, &pair)
        })
    };
    broken(turn, look())
}

/// A part of a buffer, as copies between buffers and images have it.
struct Texels {
    offset: u64,
    row_length: u32,
    image_height: u32,
    region: Region,
    extent: vk::Extent3D,
}

/// Whether the region lies in the image, and the texels in so many bytes of a buffer.
fn texels_fit(image: &Shape, bytes: u64, texels: &Texels) -> Result<(), Rule> {
    let layers = texels.region.layers;
    if layers.aspect_mask.bits().count_ones() != 1 || image.samples != vk::SampleCountFlags::_1 {
        return Err("it is not of one aspect, or the image has several samples");
    }
    let block = image.block(layers.aspect_mask)?;
    let count = image.layers(layers.base_array_layer, layers.layer_count)?;
    let blocks = in_blocks(texels.extent, block);
    image.holds(&texels.region, block, blocks)?;
    let or = |wanted: u32, least: u32| if wanted == 0 { least } else { wanted };
    let (row, height) =
        (or(texels.row_length, texels.extent.width), or(texels.image_height, texels.extent.height));
    if row < texels.extent.width || height < texels.extent.height {
        return Err("the rows of the buffer are shorter than those of the region, or fewer");
    }
    let [width, rows, depth] = blocks.map(u128::from);
    let (row, height) = (u128::from(row.div_ceil(block.width)), u128::from(height.div_ceil(block.height)));
    // Neither the levels of images nor their layers go beyond 2³², so this stays far from the end of 128 bits.
    let images = depth * u128::from(count);
    let texels_before = (images - 1) * row * height + (rows - 1) * row + width;
    let end = u128::from(texels.offset) + texels_before * u128::from(block.bytes);
    if end <= u128::from(bytes) { Ok(()) } else { Err(BUFFER) }
}

/// vkCmdCopyBufferToImage and vkCmdCopyImageToBuffer: the numbers of the arguments that differ.
pub(super) fn texels(turn: &Turn<'_>, image: usize, buffer: usize, count: usize) -> Result<(), Reason> {
    let count_of = lower_half(turn.call.arg(count));
    let regions = turn.slice::<vk::BufferImageCopy>(turn.call.arg(count + 1), count_of)?;
    all_texels(turn, (turn.argument(image), turn.argument(buffer)), regions, |region| Texels {
        offset: region.buffer_offset,
        row_length: region.buffer_row_length,
        image_height: region.buffer_image_height,
        region: Region { layers: region.image_subresource, offset: region.image_offset },
        extent: region.image_extent,
    })
}

/// vkCmdCopyBufferToImage2: where the image, the buffer and the regions stand in its structure.
pub(super) fn to_image2(turn: &Turn<'_>) -> Result<(), Reason> {
    let info = *turn.get::<vk::CopyBufferToImageInfo2>(turn.call.arg(1))?;
    let image = std::mem::offset_of!(vk::CopyBufferToImageInfo2, dst_image);
    let buffer = std::mem::offset_of!(vk::CopyBufferToImageInfo2, src_buffer);
    texels2(turn, (image, buffer), info.regions, info.region_count)
}

/// vkCmdCopyImageToBuffer2.
pub(super) fn to_buffer2(turn: &Turn<'_>) -> Result<(), Reason> {
    let info = *turn.get::<vk::CopyImageToBufferInfo2>(turn.call.arg(1))?;
    let image = std::mem::offset_of!(vk::CopyImageToBufferInfo2, src_image);
    let buffer = std::mem::offset_of!(vk::CopyImageToBufferInfo2, dst_buffer);
    texels2(turn, (image, buffer), info.regions, info.region_count)
}

fn texels2(
    turn: &Turn<'_>,
    (image, buffer): (usize, usize),
    regions: *const vk::BufferImageCopy2,
    count: u32,
) -> Result<(), Reason> {
    let at = turn.call.arg(1);
    let regions = turn.slice::<vk::BufferImageCopy2>(regions.expose_provenance() as Address, count)?;
    let named = (turn.at(at + image as u64), turn.at(at + buffer as u64));
    all_texels(turn, named, regions, |region| Texels {
        offset: region.buffer_offset,
        row_length: region.buffer_row_length,
        image_height: region.buffer_image_height,
        region: Region { layers: region.image_subresource, offset: region.image_offset },
        extent: region.image_extent,
    })
}

fn all_texels<T>(
    turn: &Turn<'_>,
    (image, buffer): Images<'_>,
    regions: &[T],
    parts: impl Fn(&T) -> Texels,
) -> Result<(), Reason> {
    let look = || {
        let (image, bytes) = (shape(image)?, buffer.ok_or("a buffer is NULL")?.bytes());
        regions.iter().map(parts).try_for_each(|part| {
            are_counted(turn, part.region.layers)?;
            texels_fit(image, bytes, &part)
        })
    };
    broken(turn, look())
}

/// vkCmdBlitImage.
pub(super) fn blit(turn: &Turn<'_>) -> Result<(), Reason> {
    let regions = turn.slice::<vk::ImageBlit>(turn.call.arg(6), lower_half(turn.call.arg(5)))?;
    blits(turn, (turn.argument(1), turn.argument(3)), regions, |region| {
        [(region.src_subresource, region.src_offsets), (region.dst_subresource, region.dst_offsets)]
    })
}

/// vkCmdBlitImage2.
pub(super) fn blit2(turn: &Turn<'_>) -> Result<(), Reason> {
    let at = turn.call.arg(1);
    let info = *turn.get::<vk::BlitImageInfo2>(at)?;
    let regions =
        turn.slice::<vk::ImageBlit2>(info.regions.expose_provenance() as Address, info.region_count)?;
    let image = |offset: usize| turn.at(at + offset as u64);
    let images = (
        image(std::mem::offset_of!(vk::BlitImageInfo2, src_image)),
        image(std::mem::offset_of!(vk::BlitImageInfo2, dst_image)),
    );
    blits(turn, images, regions, |region| {
        [(region.src_subresource, region.src_offsets), (region.dst_subresource, region.dst_offsets)]
    })
}

type Corners = (vk::ImageSubresourceLayers, [vk::Offset3D; 2]);

fn blits<T>(
    turn: &Turn<'_>,
    (from, to): Images<'_>,
    regions: &[T],
    parts: impl Fn(&T) -> [Corners; 2],
) -> Result<(), Reason> {
    let look = || {
        let (from, to) = (shape(from)?, shape(to)?);
        regions.iter().try_for_each(|region| {
            let [source, target] = parts(region);
            are_counted(turn, source.0)?;
            are_counted(turn, target.0)?;
            let alike = corners_fit(from, &source)? == corners_fit(to, &target)?
                && source.0.aspect_mask == target.0.aspect_mask;
            if alike { Ok(()) } else { Err("it blits between different layers or aspects") }
        })
    };
    broken(turn, look())
}

/// Whether both corners lie in an image; how many layers there are.
fn corners_fit(image: &Shape, (layers, corners): &Corners) -> Result<u32, Rule> {
    if image.samples != vk::SampleCountFlags::_1 {
        return Err("an image has several samples");
    }
    image.has_aspects(layers.aspect_mask)?;
    let sizes = image.level(layers.mip_level)?;
    for corner in corners {
        let offsets = [corner.x, corner.y, corner.z];
        let inside = |(offset, size): (i32, u32)| u32::try_from(offset).is_ok_and(|offset| offset <= size);
        if !offsets.into_iter().zip(sizes).all(inside) {
            return Err(EDGES);
        }
    }
    image.layers(layers.base_array_layer, layers.layer_count)
}

/// vkCmdClearColorImage and vkCmdClearDepthStencilImage.
pub(super) fn clear(turn: &Turn<'_>, aspects: Aspect) -> Result<(), Reason> {
    let ranges = turn.slice::<vk::ImageSubresourceRange>(turn.call.arg(5), lower_half(turn.call.arg(4)))?;
    let look = || {
        let image = shape(turn.argument(1))?;
        if aspects == Aspect::COLOR {
            let block = image.block(Aspect::COLOR)?;
            if (block.width, block.height) != (1, 1) {
                return Err("it clears an image that is compressed");
            }
        }
        ranges.iter().try_for_each(|range| {
            if !aspects.contains(range.aspect_mask) {
                return Err(ASPECT);
            }
            image.has_aspects(range.aspect_mask)?;
            range_fits(image, range)
        })
    };
    broken(turn, look())
}

/// Levels and layers of an image.
fn range_fits(image: &Shape, range: &vk::ImageSubresourceRange) -> Result<(), Rule> {
    image.has_levels(range.base_mip_level, range.level_count)?;
    image.layers(range.base_array_layer, range.layer_count).map(drop)
}

/// vkCmdPipelineBarrier and vkCmdWaitEvents: the number of the argument that counts the images.
pub(super) fn barriers(turn: &Turn<'_>, count: usize) -> Result<(), Reason> {
    let (at, count) = (turn.call.arg(count + 1), lower_half(turn.call.arg(count)));
    let barriers = turn.slice::<vk::ImageMemoryBarrier>(at, count)?;
    let image = std::mem::offset_of!(vk::ImageMemoryBarrier, image);
    (0_u64..).zip(barriers).try_for_each(|(index, barrier)| {
        let at = at + index * size_of::<vk::ImageMemoryBarrier>() as u64 + image as u64;
        broken(turn, shape(turn.at(at)).and_then(|image| range_fits(image, &barrier.subresource_range)))
    })
}

/// vkCmdPipelineBarrier2, vkCmdSetEvent2 and vkCmdWaitEvents2: the images of so many VkDependencyInfo.
pub(super) fn dependencies(turn: &Turn<'_>, at: Address, count: u32) -> Result<(), Reason> {
    let image = std::mem::offset_of!(vk::ImageMemoryBarrier2, image);
    for info in turn.slice::<vk::DependencyInfo>(at, count)? {
        let at = info.image_memory_barriers.expose_provenance() as Address;
        let barriers = turn.slice::<vk::ImageMemoryBarrier2>(at, info.image_memory_barrier_count)?;
        for (index, barrier) in (0_u64..).zip(barriers) {
            let at = at + index * size_of::<vk::ImageMemoryBarrier2>() as u64 + image as u64;
            broken(turn, shape(turn.at(at)).and_then(|image| range_fits(image, &barrier.subresource_range)))?;
        }
    }
    Ok(())
}

/// vkCreateImageView: of the image's levels and layers, of a type that fits, with texels no larger than it has.
pub(super) fn check_view(turn: &Turn<'_>) -> Result<(), Reason> {
    let info = *turn.get::<vk::ImageViewCreateInfo>(turn.call.arg(1))?;
    let image = turn.objects().find(|object| object.kind == crate::venus::ObjectType::Image);
    broken(turn, shape(image).and_then(|image| view_fits(image, &info)))
}

fn view_fits(image: &Shape, info: &vk::ImageViewCreateInfo) -> Result<(), Rule> {
    use vk::ImageViewType as V;
    let range = info.subresource_range;
    image.has_aspects(range.aspect_mask)?;
    image.has_levels(range.base_mip_level, range.level_count)?;
    let flat = !matches!(info.view_type, V::_3D);
    let sliced = vk::ImageCreateFlags::_2D_ARRAY_COMPATIBLE | vk::ImageCreateFlags::_2D_VIEW_COMPATIBLE_EXT;
    let slices = image.is_volume() && flat;
    let layers = if slices {
        let [_, _, depth] = image.level(range.base_mip_level)?;
        let volume = Shape { layers: depth, ..*image };
        if !image.flags.intersects(sliced) || image.level_count(&range) != 1 {
            return Err("a volume is not made to be seen in slices");
        }
        volume.layers(range.base_array_layer, range.layer_count)?
    } else {
        image.layers(range.base_array_layer, range.layer_count)?
    };
    let cubes = image.flags.contains(vk::ImageCreateFlags::CUBE_COMPATIBLE);
    let plane = image.kind == vk::ImageType::_2D;
    let fits = match info.view_type {
        V::_1D => image.kind == vk::ImageType::_1D && layers == 1,
        V::_1D_ARRAY => image.kind == vk::ImageType::_1D,
        V::_2D => (plane || slices) && layers == 1,
        V::_2D_ARRAY => plane || slices,
        V::_3D => image.is_volume() && layers == 1,
        V::CUBE => plane && cubes && layers == 6,
        V::CUBE_ARRAY => plane && cubes && layers.is_multiple_of(6),
        _ => false,
    };
    if !fits {
        return Err("a view is of another type than its image, or of more layers or fewer than its type has");
    }
    format_fits(image, info.format, &range)
}

fn format_fits(image: &Shape, format: vk::Format, range: &vk::ImageSubresourceRange) -> Result<(), Rule> {
    let aspect = range.aspect_mask;
    if format == image.format {
        return Ok(());
    }
    let (of_image, of_view) = (image.block(aspect)?, formats::block(format, Aspect::COLOR));
    // The levels of a compressed image are not half as many blocks each.
    let uncompresses = image.flags.contains(vk::ImageCreateFlags::BLOCK_TEXEL_VIEW_COMPATIBLE)
        && image.level_count(range) == 1;
    let alike = of_view.is_some_and(|of_view| {
        of_view.bytes == of_image.bytes
            && ((of_view.width, of_view.height) == (of_image.width, of_image.height)
                || (uncompresses && (of_view.width, of_view.height) == (1, 1)))
    });
    let depth = Aspect::DEPTH | Aspect::STENCIL;
    let mutable = image.flags.contains(vk::ImageCreateFlags::MUTABLE_FORMAT) && !aspect.intersects(depth);
    if alike && mutable { Ok(()) } else { Err("a view's texels are of another size than its image's") }
}

impl Shape {
    fn level_count(&self, range: &vk::ImageSubresourceRange) -> u32 {
        match range.level_count {
            vk::REMAINING_MIP_LEVELS => self.levels.saturating_sub(range.base_mip_level),
            count => count,
        }
    }
}

/// vkCreateBufferView: within its buffer, of a format whose texels have a size.
pub(super) fn check_buffer_view(turn: &Turn<'_>) -> Result<(), Reason> {
    let info = *turn.get::<vk::BufferViewCreateInfo>(turn.call.arg(1))?;
    let bytes = turn.of(crate::venus::ObjectType::Buffer)?.bytes();
    let left = bytes.checked_sub(info.offset).filter(|left| *left > 0).ok_or(turn.invalid(BUFFER))?;
    let range = if info.range == vk::WHOLE_SIZE { left } else { info.range };
    if range > left || range == 0 {
        return Err(turn.invalid(BUFFER));
    }
    let block = formats::block(info.format, Aspect::COLOR);
    let block = block.filter(|block| (block.width, block.height) == (1, 1));
    let texel = block.ok_or(turn.invalid("a view of a buffer is of no format for such"))?.bytes;
    let most = turn.state.gpu.properties.limits.max_texel_buffer_elements;
    if range / u64::from(texel) > u64::from(most) {
        return Err(turn.invalid("a view of a buffer has more texels than the GPU takes"));
    }
    Ok(())
}
