//! A guest's memory, in files as a VMM has it.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::memfd::{MFdFlags, memfd_create};
use vhost::VhostUserMemoryRegionInfo;
use vm_memory::{
    Bytes, FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion, GuestRegionMmap,
};

pub type Memory = GuestMemoryMmap<()>;

/// Memory that lasts as long as the test, so that rings may keep what they found in it.
pub struct Ram {
    pub memory: &'static Memory,
    next: AtomicU64,
}

impl Ram {
    /// One region of 64 MiB that begins at zero.
    pub fn new() -> Self {
        Self::with_regions(&[(0, 64 << 20)])
    }

    /// Regions of (guest address, bytes), each in a file of its own.
    pub fn with_regions(regions: &[(u64, usize)]) -> Self {
        Self::in_files(regions, MFdFlags::MFD_CLOEXEC)
    }

    /// One region of huge pages of 2 MiB.
    pub fn huge(bytes: usize) -> Self {
        Self::in_files(&[(0, bytes)], MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_HUGETLB | MFdFlags::MFD_HUGE_2MB)
    }

    fn in_files(regions: &[(u64, usize)], flags: MFdFlags) -> Self {
        let regions = regions.iter().map(|(address, bytes)| {
            let file = File::from(memfd_create("ram", flags).unwrap());
            file.set_len(*bytes as u64).unwrap();
            (GuestAddress(*address), *bytes, Some(FileOffset::new(file, 0)))
        });
        let memory = Memory::from_ranges_with_files(regions).unwrap();
        // The first page stays free, so that no address is zero.
        Self { memory: Box::leak(Box::new(memory)), next: AtomicU64::new(0x1000) }
    }

    /// The same memory, to be taken from by somebody else from its middle on.
    pub fn same(&self) -> Self {
        let middle = self.memory.last_addr().0.div_ceil(2);
        Self { memory: self.memory, next: AtomicU64::new(middle) }
    }

    /// Takes whole pages, one after the other.
    pub fn take(&self, bytes: u64) -> u64 {
        let address = self.next.fetch_add(bytes.next_multiple_of(0x1000), Ordering::Relaxed);
        assert!(self.memory.check_range(GuestAddress(address), bytes as usize), "the guest is out of memory");
        address
    }

    /// Takes memory from here on.
    pub fn take_from(&self, address: u64) {
        self.next.store(address, Ordering::Relaxed);
    }

    pub fn write(&self, address: u64, bytes: &[u8]) {
        self.memory.write_slice(bytes, GuestAddress(address)).unwrap();
    }

    pub fn read(&self, address: u64, bytes: usize) -> Vec<u8> {
        let mut read = vec![0; bytes];
        self.memory.read_slice(&mut read, GuestAddress(address)).unwrap();
        read
    }

    /// The regions as the front end tells them.
    pub fn regions(&self) -> Vec<VhostUserMemoryRegionInfo> {
        self.memory.iter().map(region_info).collect()
    }

    /// Where the VMM sees this address.
    pub fn front_end_address(&self, address: u64) -> u64 {
        self.memory.get_host_address(GuestAddress(address)).unwrap() as u64
    }
}

fn region_info(region: &GuestRegionMmap<()>) -> VhostUserMemoryRegionInfo {
    VhostUserMemoryRegionInfo {
        guest_phys_addr: region.start_addr().0,
        memory_size: region.len(),
        userspace_addr: region.as_ptr() as u64,
        mmap_offset: 0,
        mmap_handle: region.file_offset().unwrap().file().as_raw_fd(),
    }
}
