//! A function that is bound, opened as a VMM opens it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use iommufd_ioctls::IommuFd;
use nix::sys::uio::{pread, pwrite};
use vfio_ioctls::{VfioContainer, VfioDevice, VfioIommufd, VfioOps};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::error::DeviceError;
use crate::inventory::{Function, PciAddress, SYSFS};
use crate::sys::{DmaMemory, function_descriptor, reset_function};

/// Numbers of regions and of kinds of interrupts, of linux/vfio.h.
const BARS: u32 = 6;
const CONFIG: u32 = 7;
const MSIX: u32 = 2;

/// Of PCI's configuration space: PCI Local Bus Specification 3.0, 6.2.2 and 6.2.5.1.
const COMMAND: u64 = 0x04;
const COMMAND_MEMORY: u16 = 1 << 1;
const FIRST_BAR: u64 = 0x10;
const BAR_IO: u32 = 1;
const BAR_PREFETCHABLE: u32 = 1 << 3;

/// Where devices find memory that is mapped for a trial: above what a PC keeps for interrupts.
const TRIAL_IOVA: u64 = 0x1_0000_0000;
const TRIAL_BYTES: NonZeroU64 = NonZeroU64::new(2 << 20).expect("it is not zero");

/// So many places of a BAR are marked before a reset.
const MARKS: u64 = 64;
const MARK: [u8; 8] = *b"vgpumark";

/// An open function: nobody else has it, and its group is ours.
pub struct Device {
    address: PciAddress,
    device: VfioDevice,
    ops: Arc<dyn VfioOps>,
    /// By which node it was opened.
    way: String,
}

/// A part of a function that a VMM reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// BAR 0 to 5, or the configuration space.
    pub index: u32,
    /// How large it is.
    pub bytes: u64,
}

/// What is to be seen of a BAR's memory after a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Of BAR 0 to 5.
    pub bar: u32,
    /// Places that held what was written before the reset.
    pub marked: u64,
    /// Of these, those that hold it now.
    pub kept: u64,
}

impl Device {
    /// Opens one that is bound, by its group, or as a device of its own where the kernel has these.
    pub fn open(address: PciAddress, group: u32) -> Result<Self, DeviceError> {
        let folder = Path::new(SYSFS).join(Function::folder(address));
        let failed = |error| DeviceError::Open { address, error };
        let has_cdev = folder.join("vfio-dev").exists() && Path::new("/dev/iommu").exists();
        let (ops, way): (Arc<dyn VfioOps>, _) = if has_cdev {
            let iommufd = IommuFd::new().map_err(|error| failed(io::Error::other(error)))?;
            let ops = VfioIommufd::new(Arc::new(iommufd), None, None);
            (Arc::new(ops.map_err(|error| failed(io::Error::other(error)))?), "/dev/iommu".to_owned())
        } else {
            let ops = VfioContainer::new(None).map_err(|error| failed(io::Error::other(error)))?;
            (Arc::new(ops), format!("/dev/vfio/{group}"))
        };
        let device = VfioDevice::new(&folder, Arc::clone(&ops), true);
        let device = device.map_err(|error| failed(io::Error::other(error)))?;
        Ok(Self { address, device, ops, way })
    }

    /// By which node it was opened.
    pub fn way(&self) -> &str {
        &self.way
    }

    /// The regions that it has.
    pub fn regions(&self) -> Vec<Region> {
        let region = |index| Region { index, bytes: self.device.get_region_size(index) };
        (0..BARS).chain([CONFIG]).map(region).filter(|region| region.bytes > 0).collect()
    }

    /// How many MSI-X interrupts it has.
    pub fn msix_count(&self) -> u32 {
        self.device.get_irq_info(MSIX).map_or(0, |info| info.count)
    }

    /// Maps memory for it as a VMM maps that of its VM, and takes it back; gives how much. No device is told of it.
    pub fn try_dma(&self) -> Result<NonZeroU64, DeviceError> {
        let failed = |error| DeviceError::Dma { address: self.address, error };
        let memory = DmaMemory::map(Arc::clone(&self.ops), TRIAL_IOVA, TRIAL_BYTES).map_err(failed)?;
        memory.unmap().map_err(failed)?;
        Ok(TRIAL_BYTES)
    }

    /// Takes an MSI-X interrupt that the kernel raises in the device's place.
    pub fn try_interrupt(&self) -> Result<(), DeviceError> {
        let failed = |error| DeviceError::Interrupt { address: self.address, error };
        let event = EventFd::new(EFD_NONBLOCK).map_err(failed)?;
        self.device.enable_msix(vec![&event]).map_err(|error| failed(io::Error::other(error)))?;
        let raised = self.device.trigger_irq(MSIX, 0).map_err(io::Error::other);
        let heard = raised.and_then(|()| event.read());
        let disabled = self.device.disable_msix().map_err(io::Error::other);
        heard.and(disabled).map_err(failed)
    }

    /// Resets it, and sees whether memory of its BARs kept what was in it.
    ///
    /// Only BARs that can be prefetched are memory for sure, so no others are written to. One that takes no mark tells
    /// nothing and is left out.
    pub fn reset(&self) -> Result<Vec<Memory>, DeviceError> {
        let failed = |error| DeviceError::Reset { address: self.address, error };
        self.enable_memory().map_err(failed)?;
        let mut marked = Vec::new();
        for bar in 0..BARS {
            if self.is_memory(bar).map_err(failed)? {
                let places = self.mark(bar).map_err(failed)?;
                marked.push((bar, places));
            }
        }
        reset_function(&self.device).map_err(|error| match error.kind() {
            // What `VFIO_DEVICE_RESET` says of a device without any way to do it.
            ErrorKind::InvalidInput => DeviceError::NoReset(self.address),
            _ => failed(error),
        })?;
        self.enable_memory().map_err(failed)?;
        let memory = marked.into_iter().filter(|(_, places)| !places.is_empty()).map(|(bar, places)| {
            let kept = self.holding(bar, &places)?.len();
            let count = |places: usize| u64::try_from(places).unwrap_or(u64::MAX);
            Ok(Memory { bar, marked: count(places.len()), kept: count(kept) })
        });
        memory.collect::<io::Result<_>>().map_err(failed)
    }

    fn is_memory(&self, bar: u32) -> io::Result<bool> {
        let mut kind = [0; 4];
        self.read(CONFIG, FIRST_BAR + 4 * u64::from(bar), &mut kind)?;
        let kind = u32::from_le_bytes(kind);
        let prefetchable = kind & BAR_IO == 0 && kind & BAR_PREFETCHABLE != 0;
        Ok(prefetchable && self.device.get_region_size(bar) > 0)
    }

    /// Has it answer to reads and writes of its BARs.
    fn enable_memory(&self) -> io::Result<()> {
        let mut command = [0; 2];
        self.read(CONFIG, COMMAND, &mut command)?;
        self.write(CONFIG, COMMAND, &(u16::from_le_bytes(command) | COMMAND_MEMORY).to_le_bytes())
    }

    /// Writes marks all over a BAR, and gives the places that took one.
    fn mark(&self, bar: u32) -> io::Result<Vec<u64>> {
        let bytes = self.device.get_region_size(bar);
        let step = (bytes / MARKS).next_multiple_of(8).max(8);
        let length = MARK.len() as u64;
        let places: Vec<u64> =
            (0..MARKS).map(|index| index * step).filter(|at| at + length <= bytes).collect();
        for place in &places {
            self.write(bar, *place, &MARK)?;
        }
        self.holding(bar, &places)
    }

    /// Which of these places hold a mark.
    fn holding(&self, bar: u32, places: &[u64]) -> io::Result<Vec<u64>> {
        let mut holding = Vec::new();
        for place in places {
            let mut found = [0; MARK.len()];
            self.read(bar, *place, &mut found)?;
            if found == MARK {
                holding.push(*place);
            }
        }
        Ok(holding)
    }

    fn read(&self, region: u32, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let place = self.place(region, at)?;
        expect_all(pread(function_descriptor(&self.device), bytes, place)?, bytes.len())
    }

    fn write(&self, region: u32, at: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(region, at)?;
        expect_all(pwrite(function_descriptor(&self.device), bytes, place)?, bytes.len())
    }

    fn place(&self, region: u32, at: u64) -> io::Result<i64> {
        let place = self.device.get_region_offset(region) + at;
        place.try_into().map_err(|_| ErrorKind::InvalidInput.into())
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Device({} by {})", self.address, self.way)
    }
}

fn expect_all(done: usize, wanted: usize) -> io::Result<()> {
    if done == wanted { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}
