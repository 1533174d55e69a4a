//! Semaphores that count. Work ends when it is submitted, so what it waits for must have come before.

use std::ffi::c_void;
use std::slice::from_raw_parts;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ash::vk;

use crate::{Function, commands};

pub fn commands() -> &'static [(&'static str, Function)] {
    commands! {
        "vkCreateSemaphore" => create,
        "vkDestroySemaphore" => destroy,
        "vkGetSemaphoreCounterValue" => counter,
        "vkGetSemaphoreCounterValueKHR" => counter,
        "vkSignalSemaphore" => signal,
        "vkSignalSemaphoreKHR" => signal,
        "vkWaitSemaphores" => wait,
        "vkWaitSemaphoresKHR" => wait,
        "vkQueueSubmit" => submit,
    }
}

/// What a handle leads to. A binary one is never looked at.
struct Semaphore {
    timeline: bool,
    value: AtomicU64,
}

unsafe fn semaphore<'a>(handle: u64) -> &'a Semaphore {
    &*(handle as *const Semaphore)
}

/// The structure of a type in a chain.
unsafe fn find<'a, T>(mut next: *const c_void, kind: vk::StructureType) -> Option<&'a T> {
    while let Some(base) = next.cast::<vk::BaseInStructure<'_>>().as_ref() {
        if base.s_type == kind {
            return next.cast::<T>().as_ref();
        }
        next = base.p_next.cast();
    }
    None
}

unsafe fn list<'a, T>(pointer: *const T, count: u32) -> &'a [T] {
    if pointer.is_null() { &[] } else { from_raw_parts(pointer, count as usize) }
}

unsafe extern "system" fn create(
    _: *mut c_void,
    info: *const vk::SemaphoreCreateInfo<'static>,
    _: *const c_void,
    place: *mut u64,
) -> vk::Result {
    let kind: Option<&vk::SemaphoreTypeCreateInfo<'_>> =
        find((*info).p_next, vk::StructureType::SEMAPHORE_TYPE_CREATE_INFO);
    let kind = kind.filter(|kind| kind.semaphore_type == vk::SemaphoreType::TIMELINE);
    let value = AtomicU64::new(kind.map_or(0, |kind| kind.initial_value));
    *place = Box::into_raw(Box::new(Semaphore { timeline: kind.is_some(), value })) as u64;
    vk::Result::SUCCESS
}

unsafe extern "system" fn destroy(_: *mut c_void, handle: u64, _: *const c_void) {
    if handle != 0 {
        drop(Box::from_raw(handle as *mut Semaphore));
    }
}

unsafe extern "system" fn counter(_: *mut c_void, handle: u64, place: *mut u64) -> vk::Result {
    *place = semaphore(handle).value.load(Ordering::Acquire);
    vk::Result::SUCCESS
}

unsafe extern "system" fn signal(
    _: *mut c_void,
    info: *const vk::SemaphoreSignalInfo<'static>,
) -> vk::Result {
    semaphore(vk::Handle::as_raw((*info).semaphore)).value.store((*info).value, Ordering::Release);
    vk::Result::SUCCESS
}

unsafe fn reached(handle: vk::Semaphore, value: u64) -> bool {
    let semaphore = semaphore(vk::Handle::as_raw(handle));
    !semaphore.timeline || semaphore.value.load(Ordering::Acquire) >= value
}

unsafe extern "system" fn wait(
    _: *mut c_void,
    info: *const vk::SemaphoreWaitInfo<'static>,
    timeout: u64,
) -> vk::Result {
    let info = &*info;
    let started = Instant::now();
    let handles = list(info.p_semaphores, info.semaphore_count);
    let values = list(info.p_values, info.semaphore_count);
    let come = || {
        let mut all = handles.iter().zip(values).map(|(handle, value)| reached(*handle, *value));
        if info.flags.contains(vk::SemaphoreWaitFlags::ANY) { all.any(|it| it) } else { all.all(|it| it) }
    };
    while !come() {
        if started.elapsed() >= Duration::from_nanos(timeout) {
            return vk::Result::TIMEOUT;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    vk::Result::SUCCESS
}

unsafe extern "system" fn submit(
    _: *mut c_void,
    count: u32,
    batches: *const vk::SubmitInfo<'static>,
    _: u64,
) -> vk::Result {
    for batch in list(batches, count) {
        let values: Option<&vk::TimelineSemaphoreSubmitInfo<'_>> =
            find(batch.p_next, vk::StructureType::TIMELINE_SEMAPHORE_SUBMIT_INFO);
        let Some(values) = values else { continue };
        let wanted = list(values.p_wait_semaphore_values, values.wait_semaphore_value_count);
        let waits = list(batch.p_wait_semaphores, batch.wait_semaphore_count);
        if !waits.iter().zip(wanted).all(|(handle, value)| reached(*handle, *value)) {
            return vk::Result::ERROR_DEVICE_LOST;
        }
        let given = list(values.p_signal_semaphore_values, values.signal_semaphore_value_count);
        let signals = list(batch.p_signal_semaphores, batch.signal_semaphore_count);
        for (handle, value) in signals.iter().zip(given) {
            semaphore(vk::Handle::as_raw(*handle)).value.store(*value, Ordering::Release);
        }
    }
    vk::Result::SUCCESS
}
