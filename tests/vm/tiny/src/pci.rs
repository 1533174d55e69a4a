//! The first PCI bus, by ports (configuration mechanism 1).

use alloc::string::String;

use virtio_drivers::transport::DeviceType;
use virtio_drivers::transport::pci::bus::{Command, ConfigurationAccess, DeviceFunction, PciRoot};
use virtio_drivers::transport::pci::virtio_device_type;

use crate::machine::{read_port, write_port};

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;

/// The registers of one function.
pub(crate) struct Function(DeviceFunction);

impl Function {
    pub(crate) fn read(&self, register: u8) -> u32 {
        select(self.0, register);
        read_port(DATA)
    }

    /// Writes one, two or four bytes, which do not leave a word.
    pub(crate) fn write(&self, register: u8, value: u32, bytes: u32) {
        select(self.0, register);
        write_port(DATA + u16::from(register & 3), value, bytes);
    }

    /// Where the capabilities of the vendor are.
    pub(crate) fn vendor_capabilities(&self) -> impl Iterator<Item = u8> {
        let root = PciRoot::new(Ports);
        let capabilities: alloc::vec::Vec<_> = root.capabilities(self.0).collect();
        capabilities.into_iter().filter(|capability| capability.id == 9).map(|capability| capability.offset)
    }
}

/// The GPU.
pub(crate) fn gpu() -> Result<Function, String> {
    let mut root = PciRoot::new(Ports);
    let is_gpu = |info: &_| virtio_device_type(info) == Some(DeviceType::GPU);
    let (function, _) = root
        .enumerate_bus(0)
        .find(|(_, info)| is_gpu(info))
        .ok_or("there is no virtio-gpu on the first bus")?;
    root.set_command(function, Command::MEMORY_SPACE | Command::BUS_MASTER);
    Ok(Function(function))
}

fn select(function: DeviceFunction, register: u8) {
    let place = u32::from(function.bus) << 16 | u32::from(function.device) << 11;
    let place = place | u32::from(function.function) << 8 | u32::from(register & 0xfc);
    write_port(ADDRESS, 1 << 31 | place, 4);
}

struct Ports;

impl ConfigurationAccess for Ports {
    fn read_word(&self, function: DeviceFunction, register: u8) -> u32 {
        Function(function).read(register)
    }

    fn write_word(&mut self, function: DeviceFunction, register: u8, data: u32) {
        Function(function).write(register, data, 4);
    }

    unsafe fn unsafe_clone(&self) -> Self {
        Self
    }
}
