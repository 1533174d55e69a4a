//! The Vulkan validation layers of Debian, on what we have the driver do for programs that keep the rules.

use std::collections::BTreeMap;
use std::fs::{read_to_string, write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;

use vgpu::quota::{Ledger, Shares};
use vgpu::render::venus::{GpuRenderer, Monitor, Nobody};
use vgpu::render::vulkan::{Gpu, GpuOptions, Leave};
use vgpu::sandbox::Sealed;
use vgpu::transport::vtest::{self, House};

use crate::server::{LAVAPIPE, eventually, guest, program};
use crate::{NO_FEEDBACK, text};

/// Names the socket, in the process that has the layers. A sealed one loads none.
const SOCKET: &str = "VGPU_VALIDATED_SOCKET";

fn serve(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    let gpu = Gpu::open(GpuOptions { which: Some("llvmpipe".into()), ..GpuOptions::default() }).unwrap();
    let ledger = Ledger::new(1 << 30);
    let house = House {
        renderer: GpuRenderer::new(gpu, ledger.clone(), Leave::open(), None),
        ledger,
        monitor: Monitor::new(),
        estate: Arc::new(Nobody),
        shares: Shares::among(4),
        clients_max: 4,
    };
    vtest::serve(&Sealed::not_really(), &listener, house, Vec::new()).unwrap();
}

/// The rule that a line says was broken, and how.
fn error(line: &str) -> Option<(&str, &str)> {
    let (rule, how) = line.split_once("(ERROR / SPEC)")?;
    Some((rule, how.split(" | ").nth(2).unwrap_or(how)))
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[test]
fn the_layers_find_nothing_in_what_the_checks_have_us_do() {
    if let Some(socket) = std::env::var_os(SOCKET) {
        return serve(Path::new(&socket));
    }
    let folder = tempfile::tempdir().unwrap();
    let (socket, log) = (folder.path().join("socket"), folder.path().join("log"));
    let settings = [
        "debug_action = VK_DBG_LAYER_ACTION_LOG_MSG",
        // They say that they are there in an information, which shows that this test can fail.
        "report_flags = error,info",
        "enable_message_limit = false",
        &format!("log_filename = {}", log.display()),
    ];
    let settings = settings.map(|line| format!("khronos_validation.{line}\n")).concat();
    write(folder.path().join("vk_layer_settings.txt"), settings).unwrap();
    let this = std::thread::current().name().unwrap().to_owned();
    let server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &this, "--nocapture"])
        .env(SOCKET, &socket)
        .env("VK_DRIVER_FILES", LAVAPIPE)
        .env("VK_ICD_FILENAMES", LAVAPIPE)
        .env("VK_LAYER_SETTINGS_PATH", folder.path())
        .env("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation")
        .spawn();
    let _server = Server(server.unwrap());
    eventually("it listens", || socket.exists().then_some(()));

    for feedback in ["", NO_FEEDBACK] {
        let output = guest(&socket, &program(), &[]).env("VN_PERF", feedback).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }

    let log = read_to_string(log).unwrap();
    assert!(log.contains("Khronos Validation Layer Active"), "{log}");
    let errors: BTreeMap<&str, &str> = log.lines().filter_map(error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
