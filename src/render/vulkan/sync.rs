//! Fences and semaphores. The gate must know what will signal them; see gate.rs and queue.rs.
//!
//! A guest that waits does so without its context's lock, in the driver only for what the GPU was given, so that the
//! wait ends; else it sleeps until something is given.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use vulkanalia_sys::{self as vk, StructureType};

use super::context::{Context, Worker};
use super::driver::{Failure, address_of, address_of_list, address_of_mut, pointer_to_first, returned};
use super::gate::{QueueNumber, Semaphore};
use super::objects::{Data, Object};
use super::queue;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::sys::{Address, now_ns};
use crate::venus::{self, CommandType, ObjectType};

/// How long a driver waits for some of several fences while others were not given to the GPU yet.
const GLANCE: Duration = Duration::from_millis(100);

/// Mesa waits for a fence by asking for its status. After it has asked 15 times it sleeps between two questions, for
/// 0.16 ms and more. So who asks again this soon is answered when the fence is signalled ...
const ASKED_AGAIN_NS: u64 = 50_000;

/// ... or after this time: Mesa sleeps as long when an answer takes more than 256 of its yields.
const ANSWER_NS: u64 = 25_000;

/// What we know of a VkFence.
pub(super) struct Fence {
    state: Mutex<FenceState>,
    /// Threads of the guest that wait for it in the driver.
    waiting: AtomicU32,
    /// When the guest was last told that it is not signalled.
    denied_ns: AtomicU64,
}

/// What a fence does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FenceState {
    /// Nothing.
    Unsignalled,
    /// A submission that waits will signal it.
    Held,
    /// The GPU will signal it, or has: with the submission that brings the queue's counter to this value.
    Given(QueueNumber, u64),
    /// It is signalled.
    Signalled,
}

fn fence(object: &Object) -> Option<&Fence> {
    match &object.data {
        Data::Fence(fence) => Some(fence),
        _ => None,
    }
}

/// Notes what becomes of a fence.
pub(super) fn fence_is(object: &Object, state: FenceState) {
    if let Some(fence) = fence(object) {
        *fence.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// What a fence does now; asks the driver only if the GPU may have signalled it since.
pub(super) fn settle(object: &Arc<Object>) -> FenceState {
    let Some(fence) = fence(object) else { return FenceState::Unsignalled };
    let mut state = fence.state.lock().unwrap_or_else(PoisonError::into_inner);
    if let FenceState::Given(..) = *state {
        let arguments = [object.device().handle, object.handle];
        let result = object.functions.result(CommandType::GetFenceStatus, &arguments);
        if result == Ok(vk::Result::SUCCESS) {
            *state = FenceState::Signalled;
        }
    }
    *state
}

/// vkCreateFence. What it shares with other processes is ours to do: see [`reset_resource`].
pub(super) fn create_fence(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let device = Arc::clone(turn.first()?);
    let info_at = turn.call.arg(1);
    let info = *turn.get::<vk::FenceCreateInfo>(info_at)?;
    _ = venus::unlink(turn.arena, info_at, StructureType::EXPORT_FENCE_CREATE_INFO);
    let signalled = info.flags.contains(vk::FenceCreateFlags::SIGNALED);
    let state = if signalled { FenceState::Signalled } else { FenceState::Unsignalled };
    turn.create(ObjectType::Fence, &device, |object| {
        let (waiting, denied_ns) = (AtomicU32::new(0), AtomicU64::new(0));
        let fence = Fence { state: Mutex::new(state), waiting, denied_ns };
        object.destroyed_by(CommandType::DestroyFence).with(Data::Fence(fence))
    })
}

/// vkGetFenceStatus.
pub(super) fn fence_status(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let object = Arc::clone(turn.of(ObjectType::Fence)?);
    turn.state.submits.reap().map_err(|_| Reason::DeviceLost(turn.command()))?;
    let signalled = settle(&object) == FenceState::Signalled;
    let denied_ns = fence(&object).map_or(0, |fence| fence.denied_ns.load(Ordering::Relaxed));
    if signalled || now_ns() - denied_ns > ASKED_AGAIN_NS {
        return Ok(answer(&object, signalled).into());
    }
    Ok(Outcome::Later(Box::new(move |_, _| {
        let until_ns = now_ns() + ANSWER_NS;
        let mut signalled = false;
        while !signalled && now_ns() < until_ns {
            thread::yield_now();
            signalled = settle(&object) == FenceState::Signalled;
        }
        Ok(returned(answer(&object, signalled)))
    })))
}

fn answer(object: &Object, signalled: bool) -> vk::Result {
    if signalled {
        return vk::Result::SUCCESS;
    }
    if let Some(fence) = fence(object) {
        fence.denied_ns.store(now_ns(), Ordering::Relaxed);
    }
    vk::Result::NOT_READY
}

/// vkResetFences: not of fences that something still signals.
pub(super) fn reset_fences(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let fences: Vec<_> = turn.objects().filter(|object| object.kind == ObjectType::Fence).cloned().collect();
    for object in &fences {
        let waited_for = fence(object).is_some_and(|fence| fence.waiting.load(Ordering::Relaxed) > 0);
        match settle(object) {
            FenceState::Held | FenceState::Given(..) => {
                return Err(turn.invalid("a submission will signal the fence yet"));
            }
            _ if waited_for => return Err(turn.invalid("somebody waits for the fence")),
            _ => {}
        }
    }
    let returned = turn.pass()?;
    fences.iter().for_each(|fence| fence_is(fence, FenceState::Unsignalled));
    Ok(Outcome::Done(returned))
}

/// vkResetFenceResourceMESA: the guest took the fence's payload over. It is ours until the GPU is done, so we wait.
pub(super) fn reset_resource(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let object = Arc::clone(turn.of(ObjectType::Fence)?);
    let command = turn.command();
    Ok(Outcome::Later(Box::new(move |context, worker| {
        if settle(&object) != FenceState::Unsignalled {
            Wait { items: vec![(Arc::clone(&object), 0)], any: false, command }.run(context, worker, None)?;
        }
        let _state = context.state();
        let reset = [object.device().handle, 1, address_of(&object.handle)];
        _ = object.functions.call(CommandType::ResetFences, &reset);
        fence_is(&object, FenceState::Unsignalled);
        Ok(0)
    })))
}

/// vkWaitForFences.
pub(super) fn wait_for_fences(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let fences = turn.objects().filter(|object| object.kind == ObjectType::Fence);
    let items = fences.map(|object| (Arc::clone(object), 0)).collect();
    let (any, timeout) = (turn.call.arg(3) == 0, turn.call.arg(4));
    Wait { items, any, command: turn.command() }.start(turn, timeout)
}

/// vkCreateSemaphore.
pub(super) fn create_semaphore(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let device = Arc::clone(turn.first()?);
    let info_at = turn.call.arg(1);
    _ = venus::unlink(turn.arena, info_at, StructureType::EXPORT_SEMAPHORE_CREATE_INFO);
    let kind = venus::find(turn.arena, info_at, StructureType::SEMAPHORE_TYPE_CREATE_INFO);
    let kind = kind.and_then(|at| turn.arena.get::<vk::SemaphoreTypeCreateInfo>(at));
    let semaphore = match kind {
        Some(kind) if kind.semaphore_type == vk::SemaphoreType::TIMELINE => {
            Semaphore::timeline(kind.initial_value)
        }
        _ => Semaphore::binary(),
    };
    turn.create(ObjectType::Semaphore, &device, |object| {
        object.destroyed_by(CommandType::DestroySemaphore).with(Data::Semaphore(Arc::new(semaphore)))
    })
}

/// What a timeline semaphore is known to come to; other semaphores have no value.
fn timeline<'o>(turn: &Turn<'_>, object: &'o Object) -> Result<&'o Arc<Semaphore>, Reason> {
    match &object.data {
        Data::Semaphore(semaphore) if semaphore.is_timeline() => Ok(semaphore),
        _ => Err(turn.invalid("it is no timeline semaphore")),
    }
}

/// vkGetSemaphoreCounterValue.
pub(super) fn semaphore_value(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let object = Arc::clone(turn.of(ObjectType::Semaphore)?);
    timeline(turn, &object)?;
    queue::reap(turn.state);
    turn.pass().map(Outcome::Done)
}

/// vkWaitSemaphores.
pub(super) fn wait_semaphores(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::SemaphoreWaitInfo>(turn.call.arg(1))?;
    let values =
        turn.slice::<u64>(info.values.expose_provenance() as Address, info.semaphore_count)?.to_vec();
    let semaphores = turn.objects().filter(|object| object.kind == ObjectType::Semaphore);
    let items: Vec<_> = semaphores.cloned().zip(values).collect();
    for (object, _) in &items {
        timeline(turn, object)?;
    }
    let any = info.flags.contains(vk::SemaphoreWaitFlags::ANY);
    let timeout = turn.call.arg(2);
    Wait { items, any, command: turn.command() }.start(turn, timeout)
}

/// vkSignalSemaphore: forwards only, and not past what the GPU will signal.
pub(super) fn signal_semaphore(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::SemaphoreSignalInfo>(turn.call.arg(1))?;
    let object = Arc::clone(turn.of(ObjectType::Semaphore)?);
    let semaphore = timeline(turn, &object)?;
    let now = value_of(&object).map_err(|_| Reason::DeviceLost(turn.command()))?;
    let promised = semaphore.promised();
    if info.value <= now || (promised > now && info.value >= promised) {
        return Err(turn.invalid("the semaphore has this value already, or the GPU will signal it"));
    }
    let returned = turn.pass()?;
    semaphore.promise(info.value);
    queue::advance(turn.state)?;
    turn.state.submits.wake();
    Ok(Outcome::Done(returned))
}

/// vkWaitSemaphoreResourceMESA: the guest took the semaphore's signal over.
pub(super) fn wait_resource(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let object = Arc::clone(turn.of(ObjectType::Semaphore)?);
    queue::turn_semaphore(turn, &object, false).map(|()| Outcome::Done(0))
}

/// vkImportSemaphoreResourceMESA: the semaphore is signalled, by something that the guest has waited for.
pub(super) fn import_resource(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    /// Behind the structure's type, the next one's address and the semaphore.
    const RESOURCE_OFFSET: Address = 24;
    let at = turn.call.arg(1) + RESOURCE_OFFSET;
    if *turn.get::<u32>(at)? != 0 {
        return Err(turn.invalid("a semaphore cannot be imported from a resource"));
    }
    let object = Arc::clone(turn.of(ObjectType::Semaphore)?);
    let signalled = matches!(&object.data, Data::Semaphore(semaphore) if semaphore.will_reach(1));
    if !signalled {
        queue::turn_semaphore(turn, &object, true)?;
    }
    Ok(Outcome::Done(0))
}

fn value_of(object: &Arc<Object>) -> Result<u64, Failure> {
    let mut value = 0_u64;
    let arguments = [object.device().handle, object.handle, address_of_mut(&mut value)];
    object.functions.result(CommandType::GetSemaphoreCounterValue, &arguments).map(|_| value)
}

/// Fences, or semaphores with their values, that a guest waits for.
struct Wait {
    items: Vec<(Arc<Object>, u64)>,
    any: bool,
    command: CommandType,
}

/// What becomes of one of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prospect {
    /// It is there.
    Here,
    /// The GPU has what signals it.
    Coming,
    /// Nothing is known to signal it.
    Open,
}

fn prospect(object: &Arc<Object>, value: u64) -> Result<Prospect, Failure> {
    if let Data::Semaphore(semaphore) = &object.data {
        return Ok(match semaphore.will_reach(value) {
            true if value_of(object)? >= value => Prospect::Here,
            true => Prospect::Coming,
            false => Prospect::Open,
        });
    }
    Ok(match settle(object) {
        FenceState::Signalled => Prospect::Here,
        FenceState::Given(..) => Prospect::Coming,
        FenceState::Held | FenceState::Unsignalled => Prospect::Open,
    })
}

impl Wait {
    /// Waits without the context's lock if there is something to wait for.
    fn start(self, turn: &mut Turn<'_>, timeout: u64) -> Result<Outcome, Reason> {
        let device = turn.first()?;
        if !self.items.iter().all(|(object, _)| Arc::ptr_eq(object.device(), device)) {
            return Err(turn.invalid("it waits for what another device signals"));
        }
        let prospects = self.prospects()?;
        if self.is_over(&prospects) {
            queue::reap(turn.state);
            return Ok(vk::Result::SUCCESS.into());
        }
        if timeout == 0 {
            return Ok(vk::Result::TIMEOUT.into());
        }
        let end = Instant::now().checked_add(Duration::from_nanos(timeout));
        Ok(Outcome::Later(Box::new(move |context, worker| self.run(context, worker, end).map(returned))))
    }

    /// Sleeps until it is over, or the time is.
    fn run(
        &self,
        context: &Arc<Context>,
        worker: &Worker,
        end: Option<Instant>,
    ) -> Result<vk::Result, Reason> {
        loop {
            worker.check_client()?;
            let state = context.state();
            if let Some(reason) = &state.lost {
                return Err(reason.clone());
            }
            let prospects = self.prospects()?;
            if self.is_over(&prospects) {
                queue::reap(&state);
                return Ok(vk::Result::SUCCESS);
            }
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(vk::Result::TIMEOUT);
            }
            let open = prospects.contains(&Prospect::Open);
            if open && !(self.any && prospects.contains(&Prospect::Coming)) {
                drop(queue::sleep(state, left.min(worker.patience())));
                continue;
            }
            let slice = if open { GLANCE } else { queue::SLICE };
            let coming = self.coming(&prospects);
            drop(state);
            coming.sleep(self.any, left.min(slice)).map_err(|_| Reason::DeviceLost(self.command))?;
        }
    }

    fn prospects(&self) -> Result<Vec<Prospect>, Reason> {
        let found = self.items.iter().map(|(object, value)| prospect(object, *value));
        found.collect::<Result<_, _>>().map_err(|_| Reason::DeviceLost(self.command))
    }

    fn is_over(&self, prospects: &[Prospect]) -> bool {
        let here = |prospect: &Prospect| *prospect == Prospect::Here;
        if self.any { prospects.iter().any(here) } else { prospects.iter().all(here) }
    }

    fn coming(&self, prospects: &[Prospect]) -> Coming<'_> {
        let coming = self.items.iter().zip(prospects).filter(|(_, prospect)| **prospect == Prospect::Coming);
        let coming = coming.map(|((object, value), _)| (WaitedFor::new(object), *value));
        let (objects, values) = coming.unzip();
        Coming { objects, values }
    }
}

/// What the GPU will signal. Made under the context's lock, so that nothing of it is reset before the driver waits.
struct Coming<'w> {
    objects: Vec<WaitedFor<'w>>,
    values: Vec<u64>,
}

impl Coming<'_> {
    fn sleep(&self, any: bool, at_most: Duration) -> Result<(), Failure> {
        let Some(WaitedFor(first)) = self.objects.first() else { return Ok(()) };
        let handles: Vec<u64> = self.objects.iter().map(|waited| waited.0.handle).collect();
        let count = handles.len() as u64;
        let timeout = u64::try_from(at_most.as_nanos()).unwrap_or(u64::MAX);
        let device = first.device().handle;
        if first.kind == ObjectType::Fence {
            let arguments = [device, count, address_of_list(&handles), u64::from(!any), timeout];
            return first.functions.result(CommandType::WaitForFences, &arguments).map(drop);
        }
        let info = vk::SemaphoreWaitInfo {
            flags: if any { vk::SemaphoreWaitFlags::ANY } else { vk::SemaphoreWaitFlags::empty() },
            semaphore_count: u32::try_from(count).unwrap_or(u32::MAX),
            semaphores: pointer_to_first(&handles),
            values: pointer_to_first(&self.values),
            ..Default::default()
        };
        first.functions.result(CommandType::WaitSemaphores, &[device, address_of(&info), timeout]).map(drop)
    }
}

/// What a thread waits for in the driver, until this is dropped: a fence must not be reset meanwhile.
struct WaitedFor<'o>(&'o Arc<Object>);

impl<'o> WaitedFor<'o> {
    fn new(object: &'o Arc<Object>) -> Self {
        fence(object).inspect(|fence| _ = fence.waiting.fetch_add(1, Ordering::Relaxed));
        Self(object)
    }
}

impl Drop for WaitedFor<'_> {
    fn drop(&mut self) {
        fence(self.0).inspect(|fence| _ = fence.waiting.fetch_sub(1, Ordering::Relaxed));
    }
}
