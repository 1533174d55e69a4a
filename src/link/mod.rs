//! Between a vGPU's device and the process that renders for it: what contexts ask for, and when it is done.
//!
//! ```text
//! device ── Request, with a token ─► render        one socket, made by whoever starts both and kept by him, so that
//! device ◄─ Done, with the token ─── render        neither notices by it that the other died
//! ```
//! A packet is a message. Each process may be followed by another that goes on with its end: what it had not read it
//! finds, and what it had read is gone. So a device asks with [`Request::Recall`] about whatever it still waits for,
//! as it starts and whenever a render process says [`Event::Hello`].
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod device_end;
mod packet;
mod render_end;

pub use device_end::DeviceEnd;
pub use render_end::RenderEnd;

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};

use crate::wire::{ContextId, ResourceId};

/// Bytes of a capability set of Venus.
pub const CAPSET_BYTES: usize = 160;

/// Bytes that one packet has beside its header. Longer commands come in several.
const PAYLOAD_BYTES_MAX: usize = 32 << 10;

/// Bytes on their way that the host is asked to have room for, in each direction.
const BUFFER_BYTES: usize = 1 << 20;

/// What a context may ask for, and what becomes of contexts. Whoever gets it answers with [`Event::Done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// All contexts go, with all that is in the heap.
    Reset,
    /// Say what contexts get: a device process begins.
    Greet,
    /// Are these still being dealt with? Those that are not are answered as done.
    Recall(&'a [u64]),
    /// A new context.
    Create(ContextId, &'a [u8]),
    /// A context goes.
    Destroy(ContextId),
    /// A range of the heap is a resource from now on.
    Map(Blob),
    /// It is none any more; when this is answered the guest gives the range to others.
    Unmap(Blob),
    /// A context may use a resource that another one made.
    Attach(Blob),
    /// A context uses a resource no longer.
    Detach(ContextId, ResourceId),
    /// Commands of a context. Done: at once when they were taken in, or when the queue of this timeline is done with
    /// all that it has then.
    Submit {
        /// The context.
        context: ContextId,
        /// 0: none.
        timeline: u32,
        /// The commands.
        commands: &'a [u8],
    },
}

/// A resource in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its number.
    pub resource: ResourceId,
    /// The context that made it, or may use it from now on.
    pub context: ContextId,
    /// What that context calls it; 0: memory that it shares with us.
    pub blob_id: u64,
    /// Where in the heap.
    pub offset: u64,
    /// Bytes that it has.
    pub bytes: u64,
}

/// What a render process says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is there. Contexts get this capability set.
    Hello([u8; CAPSET_BYTES]),
    /// A request is done, or was refused.
    Done {
        /// Which one.
        token: u64,
        /// Whether it was carried out.
        carried_out: bool,
    },
}

/// The two ends, the device's first.
pub fn pair() -> io::Result<[OwnedFd; 2]> {
    let (device, render) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    for end in [&device, &render] {
        setsockopt(end, sockopt::SndBuf, &BUFFER_BYTES)?;
    }
    Ok([device, render])
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    const TOKEN: u64 = 0x1234_5678_9abc_def0;

    fn context(number: u32) -> ContextId {
        ContextId::new(number).unwrap()
    }

    fn resource(number: u32) -> ResourceId {
        ResourceId::new(number).unwrap()
    }

    fn ends() -> (DeviceEnd, RenderEnd) {
        let [device, render] = pair().unwrap();
        (DeviceEnd::new(device), RenderEnd::new(render))
    }

    #[test]
    fn every_request_comes_over_as_it_was_sent() {
        let (mut device, render) = ends();
        let blob =
            Blob { resource: resource(7), context: context(3), blob_id: u64::MAX, offset: 4096, bytes: 8192 };
        let long: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let requests = [
            Request::Reset,
            Request::Greet,
            Request::Recall(&[]),
            Request::Recall(&[1, u64::MAX]),
            Request::Create(context(1), b"a name"),
            Request::Destroy(context(u32::MAX)),
            Request::Map(blob),
            Request::Unmap(blob),
            Request::Attach(blob),
            Request::Detach(context(2), resource(1)),
            Request::Submit { context: context(5), timeline: 0, commands: &[] },
            Request::Submit { context: context(5), timeline: 3, commands: &long },
        ];
        for request in requests {
            device.send(TOKEN, request);
            let mut seen = None;
            // A long one does not fit into the socket at once.
            std::thread::scope(|scope| {
                let heard = scope.spawn(|| {
                    render
                        .receive(|token, got| {
                            seen = Some((token, got == request));
                            ControlFlow::Break(())
                        })
                        .unwrap();
                });
                while !heard.is_finished() {
                    device.flush().unwrap();
                    std::thread::yield_now();
                }
            });
            assert_eq!(seen, Some((TOKEN, true)), "{request:?}");
        }
    }

    #[test]
    fn every_event_comes_over_and_rubbish_is_none() {
        let (mut device, render) = ends();
        assert_eq!(device.receive().unwrap(), None, "nothing was said");
        for event in [
            Event::Hello([7; CAPSET_BYTES]),
            Event::Done { token: 1, carried_out: true },
            Event::Done { token: 2, carried_out: false },
        ] {
            render.send(event).unwrap();
            assert_eq!(device.receive().unwrap(), Some(event));
        }
        for rubbish in [&[][..], &[0; 3], &[0xff; 64], &[1, 0, 0, 0, 0, 0, 0, 0], &[0; 400]] {
            render.send_bytes(rubbish).unwrap();
            assert!(device.receive().is_err(), "{rubbish:?}");
        }
    }

    #[test]
    fn parts_of_requests_and_rubbish_from_a_device_are_passed_over() {
        let [device, render] = pair().unwrap();
        let mut parts: Vec<_> =
            packet::packets(5, Request::Submit { context: context(1), timeline: 0, commands: &[7; 100_000] })
                .collect();
        let last = parts.pop().unwrap();
        for packet in [&parts[0], &[0; 3].to_vec(), &[0xff; 64].to_vec(), &last] {
            nix::unistd::write(&device, packet).unwrap();
        }
        DeviceEnd::new(device).send(9, Request::Reset);
        let mut heard = Vec::new();

        let render = RenderEnd::new(render);
        render
            .receive(|token, request| {
                heard.push((token, request == Request::Reset));
                ControlFlow::Break(())
            })
            .unwrap();

        assert_eq!(heard, [(9, true)]);
    }

    #[test]
    fn what_finds_no_room_goes_later_and_in_order() {
        let (mut device, render) = ends();
        let count: u64 = 10_000;
        for token in 1..=count {
            device.send(token, Request::Submit { context: context(1), timeline: 0, commands: &[1; 500] });
        }
        assert!(device.wants_to_write());
        for wanted in 1..=count {
            render
                .receive(|token, _| {
                    assert_eq!(token, wanted);
                    ControlFlow::Break(())
                })
                .unwrap();
            device.flush().unwrap();
        }
        assert!(!device.wants_to_write());
    }
}
