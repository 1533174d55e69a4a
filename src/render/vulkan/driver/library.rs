//! The Vulkan loader of the host, found when it is needed: the program starts without it.

use std::ffi::CStr;

use vulkanalia_sys::{self as vk, Handle};

use super::{Functions, RawFunction};

const NAME: &CStr = c"libvulkan.so.1";

/// There is no Vulkan on this host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{NAME:?} cannot be loaded ({0}); install the host's Vulkan loader (Debian: libvulkan1)")]
pub struct LibraryError(String);

/// The loader, for the life of the process: drivers do not survive that they are unloaded.
#[derive(Clone, Copy)]
pub(in crate::render::vulkan) struct Library {
    get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
}

impl Library {
    /// Loads it. Which drivers it finds is told by its own variables (VK_DRIVER_FILES, VK_ICD_FILENAMES).
    pub(in crate::render::vulkan) fn open() -> Result<Self, LibraryError> {
        // SAFETY: constructors of the loader run; it is the host's own library.
        let library = unsafe { libc::dlopen(NAME.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if library.is_null() {
            // SAFETY: after a failure there is a message, which is copied before anything else can fail.
            let reason = unsafe { CStr::from_ptr(libc::dlerror()) };
            return Err(LibraryError(reason.to_string_lossy().into_owned()));
        }
        // SAFETY: the library is loaded, and the name ends.
        let symbol = unsafe { libc::dlsym(library, c"vkGetInstanceProcAddr".as_ptr()) };
        if symbol.is_null() {
            return Err(LibraryError("it has no vkGetInstanceProcAddr".into()));
        }
        // SAFETY: the loader's function of this name has these parameters.
        let get_instance_proc_addr =
            unsafe { std::mem::transmute::<*mut libc::c_void, vk::PFN_vkGetInstanceProcAddr>(symbol) };
        Ok(Self { get_instance_proc_addr })
    }

    fn instance_function(&self, instance: u64, name: &CStr) -> Option<RawFunction> {
        // SAFETY: the instance is alive or NULL, and the name ends.
        unsafe { (self.get_instance_proc_addr)(handle(instance), name.as_ptr()) }
    }

    /// The functions that need no instance.
    pub(in crate::render::vulkan) fn global(&self) -> Functions {
        self.of_instance(0)
    }

    /// The functions of an instance.
    pub(in crate::render::vulkan) fn of_instance(&self, instance: u64) -> Functions {
        Functions::load(|name| self.instance_function(instance, name))
    }

    pub(super) fn device_function(&self, instance: u64, device: u64, name: &CStr) -> Option<RawFunction> {
        let getter = self.instance_function(instance, c"vkGetDeviceProcAddr")?;
        // SAFETY: the loader's function of this name has these parameters.
        let getter = unsafe { std::mem::transmute::<RawFunction, vk::PFN_vkGetDeviceProcAddr>(getter) };
        // SAFETY: the device is alive, and the name ends.
        unsafe { getter(handle(device), name.as_ptr()) }
    }
}

fn handle<H: Handle<Repr = usize>>(raw: u64) -> H {
    H::from_raw(usize::try_from(raw).unwrap_or_default())
}
