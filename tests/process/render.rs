//! Programs that use Vulkan without a VM: the process that serves them, its death, and what operators are told.

use std::fs;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vgpu::control::api::{ApiError, EventKind, State, Vgpu, VgpuChange, VgpuSpec};
use vgpu::control::profile::{Head, Profile};
use vgpu::control::{Code, HeadChange, Refusal};
use vgpu::wire::{ScanoutId, Size};

use crate::service::{DRIVERS, LAVAPIPE, Place, named};
use crate::vgpu::{Running, eventually, lives, proc, switches, vgpu};

pub(crate) const PROFILE: &str = "transport = \"vtest\"\n[limits]\nmemory = \"64MiB\"\nclients = 2";

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that has said hello and has a context: from then on it is somebody to go on with.
fn connect(socket: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (create_renderer, context_init, venus) = (8, 17, 4);
    stream.write_all(&words(&[4, create_renderer])).unwrap();
    stream.write_all(b"test").unwrap();
    stream.write_all(&words(&[1, context_init, venus])).unwrap();
    answered(stream)
}

/// The program after it asked whether anybody is there (vtest command 10), and somebody was.
fn answered(mut stream: UnixStream) -> UnixStream {
    let ping = words(&[0, 10]);
    stream.write_all(&ping).unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *ping);
    stream
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// `vgpu run` with this profile, and with nothing to render on but what this file describes.
fn command(folder: &Path, profile: &str, driver: &str) -> Command {
    let file = folder.join("profile.toml");
    fs::write(&file, profile).unwrap();
    let mut command = vgpu(&["run", "--profile", file.to_str().unwrap()]);
    command.envs(DRIVERS.map(|variable| (variable, driver)));
    command
}

fn start(more: &[&str]) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.toml");
    fs::write(&profile, PROFILE).unwrap();
    let mut command = vgpu(&[]);
    command.envs(DRIVERS.map(|variable| (variable, LAVAPIPE)));
    let arguments = [&["--profile", profile.to_str().unwrap()], more].concat();
    Running::start_command(folder, &mut command, &arguments)
}

/// Exit code and words of a start that comes to nothing.
fn refused(profile: &str, driver: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), profile, driver);
    let output = command.arg("--socket").arg(folder.path().join("socket")).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn programs_are_served_by_a_process_that_is_sealed_as_far_as_can_be() {
    let running = start(&["--require-sandbox"]);

    connect(&running.path("socket"));

    let log = running.log();
    assert!(log.contains("the GPU is llvmpipe") && log.contains("sealed: "), "{log}");
    assert!(log.contains("left open: files that it may read: "), "{log}");
}

#[test]
fn after_the_render_process_is_killed_its_programs_are_answered_by_the_next() {
    let running = start(&[]);
    let (program, first) = (connect(&running.path("socket")), running.device());

    kill(first, Signal::SIGKILL).unwrap();

    answered(program);
    assert_ne!(running.device(), first);
    let said =
        "the render process was ended by SIGKILL; another one tells its clients that their devices are lost";
    assert!(running.log().contains(said), "{}", running.log());
    connect(&running.path("socket"));
}

#[test]
fn a_killed_supervisor_leaves_no_render_process_behind() {
    let running = start(&[]);
    let render = running.device();
    let _ended = running.end(Signal::SIGKILL);
    eventually("the render process is gone", || (!lives(render)).then_some(()));
}

#[test]
fn programs_beyond_the_limit_are_sent_away_and_told_of_in_the_log() {
    let running = start(&[]);
    let socket = running.path("socket");
    let [first, _second] = [connect(&socket), connect(&socket)];

    let mut third = UnixStream::connect(&socket).unwrap();
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(third.read(&mut [0; 8]).unwrap_or(0), 0);

    let said = "2 are served at a time; raise the profile's limits.clients";
    eventually("the log names the limit", || running.log().contains(said).then_some(()));
    drop(first);
    eventually("there is room again", || {
        let mut next = UnixStream::connect(&socket).ok()?;
        next.write_all(&words(&[0, 10])).ok()?;
        next.set_read_timeout(Some(PATIENCE)).ok()?;
        next.read_exact(&mut [0; 8]).ok()
    });
}

#[test]
fn an_idle_render_process_never_wakes_up() {
    let running = start(&[]);
    let (supervisor, render) = (running.supervisor(), running.device());
    let _program = connect(&running.path("socket"));
    std::thread::sleep(Duration::from_millis(200));

    let before = (switches(supervisor), switches(render));
    std::thread::sleep(Duration::from_secs(1));

    assert_eq!((switches(supervisor), switches(render)), before);
}

#[test]
fn what_cannot_be_rendered_on_is_said_with_value_and_remedy() {
    for (profile, driver, code, said) in [
        (
            "transport = \"vtest\"\n[gpu]\ndevice = \"GeForce\"",
            LAVAPIPE,
            1,
            &[
                "gpu.device is \"GeForce\", which no GPU here has as a part of its name, UUID or address; there are: \
                 llvmpipe",
            ][..],
        ),
        (
            PROFILE,
            "/nowhere/driver.json",
            1,
            &["no driver for Vulkan in VK_DRIVER_FILES=/nowhere/driver.json", "install one (Debian: mesa-"],
        ),
        (
            "transport = \"vtest\"\n[[head]]",
            LAVAPIPE,
            1,
            &["head is a list of 1, but transport is \"vtest\"", "hint: leave every [[head]] out"],
        ),
        (
            "transport = \"vtest\"\n[limits]\nmemory = \"2MiB\"",
            LAVAPIPE,
            1,
            &["limits.memory is 2MiB", "hint: make it \"16MiB\" or more"],
        ),
    ] {
        let (ended, words) = refused(profile, driver);

        assert_eq!(ended, Some(code), "{words}");
        assert!(said.iter().all(|part| words.contains(part)), "{words}");
    }
}

#[test]
fn a_single_connection_is_not_what_programs_are_served_on() {
    let output = vgpu(&["run", "--transport", "vtest", "--fd", "7"]).output().unwrap();

    assert_eq!(output.status.code(), Some(2));
    let expected = "error: --fd passes the connection of one VM, but the transport is vtest\n\
                    hint: give --socket: programs that use Vulkan without a VM connect to it\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}

#[test]
fn a_socket_that_somebody_listens_on_is_left_to_him() {
    let running = start(&[]);
    let socket = running.path("socket");
    let folder = tempfile::tempdir().unwrap();

    let second = command(folder.path(), PROFILE, LAVAPIPE).arg("--socket").arg(&socket).output().unwrap();

    assert_eq!(second.status.code(), Some(1));
    let expected = format!("error: {} is already in use: a process listens on it\n", socket.display());
    assert!(String::from_utf8(second.stderr).unwrap().starts_with(&expected));
    connect(&socket);
}

/// A daemon's vGPU, made with this profile.
pub(crate) fn create(place: &Place, name: &str, profile: &str) -> Result<(), ApiError> {
    let profile = Profile { name: place.spec().profile.name, ..Profile::parse(profile).unwrap() };
    place.client().create(&named(name), &VgpuSpec { profile, ..VgpuSpec::default() }).map(drop)
}

fn show(place: &Place, name: &str) -> Vgpu {
    place.client().show(&named(name)).unwrap()
}

fn socket(place: &Place, name: &str) -> PathBuf {
    place.path(&format!("{name}.sock"))
}

pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, ApiError>) -> Refusal {
    match result.unwrap_err() {
        ApiError::Refused(refusal) => refusal,
        error => panic!("{error}"),
    }
}

/// What is told with an event of this kind.
fn detail(place: &Place, name: &str, kind: EventKind) -> Option<String> {
    let mut detail = None;
    let look = |event: vgpu::control::api::Event| {
        if event.name == named(name) && event.kind == kind {
            detail = event.detail;
        }
        ControlFlow::Continue(())
    };
    place.client().events(0, false, look).unwrap();
    detail
}

#[test]
fn a_daemon_counts_the_deaths_of_a_render_process_and_says_why() {
    let place = Place::new();
    let _daemon = place.serve();
    create(&place, "a", PROFILE).unwrap();
    let (first, program) = (place.device("a"), connect(&socket(&place, "a")));
    place.happened("a", EventKind::Connected);

    kill(first, Signal::SIGKILL).unwrap();
    let program = answered(program);

    let next = place.device("a");
    let vgpu = show(&place, "a");
    assert_eq!((vgpu.takeovers, vgpu.state), (1, State::Connected));
    assert_eq!(vgpu.last_death.as_deref(), Some("was ended by SIGKILL"));
    assert_ne!(next, first);
    let lost = "programs that use Vulkan on it are told that their devices are lost";
    assert_eq!(detail(&place, "a", EventKind::TakenOver).as_deref(), Some(lost));
    drop(program);
    place.happened("a", EventKind::Disconnected);
    assert_eq!(show(&place, "a").state, State::Waiting);
}

#[test]
fn a_render_process_outlives_its_daemon_and_the_next_one_can_take_its_programs_over() {
    let place = Place::new();
    let first = place.serve();
    create(&place, "a", PROFILE).unwrap();
    let (render, program) = (place.device("a"), connect(&socket(&place, "a")));
    first.end(Signal::SIGKILL);
    let program = answered(program);
    let newcomer = connect(&socket(&place, "a"));

    let _second = place.serve();
    place.happened("a", EventKind::Adopted);
    assert_eq!(place.device("a"), render);
    assert_eq!(show(&place, "a").state, State::Connected);
    kill(render, Signal::SIGKILL).unwrap();

    [program, newcomer].into_iter().for_each(|program| _ = answered(program));
    assert_eq!(show(&place, "a").takeovers, 1);
}

#[test]
fn a_vgpu_for_programs_is_started_stopped_and_deleted_like_any_other() {
    let place = Place::new();
    let _daemon = place.serve();
    let client = place.client();
    create(&place, "a", PROFILE).unwrap();
    let (render, mut program) = (place.device("a"), connect(&socket(&place, "a")));

    assert_eq!(client.stop(&named("a")).unwrap().state, State::Stopped);
    assert!(!lives(render) && !socket(&place, "a").exists());
    assert_eq!(program.read(&mut [0; 8]).unwrap_or(0), 0);
    assert_eq!(client.start(&named("a")).unwrap().state, State::Waiting);
    connect(&socket(&place, "a"));
    assert_eq!(client.list().unwrap().vgpus.len(), 1);
    client.delete(&named("a")).unwrap();

    assert_eq!((place.files(), place.devices()), (vec![], vec![]));
}

#[test]
fn show_names_the_gpu_and_all_that_its_driver_leaves_open() {
    let place = Place::new();
    let _daemon = place.serve();
    create(&place, "a", PROFILE).unwrap();
    let render = place.device("a");
    let device = show(&place, "a").device.unwrap();

    let gpu = device.gpu.unwrap();
    assert!(gpu.name.starts_with("llvmpipe") && gpu.driver.contains("Mesa"), "{gpu:?}");
    assert_eq!((gpu.clients, gpu.clients_max, device.memory_bytes_max), (0, 2, 64 << 20));
    let list = |start: &str| {
        let line = device.left_open.iter().find_map(|line| line.strip_prefix(start)).unwrap();
        line.split(' ').map(PathBuf::from).collect::<Vec<_>>()
    };
    assert_eq!(list("device nodes that it may read, write and control: "), [Path::new("none")]);
    let read = list("files that it may read: ");
    // Nothing that holds secrets, and not the whole of what does.
    assert!(read.iter().all(|path| path.components().count() > 2), "{read:?}");
    let within = |file: &str| read.iter().any(|open| Path::new(file).starts_with(open));
    let program = fs::read_link(format!("/proc/{render}/exe")).unwrap();
    for line in proc(render, "maps").lines().filter_map(|line| line.split_once('/')) {
        let file = format!("/{}", line.1);
        let is_memory = file.starts_with("/memfd:") || file.starts_with("/dev/zero");
        assert!(is_memory || Path::new(&file) == program || within(&file), "{file} is mapped: {read:?}");
    }
}

#[test]
fn a_vgpu_on_a_gpu_that_is_not_there_is_refused_with_those_that_there_are() {
    let place = Place::new();
    let _daemon = place.serve();

    let refusal = refusal(create(&place, "a", "transport = \"vtest\"\n[gpu]\ndevice = \"GeForce\""));

    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::NotFound, Some("profile.gpu.device")));
    let start = "gpu.device is \"GeForce\", which no GPU here has as a part of its name, UUID or address; there are: ";
    assert!(refusal.message.starts_with(start) && refusal.remedy.is_some(), "{refusal}");
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn a_vgpu_whose_gpu_went_with_the_host_says_why_it_does_not_run() {
    let place = Place::new();
    let first = place.serve();
    create(&place, "a", PROFILE).unwrap();
    let render = place.device("a");
    first.end(Signal::SIGKILL);
    kill(render, Signal::SIGKILL).unwrap();

    let _second = place.serve_on("/nowhere/driver.json");

    // At first it may say that the dying process listens still.
    eventually("its GPU is lost", || (show(&place, "a").state == State::Lost).then_some(()));
    let why = show(&place, "a").problem.unwrap();
    let end = "is lost: no process can use it; there is no driver for Vulkan in VK_DRIVER_FILES";
    assert!(why.starts_with("its GPU ") && why.contains(end), "{why}");
    let refusal = refusal(create(&place, "b", PROFILE));
    assert_eq!(refusal.code, Code::HostFailed);
    assert!(refusal.message.starts_with("no GPU was found: there is no driver"), "{refusal}");
}

#[test]
fn a_vgpu_without_a_vm_has_no_monitors_to_be_set_or_looked_at() {
    let place = Place::new();
    let _daemon = place.serve();
    create(&place, "a", PROFILE).unwrap();
    let head = ScanoutId::new(0).unwrap();
    let change = HeadChange { head, size: Some(Size { width: 800, height: 600 }) };
    let with_heads = Profile { heads: vec![Head::default()], ..Profile::parse(PROFILE).unwrap() };

    let refusals = [
        refusal(
            place.client().set(&named("a"), &VgpuChange { heads: vec![change], ..VgpuChange::default() }),
        ),
        refusal(place.client().screenshot(&named("a"), head)),
    ];
    let made =
        refusal(place.client().create(&named("b"), &VgpuSpec { profile: with_heads, ..VgpuSpec::default() }));

    for refusal in refusals {
        assert_eq!(refusal.code, Code::UnknownHead);
        assert!(refusal.message.contains("vtest") && refusal.remedy.is_some(), "{refusal}");
    }
    assert_eq!((made.code, made.field.as_deref()), (Code::BadField, Some("profile.head")));
}

#[test]
fn a_render_process_sees_no_network_and_is_nobody() {
    let running = start(&[]);
    let render = running.device();

    assert_nobody(render);
    for namespace in ["user", "net", "ipc", "uts"] {
        let of = |who: &str| fs::read_link(format!("/proc/{who}/ns/{namespace}")).unwrap();
        assert_ne!(of(&render.to_string()), of("self"), "{namespace}");
    }
}

fn assert_nobody(process: Pid) {
    let status = proc(process, "status");
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert!(!field("Uid:").split_whitespace().any(|user| user == "0"), "{status}");
    assert_eq!(field("CapEff:"), "0000000000000000");
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".to_owned(), "2".to_owned()));
}
