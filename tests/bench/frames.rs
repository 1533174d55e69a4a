//! Whole numbered 1080p frames into a display that reads and drops them: CPU time a frame of the device process
//! against that of QEMU's own helper.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::process::{children, wait_for};
use crate::report::{Bar, Report, median};
use crate::support::display_peer::{DisplayPeer, Options};
use crate::support::guest::{Guest, LIMIT, Ram, requests};

const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;
const FRAMES: u64 = 120;
const ROUNDS: usize = 5;

/// Debian's qemu-system-gui has it.
const CONTRIB: &str = "/usr/lib/qemu/vhost-user-gpu";

pub fn measure(report: &mut Report) {
    let ours = Server::vgpu();
    let theirs = Server::contrib();
    let (mut our_costs, mut their_costs) = (Vec::new(), Vec::new());
    let (mut ours, mut theirs) = (Screen::open(ours), Screen::open(theirs));
    for _ in 0..ROUNDS {
        our_costs.push(ours.draw_frames());
        their_costs.push(theirs.draw_frames());
    }
    let (our_cost, their_cost) = (median(our_costs), median(their_costs));
    report.row("frame_1080p_cpu", our_cost, "us", Bar::None);
    report.row("frame_1080p_cpu_contrib", their_cost, "us", Bar::None);
    report.row("frame_cpu_over_contrib", our_cost / their_cost, "ratio", Bar::AtMost(0.7));
}

/// A vhost-user GPU in a process of its own.
pub struct Server {
    child: Child,
    /// The process that does the work.
    pub worker: Pid,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Server {
    pub fn vgpu() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_vgpu"));
        let mut server = Self::start(program, &["run", "--transport", "vhost-user", "--socket"]);
        let supervisor = Pid::from_raw(server.child.id() as i32);
        server.worker = wait_for(|| children(supervisor).first().copied());
        server
    }

    fn contrib() -> Self {
        assert!(Path::new(CONTRIB).exists(), "{CONTRIB} is missing: apt-get install qemu-system-gui");
        Self::start(Path::new(CONTRIB), &["--socket-path"])
    }

    fn start(program: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("gpu");
        let child = Command::new(program).args(arguments).arg(&socket).stderr(Stdio::null()).spawn().unwrap();
        wait_for(|| socket.exists().then_some(()));
        let worker = Pid::from_raw(child.id() as i32);
        Self { child, worker, socket, _folder: folder }
    }

    pub fn connect(&self) -> std::os::unix::net::UnixStream {
        wait_for(|| std::os::unix::net::UnixStream::connect(&self.socket).ok())
    }

    /// User and system time of the worker so far.
    fn cpu(&self) -> Duration {
        clock_gettime(ClockId::pid_cpu_clock_id(self.worker).unwrap()).unwrap().into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = nix::sys::signal::kill(Pid::from_raw(self.child.id() as i32), nix::sys::signal::Signal::SIGTERM);
        _ = self.child.wait();
    }
}

/// A guest with one 1080p head.
struct Screen {
    server: Server,
    guest: Guest,
    display: DisplayPeer,
    backing: u64,
    drawn: u64,
}

impl Screen {
    fn open(server: Server) -> Self {
        let options = Options { keep_pixels: false, heads: vec![(WIDTH, HEIGHT)], ..Options::default() };
        let (display, socket) = DisplayPeer::start(options);
        let mut guest = Guest::negotiate(server.connect(), Ram::new());
        guest.share_memory();
        guest.set_display(&socket);
        guest.start([0; 2]);
        guest.must(&requests::get_display_info());
        let backing = guest.create_image(1, WIDTH, HEIGHT);
        guest.must(&requests::set_scanout(0, 1, [0, 0, WIDTH, HEIGHT]));
        let mut screen = Self { server, guest, display, backing, drawn: 0 };
        screen.draw();
        // A head that is switched on may be sent once on its own account.
        thread::sleep(Duration::from_millis(100));
        screen.drawn = screen.display.look(|seen| seen.updates);
        screen
    }

    /// One frame, all the way to the display.
    fn draw(&mut self) {
        let all = [0, 0, WIDTH, HEIGHT];
        self.drawn += 1;
        self.guest.ram.write(self.backing, &self.drawn.to_le_bytes());
        self.guest.must(&requests::transfer(1, all, 0));
        self.guest.must(&requests::flush(1, all));
        let arrived = self.display.wait(LIMIT, |seen| seen.updates >= self.drawn);
        assert!(arrived, "frame {} does not arrive", self.drawn);
    }

    /// CPU microseconds a frame.
    fn draw_frames(&mut self) -> f64 {
        let bytes = self.display.look(|seen| seen.bytes);
        let start = self.server.cpu();
        (0..FRAMES).for_each(|_| self.draw());
        let used = self.server.cpu() - start;
        let sent = self.display.look(|seen| seen.bytes) - bytes;
        assert!(sent >= FRAMES * u64::from(WIDTH * HEIGHT) * 4, "every frame is sent whole");
        used.as_secs_f64() * 1e6 / FRAMES as f64
    }
}
