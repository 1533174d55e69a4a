//! NVIDIA's management library, NVML, found when it is needed: hosts without NVIDIA's driver do not have it.
//!
//! Functions that older drivers lack are found missing when they are called. Signatures and structures are those of
//! nvml.h.

mod instances;

pub use instances::{
    NvmlComputeInstance, NvmlComputeProfile, NvmlGpuInstance, NvmlInstanceInfo, NvmlPlacement, NvmlProcess,
};

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::ptr;

/// What NVML returns where it does as asked.
const SUCCESS: c_int = 0;
const INVALID_ARGUMENT: c_int = 2;
const NOT_SUPPORTED: c_int = 3;
const FUNCTION_NOT_FOUND: c_int = 13;

/// Longer than any name, UUID or version: NVML's own sizes are 96 at most.
const TEXT_BYTES: c_uint = 96;

/// Kinds of GPU instances that are asked for; a GPU has a part of them. Drivers know fewer and refuse the others.
const PROFILES: std::ops::Range<c_uint> = 0..17;

/// Why NVML says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NvmlError {
    /// The library is not there, or lacks what every version has.
    #[error("cannot be loaded ({0})")]
    Load(String),
    /// The library refused.
    #[error("{function}: {reason}")]
    Refused {
        /// The function.
        function: &'static str,
        /// What it means, in its own words.
        reason: String,
    },
    /// This GPU, or this driver, has no such thing.
    #[error("{0}: not supported")]
    Unsupported(&'static str),
}

type Library = *mut c_void;
type Handle = *mut c_void;

/// The library, started; it is stopped when this goes.
#[derive(Debug)]
pub struct Nvml {
    library: Library,
}

/// A GPU that the library knows.
#[derive(Clone, Copy, Debug)]
pub struct NvmlDevice<'a> {
    nvml: &'a Nvml,
    handle: Handle,
}

/// Memory of a GPU, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct NvmlMemory {
    /// All of it.
    pub total: u64,
    /// What nothing uses.
    pub free: u64,
    /// What is used.
    pub used: u64,
}

/// Whether a GPU is one that is cut into instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NvmlMigMode {
    /// Whether it is.
    pub current: bool,
    /// Whether it will be after the next reset.
    pub pending: bool,
}

/// A kind of GPU instance that a GPU can be cut into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NvmlProfile {
    /// The number by which one is made.
    pub id: u32,
    /// As in `1g.18gb`.
    pub name: String,
    /// How many there can be, if there is nothing else.
    pub instances_max: u32,
    /// Bytes of memory of each.
    pub memory_bytes: u64,
    /// Streaming multiprocessors of each.
    pub multiprocessors: u32,
    /// Slices of processors of each, by which compute instances are made.
    pub slices: u32,
}

/// Memory rows that were replaced by spare ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NvmlRows {
    /// After errors that were corrected.
    pub corrected: u32,
    /// After errors that were not.
    pub uncorrected: u32,
    /// Whether some wait for a reset.
    pub pending: bool,
    /// Whether no spare row was left for one.
    pub failed: bool,
}

#[repr(C)]
struct ProfileInfo {
    version: c_uint,
    id: c_uint,
    p2p: c_uint,
    slices: c_uint,
    instances: c_uint,
    multiprocessors: c_uint,
    copy_engines: c_uint,
    decoders: c_uint,
    encoders: c_uint,
    jpeg: c_uint,
    ofa: c_uint,
    memory_mb: c_ulonglong,
    name: [c_char; TEXT_BYTES as usize],
}

/// The second version of the structure, and its size.
const PROFILE_INFO_VERSION: c_uint = 2 << 24 | 152;

const _: () = assert!(size_of::<ProfileInfo>() == 152, "nvmlGpuInstanceProfileInfo_v2_t of nvml.h");
const _: () = assert!(size_of::<NvmlMemory>() == 24, "nvmlMemory_t of nvml.h");

type TextFunction = unsafe extern "C" fn(Handle, *mut c_char, c_uint) -> c_int;

impl Nvml {
    /// Loads and starts the library of this name or path.
    pub fn open(name: &str) -> Result<Self, NvmlError> {
        let path = CString::new(name).map_err(|error| NvmlError::Load(error.to_string()))?;
        // SAFETY: constructors of the library run; it is the host's own, or the one that a test names.
        let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if library.is_null() {
            // SAFETY: after a failure there is a message, which is copied before anything else can fail.
            let reason = unsafe { CStr::from_ptr(libc::dlerror()) };
            return Err(NvmlError::Load(reason.to_string_lossy().into_owned()));
        }
        let nvml = Self { library };
        let init: unsafe extern "C" fn() -> c_int = match nvml.symbol(c"nvmlInit_v2") {
            Some(init) => init,
            None => return Err(NvmlError::Load("it has no nvmlInit_v2".to_owned())),
        };
        // SAFETY: it takes nothing, and may be called any number of times.
        nvml.check("nvmlInit_v2", unsafe { init() })?;
        Ok(nvml)
    }

    /// The driver's version, as `580.159.04`.
    pub fn driver_version(&self) -> Result<String, NvmlError> {
        type Function = unsafe extern "C" fn(*mut c_char, c_uint) -> c_int;
        let function: Function =
            self.function("nvmlSystemGetDriverVersion", c"nvmlSystemGetDriverVersion")?;
        let mut text = [0; TEXT_BYTES as usize];
        // SAFETY: it writes at most as many bytes as it is told that there are.
        let code = unsafe { function(text.as_mut_ptr(), TEXT_BYTES) };
        self.check("nvmlSystemGetDriverVersion", code).map(|()| string(&text))
    }

    /// The GPU at a PCI address, as the kernel writes it.
    pub fn device(&self, address: &str) -> Result<NvmlDevice<'_>, NvmlError> {
        const NAME: &str = "nvmlDeviceGetHandleByPciBusId_v2";
        type Function = unsafe extern "C" fn(*const c_char, *mut Handle) -> c_int;
        let function: Function = self.function(NAME, c"nvmlDeviceGetHandleByPciBusId_v2")?;
        let address = CString::new(address).map_err(|_| NvmlError::Unsupported(NAME))?;
        let mut handle = ptr::null_mut();
        // SAFETY: the address ends, and the handle is written before it is used.
        let code = unsafe { function(address.as_ptr(), &raw mut handle) };
        self.check(NAME, code).map(|()| NvmlDevice { nvml: self, handle })
    }

    fn function<F: Copy>(&self, name: &'static str, symbol: &CStr) -> Result<F, NvmlError> {
        self.symbol(symbol).ok_or(NvmlError::Unsupported(name))
    }

    /// The function of this name. The caller names the type that nvml.h has for it.
    fn symbol<F: Copy>(&self, name: &CStr) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>(), "a pointer to a function") };
        // SAFETY: the library is loaded, and the name ends.
        let symbol = unsafe { libc::dlsym(self.library, name.as_ptr()) };
        // SAFETY: it is no NULL, and `F` is the type of a pointer to the function of that name in nvml.h.
        (!symbol.is_null()).then(|| unsafe { std::mem::transmute_copy(&symbol) })
    }

    fn check(&self, function: &'static str, code: c_int) -> Result<(), NvmlError> {
        match code {
            SUCCESS => Ok(()),
            NOT_SUPPORTED | FUNCTION_NOT_FOUND => Err(NvmlError::Unsupported(function)),
            code => Err(NvmlError::Refused { function, reason: self.reason(code) }),
        }
    }

    /// Whether a kind of instance that was asked for is there: drivers refuse those that they, or the GPU, do not have.
    fn has_kind(&self, function: &'static str, code: c_int) -> Result<bool, NvmlError> {
        match code {
            NOT_SUPPORTED | INVALID_ARGUMENT => Ok(false),
            code => self.check(function, code).map(|()| true),
        }
    }

    fn reason(&self, code: c_int) -> String {
        type Function = unsafe extern "C" fn(c_int) -> *const c_char;
        let Some(function) = self.symbol::<Function>(c"nvmlErrorString") else {
            return format!("error {code}");
        };
        // SAFETY: it gives a text that lives as long as the library, or NULL.
        let text = unsafe { function(code) };
        match text.is_null() {
            true => format!("error {code}"),
            // SAFETY: see above.
            false => unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned(),
        }
    }
}

impl Drop for Nvml {
    fn drop(&mut self) {
        let shutdown: Option<unsafe extern "C" fn() -> c_int> = self.symbol(c"nvmlShutdown");
        // The library stays loaded: its threads do not survive that it is not.
        // SAFETY: no device outlives this; a library that would not start says that it was not and does nothing.
        shutdown.map(|shutdown| unsafe { shutdown() });
    }
}

impl<'a> NvmlDevice<'a> {
    /// The instances that it is cut into, each with a name and a UUID of its own.
    pub fn mig_instances(&self) -> Result<Vec<NvmlDevice<'a>>, NvmlError> {
        const COUNT: &str = "nvmlDeviceGetMaxMigDeviceCount";
        const NAME: &str = "nvmlDeviceGetMigDeviceHandleByIndex";
        type Count = unsafe extern "C" fn(Handle, *mut c_uint) -> c_int;
        type Function = unsafe extern "C" fn(Handle, c_uint, *mut Handle) -> c_int;
        let count: Count = self.nvml.function(COUNT, c"nvmlDeviceGetMaxMigDeviceCount")?;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceGetMigDeviceHandleByIndex")?;
        let mut most = 0;
        // SAFETY: the handle is one of this library's, and it writes one number.
        self.nvml.check(COUNT, unsafe { count(self.handle, &raw mut most) })?;
        let instance = |index| {
            let mut handle = ptr::null_mut();
            // SAFETY: as above, and the handle is written before it is used. Numbers without an instance are refused.
            let code = unsafe { function(self.handle, index, &raw mut handle) };
            (code == SUCCESS).then_some(NvmlDevice { nvml: self.nvml, handle })
        };
        Ok((0..most).filter_map(instance).collect())
    }

    /// What it is called.
    pub fn name(&self) -> Result<String, NvmlError> {
        self.text("nvmlDeviceGetName", c"nvmlDeviceGetName")
    }

    /// As `GPU-12345678-…`.
    pub fn uuid(&self) -> Result<String, NvmlError> {
        self.text("nvmlDeviceGetUUID", c"nvmlDeviceGetUUID")
    }

    /// Its memory.
    pub fn memory(&self) -> Result<NvmlMemory, NvmlError> {
        const NAME: &str = "nvmlDeviceGetMemoryInfo";
        type Function = unsafe extern "C" fn(Handle, *mut NvmlMemory) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceGetMemoryInfo")?;
        let mut memory = NvmlMemory::default();
        // SAFETY: the handle is one of this library's, and the structure is its.
        let code = unsafe { function(self.handle, &raw mut memory) };
        self.nvml.check(NAME, code).map(|()| memory)
    }

    /// Whether it is cut into instances.
    pub fn mig_mode(&self) -> Result<NvmlMigMode, NvmlError> {
        const NAME: &str = "nvmlDeviceGetMigMode";
        type Function = unsafe extern "C" fn(Handle, *mut c_uint, *mut c_uint) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceGetMigMode")?;
        let (mut current, mut pending) = (0, 0);
        // SAFETY: the handle is one of this library's, and it writes two numbers.
        let code = unsafe { function(self.handle, &raw mut current, &raw mut pending) };
        self.nvml.check(NAME, code).map(|()| NvmlMigMode { current: current != 0, pending: pending != 0 })
    }

    /// What instances it could be cut into, whether it is or not, by number.
    pub fn profiles(&self) -> Result<Vec<NvmlProfile>, NvmlError> {
        const NAME: &str = "nvmlDeviceGetGpuInstanceProfileInfoV";
        type Function = unsafe extern "C" fn(Handle, c_uint, *mut ProfileInfo) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceGetGpuInstanceProfileInfoV")?;
        let mut profiles: Vec<NvmlProfile> =
            PROFILES.filter_map(|kind| self.profile(function, kind).transpose()).collect::<Result<_, _>>()?;
        profiles.sort_by_key(|profile| profile.id);
        Ok(profiles)
    }

    fn profile(
        &self,
        function: unsafe extern "C" fn(Handle, c_uint, *mut ProfileInfo) -> c_int,
        kind: c_uint,
    ) -> Result<Option<NvmlProfile>, NvmlError> {
        // SAFETY: numbers and bytes may all be zero.
        let mut info: ProfileInfo = unsafe { std::mem::zeroed() };
        info.version = PROFILE_INFO_VERSION;
        // SAFETY: the handle is one of this library's, and the structure is as large as its version says.
        let code = unsafe { function(self.handle, kind, &raw mut info) };
        let is_there = self.nvml.has_kind("nvmlDeviceGetGpuInstanceProfileInfoV", code)?;
        Ok(is_there.then(|| NvmlProfile {
            id: info.id,
            name: string(&info.name).trim_start_matches("MIG ").to_owned(),
            instances_max: info.instances,
            memory_bytes: info.memory_mb << 20,
            multiprocessors: info.multiprocessors,
            slices: info.slices,
        }))
    }

    /// Errors of its memory since its driver was loaded: those that were not corrected, or those that were.
    pub fn ecc_errors(&self, corrected: bool) -> Result<u64, NvmlError> {
        const NAME: &str = "nvmlDeviceGetTotalEccErrors";
        type Function = unsafe extern "C" fn(Handle, c_uint, c_uint, *mut c_ulonglong) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceGetTotalEccErrors")?;
        let (kind, since_load) = (c_uint::from(!corrected), 0);
        let mut count = 0;
        // SAFETY: the handle is one of this library's, and it writes one number.
        let code = unsafe { function(self.handle, kind, since_load, &raw mut count) };
        self.nvml.check(NAME, code).map(|()| count)
    }

    /// Rows of its memory that were replaced.
    pub fn rows(&self) -> Result<NvmlRows, NvmlError> {
        const NAME: &str = "nvmlDeviceGetRemappedRows";
        type Function =
            unsafe extern "C" fn(Handle, *mut c_uint, *mut c_uint, *mut c_uint, *mut c_uint) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceGetRemappedRows")?;
        let [mut corrected, mut uncorrected, mut pending, mut failed] = [0; 4];
        // SAFETY: the handle is one of this library's, and it writes four numbers.
        let code = unsafe {
            function(self.handle, &raw mut corrected, &raw mut uncorrected, &raw mut pending, &raw mut failed)
        };
        let rows = NvmlRows { corrected, uncorrected, pending: pending != 0, failed: failed != 0 };
        self.nvml.check(NAME, code).map(|()| rows)
    }

    fn text(&self, name: &'static str, symbol: &CStr) -> Result<String, NvmlError> {
        let function: TextFunction = self.nvml.function(name, symbol)?;
        let mut text = [0; TEXT_BYTES as usize];
        // SAFETY: the handle is one of this library's; it writes at most as many bytes as it is told that there are.
        let code = unsafe { function(self.handle, text.as_mut_ptr(), TEXT_BYTES) };
        self.nvml.check(name, code).map(|()| string(&text))
    }
}

/// What is before the first NUL, if there is one.
fn string(text: &[c_char]) -> String {
    let bytes: Vec<u8> =
        text.iter().take_while(|byte| **byte != 0).map(|byte| byte.cast_unsigned()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
