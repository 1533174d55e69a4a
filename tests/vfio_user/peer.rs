//! A client that nobody here wrote, and that cloud-hypervisor has: the `vfio_user` crate's.

use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixListener;

use vfio_user::Client;
use vgpu::device::{Device, Gpu};
use vgpu::heap::Heap;
use vgpu::link::{DeviceEnd, pair};
use vgpu::vault::Vault;
use vgpu::wire::ScanoutId;
use vm_memory::{FileOffset, GuestAddress, GuestAddressSpace, GuestMemoryBackend};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::function::{Bus, CONFIG, Driver, FunctionService, GIVE_EVENTS, MSIX};
use crate::guest::requests::{self, OK_NODATA, kind};
use crate::guest::{CONTROL, FEATURES, LIMIT, Ram, Ring, pattern};
use crate::service::{setup, wait_until};

const HEAP: u32 = 2;
const HEAP_BYTES: u64 = 1 << 24;

const INTX: u32 = 0;
/// No eventfd any more, and no mask.
const TAKE_EVENTS: u32 = 1 | 1 << 5;
const UNMASK: u32 = 1 | 1 << 4;

/// `VFIO_REGION_INFO_FLAG_*`: readable and writable; and with an area that can be mapped.
const PLAIN: u32 = 0b11;
const MAPPABLE: u32 = 0b1111;

impl Bus for Client {
    fn read(&mut self, region: u32, offset: u64, into: &mut [u8]) {
        self.region_read(region, offset, into).unwrap();
    }

    fn write(&mut self, region: u32, offset: u64, bytes: &[u8]) {
        self.region_write(region, offset, bytes).unwrap();
    }

    fn map(&mut self, offset: u64, address: u64, bytes: u64, file: RawFd) {
        self.dma_map(offset, address, bytes, file).unwrap();
    }

    fn give_events(&mut self, events: &[RawFd]) {
        self.set_irqs(MSIX, GIVE_EVENTS, 0, events.len() as u32, events).unwrap();
    }
}

/// A device and the crate's client.
fn connect(device: Device) -> (FunctionService, Client) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let service = FunctionService::start(device, move || listener.accept().unwrap().0);
    (service, Client::new(&path).unwrap())
}

fn with_heap() -> Device {
    let heap = Heap::create(HEAP_BYTES).unwrap();
    let file = FileOffset::new(heap.share().unwrap().into(), 0);
    let ranges = [(GuestAddress(0), HEAP_BYTES as usize, Some(file))];
    let view = vgpu::guest_memory::GuestMemory::from_ranges_with_files(ranges).unwrap();
    let [end, _] = pair().unwrap();
    let gpu = Gpu { end: DeviceEnd::new(end), heap, view, contexts_max: 1 };
    let setup = setup();
    let vault = Vault::unkept(setup.limits.memory_bytes).unwrap();
    Device::open(setup, vault, Some(gpu)).unwrap()
}

#[test]
fn it_finds_a_display_controller_with_its_regions_and_interrupts() {
    let (service, mut client) = connect(with_heap());

    let regions =
        [(0, 0x4000, PLAIN), (1, 0x1000, PLAIN), (HEAP, HEAP_BYTES, MAPPABLE), (CONFIG, 256, PLAIN)];
    for (index, size, flags) in regions {
        let region = client.region(index).unwrap();
        assert_eq!((region.size, region.flags), (size, flags), "region {index}");
        assert_eq!(region.file_offset.is_some(), index == HEAP);
    }
    for index in [3, 4, 5, 6, 8] {
        assert_eq!(client.region(index).unwrap().size, 0, "region {index}");
    }
    let mut head = [0; 16];
    Bus::read(&mut client, CONFIG, 0, &mut head);
    assert_eq!((&head[..4], &head[8..12]), (&[0xf4, 0x1a, 0x50, 0x10][..], &[1, 0, 0x80, 3][..]));
    let counts = [0, 1, 2].map(|index| client.get_irq_info(index).unwrap().count);
    assert_eq!(counts, [1, 0, 3]);

    client.shutdown().unwrap();
    service.end().unwrap();
}

#[test]
fn the_heap_is_one_mappable_area_of_the_file_that_it_gets() {
    let (service, mut client) = connect(with_heap());
    let region = client.region(HEAP).unwrap();
    let areas: Vec<_> = region.sparse_areas.iter().map(|area| (area.offset, area.size)).collect();
    assert_eq!(areas, [(0, HEAP_BYTES)]);
    let found = region.file_offset.as_ref().unwrap();
    let (file, start) = (found.file().try_clone().unwrap(), found.start());

    file.write_all_at(b"mapped", start + 0x1000).unwrap();
    let mut read = [0; 6];
    Bus::read(&mut client, HEAP, 0x1000, &mut read);
    assert_eq!(&read, b"mapped");
    Bus::write(&mut client, HEAP, HEAP_BYTES - 4, b"last");
    let mut last = [0; 4];
    file.read_exact_at(&mut last, start + HEAP_BYTES - 4).unwrap();
    assert_eq!(&last, b"last");

    client.shutdown().unwrap();
    service.end().unwrap();
}

/// It waits for ever for the bytes of a read that is refused.
#[test]
fn a_guest_that_looks_for_what_only_pci_express_has_finds_nothing_and_does_not_stop_it() {
    let (service, mut client) = connect(Device::new(setup()).unwrap());
    for offset in [0x100, 0xffc] {
        let mut extended = [0; 4];
        Bus::write(&mut client, CONFIG, offset, &[1; 4]);
        Bus::read(&mut client, CONFIG, offset, &mut extended);
        assert_eq!(extended, [0xff; 4]);
    }
    client.shutdown().unwrap();
    service.end().unwrap();
}

/// A driver over the crate's client.
struct Guest {
    driver: Driver<Client>,
    ram: Ram,
    rings: [Ring; 2],
}

impl Guest {
    fn connect() -> (FunctionService, Self) {
        let (service, client) = connect(Device::new(setup()).unwrap());
        let ram = Ram::new();
        let mut driver = Driver::find(client);
        driver.share(&ram);
        let rings = [64, 16].map(|size| Ring::new(&ram, size));
        let mut guest = Self { driver, ram, rings };
        guest.driver.start(&mut guest.rings, FEATURES);
        (service, guest)
    }

    fn send(&mut self, request: &[u8]) -> Vec<u8> {
        let (there, back) = (self.ram.take(0x1000), self.ram.take(0x1000));
        self.ram.write(there, request);
        let ring = &mut self.rings[CONTROL];
        ring.add(&[(there, request.len() as u32)], &[(back, 0x1000)]);
        self.driver.notify(CONTROL as u16);
        let (_, written) = ring.wait(LIMIT).expect("an interrupt and an answer");
        self.ram.read(back, written as usize)
    }
}

#[test]
fn a_guest_draws_and_is_interrupted_and_a_reset_leaves_nothing() {
    let (service, mut guest) = Guest::connect();
    let all = [0, 0, 64, 64];
    let backing = guest.ram.take(64 * 64 * 4);
    let pixels = pattern(64, 64, 5);
    guest.ram.write(backing, &pixels);
    for request in [
        requests::create_2d(1, 2, 64, 64),
        requests::attach(1, &[(backing, 64 * 64 * 4)]),
        requests::set_scanout(0, 1, all),
        requests::transfer(1, all, 0),
        requests::flush(1, all),
    ] {
        assert_eq!(kind(&guest.send(&request)), OK_NODATA);
    }
    {
        let device = service.device.lock().unwrap();
        let memory = service.memory.memory();
        let picture = device.picture(&memory, ScanoutId::new(0).unwrap()).unwrap();
        let mut shown = Vec::new();
        picture.append_bgrx(&picture.size.to_rect(), &mut shown);
        assert!(shown == pixels);
    }
    guest.driver.bus.reset().unwrap();
    assert_eq!(guest.driver.common(20), [0u8]);
    assert_eq!(service.device.lock().unwrap().usage().resources, 0);

    // And once more.
    guest.rings.iter_mut().for_each(Ring::clear);
    guest.driver.start(&mut guest.rings, FEATURES);
    assert_eq!(kind(&guest.send(&requests::create_2d(1, 2, 64, 64))), OK_NODATA);
    guest.driver.bus.shutdown().unwrap();
    service.end().unwrap();
}

#[test]
fn memory_that_it_takes_away_is_not_reached_any_more() {
    let (service, mut guest) = Guest::connect();
    let regions = || service.memory.memory().num_regions();
    assert_eq!(regions(), 1);
    guest.driver.bus.dma_unmap(0, 64 << 20).unwrap();
    assert_eq!(regions(), 0);
    guest.driver.share(&guest.ram);
    assert_eq!((regions(), kind(&guest.send(&requests::create_2d(1, 2, 64, 64)))), (1, OK_NODATA));
    guest.driver.bus.shutdown().unwrap();
    service.end().unwrap();
}

#[test]
fn a_change_of_the_monitor_is_an_interrupt_and_a_new_generation() {
    let (service, mut guest) = Guest::connect();
    let event = EventFd::new(EFD_NONBLOCK).unwrap();
    guest.driver.set_common(16, &0u16.to_le_bytes());
    guest.driver.bus.set_irqs(MSIX, GIVE_EVENTS, 0, 1, &[event.as_raw_fd()]).unwrap();
    let [before] = guest.driver.common(21);
    service.notifier.config_changed();
    assert!(wait_until(|| event.read().is_ok()));
    let [after] = guest.driver.common(21);
    assert_ne!(before, after);

    // Without any eventfd there is nobody to be told.
    guest.driver.bus.set_irqs(MSIX, TAKE_EVENTS, 0, 0, &[]).unwrap();
    service.notifier.config_changed();
    guest.driver.bus.shutdown().unwrap();
    service.end().unwrap();
    assert!(event.read().is_err());
}

/// The same steps with the same client: sizes of BARs, the wire, then vectors in its place, memory; and at the end all
/// of it taken away.
#[test]
fn what_cloud_hypervisor_does_to_set_a_function_up_brings_it_up_and_down() {
    let (service, mut client) = connect(with_heap());
    let sizes = [(0u64, 0x4000u32), (1, 0x1000), (2, HEAP_BYTES as u32)];
    for (bar, bytes) in sizes {
        let mut word = [0; 4];
        Bus::write(&mut client, CONFIG, 0x10 + 4 * bar, &[0xff; 4]);
        Bus::read(&mut client, CONFIG, 0x10 + 4 * bar, &mut word);
        assert_eq!(u32::from_le_bytes(word) & !0xf, !(bytes - 1), "BAR {bar}");
    }
    let [wire, config, queues] = [(); 3].map(|()| EventFd::new(EFD_NONBLOCK).unwrap());
    client.set_irqs(INTX, GIVE_EVENTS, 0, 1, &[wire.as_raw_fd()]).unwrap();
    service.notifier.config_changed();
    assert!(wait_until(|| wire.read().is_ok()), "there are no vectors yet");
    client.set_irqs(INTX, UNMASK, 0, 1, &[]).unwrap();
    assert!(wait_until(|| wire.read().is_ok()), "nobody has read why");
    client.set_irqs(INTX, TAKE_EVENTS, 0, 0, &[]).unwrap();
    client.give_events(&[config.as_raw_fd(), queues.as_raw_fd(), queues.as_raw_fd()]);

    let ram = Ram::new();
    let mut driver = Driver::find(client);
    driver.share(&ram);
    driver.set_common(16, &0u16.to_le_bytes());
    service.notifier.config_changed();
    assert!(wait_until(|| config.read().is_ok()));
    assert!(wire.read().is_err());

    let mut client = driver.bus;
    client.set_irqs(MSIX, TAKE_EVENTS, 0, 0, &[]).unwrap();
    client.dma_unmap(0, 64 << 20).unwrap();
    client.reset().unwrap();
    assert_eq!(service.memory.memory().num_regions(), 0);
    client.shutdown().unwrap();
    service.end().unwrap();
}
