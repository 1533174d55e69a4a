//! Keeps one vGPU on offer: owns its sockets and starts a new device process for each VM.
//!
//! ```text
//! claim sockets ─► start a device process ─► it serves one VM and ends ─┐
//!                    ▲                                                  │
//!                    └── at once; later and later if it keeps failing ──┘
//! SIGTERM, SIGINT ─► end the device process, remove the sockets
//! ```
//!
//! Invariants: it reads no byte that a guest or a VMM wrote; it sleeps until a signal comes; its device process dies
//! with it.
#![forbid(unsafe_code)]

mod socket;

pub use socket::{Claimed, SocketError};

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::control::spec::{CONTROL_FD, DeviceSpec, FRONT_END_FD};
use crate::sys;

/// A device process that lived as long is not failing at its start.
const HEALTHY: Duration = Duration::from_secs(1);

/// The waits before a device process is started again after it failed at its start.
const DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(10)];

/// The exit code of a device process that another try would not help.
pub const HOPELESS: i32 = 1;

/// Why a vGPU is no longer on offer.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// A system call failed.
    #[error("cannot supervise the device process: {0}")]
    Host(#[from] io::Error),
    /// The device process said why on the log.
    #[error("the device process cannot run as it was asked to")]
    Hopeless,
}

enum Event {
    Terminated,
    Ended(ExitStatus),
    TimedOut,
}

/// The sockets of a vGPU.
pub struct Sockets {
    /// Where VMs connect.
    pub front_end: Claimed,
    /// Where operators connect.
    pub control: Option<Claimed>,
}

/// Keeps the vGPU on offer until SIGTERM or SIGINT.
pub fn run(spec: &DeviceSpec, sockets: &Sockets) -> Result<(), SupervisorError> {
    let mut signals = Signals::catch()?;
    let mut delay = DELAYS[0];
    loop {
        let started = Instant::now();
        let failure = match start(spec, sockets) {
            Ok(mut child) => {
                let Event::Ended(status) = signals.wait(Some(&mut child), None)? else {
                    child.kill()?;
                    child.wait()?;
                    return Ok(());
                };
                if status.code() == Some(HOPELESS) {
                    return Err(SupervisorError::Hopeless);
                }
                if status.success() || started.elapsed() >= HEALTHY {
                    delay = DELAYS[0];
                }
                if status.success() {
                    continue;
                }
                describe(status)
            }
            // A host may be short of processes, descriptors or memory for a while.
            Err(error) => format!("cannot be started: {error}"),
        };
        tracing::error!("the device process {failure}; the next one starts in {delay:?}");
        if let Event::Terminated = signals.wait(None, Some(delay))? {
            return Ok(());
        }
        delay = (delay * 2).min(DELAYS[1]);
    }
}

fn start(spec: &DeviceSpec, sockets: &Sockets) -> io::Result<Child> {
    let control = sockets.control.as_ref().map(Claimed::duplicate).transpose()?;
    device_command(spec, sockets.front_end.duplicate()?, control)?.spawn()
}

/// The command that becomes a device process with these descriptors, and with no other thing of ours.
pub fn device_command(
    spec: &DeviceSpec,
    front_end: OwnedFd,
    control: Option<OwnedFd>,
) -> io::Result<Command> {
    sys::close_all_on_exec()?;
    let mut command = Command::new("/proc/self/exe");
    command.arg0("vgpu").arg("device").arg(serde_json::to_string(spec)?);
    // A backtrace of a panic reads files, so that variable above all is not to come along.
    command.env_clear().envs(std::env::var_os("VGPU_LOG").map(|level| ("VGPU_LOG", level)));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let front_end = FdMapping { parent_fd: front_end, child_fd: FRONT_END_FD };
    let control = control.map(|socket| FdMapping { parent_fd: socket, child_fd: CONTROL_FD });
    command.fd_mappings([front_end].into_iter().chain(control).collect()).map_err(io::Error::other)?;
    Ok(command)
}

fn describe(status: ExitStatus) -> String {
    match status.signal().map(|number| (number, Signal::try_from(number))) {
        Some((_, Ok(Signal::SIGSYS))) => "made a system call that it may not make (SIGSYS)".to_owned(),
        Some((_, Ok(signal))) => format!("was ended by {signal}"),
        Some((number, Err(_))) => format!("was ended by signal {number}"),
        None => format!("ended with code {}", status.code().unwrap_or_default()),
    }
}

/// The signals that end a wait; blocked otherwise, so that none is lost between two waits.
struct Signals {
    source: SignalFd,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let set: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD].into_iter().collect();
        set.thread_block()?;
        sys::hear_of_children()?;
        Ok(Self { source: SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)? })
    }

    /// Sleeps until we are to end, the child ends or the time is up.
    fn wait(&mut self, mut child: Option<&mut Child>, most: Option<Duration>) -> io::Result<Event> {
        let timeout = match most {
            Some(most) => PollTimeout::try_from(most).unwrap_or(PollTimeout::MAX),
            None => PollTimeout::NONE,
        };
        loop {
            if poll(&mut [PollFd::new(self.source.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
                return Ok(Event::TimedOut);
            }
            while let Some(signal) = self.source.read_signal()? {
                if signal.ssi_signo != Signal::SIGCHLD as u32 {
                    return Ok(Event::Terminated);
                }
            }
            if let Some(status) = child.as_mut().map_or(Ok(None), |child| child.try_wait())? {
                return Ok(Event::Ended(status));
            }
        }
    }
}
