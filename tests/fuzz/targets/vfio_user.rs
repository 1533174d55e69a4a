//! What a VMM may say to a PCI function: messages of any kind with descriptors of several kinds, cut anywhere. The
//! connection must end when the VMM hangs up, whatever it said, and nothing of its memory be left.
#![no_main]

use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;

use libfuzzer_sys::fuzz_target;
use nix::sys::eventfd::EventFd;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use vgpu::device::{Device, Gpu, HeadSetup, Limits, Setup};
use vgpu::guest_memory::GuestMemory;
use vgpu::heap::Heap;
use vgpu::link::{DeviceEnd, pair};
use vgpu::sandbox::Sealed;
use vgpu::transport::SharedMemory;
use vgpu::transport::vfio_user::{Link, serve};
use vgpu::vault::Vault;
use vgpu::wire::Size;
use vm_memory::{FileOffset, GuestAddress, GuestAddressSpace, GuestMemoryBackend};

const FILE_BYTES: u64 = 0x10000;
const HEAP_BYTES: usize = 1 << 20;
const VERSION: u8 = 1;

fn descriptor(kind: u8) -> Option<OwnedFd> {
    match kind % 4 {
        0 => None,
        1 => {
            let file = std::fs::File::from(memfd_create("ram", MFdFlags::MFD_CLOEXEC).unwrap());
            file.set_len(FILE_BYTES).unwrap();
            Some(file.into())
        }
        2 => Some(EventFd::new().unwrap().into()),
        _ => Some(UnixStream::pair().unwrap().0.into()),
    }
}

/// Says one message of the input: its command, flags, descriptors and body, or a length that none has.
fn say<'a>(client: &UnixStream, input: &'a [u8]) -> Option<&'a [u8]> {
    let [command, flags, kinds, length, rest @ ..] = input else { return None };
    let (body, rest) = rest.split_at(rest.len().min(usize::from(*length)));
    let bytes = if flags & 0x80 != 0 { u32::from(*length) << 16 } else { 16 + body.len() as u32 };
    let command = u32::from(*command) << 16;
    let header = [command, bytes, u32::from(flags & 0x7f), 0].map(u32::to_ne_bytes);
    let message = [header.as_flattened(), body].concat();
    let owned: Vec<OwnedFd> = (0..4).filter_map(|place| descriptor(kinds >> (2 * place))).collect();
    let numbers: Vec<i32> = owned.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let control: &[_] = if numbers.is_empty() { &[] } else { &rights };
    let quiet = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(client.as_raw_fd(), &[IoSlice::new(&message)], control, quiet, None).ok()?;
    Some(rest)
}

/// One with a heap, and the end of its link that nobody listens to.
fn device() -> (Device, OwnedFd) {
    let size = Size { width: 64, height: 64 };
    let head = HeadSetup { size, enabled: true, refresh_hz: 60, name: "a".into(), modes: vec![] };
    let setup = Setup { heads: vec![head], limits: Limits::default(), serial: 1 };
    let heap = Heap::create(HEAP_BYTES as u64).unwrap();
    let file = FileOffset::new(heap.share().unwrap().into(), 0);
    let view = GuestMemory::from_ranges_with_files([(GuestAddress(0), HEAP_BYTES, Some(file))]).unwrap();
    let [end, other] = pair().unwrap();
    let gpu = Gpu { end: DeviceEnd::new(end), heap, view, contexts_max: 4 };
    let vault = Vault::unkept(setup.limits.memory_bytes).unwrap();
    (Device::open(setup, vault, Some(gpu)).unwrap(), other)
}

/// Rust's own `main` has the program ignore SIGPIPE; here `main` is the fuzzer's. Threads inherit what is blocked.
fn survive_closed_sockets() {
    SigSet::from(Signal::SIGPIPE).thread_block().unwrap();
}

fuzz_target!(init: survive_closed_sockets(), |input: &[u8]| {
    let (client, theirs) = UnixStream::pair().unwrap();
    let (device, _other) = device();
    let connection = Link::prepare().unwrap().connect(theirs);
    let memory = SharedMemory::new(Default::default());
    let serving = thread::spawn({
        let (device, memory) = (Arc::new(Mutex::new(device)), memory.clone());
        move || serve(&Sealed::not_really(), connection, device, memory)
    });
    // Answers are read, or whoever answers would wait.
    let answers = thread::spawn({
        let mut answers = client.try_clone().unwrap();
        move || while let Ok(1..) = answers.read(&mut [0; 1 << 14]) {}
    });
    let mut rest = input;
    if rest.split_off_first().is_some_and(|greets| greets & 1 != 0) {
        say(&client, &[VERSION, 0, 0, 4, 0, 0, 1, 0]);
    }
    while let Some(later) = say(&client, rest) {
        rest = later;
    }
    // What is left is no message.
    _ = (&client).write_all(rest);
    _ = client.shutdown(std::net::Shutdown::Write);
    _ = serving.join().unwrap();
    drop(client);
    answers.join().unwrap();
    assert_eq!(memory.memory().num_regions(), 0);
});
