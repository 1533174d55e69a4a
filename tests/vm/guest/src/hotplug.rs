//! The kernel's word that displays were plugged or unplugged, as desktop programs get it.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

use crate::Answer;

const WAIT: Duration = Duration::from_secs(60);

pub struct Hotplug(OwnedFd);

impl Hotplug {
    /// Events from now on are kept until they are asked for.
    pub fn listen() -> rustix::io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(KOBJECT_UEVENT))?;
        bind(&socket, &SocketAddrNetlink::new(0, 1))?;
        Ok(Self(socket))
    }

    /// Drops what came so far.
    pub fn forget(&mut self) -> Answer {
        while self.next().is_some() {}
        Ok(String::new())
    }

    /// Waits for the next event of a display.
    pub fn wait(&mut self) -> Answer {
        let end = Instant::now() + WAIT;
        while Instant::now() < end {
            match self.next() {
                Some(event) if event.split('\0').any(|line| line == "HOTPLUG=1") => return Ok(String::new()),
                Some(_) => {}
                None => {
                    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
                    poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&second))?;
                }
            }
        }
        Err(format!("no display was plugged or unplugged for {} s", WAIT.as_secs()).into())
    }

    fn next(&mut self) -> Option<String> {
        let mut event = [0; 4096];
        let (_, length) = recv(&self.0, &mut event, RecvFlags::empty()).ok()?;
        Some(String::from_utf8_lossy(event.get(..length)?).into_owned())
    }
}
