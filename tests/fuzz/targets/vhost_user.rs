//! What a VMM may say: messages of any kind with descriptors of several kinds, cut anywhere. The connection must end
//! when the VMM hangs up, whatever it said.
#![no_main]

use std::io::{IoSlice, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;

use libfuzzer_sys::fuzz_target;
use nix::sys::eventfd::EventFd;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use vgpu::device::{Device, HeadSetup, Limits, Setup};
use vgpu::sandbox::Sealed;
use vgpu::transport::SharedMemory;
use vgpu::transport::vhost_user::{Link, ServeError, serve};
use vgpu::wire::Size;

const FILE_BYTES: u64 = 0x10000;

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

/// Says one message of the input: its request, flags, descriptors and body, or bytes that are none.
fn say<'a>(front: &UnixStream, input: &'a [u8]) -> Option<&'a [u8]> {
    let [request, flags, kinds, length, rest @ ..] = input else { return None };
    let (body, rest) = rest.split_at(rest.len().min(usize::from(*length)));
    let size = if flags & 0x80 != 0 { u32::from(*length) << 16 } else { body.len() as u32 };
    let header = [u32::from(*request), u32::from(flags & 0x7f), size].map(u32::to_ne_bytes);
    let bytes = [header.as_flattened(), body].concat();
    let owned: Vec<OwnedFd> = (0..4).filter_map(|place| descriptor(kinds >> (2 * place))).collect();
    let numbers: Vec<i32> = owned.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let control: &[_] = if numbers.is_empty() { &[] } else { &rights };
    let quiet = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(front.as_raw_fd(), &[IoSlice::new(&bytes)], control, quiet, None).ok()?;
    Some(rest)
}

/// Rust's own `main` has the program ignore SIGPIPE; here `main` is the fuzzer's. Threads inherit what is blocked.
fn survive_closed_sockets() {
    SigSet::from(Signal::SIGPIPE).thread_block().unwrap();
}

fuzz_target!(init: survive_closed_sockets(), |input: &[u8]| {
    let (front, theirs) = UnixStream::pair().unwrap();
    let size = Size { width: 64, height: 64 };
    let head = HeadSetup { size, enabled: true, refresh_hz: 60, name: "a".into(), modes: vec![] };
    let setup = Setup { heads: vec![head], limits: Limits::default(), serial: 1 };
    let device = Arc::new(Mutex::new(Device::new(setup).unwrap()));
    let connection = Link::prepare().unwrap().connect(front);
    let serving =
        thread::spawn(move || serve(&Sealed::not_really(), connection, device, SharedMemory::new(Default::default())));
    let mut rest = input;
    while let Some(later) = say(&theirs, rest) {
        rest = later;
    }
    // What is left is no message.
    _ = (&theirs).write_all(rest);
    drop(theirs);
    match serving.join().unwrap() {
        Err(error @ (ServeError::Panicked | ServeError::Stuck | ServeError::Start(_))) => panic!("{error}"),
        _ => {}
    }
});
