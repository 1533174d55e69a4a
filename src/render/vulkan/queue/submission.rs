//! vkQueueSubmit and vkQueueSubmit2 as they lie in an arena: what they wait for, and how a part of
//! one is given to the driver.
//!
//! The two take the same arguments: a queue, how many batches, where they lie, a fence. So one description of each
//! kind of batch does.

use std::ffi::c_void;
use std::mem::offset_of;
use std::ops::Range;
use std::ptr::with_exposed_provenance;
use std::sync::Arc;

use vulkanalia_sys::{
    Handle, PipelineStageFlags, PipelineStageFlags2, Semaphore as VkSemaphore, SemaphoreSubmitInfo,
    StructureType, SubmitInfo, SubmitInfo2, TimelineSemaphoreSubmitInfo,
};

use crate::render::vulkan::gate::{At, Batch, Semaphore};
use crate::sys::{Address, Arena, CStruct, Full};
use crate::venus::{self, CommandType};

/// A submission that is not valid use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSubmission {
    /// A timeline semaphore without a value.
    #[error("a timeline semaphore stands in a submission without a value (VkTimelineSemaphoreSubmitInfo)")]
    NoValue,
    /// Not what the decoder leaves behind.
    #[error("a submission whose structures lie nowhere")]
    Astray,
}

/// Finds a semaphore by where its handle lies.
pub(super) type Find<'f> = &'f dyn Fn(Address) -> Option<Arc<Semaphore>>;

/// A kind of batch.
trait Kind: CStruct + Default {
    /// What one of them waits for and signals.
    fn batch(&self, arena: &Arena, find: Find<'_>) -> Result<Batch, BadSubmission>;
    /// One that does nothing but signal.
    fn signal(arena: &mut Arena, semaphore: u64, value: u64) -> Result<Self, Full>;
}

/// The batches of a submission, where they lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Infos {
    /// vkQueueSubmit or vkQueueSubmit2.
    pub command: CommandType,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub at: Address,
}

impl Infos {
    /// All batches.
    pub(super) fn all(self) -> Range<usize> {
        0..usize::try_from(self.count).unwrap_or(usize::MAX)
    }
}

/// What each batch of a submission waits for and signals.
pub(super) fn batches(infos: Infos, arena: &Arena, find: Find<'_>) -> Result<Vec<Batch>, BadSubmission> {
    fn all<K: Kind>(infos: Infos, arena: &Arena, find: Find<'_>) -> Result<Vec<Batch>, BadSubmission> {
        list::<K>(arena, infos.count, infos.at)?.iter().map(|info| info.batch(arena, find)).collect()
    }
    match infos.command {
        CommandType::QueueSubmit2 => all::<SubmitInfo2>(infos, arena, find),
        _ => all::<SubmitInfo>(infos, arena, find),
    }
}

/// Part of a submission as it is given to the driver: its batches, and one of ours behind them that signals `done`, a
/// semaphore and a value. When that signal is there, whatever was given to the queue before is done.
pub(super) fn part(
    infos: Infos,
    batches: Range<usize>,
    done: (u64, u64),
    arena: &mut Arena,
) -> Result<Infos, PartError> {
    fn with<K: Kind>(
        infos: Infos,
        batches: Range<usize>,
        done: (u64, u64),
        arena: &mut Arena,
    ) -> Result<Infos, PartError> {
        let wanted = list::<K>(arena, infos.count, infos.at)?.get(batches).ok_or(BadSubmission::Astray)?;
        let mut given = wanted.to_vec();
        given.push(K::signal(arena, done.0, done.1)?);
        Ok(Infos { count: given.len() as u64, at: put_all(arena, &given)?, ..infos })
    }
    match infos.command {
        CommandType::QueueSubmit2 => with::<SubmitInfo2>(infos, batches, done, arena),
        _ => with::<SubmitInfo>(infos, batches, done, arena),
    }
}

/// A submission of one batch that does nothing but wait for a binary semaphore, or signal it.
pub(super) fn one(semaphore: u64, signal: bool, arena: &mut Arena) -> Result<Infos, Full> {
    let list = pointer(arena.put(semaphore)?);
    let stage = pointer(arena.put(PipelineStageFlags::ALL_COMMANDS.bits())?);
    let info = match signal {
        true => SubmitInfo { signal_semaphore_count: 1, signal_semaphores: list, ..Default::default() },
        false => SubmitInfo {
            wait_semaphore_count: 1,
            wait_semaphores: list,
            wait_dst_stage_mask: stage,
            ..Default::default()
        },
    };
    Ok(Infos { command: CommandType::QueueSubmit, count: 1, at: arena.put(info)? })
}

/// Why a part of a submission cannot be given to the driver.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum PartError {
    #[error(transparent)]
    Bad(#[from] BadSubmission),
    #[error(transparent)]
    Full(#[from] Full),
}

fn list<T: CStruct>(arena: &Arena, count: u64, at: Address) -> Result<&[T], BadSubmission> {
    match usize::try_from(count) {
        Ok(0) => Ok(&[]),
        Ok(count) => arena.slice(at, count).ok_or(BadSubmission::Astray),
        Err(_) => Err(BadSubmission::Astray),
    }
}

fn put_all<T: CStruct>(arena: &mut Arena, values: &[T]) -> Result<Address, Full> {
    let at = arena.alloc(size_of_val(values), align_of::<T>())?;
    if let Some(places) = arena.slice_mut(at, values.len()) {
        places.copy_from_slice(values);
    }
    Ok(at)
}

/// What C calls a pointer, as an address.
fn address<T>(pointer: *const T) -> Address {
    pointer.expose_provenance() as u64
}

/// An address as what C calls a pointer. Lossless: addresses of this process have 64 bits.
fn pointer<T>(at: Address) -> *const T {
    with_exposed_provenance(usize::try_from(at).unwrap_or_default())
}

impl Kind for SubmitInfo {
    fn batch(&self, arena: &Arena, find: Find<'_>) -> Result<Batch, BadSubmission> {
        let values = Values::of(self.next, arena)?;
        Ok(Batch {
            waits: at(self.wait_semaphore_count, self.wait_semaphores, values.waits, find)?,
            signals: at(self.signal_semaphore_count, self.signal_semaphores, values.signals, find)?,
        })
    }

    fn signal(arena: &mut Arena, semaphore: u64, value: u64) -> Result<Self, Full> {
        let (semaphores, next) = signal_by_chain(arena, semaphore, value)?;
        let signal_semaphores = pointer(semaphores);
        Ok(Self { next: pointer(next), signal_semaphore_count: 1, signal_semaphores, ..Self::default() })
    }
}

impl Kind for SubmitInfo2 {
    fn batch(&self, arena: &Arena, find: Find<'_>) -> Result<Batch, BadSubmission> {
        let read = |count: u32, first: *const SemaphoreSubmitInfo| -> Result<Vec<At>, BadSubmission> {
            let infos: &[SemaphoreSubmitInfo] = list(arena, count.into(), address(first))?;
            let handles = (address(first) + offset_of!(SemaphoreSubmitInfo, semaphore) as Address..)
                .step_by(size_of::<SemaphoreSubmitInfo>());
            let found = infos.iter().zip(handles);
            found.map(|(info, at)| Ok((find(at).ok_or(BadSubmission::Astray)?, info.value))).collect()
        };
        Ok(Batch {
            waits: read(self.wait_semaphore_info_count, self.wait_semaphore_infos)?,
            signals: read(self.signal_semaphore_info_count, self.signal_semaphore_infos)?,
        })
    }

    fn signal(arena: &mut Arena, semaphore: u64, value: u64) -> Result<Self, Full> {
        let signal = arena.put(SemaphoreSubmitInfo {
            semaphore: VkSemaphore::from_raw(semaphore),
            value,
            stage_mask: PipelineStageFlags2::ALL_COMMANDS,
            ..Default::default()
        })?;
        Ok(Self {
            signal_semaphore_info_count: 1,
            signal_semaphore_infos: pointer(signal),
            ..Self::default()
        })
    }
}

/// A handle and its value, where the value stands in a chain.
fn signal_by_chain(arena: &mut Arena, semaphore: u64, value: u64) -> Result<(Address, Address), Full> {
    let [semaphore, value] = [arena.put(semaphore)?, arena.put(value)?];
    let chain = TimelineSemaphoreSubmitInfo {
        signal_semaphore_value_count: 1,
        signal_semaphore_values: pointer(value),
        ..Default::default()
    };
    Ok((semaphore, arena.put(chain)?))
}

/// The values of a VkTimelineSemaphoreSubmitInfo; none without one.
struct Values<'a> {
    waits: &'a [u64],
    signals: &'a [u64],
}

impl<'a> Values<'a> {
    fn of(next: *const c_void, arena: &'a Arena) -> Result<Self, BadSubmission> {
        let found = venus::find(arena, address(next), StructureType::TIMELINE_SEMAPHORE_SUBMIT_INFO);
        let Some(found) = found else { return Ok(Self { waits: &[], signals: &[] }) };
        let info: &TimelineSemaphoreSubmitInfo = arena.get(found).ok_or(BadSubmission::Astray)?;
        Ok(Self {
            waits: list(arena, info.wait_semaphore_value_count.into(), address(info.wait_semaphore_values))?,
            signals: list(
                arena,
                info.signal_semaphore_value_count.into(),
                address(info.signal_semaphore_values),
            )?,
        })
    }
}

/// Semaphores in a list of handles, with their values.
fn at(
    count: u32,
    first: *const VkSemaphore,
    values: &[u64],
    find: Find<'_>,
) -> Result<Vec<At>, BadSubmission> {
    let values = values.iter().copied().map(Some).chain(std::iter::repeat(None));
    let handles = (address(first)..).step_by(size_of::<VkSemaphore>());
    (0..count)
        .zip(handles.zip(values))
        .map(|(_, (handle, value))| {
            let semaphore = find(handle).ok_or(BadSubmission::Astray)?;
            match value {
                None if semaphore.is_timeline() => Err(BadSubmission::NoValue),
                value => Ok((semaphore, value.unwrap_or_default())),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn semaphores() -> BTreeMap<u64, Arc<Semaphore>> {
        BTreeMap::from([(7, Arc::new(Semaphore::binary())), (8, Arc::new(Semaphore::timeline(0)))])
    }

    /// What the tables of a context do.
    fn read(infos: Infos, arena: &Arena) -> Result<Vec<Batch>, BadSubmission> {
        let semaphores = semaphores();
        batches(infos, arena, &|at| semaphores.get(arena.get::<u64>(at)?).cloned())
    }

    fn values(list: &[At]) -> Vec<(bool, u64)> {
        list.iter().map(|(semaphore, value)| (semaphore.is_timeline(), *value)).collect()
    }

    /// Two batches: the first waits for 7 and 8 at 5, the second signals 8 at 6.
    fn two(arena: &mut Arena, with_values: bool) -> Infos {
        let handles = put_all(arena, &[7u64, 8]).unwrap();
        let values = put_all(arena, &[0u64, 5, 6]).unwrap();
        let waits = arena
            .put(TimelineSemaphoreSubmitInfo {
                wait_semaphore_value_count: 2,
                wait_semaphore_values: pointer(values),
                ..Default::default()
            })
            .unwrap();
        let signals = arena
            .put(TimelineSemaphoreSubmitInfo {
                signal_semaphore_value_count: 1,
                signal_semaphore_values: pointer(values + 16),
                ..Default::default()
            })
            .unwrap();
        let chain = |at| if with_values { pointer(at) } else { std::ptr::null() };
        let infos = [
            SubmitInfo {
                next: chain(waits),
                wait_semaphore_count: 2,
                wait_semaphores: pointer(handles),
                ..Default::default()
            },
            SubmitInfo {
                next: chain(signals),
                signal_semaphore_count: 1,
                signal_semaphores: pointer(handles + 8),
                ..Default::default()
            },
        ];
        Infos { command: CommandType::QueueSubmit, count: 2, at: put_all(arena, &infos).unwrap() }
    }

    #[test]
    fn semaphores_are_found_with_their_values() {
        let mut arena = Arena::new(1 << 16).unwrap();
        let infos = two(&mut arena, true);

        let batches = read(infos, &arena).unwrap();

        assert_eq!(values(&batches[0].waits), [(false, 0), (true, 5)]);
        assert_eq!(values(&batches[1].signals), [(true, 6)]);
        assert!(batches[0].signals.is_empty() && batches[1].waits.is_empty());
    }

    #[test]
    fn a_timeline_semaphore_without_a_value_and_infos_that_lie_nowhere_are_refused() {
        let mut arena = Arena::new(1 << 16).unwrap();
        let infos = two(&mut arena, false);
        assert_eq!(read(infos, &arena).unwrap_err(), BadSubmission::NoValue);
        for astray in
            [Infos { count: 3, ..infos }, Infos { count: u64::MAX, ..infos }, Infos { at: 0, ..infos }]
        {
            assert_eq!(read(astray, &arena).unwrap_err(), BadSubmission::Astray);
        }
    }

    #[test]
    fn a_part_is_its_batches_and_a_signal_of_ours_behind_them() {
        let mut arena = Arena::new(1 << 16).unwrap();
        let infos = two(&mut arena, true);
        for (range, signals) in [(0..0, vec![]), (1..2, vec![(true, 6)]), (0..2, vec![(true, 6)])] {
            let given = part(infos, range.clone(), (8, 99), &mut arena).unwrap();
            let given = read(given, &arena).unwrap();
            assert_eq!(given.len(), range.len() + 1);
            let all: Vec<_> = given.iter().flat_map(|batch| values(&batch.signals)).collect();
            assert_eq!(all, [signals, vec![(true, 99)]].concat());
        }
        assert!(part(infos, 1..3, (8, 1), &mut arena).is_err());
    }

    #[test]
    fn submissions_of_both_kinds_end_with_the_same_signal() {
        let mut arena = Arena::new(1 << 16).unwrap();
        for command in [CommandType::QueueSubmit, CommandType::QueueSubmit2] {
            let none = Infos { command, count: 0, at: 0 };
            let given = part(none, 0..0, (8, 3), &mut arena).unwrap();
            assert_eq!(values(&read(given, &arena).unwrap()[0].signals), [(true, 3)]);
        }
    }
}
