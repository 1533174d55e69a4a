//! The host's GPU: found and warmed up before the process is sealed, shared by every client of it.

use std::ffi::CStr;
use std::sync::{Arc, OnceLock};

use vulkanalia_sys as vk;

use super::caches::Caches;
use super::descriptors::StageLimits;
use super::driver::{
    Failure, Functions, Library, LibraryError, address_of, address_of_first, address_of_mut, pointer_to,
    pointer_to_mut,
};
use super::extensions::Extensions;
use super::identity::{Found, Identity};
use super::memory;
use super::privilege::Privilege;
use super::shaders::Checker;
use super::warm_up::warm_up;
use crate::sys::CStruct;
use crate::venus::{Capset, CommandType};

/// Which GPU to open.
#[derive(Debug, Default)]
pub struct GpuOptions {
    /// A part of its name, its UUID, or its PCI address. Among several the first discrete one, else the first that is
    /// hardware.
    pub which: Option<String>,
    /// What its queues are entitled to beside others'; nothing if nobody says.
    pub privilege: Option<Privilege>,
}

/// A GPU that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no Vulkan.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// There is none, or none of that name.
    #[error(
        "gpu.device is {wanted:?}, which no GPU here has as a part of its name, UUID or address; there are: {found}"
    )]
    NoSuchGpu {
        /// What was asked for.
        wanted: String,
        /// The names and UUIDs of those there are.
        found: String,
    },
    /// The loader finds no driver, or none that can be used.
    #[error(
        "there is no driver for Vulkan in {0}; install one (Debian: mesa-vulkan-drivers; NVIDIA: its own)"
    )]
    NoDriver(String),
    /// There are drivers.
    #[error(
        "the drivers for Vulkan find no GPU; run vulkaninfo as the same user, or install one in software \
             (Debian: mesa-vulkan-drivers)"
    )]
    NoGpu,
    /// Its memory is of no use to guests.
    #[error(transparent)]
    Memory(#[from] memory::ProbeError),
    /// The driver fails at a first step.
    #[error("{step}: the driver answered {result}; run vulkaninfo as the same user")]
    Driver {
        /// What was tried.
        step: &'static str,
        /// Its answer.
        result: String,
    },
    /// No random bytes can be had.
    #[error("the host gives no random bytes: {0}")]
    Random(std::io::ErrorKind),
}

/// The host's device. Guests' instances are all this one's.
pub struct Gpu {
    pub(super) library: Library,
    pub(super) functions: Arc<Functions>,
    pub(super) instance: u64,
    pub(super) physical_device: u64,
    pub(super) properties: vk::PhysicalDeviceProperties,
    /// Asked for when a pipeline's layout is made first.
    pub(super) stage_limits: OnceLock<StageLimits>,
    /// What its memory does.
    pub(super) memory: memory::Found,
    pub(super) extensions: Extensions,
    /// How many queues each family has.
    pub(super) queue_families: Vec<u32>,
    pub(super) caches: Caches,
    pub(super) shaders: Checker,
    pub(super) privilege: Option<Privilege>,
    identity: Identity,
    driver_bytes: u64,
}

impl Gpu {
    /// All that the host's drivers find. Of those that fit, [`Gpu::open`] takes the first.
    pub fn all() -> Result<Vec<Found>, OpenError> {
        let library = Library::open()?;
        let (_, _, devices) = enumerate(&library)?;
        Ok(devices.into_iter().map(|(_, identity)| identity.found).collect())
    }

    /// Finds a GPU and has its driver load all that it will need: the process may be sealed afterwards.
    pub fn open(options: GpuOptions) -> Result<Arc<Self>, OpenError> {
        let library = Library::open()?;
        let (instance, functions, devices) = enumerate(&library)?;
        let (physical_device, identity) = pick(devices, options.which)?;
        let memory = memory::probe(&library, (instance, &functions), physical_device)?;
        let extensions = device_extensions(&functions, physical_device);
        let extensions = extensions.map_err(failed("vkEnumerateDeviceExtensionProperties"))?;
        let mut gpu = Self {
            extensions: Extensions::new(&extensions),
            queue_families: queue_families(&functions, physical_device),
            shaders: Checker::new(),
            caches: Caches::new().map_err(OpenError::Random)?,
            properties: properties(&functions, physical_device),
            stage_limits: OnceLock::new(),
            library,
            functions,
            instance,
            physical_device,
            memory,
            identity,
            privilege: options.privilege,
            driver_bytes: 0,
        };
        gpu.driver_bytes = warm_up(&gpu).map_err(|(step, failure)| failed(step)(failure))?;
        Ok(Arc::new(gpu))
    }

    /// The name that the driver gives it.
    pub fn name(&self) -> &str {
        &self.identity.found.name
    }

    /// Its UUID.
    pub fn uuid(&self) -> &str {
        &self.identity.found.uuid
    }

    /// The name and the version of its driver.
    pub fn driver(&self) -> &str {
        &self.identity.driver
    }

    /// Bytes of its memory that its driver takes for itself in this process, as far as it says.
    pub fn driver_bytes(&self) -> u64 {
        self.driver_bytes
    }

    /// Bytes of its memory that this process has now. Memory that is the host's is no figure of this process's, and
    /// what a driver in software takes of it is the host's to count.
    pub(super) fn bytes_used(&self) -> u64 {
        match self.identity.is_software() || !self.has(c"VK_EXT_memory_budget") {
            true => 0,
            false => memory::heaps::bytes_used(&self.functions, self.physical_device),
        }
    }

    /// What a guest's driver is told of it; `use_guest_vram` where what guests map lies in a heap.
    pub fn capset(&self, use_guest_vram: bool) -> Capset {
        Capset::new(use_guest_vram, |name| self.extensions.offers(name))
    }

    /// Whether the driver has a device extension.
    pub(super) fn has(&self, name: &CStr) -> bool {
        self.extensions.host_has(&name.to_string_lossy())
    }

    /// The features of one structure's kind; none where the driver does not know it.
    pub(super) fn features<T: CStruct + Default>(&self) -> T {
        let mut kind = T::default();
        let mut features =
            vk::PhysicalDeviceFeatures2 { next: pointer_to_mut(&mut kind), ..Default::default() };
        let arguments = [self.physical_device, address_of_mut(&mut features)];
        _ = self.functions.call(CommandType::GetPhysicalDeviceFeatures2, &arguments);
        kind
    }

    /// What looks at guests' shaders before the driver does, in words.
    pub fn shader_checks(&self) -> &'static str {
        self.shaders.name()
    }
}

fn failed(step: &'static str) -> impl Fn(Failure) -> OpenError {
    move |Failure(result)| OpenError::Driver { step, result: format!("{result:?}") }
}

/// An instance with its functions, and the GPUs in it, hardware first.
type Enumerated = (u64, Arc<Functions>, Vec<(u64, Identity)>);

fn enumerate(library: &Library) -> Result<Enumerated, OpenError> {
    let instance = create_instance(&library.global()).map_err(|failure| match failure {
        Failure(vk::Result::ERROR_INCOMPATIBLE_DRIVER) => OpenError::NoDriver(manifests()),
        failure => failed("vkCreateInstance")(failure),
    })?;
    let functions = Arc::new(library.of_instance(instance));
    let devices = physical_devices(&functions, instance).map_err(failed("vkEnumeratePhysicalDevices"))?;
    let identified = devices.into_iter().map(|device| {
        let extensions = device_extensions(&functions, device).unwrap_or_default();
        let says_where = Extensions::new(&extensions).host_has("VK_EXT_pci_bus_info");
        (device, Identity::of(&functions, device, says_where))
    });
    let mut devices: Vec<_> = identified.collect();
    devices.sort_by_key(|(_, identity)| identity.found.kind);
    Ok((instance, functions, devices))
}

fn create_instance(functions: &Functions) -> Result<u64, Failure> {
    let mut version = vk::make_version(1, 0, 0);
    _ = functions.result(CommandType::EnumerateInstanceVersion, &[address_of_mut(&mut version)]);
    let application = vk::ApplicationInfo { api_version: version, ..Default::default() };
    let info = vk::InstanceCreateInfo { application_info: pointer_to(&application), ..Default::default() };
    let mut instance = 0_u64;
    let arguments = [address_of(&info), 0, address_of_mut(&mut instance)];
    functions.result(CommandType::CreateInstance, &arguments).map(|_| instance)
}

fn physical_devices(functions: &Functions, instance: u64) -> Result<Vec<u64>, Failure> {
    let mut devices = [0_u64; 64];
    let mut count = 64_u32;
    let list = address_of_mut(&mut devices);
    functions
        .result(CommandType::EnumeratePhysicalDevices, &[instance, address_of_mut(&mut count), list])
        .map(|_| devices.into_iter().take(usize::try_from(count).unwrap_or_default()).collect())
}

fn properties(functions: &Functions, device: u64) -> vk::PhysicalDeviceProperties {
    let mut properties = vk::PhysicalDeviceProperties::default();
    _ = functions.call(CommandType::GetPhysicalDeviceProperties, &[device, address_of_mut(&mut properties)]);
    properties
}

fn device_extensions(functions: &Functions, device: u64) -> Result<Vec<vk::ExtensionProperties>, Failure> {
    let command = CommandType::EnumerateDeviceExtensionProperties;
    let mut count = 0_u32;
    functions.result(command, &[device, 0, address_of_mut(&mut count), 0])?;
    let mut found = vec![vk::ExtensionProperties::default(); usize::try_from(count).unwrap_or_default()];
    let list = address_of_first(&mut found);
    functions.result(command, &[device, 0, address_of_mut(&mut count), list])?;
    found.truncate(usize::try_from(count).unwrap_or_default());
    Ok(found)
}

fn queue_families(functions: &Functions, device: u64) -> Vec<u32> {
    let command = CommandType::GetPhysicalDeviceQueueFamilyProperties;
    let mut count = 0_u32;
    _ = functions.call(command, &[device, address_of_mut(&mut count), 0]);
    let mut found = vec![vk::QueueFamilyProperties::default(); usize::try_from(count).unwrap_or_default()];
    let list = address_of_first(&mut found);
    _ = functions.call(command, &[device, address_of_mut(&mut count), list]);
    found.iter().map(|family| family.queue_count).collect()
}

fn pick(devices: Vec<(u64, Identity)>, which: Option<String>) -> Result<(u64, Identity), OpenError> {
    let wanted = which.unwrap_or_default();
    if devices.is_empty() {
        return Err(OpenError::NoGpu);
    }
    let named = |(_, Identity { found, .. }): &(u64, Identity)| format!("{} ({})", found.name, found.uuid);
    let found: Vec<_> = devices.iter().map(named).collect();
    let fitting = devices.into_iter().find(|(_, identity)| identity.found.is(&wanted));
    fitting.ok_or_else(|| OpenError::NoSuchGpu { wanted, found: found.join(", ") })
}

/// Where the loader looks for drivers.
fn manifests() -> String {
    let variable = |name: &str| Some(format!("{name}={}", std::env::var_os(name)?.display()));
    let named = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].into_iter().find_map(variable);
    named.unwrap_or_else(|| "/usr/share/vulkan/icd.d or /etc/vulkan/icd.d".to_owned())
}
