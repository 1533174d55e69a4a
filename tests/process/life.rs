//! Start, service, failure and end of the processes.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::vgpu::{Running, answered, eventually, lives, output, proc, switches, vgpu};

/// What an idle device process may hold, guest memory aside.
const PSS_KIB_MAX: u32 = 4096;

#[test]
fn a_second_vgpu_on_the_same_path_is_refused_and_the_first_goes_on() {
    let first = Running::start(&[]);
    let path = first.path("socket");

    let second = output(&["run", "--socket", path.to_str().unwrap()]);

    assert_eq!(second.status.code(), Some(1));
    let expected = format!("error: {} is already in use: a process listens on it\n", path.display());
    assert!(String::from_utf8(second.stderr).unwrap().starts_with(&expected));
    first.connect();
}

#[test]
fn the_socket_of_a_vgpu_that_was_killed_is_taken_over() {
    let running = Running::start(&[]);
    let device = running.device();
    let (_, directory) = running.end(Signal::SIGKILL);
    eventually("the device process is gone too", || (!lives(device)).then_some(()));
    assert!(directory.path().join("socket").exists());

    Running::start_in(directory, &[]).connect();
}

#[test]
fn sigterm_and_sigint_end_the_device_process_and_remove_both_sockets() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let directory = tempfile::tempdir().unwrap();
        let control = directory.path().join("control");
        let running = Running::start_in(directory, &["--control", control.to_str().unwrap()]);
        let (device, _front_end) = (running.device(), running.connect());
        assert!(control.exists());

        let (status, directory) = running.end(signal);

        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(!lives(device));
        assert!(!control.exists() && !directory.path().join("socket").exists());
    }
}

#[test]
fn each_vm_gets_a_device_process_of_its_own() {
    let running = Running::start(&[]);
    let first = running.device();
    drop(running.connect());
    eventually("the first device process is gone", || (!lives(first)).then_some(()));

    running.connect();

    assert_ne!(running.device(), first);
}

#[test]
fn after_the_device_process_is_killed_its_vm_and_the_next_are_served() {
    let running = Running::start(&[]);
    let (device, front_end) = (running.device(), running.connect());

    kill(device, Signal::SIGKILL).unwrap();

    let front_end = answered(front_end);
    assert_ne!(running.device(), device);
    let said = "the device process was ended by SIGKILL; another one takes its VM over";
    eventually("the log says why", || running.log().contains(said).then_some(()));
    drop(front_end);
    running.connect();
}

#[test]
fn a_vm_whose_device_processes_die_one_after_another_is_sent_away() {
    let running = Running::start(&[]);
    let (first, mut front_end) = (running.device(), running.connect());
    kill(first, Signal::SIGKILL).unwrap();
    for _ in 1..5 {
        front_end = answered(front_end);
        // A process that dies between its answer and its note of that is followed by one that answers again.
        std::thread::sleep(Duration::from_millis(20));
        kill(running.device(), Signal::SIGKILL).unwrap();
    }

    assert_eq!(front_end.read(&mut [0; 100]).unwrap(), 0, "its connection goes on");
    running.connect();
}

#[test]
fn a_parent_that_ignores_its_children_does_not_keep_the_next_vm_from_service() {
    let running = Running::start_by(Command::new("env").arg("--ignore-signal=CHLD"));
    let first = running.device();
    drop(running.connect());
    eventually("the first device process is gone", || (!lives(first)).then_some(()));

    running.connect();
}

#[test]
fn a_host_that_has_nothing_left_for_a_moment_ends_no_vgpu() {
    let running = Running::start(&[]);
    let device = running.device();
    limit_descriptors(running.supervisor(), 3);

    kill(device, Signal::SIGKILL).unwrap();
    eventually("the log says why", || running.log().contains("cannot be started").then_some(()));
    limit_descriptors(running.supervisor(), 64);

    running.connect();
}

fn limit_descriptors(process: Pid, most: u32) {
    let arguments = [format!("--pid={process}"), format!("--nofile={most}:")];
    assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
}

#[test]
fn a_killed_supervisor_leaves_no_process_behind() {
    let running = Running::start(&[]);
    let (device, _front_end) = (running.device(), running.connect());

    let _ended = running.end(Signal::SIGKILL);

    eventually("the device process is gone", || (!lives(device)).then_some(()));
}

#[test]
fn a_connection_that_was_passed_is_served_by_that_very_process_until_it_ends() {
    for verb in [&["run", "--fd", "7"][..], &["--fd=7"]] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut command = vgpu(verb);
        command.stderr(Stdio::null());
        command.fd_mappings(vec![FdMapping { parent_fd: OwnedFd::from(theirs), child_fd: 7 }]).unwrap();
        let mut process = command.spawn().unwrap();
        drop(command);

        let front_end = answered(ours);
        assert_eq!(process.try_wait().unwrap(), None);
        drop(front_end);

        assert_eq!(process.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn what_is_passed_must_be_a_connection() {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
    let mut command = vgpu(&["--fd=7"]);
    command.fd_mappings(vec![FdMapping { parent_fd: OwnedFd::from(listener), child_fd: 7 }]).unwrap();

    let refused = command.output().unwrap();

    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.starts_with("error: cannot serve the connection under --fd 7: "), "{message}");
}

#[test]
fn this_host_gives_every_layer_of_the_sandbox() {
    let running = Running::start(&["--require-sandbox"]);

    running.connect();

    eventually("the log names the layers", || running.log().contains("sealed: ").then_some(()));
}

#[test]
fn an_idle_vgpu_never_wakes_up() {
    let running = Running::start(&[]);
    let (supervisor, device, _front_end) = (running.supervisor(), running.device(), running.connect());
    std::thread::sleep(Duration::from_millis(200));

    let before = (switches(supervisor), switches(device));
    std::thread::sleep(Duration::from_secs(1));

    assert_eq!((switches(supervisor), switches(device)), before);
    let rollup = proc(device, "smaps_rollup");
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")).unwrap();
    assert!(pss.parse::<u32>().unwrap() <= PSS_KIB_MAX, "the device process holds {pss} KiB");
}
