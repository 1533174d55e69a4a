//! A driver that nobody here wrote: `VirtIOGpu` of the `virtio-drivers` crate, over the same front end.
#![allow(unsafe_code)] // `Hal` is an unsafe trait: it hands out memory

use std::ptr::NonNull;
use std::sync::OnceLock;

use vhost::vhost_user::VhostUserFrontend;
use virtio_drivers::device::gpu::VirtIOGpu;
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{BufferDirection, Hal, PhysAddr, Result};
use vm_memory::{GuestAddress, GuestMemoryBackend};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::guest::{Guest, Ram, pattern};
use crate::service::Service;

/// The driver's memory; its trait knows no instance.
static RAM: OnceLock<Ram> = OnceLock::new();

fn ram() -> &'static Ram {
    RAM.get_or_init(Ram::new)
}

struct SharedRam;

// SAFETY: what is handed out is whole pages of zeroed memory that is mapped until the process ends, and never handed
// out twice.
unsafe impl Hal for SharedRam {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let address = ram().take(pages as u64 * 0x1000);
        let pointer = ram().memory.get_host_address(GuestAddress(address)).unwrap();
        (address, NonNull::new(pointer).unwrap())
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("this transport has no registers")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        let address = ram().take(buffer.len() as u64);
        // SAFETY: the caller lends the buffer for the time of this call.
        ram().write(address, unsafe { buffer.as_ref() });
        address
    }

    unsafe fn unshare(address: PhysAddr, mut buffer: NonNull<[u8]>, direction: BufferDirection) {
        if direction != BufferDirection::DriverToDevice {
            // SAFETY: the caller lends the buffer for the time of this call.
            unsafe { buffer.as_mut() }.copy_from_slice(&ram().read(address, buffer.len()));
        }
    }
}

/// Registers become messages of the front end.
struct OverVhostUser {
    guest: Guest,
    status: DeviceStatus,
}

impl Transport for OverVhostUser {
    fn device_type(&self) -> DeviceType {
        DeviceType::GPU
    }

    fn read_device_features(&mut self) -> u64 {
        self.guest.features
    }

    fn write_driver_features(&mut self, features: u64) {
        self.guest.features = features | 1 << 30;
    }

    fn max_queue_size(&mut self, _: u16) -> u32 {
        1024
    }

    fn notify(&mut self, queue: u16) {
        self.guest.rings[usize::from(queue)].kick.write(1).unwrap();
    }

    fn get_status(&self) -> DeviceStatus {
        self.status
    }

    fn set_status(&mut self, status: DeviceStatus) {
        self.status = status;
        if status.contains(DeviceStatus::DRIVER_OK) {
            self.guest.start([0; 2]);
        }
    }

    fn set_guest_page_size(&mut self, _: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(&mut self, queue: u16, size: u32, table: PhysAddr, available: PhysAddr, used: PhysAddr) {
        let ring = &mut self.guest.rings[usize::from(queue)];
        ring.addresses = [table, available, used];
        ring.size = size as u16;
    }

    fn queue_unset(&mut self, _: u16) {}

    fn queue_used(&mut self, _: u16) -> bool {
        false
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        InterruptStatus::QUEUE_INTERRUPT
    }

    fn read_config_generation(&self) -> u32 {
        0
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        let mut front = self.guest.front.clone();
        let empty = vec![0; size_of::<T>()];
        let flags = vhost::vhost_user::message::VhostUserConfigFlags::empty();
        let (_, bytes) = front.get_config(offset as u32, empty.len() as u32, flags, &empty).unwrap();
        Ok(T::read_from_bytes(&bytes).unwrap())
    }

    fn write_config_space<T: IntoBytes + Immutable>(&mut self, offset: usize, value: T) -> Result<()> {
        let flags = vhost::vhost_user::message::VhostUserConfigFlags::WRITABLE;
        self.guest.front.set_config(offset as u32, flags, value.as_bytes()).unwrap();
        Ok(())
    }
}

#[test]
fn a_driver_that_nobody_here_wrote_draws_a_picture_and_moves_the_pointer() {
    let (service, stream) = Service::start();
    let mut guest = Guest::negotiate(stream, ram_of_the_front_end());
    guest.share_memory();
    let transport = OverVhostUser { guest, status: DeviceStatus::empty() };
    let mut gpu = VirtIOGpu::<SharedRam, _>::new(transport).unwrap();

    assert_eq!(gpu.resolution().unwrap(), (1024, 768));
    assert_eq!(gpu.edid_preferred_resolution().unwrap(), (1024, 768));
    let pixels = pattern(1024, 768, 5);
    gpu.setup_framebuffer().unwrap()[..pixels.len()].copy_from_slice(&pixels);
    gpu.flush().unwrap();
    gpu.setup_cursor(&[0x80; 64 * 64 * 4], 3, 4, 1, 1).unwrap();
    gpu.move_cursor(300, 400).unwrap();

    let (size, shown) = service.picture().unwrap();
    assert_eq!((size.width, size.height, shown == pixels), (1024, 768, true));
    let device = service.device.lock().unwrap();
    let cursor = device.cursor_of(vgpu::wire::ScanoutId::new(0).unwrap());
    assert_eq!((cursor.at.x, cursor.at.y), (300, 400));
    assert_eq!(cursor.image.as_deref(), Some([0x80; 64 * 64 * 4].as_slice()));
    drop(device);
    drop(gpu);
    service.end().unwrap();
}

/// The same memory, for the front end to tell the device about.
fn ram_of_the_front_end() -> Ram {
    ram().same()
}
