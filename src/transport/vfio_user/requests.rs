//! What each request does.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;
use vm_memory::{Bytes, GuestAddress};
use zerocopy::IntoBytes;

use super::command::{
    DeviceInfo, DmaMap, DmaUnmap, IoEventFd, REGION_CAPABILITIES, REGION_MAPPABLE, REGION_READABLE,
    REGION_WRITABLE, RegionAccess, RegionInfo, RegionIoFds, Request, SetIrqs, SparseArea, Version,
};
use super::inventory::kind;
use super::irqs::{Irqs, KINDS};
use super::message::Message;
use super::queues::Queues;
use super::server::Server;
use super::version::negotiate;
use crate::transport::vhost_user::{Item, Note};
use crate::transport::virtio_pci::{Bar, CONFIG_BYTES, Card, Effect, NOTIFY_BYTES, QUEUES, doorbell};

/// Regions by number (`linux/vfio.h`): six BARs, a ROM, the configuration space and VGA.
const REGIONS: u32 = 9;
const REGISTERS: u32 = Bar::Registers as u32;
const HEAP: u32 = Bar::Heap as u32;
const CONFIG: u32 = 7;

/// `VFIO_DEVICE_FLAGS_*`: it can be reset, and it is a PCI function.
const DEVICE_FLAGS: u32 = 0b11;

/// A message, and the descriptor that goes with it.
pub(super) struct Answer {
    pub(super) packet: Vec<u8>,
    pub(super) file: Option<OwnedFd>,
}

/// A body and a descriptor.
type Content = (Vec<u8>, Option<OwnedFd>);

/// The bytes of the function that are the device's and the client's.
struct Slot<'a> {
    queues: &'a Queues,
    irqs: &'a Irqs,
}

impl Card for Slot<'_> {
    fn config(&self) -> [u8; 16] {
        self.queues.device().config()
    }

    fn is_pending(&self, vector: u16) -> bool {
        self.irqs.is_pending(vector)
    }
}

impl Server {
    /// Does what a message asks for.
    pub(super) fn carry_out(&mut self, message: &Message) -> Result<Answer, Errno> {
        let request = Request::decode(message.command, &message.body)?;
        let takes_descriptors = matches!(request, Request::DmaMap(_) | Request::SetIrqs(..));
        if self.greeted == matches!(request, Request::Version(..)) && !self.repeats
            || !takes_descriptors && !message.descriptors.is_empty()
        {
            return Err(Errno::EINVAL);
        }
        let (body, file) = match request {
            Request::Version(version, capabilities) => self.greet(version, capabilities)?,
            Request::DmaMap(map) => self.map(&map, &message.descriptors)?,
            Request::DmaUnmap(unmap) => self.unmap(&unmap)?,
            Request::DeviceInfo { argsz } => device_info(argsz)?,
            Request::RegionInfo { argsz, index } => self.region_info(argsz, index)?,
            Request::RegionIoFds { argsz, index } => self.region_io_fds(argsz, index)?,
            Request::IrqInfo { argsz, index } => {
                let info = Irqs::info(index)?;
                check_room(argsz, info.argsz)?;
                (info.as_bytes().to_vec(), None)
            }
            Request::SetIrqs(set, data) => self.set_irqs(&set, data, &message.descriptors)?,
            Request::RegionRead(access) => self.read(&access)?,
            Request::RegionWrite(access, data) => self.write(&access, data)?,
            Request::Reset => {
                self.function.reset();
                self.bring_about(Effect::Reset);
                (Vec::new(), None)
            }
        };
        Ok(Answer { packet: message.reply(&body), file })
    }

    fn greet(&mut self, version: Version, capabilities: &[u8]) -> Result<Content, Errno> {
        let answer = negotiate(version, capabilities)?;
        self.greeted = true;
        Ok((answer, None))
    }

    fn map(&mut self, map: &DmaMap, files: &[Arc<OwnedFd>]) -> Result<Content, Errno> {
        let file = match files {
            [] => None,
            [file] => Some(file),
            _ => return Err(Errno::EINVAL),
        };
        let copy = file.map(|file| file.try_clone()).transpose().map_err(|_| Errno::EMFILE)?;
        let done = self.repeats && self.ranges.has(map.address, map.size);
        if !done {
            self.ranges.map(&self.memory, map, copy)?;
        }
        let (number, record) = (map.address, map.as_bytes().to_vec());
        self.note(Note::Item(Item { client: kind::RANGE, number, record, file: file.cloned() }))?;
        Ok((Vec::new(), None))
    }

    /// Nothing here looks at guest memory while requests are carried out, so there is nothing to wait for.
    fn unmap(&mut self, unmap: &DmaUnmap) -> Result<Content, Errno> {
        match self.ranges.unmap(&self.memory, unmap) {
            Err(Errno::ENOENT) if self.repeats => {}
            unmapped => {
                for address in unmapped? {
                    self.note(Note::Gone(kind::RANGE, Some(address)))?;
                }
            }
        }
        Ok((unmap.as_bytes().to_vec(), None))
    }

    fn region_info(&self, room: u32, index: u32) -> Result<Content, Errno> {
        check_room(room, bytes_of::<RegionInfo>())?;
        let size = match index {
            CONFIG => CONFIG_BYTES as u64,
            _ if index < REGIONS => self.function.bar_bytes(index),
            _ => return Err(Errno::EINVAL),
        };
        let flags = if size > 0 { REGION_READABLE | REGION_WRITABLE } else { 0 };
        let mut info =
            RegionInfo { argsz: bytes_of::<RegionInfo>(), flags, index, cap_offset: 0, size, offset: 0 };
        if index != HEAP || size == 0 {
            return Ok((info.as_bytes().to_vec(), None));
        }
        info.flags |= REGION_MAPPABLE | REGION_CAPABILITIES;
        info.cap_offset = bytes_of::<RegionInfo>();
        info.argsz += bytes_of::<SparseArea>();
        if room < info.argsz {
            // It asks again, with room for all of it.
            return Ok((info.as_bytes().to_vec(), None));
        }
        let file = self.queues.device().heap().map(crate::heap::Heap::share).transpose();
        let file = file.map_err(|_| Errno::EMFILE)?;
        Ok(([info.as_bytes(), SparseArea::whole(size).as_bytes()].concat(), file))
    }

    /// One eventfd for both queues: whoever hears it looks at both.
    fn region_io_fds(&self, room: u32, index: u32) -> Result<Content, Errno> {
        check_room(room, bytes_of::<RegionIoFds>())?;
        let queues: Vec<usize> = match index {
            REGISTERS => (0..QUEUES).collect(),
            _ if index < REGIONS => Vec::new(),
            _ => return Err(Errno::EINVAL),
        };
        let event = |queue| IoEventFd::at(doorbell(queue), NOTIFY_BYTES);
        let events: Vec<IoEventFd> = queues.into_iter().map(event).collect();
        let count = u32::try_from(events.len()).unwrap_or_default();
        let argsz = bytes_of::<RegionIoFds>() + count * bytes_of::<IoEventFd>();
        let head = RegionIoFds { argsz, flags: 0, index, count };
        if room < argsz || events.is_empty() {
            return Ok((head.as_bytes().to_vec(), None));
        }
        let file = self.doorbell.try_clone().map_err(|_| Errno::EMFILE)?;
        Ok(([head.as_bytes(), events.as_bytes()].concat(), Some(file)))
    }

    fn set_irqs(&mut self, set: &SetIrqs, data: &[u8], events: &[Arc<OwnedFd>]) -> Result<Content, Errno> {
        for (index, number, file) in self.irqs.set(set, data, events, self.function.is_raised())? {
            let number = u64::from(index) << 32 | u64::from(number);
            let record = Vec::new();
            self.note(match file {
                Some(_) => Note::Item(Item { client: kind::IRQ, number, record, file }),
                None => Note::Gone(kind::IRQ, Some(number)),
            })?;
        }
        Ok((Vec::new(), None))
    }

    fn read(&mut self, access: &RegionAccess) -> Result<Content, Errno> {
        let RegionAccess { offset, region, count } = *access;
        let mut data = vec![0; usize::try_from(count).map_err(|_| Errno::EINVAL)?];
        let slot = Slot { queues: &self.queues, irqs: &self.irqs };
        let read = match region {
            CONFIG => self.function.read_config(offset, &mut data, &slot),
            HEAP => {
                let device = self.queues.device();
                let heap = device.heap_view();
                heap.and_then(|heap| heap.read_slice(&mut data, GuestAddress(offset)).ok())
            }
            _ => self.function.read(region, offset, &mut data, &slot),
        };
        read.ok_or(Errno::EINVAL)?;
        Ok(([access.as_bytes(), &data].concat(), None))
    }

    fn write(&mut self, access: &RegionAccess, data: &[u8]) -> Result<Content, Errno> {
        let RegionAccess { offset, region, .. } = *access;
        let written = match region {
            CONFIG => self.function.write_config(offset, data),
            HEAP => {
                let device = self.queues.device();
                let heap = device.heap_view();
                heap.and_then(|heap| heap.write_slice(data, GuestAddress(offset)).ok()).map(|()| None)
            }
            _ => self.function.write(region, offset, data),
        };
        match written.ok_or(Errno::EINVAL)? {
            Some(effect) => self.bring_about(effect),
            None if region != HEAP => self.save(),
            None => {}
        }
        Ok((access.as_bytes().to_vec(), None))
    }

    fn bring_about(&mut self, effect: Effect) {
        match effect {
            Effect::Notify => {
                self.rung = true;
                return;
            }
            Effect::Reset => {
                self.queues.device().reset();
                self.queues.follow(&self.function);
                self.irqs.forget_pending();
            }
            Effect::Features(features) => self.queues.device().set_features(features),
            Effect::Begin(features) => {
                self.queues.device().set_features(features);
                self.queues.follow(&self.function);
                self.rung = true;
            }
            Effect::Queues => {
                self.queues.follow(&self.function);
                self.rung = true;
            }
            Effect::Device { offset, bytes } => self.queues.device().write_config(offset, &bytes),
        }
        self.save();
    }

    /// Writes down what the guest wrote, before it is told that it did.
    fn save(&self) {
        self.queues.device().save_transport(&self.function.record());
    }
}

fn device_info(room: u32) -> Result<Content, Errno> {
    let argsz = bytes_of::<DeviceInfo>();
    check_room(room, argsz)?;
    let info = DeviceInfo { argsz, flags: DEVICE_FLAGS, num_regions: REGIONS, num_irqs: KINDS };
    Ok((info.as_bytes().to_vec(), None))
}

/// A client that has no room for the least answer cannot be answered.
fn check_room(room: u32, needed: u32) -> Result<(), Errno> {
    if room >= needed { Ok(()) } else { Err(Errno::EINVAL) }
}

fn bytes_of<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or_default()
}
