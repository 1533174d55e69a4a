//! `scripts/bench vkmark`: frames a second of vkmark's scenes through a vGPU, over the same without vgpu, on lavapipe.
//!
//! Prints `name value unit bar pass|miss` a line and ends with 1 on a miss.
#![allow(unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

mod process;
mod report;
mod server;

use std::path::Path;
use std::process::{Command, ExitCode};

use report::{Bar, Report, median};
use server::{Server, root};
use vgpu::control::vmm::environment;

const ROUNDS: usize = 3;

/// The tree's own, of the same Mesa on either side.
const LAVAPIPE: &str = "/lvp.json";

/// vkmark's own, for so many seconds each.
const SECONDS: u32 = 2;
const SCENES: [&str; 13] = [
    "vertex:device-local=true",
    "vertex:device-local=false",
    "texture:anisotropy=0",
    "texture:anisotropy=16",
    "shading:shading=gouraud",
    "shading:shading=blinn-phong-inf",
    "shading:shading=phong",
    "shading:shading=cel",
    "effect2d:kernel=edge",
    "effect2d:kernel=blur",
    "desktop",
    "cube",
    "clear",
];

fn main() -> ExitCode {
    let mut report = Report::default();
    let vgpu = Path::new(env!("CARGO_BIN_EXE_vgpu"));
    let program = Path::new("/mnt").join(vgpu.file_name().unwrap());
    let server = Server::vgpu_by(enter(&program), Path::new(LAVAPIPE));
    let (mut ratios, mut whole) = (vec![Vec::new(); SCENES.len()], Vec::new());
    for _ in 0..ROUNDS {
        let mut sums = [0.0, 0.0];
        for (scene, ratios) in SCENES.iter().zip(&mut ratios) {
            // In turns, scene by scene: what else the machine does changes from second to second.
            let (guest, native) = (frames(&mut guest(&server, scene)), frames(&mut native(scene)));
            ratios.push(guest / native);
            sums = [sums[0] + guest, sums[1] + native];
        }
        whole.push(sums[0] / sums[1]);
    }
    for (scene, ratios) in SCENES.iter().zip(ratios) {
        report.row(&scene.replace([':', '='], "_"), median(ratios), "ratio", Bar::None);
    }
    // vkmark's score is the mean of its scenes' frames a second.
    report.row("score", median(whole), "ratio", Bar::AtLeast(0.9));
    report.end()
}

/// Runs a program where vkmark and its Mesa are.
fn enter(program: &Path) -> Command {
    let mut command = Command::new(root().join("tests/bench/enter.sh"));
    let vgpu = Path::new(env!("CARGO_BIN_EXE_vgpu"));
    command.arg(root().join("target/vm/vkmark")).arg(vgpu.parent().unwrap()).arg(program);
    // Lavapipe keeps its shaders there, if anywhere.
    command.env("HOME", "/tmp").env("VK_LOADER_LAYERS_DISABLE", "*");
    command
}

fn vkmark(scene: &str) -> Command {
    let mut command = enter(Path::new("/usr/bin/vkmark"));
    command.args(["--winsys", "headless", "-b", &format!("{scene}:duration={SECONDS}")]);
    command
}

/// As `vgpu args` tells programs to be started.
fn guest(server: &Server, scene: &str) -> Command {
    let mut command = vkmark(scene);
    command.envs(environment(&server.socket())).env_remove("VK_LOADER_DRIVERS_SELECT");
    command.env("VK_DRIVER_FILES", "/virtio.json");
    command
}

fn native(scene: &str) -> Command {
    let mut command = vkmark(scene);
    command.env("VK_DRIVER_FILES", LAVAPIPE);
    command
}

/// Frames a second of the scene.
fn frames(command: &mut Command) -> f64 {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let figure = said.split("FPS: ").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    figure.unwrap_or_else(|| panic!("vkmark said {said}{}", String::from_utf8_lossy(&output.stderr)))
}
