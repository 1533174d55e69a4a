//! Pools of descriptor sets: what they and their sets take.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vulkanalia_sys as vk;

use super::slots::Slots;
use super::{DescriptorSet, SetLayout};
use crate::quota::{Charge, Ledger, OverLimit};
use crate::render::vulkan::objects::Data;
use crate::render::vulkan::queue;
use crate::render::vulkan::reason::Reason;
use crate::render::vulkan::turn::{Outcome, Turn};
use crate::sys::Address;
use crate::venus::{self, CommandType, ObjectType};

/// About what a set and a descriptor cost the host in their pool.
const SET_BYTES: u64 = 64;
const DESCRIPTOR_BYTES: u64 = 64;

/// A descriptor pool.
pub(in crate::render::vulkan) struct Pool {
    /// Its sets can be freed one by one.
    frees: bool,
    /// What it was charged for.
    bytes: u64,
    /// What its sets may take of that. Who resets it, begins anew.
    room: Mutex<Ledger>,
}

impl Pool {
    fn room(&self) -> MutexGuard<'_, Ledger> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Charges for a set. Drivers may give more than the pool was made for, and what was freed may be kept by
    /// recordings: that is charged for beside.
    fn charge(&self, overhead: &Ledger, bytes: u64) -> Result<Charge, OverLimit> {
        self.room().charge(bytes).or_else(|_| overhead.charge(bytes))
    }
}

impl SetLayout {
    /// About what a set of it costs the host.
    fn cost(&self, variable_count: u32) -> u64 {
        self.bindings.values().fold(SET_BYTES, |sum, binding| {
            sum + cost(binding.kind, if binding.variable { variable_count } else { binding.count })
        })
    }
}

/// About what descriptors cost the host; of an inline uniform block, its bytes.
fn cost(kind: vk::DescriptorType, count: u32) -> u64 {
    let inline = kind == vk::DescriptorType::INLINE_UNIFORM_BLOCK;
    u64::from(count) * if inline { 1 } else { DESCRIPTOR_BYTES }
}

/// vkCreateDescriptorPool.
pub(in crate::render::vulkan) fn create_pool(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::DescriptorPoolCreateInfo>(turn.call.arg(1))?;
    let frees = info.flags.contains(vk::DescriptorPoolCreateFlags::FREE_DESCRIPTOR_SET);
    let sizes = info.pool_sizes.expose_provenance() as Address;
    let sizes = turn.slice::<vk::DescriptorPoolSize>(sizes, info.pool_size_count)?;
    // Drivers count in 32 bits, so what is not refused for its cost must stay far from their end.
    let bytes = sizes.iter().fold(u64::from(info.max_sets) * SET_BYTES, |sum, size| {
        sum.saturating_add(cost(size.type_, size.descriptor_count))
    });
    let room = Mutex::new(Ledger::new(bytes));
    let device = Arc::clone(turn.first()?);
    turn.create_sized(ObjectType::DescriptorPool, &device, bytes, |pool| {
        pool.with(Data::DescriptorPool(Pool { frees, bytes, room }))
            .destroyed_by(CommandType::DestroyDescriptorPool)
    })
}

/// vkResetDescriptorPool: its sets are gone, and command buffers that use them are worth nothing.
pub(in crate::render::vulkan) fn reset_pool(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let pool = Arc::clone(turn.of(ObjectType::DescriptorPool)?);
    if !queue::is_idle(turn.state, &pool) {
        return Err(turn.invalid("a descriptor set of the pool is still in use by a submission"));
    }
    pool.renew();
    if let Data::DescriptorPool(pool) = &pool.data {
        *pool.room() = Ledger::new(pool.bytes);
    }
    for set in turn.children(&pool) {
        turn.state.objects.remove(set.id);
    }
    pool.children().clear();
    turn.pass().map(Outcome::Done)
}

/// vkAllocateDescriptorSets.
pub(in crate::render::vulkan) fn allocate(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info_at = turn.call.arg(1);
    let info = *turn.get::<vk::DescriptorSetAllocateInfo>(info_at)?;
    let object = Arc::clone(turn.of(ObjectType::DescriptorPool)?);
    let Data::DescriptorPool(pool) = &object.data else { return Err(turn.invalid("it names no pool")) };
    let layouts = info.set_layouts.expose_provenance() as Address;
    let layouts = (0..u64::from(info.descriptor_set_count)).map(|index| {
        let object = turn.at(layouts + index * size_of::<u64>() as u64);
        match object.map(|object| (object, &object.data)) {
            Some((object, Data::SetLayout(layout))) if !layout.pushed => {
                Ok((Arc::clone(layout), Arc::clone(object)))
            }
            _ => Err(turn.invalid("the layout of a set is NULL, or one for pushed descriptors")),
        }
    });
    let (layouts, objects) = layouts.collect::<Result<(Vec<_>, Vec<_>), _>>()?;
    let counts = variable_counts(turn, info_at)?;
    check_variable_counts(turn, &layouts, &counts)?;
    let sets = (0..).zip(&layouts).map(|(index, layout)| {
        let variable_count = counts.get::<usize>(index).copied().unwrap_or_default();
        pool.charge(turn.state.ledger.overhead(), layout.cost(variable_count))
    });
    let Ok(charges) = sets.collect::<Result<Vec<_>, _>>() else {
        let ids = turn.slice::<u64>(turn.call.arg(2), info.descriptor_set_count)?.to_vec();
        return turn.refuse_all(
            ObjectType::DescriptorSet,
            &ids,
            &object,
            vk::Result::ERROR_OUT_OF_POOL_MEMORY,
        );
    };
    let mut charges = charges.into_iter();
    turn.create_many(ObjectType::DescriptorSet, &object, info.descriptor_set_count, |object, index| {
        let layout = layouts.get(index).cloned().unwrap_or_default();
        let variable_count = counts.get(index).copied().unwrap_or_default();
        let leeway = (0..layout.dynamic_count).map(|_| AtomicU64::new(u64::MAX)).collect();
        let (_layout, slots) = (objects.get(index).cloned(), Slots::default());
        let set = DescriptorSet { layout, _layout, slots, variable_count, leeway, _room: charges.next() };
        let set = object.with(Data::DescriptorSet(set));
        if pool.frees { set.destroyed_by(CommandType::FreeDescriptorSets) } else { set }
    })
}

fn variable_counts(turn: &Turn<'_>, info_at: Address) -> Result<Vec<u32>, Reason> {
    let kind = vk::StructureType::DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO;
    let Some(at) = venus::find(turn.arena, info_at, kind) else { return Ok(Vec::new()) };
    let info = turn.get::<vk::DescriptorSetVariableDescriptorCountAllocateInfo>(at)?;
    let list = info.descriptor_counts.expose_provenance() as Address;
    turn.slice(list, info.descriptor_set_count).map(<[_]>::to_vec)
}

fn check_variable_counts(turn: &Turn<'_>, layouts: &[Arc<SetLayout>], counts: &[u32]) -> Result<(), Reason> {
    for (layout, count) in layouts.iter().zip(counts) {
        let variable = layout.bindings.values().find(|binding| binding.variable);
        if variable.is_some_and(|binding| *count > binding.count) {
            return Err(turn.invalid("a set wants more descriptors than its layout has"));
        }
    }
    Ok(())
}

/// vkFreeDescriptorSets.
pub(in crate::render::vulkan) fn free(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let pool = turn.argument(1).ok_or(turn.invalid("the pool is NULL"))?;
    if !matches!(&pool.data, Data::DescriptorPool(pool) if pool.frees) {
        return Err(turn.invalid("the pool was made without leave to free its sets one by one"));
    }
    turn.free(ObjectType::DescriptorSet)
}
