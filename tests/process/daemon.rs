//! Many vGPUs: each goes on whatever happens to its device process, to its neighbours and to the daemon.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use vgpu::control::api::{ApiError, Change, EventKind, State, VgpuChange, VgpuSpec};
use vgpu::control::profile::{Account, SocketAccess};
use vgpu::control::{Code, HeadChange, Refusal};
use vgpu::wire::{ScanoutId, Size};

use crate::service::{Place, named};
use crate::vgpu::{answered, eventually, lives, proc, switches};

/// What the daemon may hold, with as many vGPUs as the test has.
const PSS_KIB_MAX: u32 = 24 << 10;

fn refused<T: std::fmt::Debug>(result: Result<T, ApiError>) -> Refusal {
    match result.unwrap_err() {
        ApiError::Refused(refusal) => refusal,
        error => panic!("{error}"),
    }
}

#[test]
fn a_vm_whose_device_process_is_killed_is_served_on_by_the_next() {
    let place = Place::new();
    let _daemon = place.serve();
    place.create("a");
    let front_end = place.connect("a");
    let first = place.device("a");

    kill(first, Signal::SIGKILL).unwrap();
    answered(front_end);

    let vgpu = place.client().show(&named("a")).unwrap();
    assert_eq!(vgpu.takeovers, 1);
    assert_ne!(vgpu.pid, Some(first.as_raw()));
    use EventKind::{Connected, Created, Died, Started, TakenOver};
    assert_eq!(place.kinds("a")[..5], [Created, Started, Connected, Died, TakenOver]);
}

#[test]
fn a_daemon_that_is_killed_is_followed_by_one_that_keeps_its_vgpus_and_can_take_their_vms_over() {
    let place = Place::new();
    let first = place.serve();
    place.create("a");
    place.create("idle");
    let front_end = place.connect("a");
    let (device, idle) = (place.device("a"), place.device("idle"));
    first.end(Signal::SIGKILL);

    let _second = place.serve();
    ["a", "idle"].iter().for_each(|name| place.happened(name, EventKind::Adopted));

    assert_eq!((place.device("a"), place.device("idle")), (device, idle));
    assert_eq!(place.client().show(&named("a")).unwrap().state, State::Connected);
    let front_end = answered(front_end);
    kill(device, Signal::SIGKILL).unwrap();
    answered(front_end);
    place.connect("idle");
    assert_eq!(place.client().show(&named("a")).unwrap().takeovers, 1);
}

#[test]
fn a_daemon_that_had_no_room_for_what_it_was_told_asks_again_and_can_take_over() {
    let place = Place::new();
    let daemon = place.serve();
    place.create("a");
    let (mut front_end, device) = (place.connect("a"), place.device("a"));

    kill(daemon.pid(), Signal::SIGSTOP).unwrap();
    for _ in 0..1000 {
        front_end = answered(front_end);
    }
    kill(daemon.pid(), Signal::SIGCONT).unwrap();

    eventually("it asks again", || place.log().contains("another keeper has this vGPU now").then_some(()));
    assert_eq!(place.device("a"), device, "a process that is well was ended");
    kill(device, Signal::SIGKILL).unwrap();
    answered(front_end);
}

#[test]
fn a_vm_goes_on_though_its_socket_was_removed_while_no_daemon_ran() {
    let place = Place::new();
    let first = place.serve();
    place.create("a");
    let (front_end, device) = (place.connect("a"), place.device("a"));
    first.end(Signal::SIGKILL);
    fs::remove_file(place.path("a.sock")).unwrap();

    let _second = place.serve();
    place.happened("a", EventKind::Adopted);

    assert_eq!(place.device("a"), device);
    answered(front_end);
    place.client().stop(&named("a")).unwrap();
    place.client().start(&named("a")).unwrap();
    place.connect("a");
}

#[test]
fn a_daemon_that_ends_in_order_leaves_its_vms_alone() {
    let place = Place::new();
    let first = place.serve();
    place.create("a");
    let front_end = place.connect("a");

    assert_eq!(first.end(Signal::SIGTERM).code(), Some(0));

    assert!(!place.path("api").exists());
    let front_end = answered(front_end);
    let _second = place.serve();
    place.happened("a", EventKind::Adopted);
    place.client().delete(&named("a")).unwrap();
    assert_eq!({ front_end }.read(&mut [0; 1]).unwrap(), 0, "a deleted vGPU serves on");
    assert_eq!((place.files(), place.devices()), (vec![], vec![]));
}

#[test]
fn a_state_folder_has_one_daemon() {
    let place = Place::new();
    let _first = place.serve();

    let status = place.start(None).wait();

    assert_eq!(status.code(), Some(1));
    let state = place.path("state").canonicalize().unwrap();
    let message = format!("error: another daemon keeps its state in {}\nhint: ", state.display());
    assert!(place.log().contains(&message), "{}", place.log());
    place.client().host().unwrap();
}

#[test]
fn a_device_process_that_is_stuck_delays_nobody_else_and_can_be_ended() {
    let place = Place::new();
    let _daemon = place.serve();
    ["stuck", "well"].iter().for_each(|name| place.create(name));
    let stuck = place.device("stuck");
    kill(stuck, Signal::SIGSTOP).unwrap();
    let looking = std::thread::spawn({
        let client = place.client();
        move || client.show(&named("stuck"))
    });

    let begin = Instant::now();
    let client = place.client();
    client.list().unwrap();
    client.stop(&named("well")).unwrap();
    client.start(&named("well")).unwrap();
    client.show(&named("well")).unwrap();
    client.delete(&named("stuck")).unwrap();

    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(!lives(stuck));
    let _ = looking.join().unwrap();
}

#[test]
fn the_same_again_changes_nothing_and_another_of_that_name_is_a_conflict() {
    let place = Place::new();
    let _daemon = place.serve();
    let client = place.client();
    place.create("a");
    let device = place.device("a");

    let again = client.create(&named("a"), &place.spec()).unwrap();
    let here = VgpuSpec { socket: Some(place.path("a.sock")), ..place.spec() };
    let there = VgpuSpec { socket: Some(place.path("b.sock")), ..place.spec() };

    assert!(matches!(again, Change::Same(_)));
    assert!(matches!(client.create(&named("a"), &here).unwrap(), Change::Same(_)));
    assert_eq!(place.device("a"), device);
    let mut other = place.spec();
    other.profile.heads.pop();
    for (spec, field) in [(there, "socket"), (other, "profile.head")] {
        let refusal = refused(client.create(&named("a"), &spec));
        assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Conflict, Some(field)));
    }
    for state in [State::Stopped, State::Stopped] {
        assert_eq!(client.stop(&named("a")).unwrap().state, state);
    }
    for state in [State::Waiting, State::Waiting] {
        assert_eq!(client.start(&named("a")).unwrap().state, state);
    }
    client.delete(&named("a")).unwrap();
    assert_eq!(refused(client.delete(&named("a"))).code, Code::NotFound);
}

#[test]
fn no_two_vgpus_have_one_socket_and_none_is_outside_the_folders() {
    let place = Place::new();
    let _daemon = place.serve();
    let client = place.client();
    place.create("a");
    client.stop(&named("a")).unwrap();
    fs::write(place.path("file"), "precious").unwrap();

    for (socket, code) in [
        (place.path("a.sock"), Code::Conflict),
        (place.path("file"), Code::Conflict),
        (place.path("api"), Code::BadPath),
        (place.path("state/run/x"), Code::BadPath),
        ("/tmp/elsewhere.sock".into(), Code::BadPath),
        ("b.sock".into(), Code::BadPath),
    ] {
        let spec = VgpuSpec { socket: Some(socket.clone()), ..place.spec() };
        let refusal = refused(client.create(&named("b"), &spec));
        let shown = socket.display();
        assert_eq!((refusal.code, refusal.field.as_deref()), (code, Some("socket")), "{shown}: {refusal}");
        assert!(refusal.remedy.is_some(), "{shown}");
    }

    assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "precious");
    fs::remove_file(place.path("file")).unwrap();
    assert_eq!(place.files(), ["state/vgpus/a.json"]);
    assert_eq!(client.list().unwrap().vgpus.len(), 1);
}

#[test]
fn a_socket_is_for_whom_the_profile_names() {
    let place = Place::new();
    let _daemon = place.serve();
    let own = fs::metadata(place.path("api")).unwrap();
    assert_eq!(own.permissions().mode() & 0o777, 0o600);
    let mut spec = place.spec();
    let owner = Some(Account::Number(own.uid()));
    spec.profile.socket = SocketAccess { owner, group: Some(Account::Number(own.gid())), mode: 0o660 };

    place.client().create(&named("a"), &spec).unwrap();
    let socket = fs::metadata(place.path("a.sock")).unwrap();
    spec.profile.socket.group = Some(Account::Name("no-such-group".into()));
    let refusal = refused(place.client().create(&named("b"), &spec));

    assert_eq!((socket.uid(), socket.gid(), socket.mode() & 0o777), (own.uid(), own.gid(), 0o660));
    assert_eq!(refusal.field.as_deref(), Some("profile.socket.group"));
}

#[test]
fn monitors_that_were_set_outlive_stop_and_the_daemon() {
    let place = Place::new();
    let first = place.serve();
    place.create("a");
    let change = |head, size| VgpuChange {
        heads: vec![HeadChange { head: ScanoutId::new(head).unwrap(), size }],
        ..VgpuChange::default()
    };
    let size = Some(Size { width: 1024, height: 768 });
    place.client().set(&named("a"), &change(1, size)).unwrap();
    let refusal = refused(place.client().set(&named("a"), &change(2, size)));
    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::UnknownHead, Some("heads[0].head")));
    let monitor = || {
        let vgpu = eventually("it says how it is", || {
            place.client().show(&named("a")).ok().filter(|vgpu| vgpu.device.is_some())
        });
        assert_eq!(Some(vgpu.profile.heads[1].size), size);
        vgpu.device.unwrap().heads[1].monitor.clone()
    };
    assert_eq!(monitor().as_deref(), Some("1024x768"));

    place.client().stop(&named("a")).unwrap();
    first.end(Signal::SIGKILL);
    let _second = place.serve();
    assert_eq!(place.client().list().unwrap().vgpus[0].state, State::Stopped);
    place.client().start(&named("a")).unwrap();

    assert_eq!(monitor().as_deref(), Some("1024x768"));
}

#[test]
fn a_record_that_cannot_be_read_is_left_alone_and_its_name_is_not_given_away() {
    let place = Place::new();
    let first = place.serve();
    ["broken", "well"].iter().for_each(|name| place.create(name));
    let device = place.device("broken");
    first.end(Signal::SIGKILL);
    let record = place.path("state/vgpus/broken.json");
    fs::write(&record, "{").unwrap();

    let _second = place.serve();

    let names: Vec<_> = place.client().list().unwrap().vgpus.into_iter().map(|vgpu| vgpu.name).collect();
    assert_eq!(names, [named("well")]);
    let refusal = refused(place.client().create(&named("broken"), &place.spec()));
    assert_eq!(refusal.code, Code::Conflict);
    let refusal = refused(place.client().delete(&named("broken")));
    assert_eq!(refusal.code, Code::NotFound);
    assert!(refusal.message.contains("broken.json cannot be read"), "{refusal}");
    assert!(lives(device), "a VM lost its vGPU to a broken file");
    assert_eq!(fs::read_to_string(record).unwrap(), "{");
    assert!(place.log().contains("broken.json cannot be read; it is left as it is"));
}

#[test]
fn the_readiness_is_told_to_the_service_manager() {
    let place = Place::new();
    let socket = std::os::unix::net::UnixDatagram::bind(place.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = crate::vgpu::vgpu(&["daemon"]);
    command.args(["--state".as_ref(), place.path("state").as_os_str()]);
    command.args(["--api".as_ref(), place.path("api").as_os_str()]);
    let mut daemon =
        command.env("NOTIFY_SOCKET", place.path("notify")).stderr(Stdio::null()).spawn().unwrap();

    let mut word = [0; 64];
    let length = socket.recv(&mut word).unwrap();
    let answer = place.client().host();
    daemon.kill().unwrap();
    daemon.wait().unwrap();

    assert_eq!(&word[..length], b"READY=1");
    answer.unwrap();
}

#[test]
fn idle_vgpus_and_their_daemon_never_wake_up() {
    let place = Place::new();
    let daemon = place.serve();
    let names: Vec<String> = (0..8).map(|number| format!("idle-{number}")).collect();
    names.iter().for_each(|name| place.create(name));
    let mut processes: Vec<_> = names.iter().map(|name| place.device(name)).collect();
    processes.push(daemon.pid());
    let _front_end = place.connect(&names[0]);
    // Threads that served the API wait some seconds for more to do.
    eventually("the API's threads are gone", || (tasks(daemon.pid()) <= names.len() + 5).then_some(()));
    std::thread::sleep(Duration::from_millis(200));

    let before: Vec<u64> = processes.iter().map(|process| switches(*process)).collect();
    std::thread::sleep(Duration::from_secs(1));
    let after: Vec<u64> = processes.iter().map(|process| switches(*process)).collect();

    assert_eq!(after, before);
    let rollup = proc(daemon.pid(), "smaps_rollup");
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")).unwrap();
    assert!(pss.parse::<u32>().unwrap() <= PSS_KIB_MAX, "the daemon holds {pss} KiB");
}

fn tasks(process: nix::unistd::Pid) -> usize {
    fs::read_dir(Path::new("/proc").join(process.to_string()).join("task")).unwrap().count()
}
