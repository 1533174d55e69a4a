//! Programs that share a GPU: without vgpu, each on a vGPU of its own, and on vGPUs of one daemon.

use std::fs::{File, set_permissions, write};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::process::wait_for;

/// All are at work this long before they are measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// What a tenant does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Fill(f64),
    Copy(f64),
    Compute,
    Idle,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    pub kind: Kind,
    pub depth: u32,
    pub pause_us: u32,
    /// Lines of its profile.
    pub share: String,
}

impl Tenant {
    pub fn new(kind: Kind) -> Self {
        Self { kind, depth: 1, pause_us: 0, share: String::new() }
    }

    pub fn fill(mib: f64) -> Self {
        Self::new(Kind::Fill(mib))
    }

    pub fn depth(self, depth: u32) -> Self {
        Self { depth, ..self }
    }

    pub fn pausing(self, pause_us: u32) -> Self {
        Self { pause_us, ..self }
    }

    pub fn share(self, share: impl Into<String>) -> Self {
        Self { share: share.into(), ..self }
    }

    fn arguments(&self, scale: f64, seconds: f64) -> Vec<String> {
        let mib = |mib: f64| (mib / scale).max(1.0 / 16.0).to_string();
        let mut words = vec!["tenant".to_owned()];
        match self.kind {
            Kind::Fill(size) => words.extend(["fill".to_owned(), mib(size)]),
            Kind::Copy(size) => words.extend(["copy".to_owned(), mib(size)]),
            Kind::Compute if scale > 1.0 => words.extend(["compute".to_owned(), "8".to_owned()]),
            Kind::Compute => words.push("compute".to_owned()),
            Kind::Idle => words.push("idle".to_owned()),
        }
        for (option, value) in [
            ("--depth", self.depth.to_string()),
            ("--pause-us", self.pause_us.to_string()),
            ("--seconds", seconds.to_string()),
        ] {
            words.extend([option.to_owned(), value]);
        }
        words
    }
}

/// How far a tenant came.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Outcome {
    pub submissions: f64,
    pub seconds: f64,
    pub mib: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Outcome {
    /// Of a tenant that failed: misses every bar.
    pub const NONE: Self =
        Self { submissions: f64::NAN, seconds: f64::NAN, mib: f64::NAN, p50_us: f64::NAN, p99_us: f64::NAN };

    pub fn rate(&self) -> f64 {
        self.submissions / self.seconds
    }

    pub fn gigabytes(&self) -> f64 {
        self.mib * 1.048_576e-3 / self.seconds
    }
}

/// How tenants come to the GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// Without vgpu.
    Native,
    /// On vGPUs that know nothing of each other.
    Off,
    /// On vGPUs of one daemon.
    On,
}

/// What was built, perhaps on another machine.
pub struct Built {
    vgpu: PathBuf,
    client: PathBuf,
    mesa: PathBuf,
    memory: String,
    scale: f64,
}

impl Built {
    pub fn find(scale: f64) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = |name: &str, usual: &str| {
            let path = std::env::var_os(name).map_or_else(|| root.join(usual), PathBuf::from);
            path.canonicalize().unwrap_or_else(|error| panic!("{name}: {}: {error}", path.display()))
        };
        Self {
            vgpu: path("VGPU_BIN", "target/release/vgpu"),
            client: path("VGPU_CLIENT", "target/release/vgpu-test-vulkan"),
            mesa: path("VGPU_MESA", "target/vm/mesa-25.0"),
            memory: std::env::var("VGPU_MEMORY").unwrap_or_else(|_| "16GiB".to_owned()),
            scale,
        }
    }

    /// Describes the driver of vGPUs' clients to the loader.
    fn describe_driver(&self, path: &Path) {
        let library = self.mesa.join("usr/lib/x86_64-linux-gnu/libvulkan_virtio.so");
        let icd = serde_json::json!({ "library_path": library, "api_version": "1.4.304" });
        let whole = serde_json::json!({ "file_format_version": "1.0.1", "ICD": icd });
        write(path, whole.to_string()).unwrap();
    }

    fn profile(&self, path: &Path, share: &str) {
        let memory = &self.memory;
        let share = if share.is_empty() { String::new() } else { format!("[share]\n{share}\n") };
        write(path, format!("transport = \"vtest\"\n[limits]\nmemory = \"{memory}\"\n{share}")).unwrap();
    }
}

/// A folder that servers keep their sockets and logs in, and what is ended with it.
struct Place {
    folder: tempfile::TempDir,
    servers: Vec<Child>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Processes that serve vGPUs give up being root.
        set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder, servers: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&mut self, command: &mut Command) {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.servers.push(child);
    }

    fn tell_log(&self) {
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(20)).for_each(|line| eprintln!("    {line}"));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for server in &self.servers {
            _ = kill(Pid::from_raw(server.id() as i32), Signal::SIGTERM);
        }
        self.servers.iter_mut().for_each(|server| _ = server.wait());
    }
}

/// Tenants, and servers for them that wait for the next round.
pub struct Ready<'built> {
    built: &'built Built,
    tenants: &'built [Tenant],
    way: Way,
    place: Place,
}

impl<'built> Ready<'built> {
    pub fn start(built: &'built Built, tenants: &'built [Tenant], way: Way) -> Self {
        let mut ready = Self { built, tenants, way, place: Place::new() };
        built.describe_driver(&ready.driver());
        match way {
            Way::Native => {}
            Way::Off => ready.start_each(),
            Way::On => ready.start_daemon(),
        }
        ready
    }

    fn start_each(&mut self) {
        let profile = self.place.path("profile.toml");
        self.built.profile(&profile, "");
        for number in 0..self.tenants.len() {
            let mut command = Command::new(&self.built.vgpu);
            let (socket, control) = (self.socket(number), self.place.path(&format!("control{number}")));
            command.arg("run").arg("--socket").arg(&socket).arg("--control").arg(control);
            self.place.start(command.arg("--profile").arg(&profile));
        }
        for number in 0..self.tenants.len() {
            let socket = self.socket(number);
            wait_for(|| socket.exists().then_some(()));
        }
    }

    fn start_daemon(&mut self) {
        let api = self.api();
        let mut command = Command::new(&self.built.vgpu);
        command.arg("daemon").arg("--state").arg(self.place.path("state")).arg("--api").arg(&api);
        self.place.start(&mut command);
        wait_for(|| UnixStream::connect(&api).ok());
        for (number, tenant) in self.tenants.iter().enumerate() {
            let profile = self.place.path(&format!("profile{number}.toml"));
            self.built.profile(&profile, &tenant.share);
            self.verb(&["create", &format!("tenant{number}"), "--profile", profile.to_str().unwrap()]);
        }
    }

    fn verb(&self, arguments: &[&str]) {
        let output =
            Command::new(&self.built.vgpu).args(arguments).env("VGPU_API", self.api()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "vgpu {}: {said}", arguments.join(" "));
    }

    fn api(&self) -> PathBuf {
        self.place.path("api.sock")
    }

    fn driver(&self) -> PathBuf {
        self.place.path("virtio.json")
    }

    fn socket(&self, number: usize) -> PathBuf {
        self.place.path(&format!("tenant{number}.sock"))
    }

    fn client(&self, number: usize, seconds: f64) -> Command {
        let built = self.built;
        let mut command = match self.way {
            Way::Native => Command::new(&built.client),
            Way::Off | Way::On => {
                let driver = self.driver();
                let mut command = Command::new(built.mesa.join("run"));
                command
                    .arg(&built.client)
                    .env("VN_DEBUG", "vtest")
                    .env("VN_PERF", "no_fence_feedback")
                    .env("VTEST_SOCKET_NAME", self.socket(number))
                    .env("VK_DRIVER_FILES", &driver)
                    .env("VK_ICD_FILENAMES", driver);
                command
            }
        };
        command.args(self.tenants[number].arguments(built.scale, seconds));
        command
    }

    /// All tenants at once; `meanwhile` runs from the start of the measurement.
    pub fn measure(&self, seconds: f64, meanwhile: impl FnOnce()) -> Vec<Outcome> {
        let numbers = 0..self.tenants.len();
        let mut running: Vec<Running> =
            numbers.map(|number| Running::start(&mut self.client(number, seconds))).collect();
        let ready: Vec<bool> = running.iter_mut().map(|tenant| tenant.line() == "ready").collect();
        let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
        let start = (now + WARM_UP).as_nanos().to_string();
        running.iter_mut().for_each(|tenant| tenant.say(&start));
        if ready.iter().all(|ready| *ready) {
            thread::sleep(WARM_UP);
            meanwhile();
        }
        let outcomes: Vec<Outcome> = running.iter_mut().map(Running::outcome).collect();
        if outcomes.iter().any(|outcome| outcome.seconds.is_nan()) {
            eprintln!("a tenant failed ({:?}); the log of what served it:", self.way);
            self.place.tell_log();
        }
        outcomes
    }

    /// The GPU time that all tenants were accounted for so far, if the daemon says it.
    pub fn busy_ns(&self) -> Option<f64> {
        self.usage()?["vgpus"].as_array()?.iter().map(|vgpu| vgpu["busy_ns"].as_f64()).sum()
    }

    /// Says what priority those of the latency class were given.
    pub fn tell_priorities(&self) {
        let usage = self.usage().unwrap_or_default();
        let quick = |vgpu: &&serde_json::Value| vgpu["class"] == "latency";
        for vgpu in usage["vgpus"].as_array().into_iter().flatten().filter(quick) {
            eprintln!("{} is of the latency class; its priority: {}", vgpu["name"], vgpu["priority"]);
        }
    }

    /// What the daemon says of its vGPUs.
    fn usage(&self) -> Option<serde_json::Value> {
        let mut stream = UnixStream::connect(self.api()).ok()?;
        stream.write_all(b"GET /v1/usage HTTP/1.0\r\nHost: vgpu\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.lines().next()?.contains(" 200 ").then(|| serde_json::from_str(body).ok())?
    }
}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        if self.way == Way::On {
            // They would outlive the daemon.
            for number in 0..self.tenants.len() {
                let mut command = Command::new(&self.built.vgpu);
                command.args(["delete", "--ignore-not-found", &format!("tenant{number}")]);
                _ = command.env("VGPU_API", self.api()).output();
            }
        }
    }
}

/// A tenant's program.
struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        _ = self.output.read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// Nobody listens if it failed, which is seen by what it says.
    fn say(&mut self, line: &str) {
        _ = writeln!(self.input, "{line}");
    }

    fn outcome(&mut self) -> Outcome {
        serde_json::from_str(&self.line()).unwrap_or(Outcome::NONE)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has said all that it has to say, and gives its memory back.
        if self.line().is_empty() {
            _ = self.child.wait();
        }
    }
}
