//! Which host verbs about GPUs look at, and whom they ask of it.

use std::path::{Path, PathBuf};

use super::super::error::CommandError;
use crate::control::api::{API_SOCKET, ApiError, Client, Gpu};
use crate::inventory::{Inventory, InventoryError, NVML, Names, PciAddress, SYSFS, Unread, VulkanDevice};
use crate::partition;
use crate::render_process;

/// Which host is looked at.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Sysfs {
    /// The kernel's view of the host: /sys, or a copy of another host's
    #[arg(long = "sysfs-root", value_name = "FOLDER", default_value = SYSFS)]
    root: PathBuf,
}

impl Sysfs {
    /// Its folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What takes changes.
    pub(super) fn kernel(&self) -> partition::Sysfs {
        partition::Sysfs { root: self.root.clone() }
    }

    /// Whether it is a copy.
    fn is_of_another_host(&self) -> bool {
        self.root != Path::new(SYSFS)
    }
}

/// That host, and who knows more of NVIDIA's GPUs than the kernel.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Hardware {
    #[command(flatten)]
    sysfs: Sysfs,
    /// NVIDIA's management library [default: libnvidia-ml.so.1, but none is asked of another host's tree]
    #[arg(long = "nvml", value_name = "LIBRARY", env = "VGPU_NVML", hide_env_values = true)]
    library: Option<String>,
}

impl Hardware {
    /// What is on that host. This one may be without PCI; a copy is one of something else then.
    pub(in crate::cli) fn read(&self) -> Result<Inventory, CommandError> {
        match Inventory::read(self.root(), &Names::of_host()) {
            Err(InventoryError::NoDevices { path, error }) if !self.is_of_another_host() => {
                let unread = vec![Unread { file: path, problem: error.to_string() }];
                Ok(Inventory { devices: Vec::new(), unread })
            }
            Ok(mut inventory) => {
                if let Some(library) = self.library() {
                    inventory.ask_nvml(library);
                }
                Ok(inventory)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What can be asked of its GPUs.
    fn library(&self) -> Option<&str> {
        self.library.as_deref().or((!self.is_of_another_host()).then_some(NVML))
    }

    /// It, to be cut.
    pub(super) fn host(&self) -> partition::Host<'_> {
        partition::Host::new(self.root()).known_to(self.library())
    }

    /// What takes changes of it.
    pub(super) fn kernel(&self) -> partition::Sysfs {
        self.sysfs.kernel()
    }

    /// Its folder.
    pub(in crate::cli) fn root(&self) -> &Path {
        self.sysfs.root()
    }

    /// Whether it is a copy.
    pub(in crate::cli) fn is_of_another_host(&self) -> bool {
        self.sysfs.is_of_another_host()
    }
}

/// That host, and the daemon that knows more of it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Host {
    #[command(flatten)]
    hardware: Hardware,
    /// The daemon's API [default: /run/vgpu/api.sock, but nobody is asked of another host's tree]
    #[arg(long, value_name = "SOCKET", env = "VGPU_API", hide_env_values = true)]
    api: Option<PathBuf>,
}

/// What a daemon says of GPUs, or why none says anything; nothing where none was asked.
type Shared = Option<Result<Vec<Gpu>, ApiError>>;

impl Host {
    /// The GPUs on PCI, and those that Vulkan finds. Without a daemon drivers are loaded to find them.
    pub(super) fn look(&self) -> Result<(Inventory, Shared), CommandError> {
        let shared = self.shared()?;
        let mut inventory = self.hardware.read()?;
        match &shared {
            Some(Ok(gpus)) => {
                inventory.add_vulkan(gpus.iter().filter_map(|gpu| device(gpu.pci, &gpu.name, &gpu.uuid)));
            }
            Some(Err(_)) if !inventory.devices.is_empty() => {
                // `vgpu doctor` says why where none can be found.
                let gpus = render_process::gpus().unwrap_or_default();
                inventory.add_vulkan(gpus.iter().filter_map(|gpu| device(gpu.pci, &gpu.name, &gpu.uuid)));
            }
            _ => {}
        }
        Ok((inventory, shared))
    }

    /// That there is no daemon is an error where it was named; else GPUs are there without one.
    fn shared(&self) -> Result<Shared, CommandError> {
        let client = match &self.api {
            Some(api) => Client::new(api),
            None if self.hardware.is_of_another_host() => return Ok(None),
            None => Client::new(API_SOCKET),
        };
        match client.gpus() {
            Ok(list) => Ok(Some(Ok(list.gpus))),
            Err(error @ ApiError::Connect { .. }) if self.api.is_none() => Ok(Some(Err(error))),
            Err(error) => Err(error.into()),
        }
    }
}

fn device(address: Option<PciAddress>, name: &str, uuid: &str) -> Option<(PciAddress, VulkanDevice)> {
    Some((address?, VulkanDevice { name: name.to_owned(), uuid: uuid.to_owned() }))
}
