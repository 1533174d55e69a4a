//! MIG: instances of GPUs, and compute instances in these, made and destroyed.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong};
use std::ptr;

use super::{Handle, Nvml, NvmlDevice, NvmlError, SUCCESS, TEXT_BYTES};

const INSUFFICIENT_SIZE: c_int = 7;

/// Kinds of compute instances that are asked for; drivers refuse those that they do not know.
const COMPUTE_PROFILES: std::ops::Range<c_uint> = 0..8;
/// Engines that compute instances of one GPU instance share: the only way that there is.
const SHARED_ENGINES: c_uint = 0;

/// More than a GPU has programs, instances or places for them.
const LIST_MAX: usize = 4096;
/// More than a GPU has slices, so that all places of an instance fit.
const ROOM_MIN: usize = 64;

/// Which slices an instance takes: of a GPU's memory, or of a GPU instance's processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct NvmlPlacement {
    /// The first.
    pub start: u32,
    /// How many.
    pub size: u32,
}

/// An instance of a GPU.
#[derive(Clone, Copy, Debug)]
pub struct NvmlGpuInstance<'a> {
    nvml: &'a Nvml,
    handle: Handle,
}

/// An instance of the processors of a GPU instance.
#[derive(Clone, Copy, Debug)]
pub struct NvmlComputeInstance<'a> {
    nvml: &'a Nvml,
    handle: Handle,
}

/// What an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NvmlInstanceInfo {
    /// Its number, among those of its GPU or GPU instance.
    pub id: u32,
    /// The number of its kind.
    pub profile: u32,
    /// Where it lies.
    pub placement: NvmlPlacement,
}

/// A kind of compute instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NvmlComputeProfile {
    /// The number by which one is made.
    pub id: u32,
    /// How many slices of processors it takes.
    pub slices: u32,
    /// How many there can be in the GPU instance, if there is nothing else.
    pub instances_max: u32,
}

/// A program that has a GPU, or an instance of one, open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NvmlProcess {
    /// Its number.
    pub pid: u32,
    /// The GPU instance that it uses, on GPUs that have some.
    pub gpu_instance: Option<u32>,
    /// The compute instance there.
    pub compute_instance: Option<u32>,
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct ProcessInfo {
    pid: c_uint,
    memory: c_ulonglong,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

#[repr(C)]
struct GpuInstanceInfo {
    device: Handle,
    id: c_uint,
    profile: c_uint,
    placement: NvmlPlacement,
}

#[repr(C)]
struct ComputeInstanceInfo {
    device: Handle,
    gpu_instance: Handle,
    id: c_uint,
    profile: c_uint,
    placement: NvmlPlacement,
}

#[repr(C)]
struct ComputeProfileInfo {
    version: c_uint,
    id: c_uint,
    slices: c_uint,
    instances: c_uint,
    multiprocessors: c_uint,
    engines: [c_uint; 5],
    name: [c_char; TEXT_BYTES as usize],
}

/// The second version of the structure, and its size.
const COMPUTE_PROFILE_INFO_VERSION: c_uint = 2 << 24 | 136;

const _: () = assert!(size_of::<ProcessInfo>() == 24, "nvmlProcessInfo_v2_t of nvml.h");
const _: () = assert!(size_of::<GpuInstanceInfo>() == 24, "nvmlGpuInstanceInfo_t of nvml.h");
const _: () = assert!(size_of::<ComputeInstanceInfo>() == 32, "nvmlComputeInstanceInfo_t of nvml.h");
const _: () =
    assert!(size_of::<ComputeProfileInfo>() == 136, "nvmlComputeInstanceProfileInfo_v2_t of nvml.h");

/// Gives the handles of what is in something, of one kind: as many as are there, and the room must be enough.
type List = unsafe extern "C" fn(Handle, c_uint, *mut Handle, *mut c_uint) -> c_int;

impl<'a> NvmlDevice<'a> {
    /// Has it be one that is cut into instances, or not. What it says where that waits for a reset.
    pub fn set_mig_mode(&self, on: bool) -> Result<Option<String>, NvmlError> {
        const NAME: &str = "nvmlDeviceSetMigMode";
        type Function = unsafe extern "C" fn(Handle, c_uint, *mut c_int) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceSetMigMode")?;
        let mut status = SUCCESS;
        // SAFETY: the handle is one of this library's, and it writes one number.
        let code = unsafe { function(self.handle, c_uint::from(on), &raw mut status) };
        self.nvml.check(NAME, code)?;
        Ok((status != SUCCESS).then(|| self.nvml.reason(status)))
    }

    /// Where an instance of this profile may lie on a GPU without others.
    pub fn placements(&self, profile: u32) -> Result<Vec<NvmlPlacement>, NvmlError> {
        const NAME: &str = "nvmlDeviceGetGpuInstancePossiblePlacements_v2";
        type Function = unsafe extern "C" fn(Handle, c_uint, *mut NvmlPlacement, *mut c_uint) -> c_int;
        let function: Function =
            self.nvml.function(NAME, c"nvmlDeviceGetGpuInstancePossiblePlacements_v2")?;
        self.nvml.list(NAME, |first, count| {
            // SAFETY: the handle is one of this library's. It writes a placement for each slice at most, for which
            // there is room, and nvml.h asks for no more.
            unsafe { function(self.handle, profile, first, count) }
        })
    }

    /// How many more instances of this profile there could be. Only where it is cut into instances.
    pub fn remaining(&self, profile: u32) -> Result<u32, NvmlError> {
        const NAME: &str = "nvmlDeviceGetGpuInstanceRemainingCapacity";
        type Function = unsafe extern "C" fn(Handle, c_uint, *mut c_uint) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceGetGpuInstanceRemainingCapacity")?;
        let mut count = 0;
        // SAFETY: the handle is one of this library's, and it writes one number.
        let code = unsafe { function(self.handle, profile, &raw mut count) };
        self.nvml.check(NAME, code).map(|()| count)
    }

    /// Its instances of a profile, of which there are so many at most; none of one that the driver names and does not
    /// have. It takes root.
    pub fn gpu_instances(&self, profile: u32, most: u32) -> Result<Vec<NvmlGpuInstance<'a>>, NvmlError> {
        const NAME: &str = "nvmlDeviceGetGpuInstances";
        let handles = self.nvml.handles(NAME, c"nvmlDeviceGetGpuInstances", self.handle, profile, most);
        let handles = if_any(handles)?;
        Ok(handles.into_iter().map(|handle| NvmlGpuInstance { nvml: self.nvml, handle }).collect())
    }

    /// Makes an instance of a profile at a place. It takes root.
    pub fn create_gpu_instance(
        &self,
        profile: u32,
        placement: NvmlPlacement,
    ) -> Result<NvmlGpuInstance<'a>, NvmlError> {
        const NAME: &str = "nvmlDeviceCreateGpuInstanceWithPlacement";
        type Function = unsafe extern "C" fn(Handle, c_uint, *const NvmlPlacement, *mut Handle) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlDeviceCreateGpuInstanceWithPlacement")?;
        let mut handle = ptr::null_mut();
        // SAFETY: the handle is one of this library's; it reads a placement, and writes a handle before that is used.
        let code = unsafe { function(self.handle, profile, &raw const placement, &raw mut handle) };
        self.nvml.check(NAME, code).map(|()| NvmlGpuInstance { nvml: self.nvml, handle })
    }

    /// Which GPU instance, and which compute instance in it, this device is; it must be one of
    /// [`NvmlDevice::mig_instances`].
    pub fn instance_ids(&self) -> Result<(u32, u32), NvmlError> {
        const GPU: &str = "nvmlDeviceGetGpuInstanceId";
        const COMPUTE: &str = "nvmlDeviceGetComputeInstanceId";
        type Function = unsafe extern "C" fn(Handle, *mut c_uint) -> c_int;
        let gpu: Function = self.nvml.function(GPU, c"nvmlDeviceGetGpuInstanceId")?;
        let compute: Function = self.nvml.function(COMPUTE, c"nvmlDeviceGetComputeInstanceId")?;
        let (mut gpu_id, mut compute_id) = (0, 0);
        // SAFETY: the handle is one of this library's, and it writes one number.
        self.nvml.check(GPU, unsafe { gpu(self.handle, &raw mut gpu_id) })?;
        // SAFETY: as above.
        self.nvml.check(COMPUTE, unsafe { compute(self.handle, &raw mut compute_id) })?;
        Ok((gpu_id, compute_id))
    }

    /// The programs that compute on it, or draw on it.
    pub fn processes(&self) -> Result<Vec<NvmlProcess>, NvmlError> {
        const COMPUTE: &str = "nvmlDeviceGetComputeRunningProcesses_v3";
        const GRAPHICS: &str = "nvmlDeviceGetGraphicsRunningProcesses_v3";
        type Function = unsafe extern "C" fn(Handle, *mut c_uint, *mut ProcessInfo) -> c_int;
        let compute: Function = self.nvml.function(COMPUTE, c"nvmlDeviceGetComputeRunningProcesses_v3")?;
        let graphics: Option<Function> = self.nvml.symbol(c"nvmlDeviceGetGraphicsRunningProcesses_v3");
        let list = |name, function: Function| {
            self.nvml.list(name, |first: *mut ProcessInfo, count| {
                // SAFETY: the handle is one of this library's, and it writes no more than the count that it is given.
                unsafe { function(self.handle, count, first) }
            })
        };
        let mut found = list(COMPUTE, compute)?;
        // What only computes draws nothing, and says so.
        found.extend(graphics.and_then(|graphics| list(GRAPHICS, graphics).ok()).unwrap_or_default());
        let some = |id: c_uint| (id != c_uint::MAX).then_some(id);
        Ok(found
            .iter()
            .map(|info| NvmlProcess {
                pid: info.pid,
                gpu_instance: some(info.gpu_instance),
                compute_instance: some(info.compute_instance),
            })
            .collect())
    }
}

impl<'a> NvmlGpuInstance<'a> {
    /// What it is.
    pub fn info(&self) -> Result<NvmlInstanceInfo, NvmlError> {
        const NAME: &str = "nvmlGpuInstanceGetInfo";
        type Function = unsafe extern "C" fn(Handle, *mut GpuInstanceInfo) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlGpuInstanceGetInfo")?;
        // SAFETY: numbers may be zero, and handles NULL.
        let mut info: GpuInstanceInfo = unsafe { std::mem::zeroed() };
        // SAFETY: the handle is one of this library's, and the structure is its.
        let code = unsafe { function(self.handle, &raw mut info) };
        let GpuInstanceInfo { id, profile, placement, .. } = info;
        self.nvml.check(NAME, code).map(|()| NvmlInstanceInfo { id, profile, placement })
    }

    /// Destroys it. What is in it must be gone. It takes root.
    pub fn destroy(self) -> Result<(), NvmlError> {
        const NAME: &str = "nvmlGpuInstanceDestroy";
        let function: unsafe extern "C" fn(Handle) -> c_int =
            self.nvml.function(NAME, c"nvmlGpuInstanceDestroy")?;
        // SAFETY: the handle is one of this library's; it refuses those of what is gone, as copies of this may be.
        self.nvml.check(NAME, unsafe { function(self.handle) })
    }

    /// The kinds of compute instances that it could have.
    pub fn compute_profiles(&self) -> Result<Vec<NvmlComputeProfile>, NvmlError> {
        const NAME: &str = "nvmlGpuInstanceGetComputeInstanceProfileInfoV";
        type Function = unsafe extern "C" fn(Handle, c_uint, c_uint, *mut ComputeProfileInfo) -> c_int;
        let function: Function =
            self.nvml.function(NAME, c"nvmlGpuInstanceGetComputeInstanceProfileInfoV")?;
        let profile = |kind| {
            // SAFETY: numbers and bytes may all be zero.
            let mut info: ComputeProfileInfo = unsafe { std::mem::zeroed() };
            info.version = COMPUTE_PROFILE_INFO_VERSION;
            // SAFETY: the handle is one of this library's, and the structure is as large as its version says.
            let code = unsafe { function(self.handle, kind, SHARED_ENGINES, &raw mut info) };
            Ok(self.nvml.has_kind(NAME, code)?.then_some(NvmlComputeProfile {
                id: info.id,
                slices: info.slices,
                instances_max: info.instances,
            }))
        };
        COMPUTE_PROFILES.map(profile).filter_map(Result::transpose).collect()
    }

    /// Its compute instances of a kind; none of one that the driver names and does not have.
    pub fn compute_instances(
        &self,
        profile: NvmlComputeProfile,
    ) -> Result<Vec<NvmlComputeInstance<'a>>, NvmlError> {
        const NAME: &str = "nvmlGpuInstanceGetComputeInstances";
        let symbol = c"nvmlGpuInstanceGetComputeInstances";
        let handles =
            if_any(self.nvml.handles(NAME, symbol, self.handle, profile.id, profile.instances_max))?;
        Ok(handles.into_iter().map(|handle| NvmlComputeInstance { nvml: self.nvml, handle }).collect())
    }

    /// Makes a compute instance of a kind, where the driver finds room. It takes root.
    pub fn create_compute_instance(
        &self,
        profile: NvmlComputeProfile,
    ) -> Result<NvmlComputeInstance<'a>, NvmlError> {
        const NAME: &str = "nvmlGpuInstanceCreateComputeInstance";
        type Function = unsafe extern "C" fn(Handle, c_uint, *mut Handle) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlGpuInstanceCreateComputeInstance")?;
        let mut handle = ptr::null_mut();
        // SAFETY: the handle is one of this library's, and it writes a handle before that is used.
        let code = unsafe { function(self.handle, profile.id, &raw mut handle) };
        self.nvml.check(NAME, code).map(|()| NvmlComputeInstance { nvml: self.nvml, handle })
    }
}

impl NvmlComputeInstance<'_> {
    /// What it is.
    pub fn info(&self) -> Result<NvmlInstanceInfo, NvmlError> {
        const NAME: &str = "nvmlComputeInstanceGetInfo_v2";
        type Function = unsafe extern "C" fn(Handle, *mut ComputeInstanceInfo) -> c_int;
        let function: Function = self.nvml.function(NAME, c"nvmlComputeInstanceGetInfo_v2")?;
        // SAFETY: numbers may be zero, and handles NULL.
        let mut info: ComputeInstanceInfo = unsafe { std::mem::zeroed() };
        // SAFETY: the handle is one of this library's, and the structure is its second version's.
        let code = unsafe { function(self.handle, &raw mut info) };
        let ComputeInstanceInfo { id, profile, placement, .. } = info;
        self.nvml.check(NAME, code).map(|()| NvmlInstanceInfo { id, profile, placement })
    }

    /// Destroys it. It takes root.
    pub fn destroy(self) -> Result<(), NvmlError> {
        const NAME: &str = "nvmlComputeInstanceDestroy";
        let function: unsafe extern "C" fn(Handle) -> c_int =
            self.nvml.function(NAME, c"nvmlComputeInstanceDestroy")?;
        // SAFETY: as for GPU instances.
        self.nvml.check(NAME, unsafe { function(self.handle) })
    }
}

impl Nvml {
    /// What a function lists that takes how much room there is, and says how much it used or would use.
    fn list<T: Copy + Default>(
        &self,
        name: &'static str,
        function: impl Fn(*mut T, *mut c_uint) -> c_int,
    ) -> Result<Vec<T>, NvmlError> {
        // Programs come while they are counted.
        let mut room = ROOM_MIN;
        loop {
            let mut list = vec![T::default(); room];
            let mut count = c_uint::try_from(room).unwrap_or(c_uint::MAX);
            match function(list.as_mut_ptr(), &raw mut count) {
                INSUFFICIENT_SIZE if room < LIST_MAX => room *= 2,
                code => {
                    self.check(name, code)?;
                    list.truncate(usize::try_from(count).unwrap_or(usize::MAX));
                    return Ok(list);
                }
            }
        }
    }

    /// What a function lists of which there are so many at most.
    fn handles(
        &self,
        name: &'static str,
        symbol: &CStr,
        of: Handle,
        profile: u32,
        most: u32,
    ) -> Result<Vec<Handle>, NvmlError> {
        let function: List = self.function(name, symbol)?;
        let room = usize::try_from(most).ok().filter(|room| *room <= LIST_MAX);
        let mut handles = vec![ptr::null_mut(); room.ok_or(NvmlError::Unsupported(name))?];
        let mut count = 0;
        // SAFETY: the handle is one of this library's. It writes as many handles as there are instances of the
        // profile, which are no more than `most`.
        let code = unsafe { function(of, profile, handles.as_mut_ptr(), &raw mut count) };
        self.check(name, code)?;
        handles.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(handles)
    }
}

/// Of kinds that a driver names and does not have, there is none.
fn if_any<T>(listed: Result<Vec<T>, NvmlError>) -> Result<Vec<T>, NvmlError> {
    match listed {
        Err(NvmlError::Unsupported(_)) => Ok(Vec::new()),
        listed => listed,
    }
}
