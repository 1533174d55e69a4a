//! The host's Vulkan driver. Nothing else calls it, and no other code of this role is unsafe.
//!
//! A driver believes what it is told: the addresses and handles in a call must be good. The codec makes the
//! addresses (each lies in an arena, with as many bytes behind it as the command's counts say), the tables of a
//! context make the handles (each is alive and of the right type), and the commands written by hand look at the
//! counts and values that a driver would not look at. That is the argument for every `unsafe` below.
#![allow(unsafe_code)]

#[rustfmt::skip]
mod calls;
mod library;
mod validator;

use std::ffi::{CStr, CString};

use vulkanalia_sys as vk;

pub(super) use library::Library;
pub use library::LibraryError;
pub(super) use validator::Validator;

use crate::sys::{Address, CStruct};
use crate::venus::{ARGUMENTS_MAX, Call, CommandType};

/// A function of the driver whose parameters are known by its command.
type RawFunction = unsafe extern "system" fn();

/// Commands have smaller numbers.
const COMMANDS_MAX: usize = 512;

/// Endings that a function may have in drivers older or newer than the name in the registry.
const ENDINGS: [&str; 4] = ["", "KHR", "EXT", "AMD"];

/// What the driver returned where it is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the driver answered {0:?}")]
pub(super) struct Failure(pub(super) vk::Result);

/// The functions of an instance or of a device.
pub(super) struct Functions {
    // In place: each look for a function waits for the one before it.
    by_command: [Option<RawFunction>; COMMANDS_MAX],
    host_pointer_properties: Option<vk::PFN_vkGetMemoryHostPointerPropertiesEXT>,
}

impl Functions {
    fn load(find: impl Fn(&CStr) -> Option<RawFunction>) -> Self {
        let by_name = |name: String| CString::new(name).ok().and_then(|name| find(&name));
        let by_command = std::array::from_fn(|number| {
            let command = CommandType::from_number(u32::try_from(number).ok()?)?;
            let stem = format!("{command:?}");
            let stem = ENDINGS.iter().rev().find_map(|ending| stem.strip_suffix(ending)).unwrap_or(&stem);
            ENDINGS.iter().find_map(|ending| by_name(format!("vk{stem}{ending}")))
        });
        let host_pointer_properties = find(c"vkGetMemoryHostPointerPropertiesEXT").map(|function| {
            // SAFETY: the driver's function of this name has these parameters.
            unsafe {
                std::mem::transmute::<RawFunction, vk::PFN_vkGetMemoryHostPointerPropertiesEXT>(function)
            }
        });
        Self { by_command, host_pointer_properties }
    }

    fn function(&self, command: CommandType) -> Option<RawFunction> {
        self.by_command.get(command as usize).copied().flatten()
    }

    /// Calls the driver: `arguments` are scalars, driver handles and addresses, as the command has them. What it
    /// returned, in the lower bits; `None` if the driver lacks the function.
    #[inline]
    pub(super) fn call(&self, command: CommandType, arguments: &[u64]) -> Option<u64> {
        let mut all = [0; ARGUMENTS_MAX];
        all.iter_mut().zip(arguments).for_each(|(place, argument)| *place = *argument);
        self.call_with(command, &all)
    }

    /// Calls the driver as a guest's command says.
    #[inline]
    pub(super) fn carry_out(&self, call: &Call) -> Option<u64> {
        self.call_with(call.command, call.all_arguments())
    }

    #[inline]
    fn call_with(&self, command: CommandType, arguments: &[u64; ARGUMENTS_MAX]) -> Option<u64> {
        let function = self.function(command)?;
        // SAFETY: the function is that of this command; see the head of this file for the arguments.
        Some(unsafe { calls::call(function, command, arguments) })
    }

    /// As [`Functions::call`], for commands that return a VkResult.
    pub(super) fn result(&self, command: CommandType, arguments: &[u64]) -> Result<vk::Result, Failure> {
        let result = match self.call(command, arguments) {
            Some(result) => result_of(result),
            None => vk::Result::ERROR_EXTENSION_NOT_PRESENT,
        };
        if result.as_raw() < 0 { Err(Failure(result)) } else { Ok(result) }
    }

    /// Calls a command of the form (parent, pCreateInfo, pAllocator, pHandle).
    pub(super) fn create<T: CStruct>(
        &self,
        command: CommandType,
        parent: u64,
        info: &T,
    ) -> Result<u64, Failure> {
        let mut handle = 0_u64;
        self.result(command, &[parent, address_of(info), 0, address_of_mut(&mut handle)])?;
        Ok(handle)
    }

    /// The memory types that the host's memory at an address can be imported as.
    pub(super) fn host_pointer_types(&self, device: u64, host: Address) -> Result<u32, Failure> {
        let mut properties = vk::MemoryHostPointerPropertiesEXT::default();
        let kind = vk::ExternalMemoryHandleTypeFlags::HOST_ALLOCATION_EXT;
        let function =
            self.host_pointer_properties.ok_or(Failure(vk::Result::ERROR_EXTENSION_NOT_PRESENT))?;
        // SAFETY: the structure outlives the call; the driver only looks the address up.
        let result = unsafe {
            let device = vk::Handle::from_raw(usize::try_from(device).unwrap_or_default());
            function(device, kind, std::ptr::with_exposed_provenance(address(host)), &mut properties)
        };
        if result == vk::Result::SUCCESS { Ok(properties.memory_type_bits) } else { Err(Failure(result)) }
    }

    /// The functions of a device that this instance's functions made.
    pub(super) fn of_device(&self, library: &Library, instance: u64, device: u64) -> Self {
        Self::load(|name| library.device_function(instance, device, name))
    }
}

/// A VkResult as [`Functions::call`] returns it.
pub(super) fn result_of(returned: u64) -> vk::Result {
    #[expect(clippy::cast_possible_truncation, reason = "a VkResult is the lower half")]
    vk::Result::from_raw(returned as i32)
}

/// A VkResult as a call would return it.
pub(super) fn returned(result: vk::Result) -> u64 {
    u64::from(result.as_raw().cast_unsigned())
}

/// Where a structure of ours lies, for a driver to read during a call.
pub(super) fn address_of<T: CStruct>(value: &T) -> Address {
    std::ptr::from_ref(value).expose_provenance() as Address
}

/// Where a value of ours lies, for a driver to write during a call.
pub(super) fn address_of_mut<T: CStruct>(value: &mut T) -> Address {
    std::ptr::from_mut(value).expose_provenance() as Address
}

/// A structure of ours that a driver writes, as C knows it.
pub(super) fn pointer_to_mut<T, P>(value: &mut T) -> *mut P {
    std::ptr::from_mut(value).cast()
}

/// Where an array of ours lies, for a driver to write during a call.
pub(super) fn address_of_first<T: CStruct>(values: &mut [T]) -> Address {
    values.as_mut_ptr().expose_provenance() as Address
}

/// Where an array of ours lies, for a driver to read during a call.
pub(super) fn address_of_list<T: CStruct>(values: &[T]) -> Address {
    values.as_ptr().expose_provenance() as Address
}

/// Where a constant name lies.
pub(super) fn address_of_name(name: &'static CStr) -> Address {
    name.as_ptr().expose_provenance() as Address
}

/// An array of ours as C knows it.
pub(super) fn pointer_to_first<T, P>(values: &[T]) -> *const P {
    values.as_ptr().cast()
}

/// A structure of ours as C knows it.
pub(super) fn pointer_to<T, P>(value: &T) -> *const P {
    std::ptr::from_ref(value).cast()
}

fn address(at: Address) -> usize {
    usize::try_from(at).unwrap_or_default()
}
