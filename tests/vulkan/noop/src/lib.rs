//! A Vulkan driver that does nothing, at once: what a program costs on it is what lies between the two.
//!
//! It has one device with two queues, memory that is not there (but for imported and mapped one), objects that are
//! numbers, and commands that return. Whoever waits for it waits for nothing, but for
//! timeline semaphores: they count, and a submission that comes before what it waits for loses the device. Queues get
//! priority over those of others as real drivers give it; what a device got is said on standard error.
#![allow(clippy::missing_safety_doc, unsafe_op_in_unsafe_fn)]

mod device;
mod order;
mod physical;
mod priority;

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use ash::vk;

/// What any command is, to whoever looks one up.
pub type Function = unsafe extern "system" fn();

/// The loader's mark at the start of every object that it dispatches by.
#[repr(C)]
pub struct Dispatchable {
    magic: usize,
}

/// A new object that the loader may write its table into. It is never freed: who measures ends soon.
pub fn dispatchable<T>() -> *mut T {
    Box::into_raw(Box::new(Dispatchable { magic: 0x01CD_C0DE })).cast()
}

unsafe extern "system" fn nothing() -> vk::Result {
    vk::Result::SUCCESS
}

/// A table of commands by name.
macro_rules! commands {
    ($($name:literal => $function:path),* $(,)?) => {{
        // SAFETY: whoever calls a command casts it back to what its name says.
        const COMMANDS: &[(&str, $crate::Function)] = &[$(
            ($name, unsafe { std::mem::transmute::<*const (), $crate::Function>($function as *const ()) })
        ),*];
        COMMANDS
    }};
}
pub(crate) use commands;

fn find(name: &CStr) -> Option<Function> {
    let name = name.to_bytes();
    let tables = [instance_commands(), physical::commands(), device::commands(), order::commands()];
    let known = tables
        .into_iter()
        .flatten()
        .find(|(known, _)| known.as_bytes() == name)
        .map(|(_, function)| *function);
    // SAFETY: a command without a body of its own answers SUCCESS, whatever it is called with.
    let nothing = unsafe { std::mem::transmute::<*const (), Function>(nothing as *const ()) };
    let absent =
        name.ends_with(b"KHR") && name.windows(7).any(|part| part == b"Surface" || part == b"Swapcha");
    known.or((!absent && name.starts_with(b"vk")).then_some(nothing))
}

#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdNegotiateLoaderICDInterfaceVersion(version: *mut u32) -> vk::Result {
    *version = (*version).min(5);
    vk::Result::SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdGetInstanceProcAddr(
    _: vk::Instance,
    name: *const c_char,
) -> Option<Function> {
    find(CStr::from_ptr(name))
}

#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdGetPhysicalDeviceProcAddr(
    _: vk::Instance,
    name: *const c_char,
) -> Option<Function> {
    let name = CStr::from_ptr(name);
    physical::commands()
        .iter()
        .find(|(known, _)| known.as_bytes() == name.to_bytes())
        .map(|(_, function)| *function)
}

fn instance_commands() -> &'static [(&'static str, Function)] {
    commands! {
        "vkGetInstanceProcAddr" => vk_icdGetInstanceProcAddr,
        "vkGetDeviceProcAddr" => get_device_proc_addr,
        "vkEnumerateInstanceVersion" => enumerate_instance_version,
        "vkEnumerateInstanceExtensionProperties" => enumerate_instance_extensions,
        "vkCreateInstance" => create_instance,
    }
}

unsafe extern "system" fn get_device_proc_addr(_: vk::Device, name: *const c_char) -> Option<Function> {
    find(CStr::from_ptr(name))
}

unsafe extern "system" fn enumerate_instance_version(version: *mut u32) -> vk::Result {
    *version = physical::VERSION;
    vk::Result::SUCCESS
}

unsafe extern "system" fn create_instance(
    _: *const c_void,
    _: *const c_void,
    instance: *mut *mut c_void,
) -> vk::Result {
    priority::look();
    *instance = dispatchable();
    vk::Result::SUCCESS
}

unsafe extern "system" fn enumerate_instance_extensions(
    _: *const c_char,
    count: *mut u32,
    places: *mut vk::ExtensionProperties,
) -> vk::Result {
    let names = [
        "VK_KHR_get_physical_device_properties2",
        "VK_KHR_external_memory_capabilities",
        "VK_KHR_external_semaphore_capabilities",
        "VK_KHR_external_fence_capabilities",
        "VK_KHR_device_group_creation",
    ];
    answer_list(&names.map(extension), count, places)
}

pub fn extension(name: &str) -> vk::ExtensionProperties {
    let mut properties = vk::ExtensionProperties::default().spec_version(1);
    for (place, byte) in properties.extension_name.iter_mut().zip(name.bytes()) {
        *place = byte as c_char;
    }
    properties
}

/// Answers a question of the kind `count, places`, as Vulkan has many.
pub unsafe fn answer_list<T: Copy>(list: &[T], count: *mut u32, places: *mut T) -> vk::Result {
    if places.is_null() {
        *count = list.len() as u32;
        return vk::Result::SUCCESS;
    }
    let given = (*count as usize).min(list.len());
    ptr::copy_nonoverlapping(list.as_ptr(), places, given);
    *count = given as u32;
    if given < list.len() { vk::Result::INCOMPLETE } else { vk::Result::SUCCESS }
}
