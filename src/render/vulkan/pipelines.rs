//! Pipelines. They are compiled without the lock of their context, for that takes long.

use std::sync::Arc;

use vulkanalia_sys as vk;

use super::descriptors::PipelineLayout;
use super::driver::{result_of, returned};
use super::objects::{Data, Object};
use super::reason::Reason;
use super::shaders;
use super::spirv::{EntryPoint, Module};
use super::turn::{Outcome, Turn};
use crate::sys::Address;
use crate::venus::{self, CommandType, ObjectType};

/// About what a pipeline costs the host beside what all objects cost: code, and what it was made from.
const PIPELINE_BYTES: u64 = 15 << 10;

/// vkCreateComputePipelines.
pub(super) fn create_compute(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let (count, infos) = infos(turn);
    for index in 0..u64::from(count) {
        let at = infos + index * size_of::<vk::ComputePipelineCreateInfo>() as u64;
        turn.get::<vk::ComputePipelineCreateInfo>(at)?;
        let layout = at + std::mem::offset_of!(vk::ComputePipelineCreateInfo, layout) as u64;
        check_stage(turn, at + std::mem::offset_of!(vk::ComputePipelineCreateInfo, stage) as u64, layout)?;
    }
    create(turn, count, vk::PipelineBindPoint::COMPUTE)
}

/// vkCreateGraphicsPipelines.
pub(super) fn create_graphics(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let (count, infos) = infos(turn);
    for index in 0..u64::from(count) {
        let at = infos + index * size_of::<vk::GraphicsPipelineCreateInfo>() as u64;
        let info = *turn.get::<vk::GraphicsPipelineCreateInfo>(at)?;
        let stages = info.stages.expose_provenance() as Address;
        let layout = at + std::mem::offset_of!(vk::GraphicsPipelineCreateInfo, layout) as u64;
        for stage in 0..u64::from(info.stage_count) {
            let stage = stages + stage * size_of::<vk::PipelineShaderStageCreateInfo>() as u64;
            check_stage(turn, stage, layout)?;
        }
    }
    create(turn, count, vk::PipelineBindPoint::GRAPHICS)
}

fn infos(turn: &Turn<'_>) -> (u32, Address) {
    (super::queries::lower_half(turn.call.arg(2)), turn.call.arg(3))
}

/// A stage: its module must have the entry point that it names, the layout what that uses, and its constants must
/// lie in their data.
fn check_stage(turn: &Turn<'_>, at: Address, layout: Address) -> Result<(), Reason> {
    let stage = *turn.get::<vk::PipelineShaderStageCreateInfo>(at)?;
    let module = turn.at(at + std::mem::offset_of!(vk::PipelineShaderStageCreateInfo, module) as u64);
    match module.map(|module| &module.data) {
        Some(Data::ShaderModule(module)) => check_module(turn, &stage, module, layout)?,
        _ => {
            let info = venus::find(turn.arena, at, vk::StructureType::SHADER_MODULE_CREATE_INFO);
            let info = info.ok_or(turn.invalid("a stage has no shader module"))?;
            let module =
                shaders::check(turn, info)?.ok_or(turn.invalid("a stage's shader module is refused"))?;
            check_module(turn, &stage, &module, layout)?;
        }
    }
    let constants = stage.specialization_info.expose_provenance() as Address;
    if constants == 0 {
        return Ok(());
    }
    let info = *turn.get::<vk::SpecializationInfo>(constants)?;
    let entries = info.map_entries.expose_provenance() as Address;
    let entries = turn.slice::<vk::SpecializationMapEntry>(entries, info.map_entry_count)?;
    let inside = |entry: &vk::SpecializationMapEntry| {
        usize::try_from(entry.offset)
            .is_ok_and(|offset| offset.checked_add(entry.size).is_some_and(|end| end <= info.data_size))
            && matches!(entry.size, 1 | 2 | 4 | 8)
    };
    entries
        .iter()
        .all(inside)
        .then_some(())
        .ok_or(turn.invalid("a specialisation constant lies outside its data"))
}

fn check_module(
    turn: &Turn<'_>,
    stage: &vk::PipelineShaderStageCreateInfo,
    module: &Module,
    layout: Address,
) -> Result<(), Reason> {
    let name = turn.text(stage.name.expose_provenance() as Address);
    let fits = |entry: &&EntryPoint| {
        model_of(stage.stage) == Some(entry.model) && Some(&entry.name) == name.as_ref()
    };
    let Some(entry) = module.entry_points.iter().find(fits) else {
        return Err(turn.invalid("a stage names an entry point that its module has not"));
    };
    // What a pipeline is linked from may have no layout, and layouts may leave sets to others.
    let Some(Data::PipelineLayout(layout)) = turn.at(layout).map(|object| &object.data) else {
        return Ok(());
    };
    check_used(layout, entry, stage.stage).map_err(|rule| turn.invalid(rule))
}

/// Whether a layout has what an entry point uses, as what it uses it.
fn check_used(
    layout: &PipelineLayout,
    entry: &EntryPoint,
    stage: vk::ShaderStageFlags,
) -> Result<(), &'static str> {
    for used in &entry.used {
        let set = usize::try_from(used.set).ok().and_then(|set| layout.sets.get(set));
        let binding = match set {
            Some(Some(set)) => set.bindings.get(&used.binding).filter(|binding| binding.count > 0),
            Some(None) => continue,
            None => None,
        };
        let binding = binding.ok_or("a shader uses a binding that its pipeline's layout has not")?;
        let kind = binding.kind;
        if !(used.kinds.is_empty() || used.kinds.contains(&kind) || kind == vk::DescriptorType::MUTABLE_EXT) {
            return Err("a shader uses a binding as what its pipeline's layout has not there");
        }
        if used.count > binding.count || !binding.stages.contains(stage) {
            return Err("a shader uses more of a binding than its pipeline's layout gives to its stage");
        }
    }
    let ranges = layout.push_constants.iter().filter(|(stages, ..)| stages.contains(stage));
    let end = ranges.map(|(_, start, bytes)| u64::from(*start) + u64::from(*bytes)).max();
    if entry.push_constant_bytes > end.unwrap_or_default() {
        return Err("a shader has more push constants than its pipeline's layout");
    }
    Ok(())
}

/// The execution model of a stage's entry points.
fn model_of(stage: vk::ShaderStageFlags) -> Option<u32> {
    Some(match stage {
        vk::ShaderStageFlags::VERTEX => 0,
        vk::ShaderStageFlags::TESSELLATION_CONTROL => 1,
        vk::ShaderStageFlags::TESSELLATION_EVALUATION => 2,
        vk::ShaderStageFlags::GEOMETRY => 3,
        vk::ShaderStageFlags::FRAGMENT => 4,
        vk::ShaderStageFlags::COMPUTE => 5,
        vk::ShaderStageFlags::TASK_EXT => 5364,
        vk::ShaderStageFlags::MESH_EXT => 5365,
        _ => return None,
    })
}

fn create(turn: &mut Turn<'_>, count: u32, point: vk::PipelineBindPoint) -> Result<Outcome, Reason> {
    let ids = turn.slice::<u64>(turn.call.arg(5), count)?.to_vec();
    ids.iter().try_for_each(|id| turn.check_free(*id))?;
    let device = Arc::clone(turn.first()?);
    let Ok(charges) = turn.charge_objects(ids.len(), PIPELINE_BYTES) else {
        return turn.refuse_all(ObjectType::Pipeline, &ids, &device, vk::Result::ERROR_OUT_OF_HOST_MEMORY);
    };
    let handles = turn.arena.alloc(size_of_val(ids.as_slice()), align_of::<u64>());
    let handles = handles.map_err(|_| Reason::TooLarge(turn.call.command))?;
    turn.call.set_arg(5, handles);
    let needs: Vec<_> = turn.objects().cloned().collect();
    let call = *turn.call;
    Ok(Outcome::Later(Box::new(move |context, worker| {
        let answer = device.functions.call(call.command, call.arguments());
        let result = result_of(answer.ok_or(Reason::NotOffered(call.command))?);
        let made = worker.arena().slice::<u64>(handles, ids.len()).unwrap_or_default();
        let mut state = context.state();
        let mut entered = Ok(());
        for ((id, handle), charge) in ids.into_iter().zip(made.iter().copied()).zip(charges) {
            let object = match handle {
                0 if call.wants_reply() => continue,
                0 => Object::tombstone(ObjectType::Pipeline, id, &device, format!("{result:?}")),
                _ => Object::new(ObjectType::Pipeline, id, handle, &device)
                    .with(Data::Pipeline { point })
                    .destroyed_by(CommandType::DestroyPipeline),
            };
            // All of them are the driver's already: each must come to an owner who destroys it.
            if state.objects.insert(object.charged(charge)).is_err() {
                entered = Err(Reason::TakenId { command: call.command, id });
            }
        }
        drop(needs);
        entered?;
        Ok(returned(result))
    })))
}
