//! What a device process that was taken over may say to the process that renders: any packets. Of all that it asked for
//! nothing is left once it asks for a reset.
#![no_main]

mod executor;

use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::thread;

use libfuzzer_sys::fuzz_target;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use vgpu::heap::Heap;
use vgpu::link::{DeviceEnd, Event, RenderEnd, Request, pair};
use vgpu::quota::{Ledger, Shares};
use vgpu::render::venus::{Monitor, Nobody};
use vgpu::sandbox::Sealed;
use vgpu::transport::contexts::serve;
use vgpu::transport::vtest::House;

use executor::Contexts;

struct Served {
    link: OwnedFd,
    ledger: Ledger,
}

fn served() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| {
        let [link, render] = pair().unwrap();
        let (heap, ledger) = (Heap::create(1 << 20).unwrap(), Ledger::new(1 << 24));
        let (monitor, estate) = (Monitor::new(), Arc::new(Nobody));
        let (renderer, shares) = (Arc::new(Contexts), Shares::among(4));
        let house = House { renderer, ledger: ledger.clone(), monitor, estate, shares, clients_max: 4 };
        let end = RenderEnd::new(render);
        thread::spawn(move || serve(&Sealed::not_really(), &end, heap, house, Vec::new()).unwrap());
        Served { link, ledger }
    })
}

/// Hears what is said until this token is done, or until nothing is said at this moment.
fn hear(device: &mut DeviceEnd, until: Option<u64>) {
    loop {
        match device.receive() {
            Ok(Some(Event::Done { token, .. })) if Some(token) == until => return,
            Ok(None) if until.is_none() => return,
            Ok(None) => thread::yield_now(),
            Ok(Some(_)) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Other),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let served = served();
    let mut device = DeviceEnd::new(served.link.try_clone().unwrap());
    let mut rest = input;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (packet, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        // An empty packet is the end of a connection.
        while !packet.is_empty()
            && send(served.link.as_raw_fd(), packet, MsgFlags::MSG_DONTWAIT) == Err(Errno::EAGAIN)
        {
            hear(&mut device, None);
        }
        hear(&mut device, None);
        rest = after;
    }
    // The first may be taken for the end of a request that the last packet began. No packet guesses the token.
    let token = RandomState::new().hash_one(input) | 1;
    device.send(1, Request::Reset);
    device.send(token, Request::Reset);
    hear(&mut device, Some(token));
    assert_eq!(served.ledger.used(), 0);
});
