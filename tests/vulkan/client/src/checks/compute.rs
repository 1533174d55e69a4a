//! Shaders, and what they computed.

use ash::vk;

use crate::gpu::{Buffer, Failure, Gpu, Outcome, Pipeline, barrier, create_pipeline, ensure};

macro_rules! shader {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".spv"))
    };
}
pub(crate) use shader;

/// Three times each element and one, by the GPU and by the host.
macro_rules! width {
    ($name:ident, $kind:ty, $shader:literal, $feature:expr) => {
        pub fn $name(gpu: &Gpu) -> Outcome {
            $feature(gpu)?;
            const COUNT: usize = 64 * 512;
            let bytes = (COUNT * size_of::<$kind>()) as u64;
            let (mut given, result) = (gpu.host_buffer(bytes)?, gpu.host_buffer(bytes)?);
            for (index, element) in given.slice_mut::<$kind>().iter_mut().enumerate() {
                *element = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as $kind;
            }
            let pipeline = Pipeline::new(gpu, shader!($shader), &[&given, &result], None)?;
            gpu.run(|device, commands| {
                pipeline.bind(commands);
                unsafe { device.cmd_dispatch(commands, COUNT as u32 / 64, 1, 1) };
                barrier(device, commands);
            })?;
            for (index, (given, result)) in
                given.slice::<$kind>().iter().zip(result.slice::<$kind>()).enumerate()
            {
                let expected = given.wrapping_mul(3).wrapping_add(1);
                ensure(*result == expected, || format!("element {index} is {result}, not {expected}"))?;
            }
            Ok(())
        }
    };
}

fn has(present: bool, name: &'static str) -> Outcome {
    if present { Ok(()) } else { Err(Failure::Missing(name)) }
}

width!(widths8, u8, "widths8.comp", |gpu: &Gpu| has(gpu.can.bits8, "8-bit storage"));
width!(widths16, u16, "widths16.comp", |gpu: &Gpu| has(gpu.can.bits16, "16-bit storage"));
width!(widths32, u32, "widths32.comp", |_: &Gpu| Outcome::Ok(()));
width!(widths64, u64, "widths64.comp", |gpu: &Gpu| has(gpu.can.bits64, "shaderInt64"));

pub fn floats(gpu: &Gpu) -> Outcome {
    let (mut given, result) = (gpu.host_buffer(64 * 4)?, gpu.host_buffer(64 * 4)?);
    for (index, element) in given.slice_mut::<f32>().iter_mut().enumerate() {
        *element = index as f32 - 31.5;
    }
    let pipeline = Pipeline::new(gpu, shader!("floats.comp"), &[&given, &result], None)?;
    gpu.run(|device, commands| {
        pipeline.bind(commands);
        unsafe { device.cmd_dispatch(commands, 1, 1, 1) };
        barrier(device, commands);
    })?;
    let expected: Vec<f32> = given.slice::<f32>().iter().map(|value| value * 0.5 + 2.0).collect();
    ensure(result.slice::<f32>() == expected, || format!("{:?}", result.slice::<f32>()))
}

pub fn push_constants(gpu: &Gpu) -> Outcome {
    let result = gpu.host_buffer(32 * 4)?;
    let pipeline = Pipeline::new(gpu, shader!("push.comp"), &[&result], None)?;
    let words: Vec<u32> = (0..32u32).map(|index| index.wrapping_mul(0x0101_0101)).collect();
    gpu.run(|device, commands| {
        pipeline.bind(commands);
        pipeline.push(commands, &words);
        unsafe { device.cmd_dispatch(commands, 1, 1, 1) };
        barrier(device, commands);
    })?;
    let expected: Vec<u32> = words.iter().map(|word| word ^ 0xa5a5_a5a5).collect();
    ensure(result.slice::<u32>() == expected, || format!("{:x?}", result.slice::<u32>()))
}

pub fn specialisation(gpu: &Gpu) -> Outcome {
    let (groups, size, added, factor) = (3u32, 16u32, -4i32, 2.5f32);
    let result = gpu.host_buffer(u64::from(groups * size + 1) * 4)?;
    let mut data = Vec::new();
    for word in [size.to_ne_bytes(), 1u32.to_ne_bytes(), added.to_ne_bytes(), factor.to_ne_bytes()] {
        data.extend(word);
    }
    let entries: Vec<_> =
        (0..4u32).map(|id| vk::SpecializationMapEntry { constant_id: id, offset: id * 4, size: 4 }).collect();
    let info = vk::SpecializationInfo::default().map_entries(&entries).data(&data);
    let pipeline = Pipeline::new(gpu, shader!("specialisation.comp"), &[&result], Some(&info))?;
    gpu.run(|device, commands| {
        pipeline.bind(commands);
        unsafe { device.cmd_dispatch(commands, groups, 1, 1) };
        barrier(device, commands);
    })?;
    let mut expected: Vec<f32> =
        (0..groups * size).map(|index| -((index as f32 + added as f32) * factor)).collect();
    expected.push(size as f32);
    ensure(result.slice::<f32>() == expected, || format!("{:?}", result.slice::<f32>()))
}

pub fn indirect(gpu: &Gpu) -> Outcome {
    let result = gpu.host_buffer(16)?;
    let pipeline = Pipeline::new(gpu, shader!("indirect.comp"), &[&result], None)?;
    gpu.run(|device, commands| {
        pipeline.bind(commands);
        pipeline.push(commands, &[0]);
        unsafe { device.cmd_dispatch(commands, 1, 1, 1) };
        barrier(device, commands);
        pipeline.push(commands, &[1]);
        unsafe { device.cmd_dispatch_indirect(commands, result.buffer, 0) };
        barrier(device, commands);
    })?;
    ensure(result.slice::<u32>() == [5, 3, 2, 30], || format!("{:?}", result.slice::<u32>()))
}

pub fn subgroups(gpu: &Gpu) -> Outcome {
    let mut subgroup = vk::PhysicalDeviceSubgroupProperties::default();
    let mut all = vk::PhysicalDeviceProperties2::default().push_next(&mut subgroup);
    unsafe { gpu.instance.get_physical_device_properties2(gpu.physical, &mut all) };
    let needed = vk::SubgroupFeatureFlags::ARITHMETIC | vk::SubgroupFeatureFlags::BALLOT;
    has(subgroup.supported_operations.contains(needed), "subgroup arithmetic and ballot")?;
    let size = subgroup.subgroup_size.min(64);
    let result = gpu.host_buffer(192 * 4)?;
    let pipeline = Pipeline::new(gpu, shader!("subgroups.comp"), &[&result], None)?;
    gpu.run(|device, commands| {
        pipeline.bind(commands);
        unsafe { device.cmd_dispatch(commands, 1, 1, 1) };
        barrier(device, commands);
    })?;
    let (sums, rest) = result.slice::<u32>().split_at(64);
    let (even, exclusive) = rest.split_at(64);
    ensure(sums.iter().all(|sum| *sum == size), || format!("sums in subgroups of {size}: {sums:?}"))?;
    ensure(even.iter().all(|count| *count == size.div_ceil(2)), || format!("even invocations: {even:?}"))?;
    ensure(exclusive.iter().all(|right| *right == 1), || format!("exclusive sums: {exclusive:?}"))
}

pub fn atomics(gpu: &Gpu) -> Outcome {
    let result = gpu.host_buffer(16)?;
    let pipeline = Pipeline::new(gpu, shader!("atomics.comp"), &[&result], None)?;
    let groups = 100u32;
    gpu.run(|device, commands| {
        pipeline.bind(commands);
        unsafe { device.cmd_dispatch(commands, groups, 1, 1) };
        barrier(device, commands);
    })?;
    let last = groups * 64 - 1;
    let expected = [last * (last + 1) / 2, last, u32::MAX, groups];
    ensure(result.slice::<u32>() == expected, || format!("{:?}, not {expected:?}", result.slice::<u32>()))
}

/// A pipeline from the data of a cache, and from data that somebody spoilt: the driver must not see those.
pub fn pipeline_cache(gpu: &Gpu) -> Outcome {
    let device = &gpu.device;
    let result = gpu.host_buffer(16)?;
    let pipeline = Pipeline::new(gpu, shader!("atomics.comp"), &[&result], None)?;
    let empty = unsafe { device.create_pipeline_cache(&vk::PipelineCacheCreateInfo::default(), None) }?;
    let first = create_pipeline(device, shader!("atomics.comp"), pipeline.layout, empty, None)?;
    let data = unsafe { device.get_pipeline_cache_data(empty) }?;
    let mut spoilt = data.clone();
    if let Some(last) = spoilt.last_mut() {
        *last ^= 0xff;
    }
    let mut made = vec![first];
    let mut caches = vec![empty];
    for data in [data, spoilt] {
        let info = vk::PipelineCacheCreateInfo::default().initial_data(&data);
        let cache = unsafe { device.create_pipeline_cache(&info, None) }?;
        made.push(create_pipeline(device, shader!("atomics.comp"), pipeline.layout, cache, None)?);
        caches.push(cache);
    }
    made.into_iter().for_each(|pipeline| unsafe { device.destroy_pipeline(pipeline, None) });
    caches.into_iter().for_each(|cache| unsafe { device.destroy_pipeline_cache(cache, None) });
    Ok(())
}

/// From the host to the device's memory and back, by commands of all kinds.
pub fn copies(gpu: &Gpu) -> Outcome {
    const BYTES: u64 = 16 << 20;
    let (mut given, result) = (gpu.host_buffer(BYTES)?, gpu.host_buffer(BYTES)?);
    let local: Buffer<'_> = gpu.buffer(BYTES, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    for (index, word) in given.slice_mut::<u32>().iter_mut().enumerate() {
        *word = (index as u32).wrapping_mul(2_654_435_761);
    }
    let whole = [vk::BufferCopy { src_offset: 0, dst_offset: 0, size: BYTES }];
    gpu.run(|device, commands| unsafe {
        device.cmd_copy_buffer(commands, given.buffer, local.buffer, &whole);
        barrier(device, commands);
        device.cmd_fill_buffer(commands, local.buffer, 4096, 4096, 0xdead_beef);
        device.cmd_update_buffer(commands, local.buffer, 0, b"sixteen bytes ok");
        barrier(device, commands);
        device.cmd_copy_buffer(commands, local.buffer, result.buffer, &whole);
        barrier(device, commands);
    })?;
    let (given, result) = (given.slice::<u32>(), result.slice::<u32>());
    ensure(result[..4] == [0x7478_6973, 0x206e_6565, 0x6574_7962, 0x6b6f_2073], || {
        format!("{:x?}", &result[..4])
    })?;
    ensure(result[4..1024] == given[4..1024], || "the first page differs".into())?;
    ensure(result[1024..2048].iter().all(|word| *word == 0xdead_beef), || "the filled page differs".into())?;
    ensure(result[2048..] == given[2048..], || "the rest differs".into())
}
