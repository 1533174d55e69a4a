//! What the verbs print, word by word.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use vgpu::control::api::{EventKind, State};

use crate::golden::{Session, compare};
use crate::manager::PICTURE;

const PROFILE: &str = "name = \"desk\"\n[[head]]\nsize = \"1920x1080\"\nmodes = [\"1600x1200\"]\n[[head]]\n\
    enabled = false\nname = \"left\"\n[limits]\nmemory = \"1GiB\"\n[socket]\ngroup = \"kvm\"\nmode = \"0660\"";

/// Two vGPUs.
fn session() -> Session {
    let session = Session::start();
    fs::write(session.served.folder.path().join("desk.toml"), PROFILE).unwrap();
    for arguments in [&["create", "desk-1", "--profile", "desk.toml"][..], &["create", "plain"]] {
        assert!(session.command(arguments).output().unwrap().status.success());
    }
    session
}

/// The verbs that `vgpu help` lists.
fn verbs() -> Vec<String> {
    let output = Session::start().command(&["help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names =
        commands.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_verb_says_what_it_does() {
    let verbs = verbs();
    assert!(verbs.len() >= 12, "{verbs:?}");
    for verb in verbs {
        let output = Session::start().command(&[&verb, "--help"]).output().unwrap();
        compare(&format!("help/{verb}.txt"), &String::from_utf8(output.stdout).unwrap());
    }
}

#[test]
fn every_verb_about_gpus_says_what_it_does() {
    for verb in [
        "list", "show", "plan", "apply", "assert", "export", "rollback", "bind", "unbind", "check", "reset",
        "set",
    ] {
        let output = Session::start().command(&["gpu", verb, "--help"]).output().unwrap();
        compare(&format!("help/gpu-{verb}.txt"), &String::from_utf8(output.stdout).unwrap());
    }
}

#[test]
fn every_verb_about_containers_says_what_it_does() {
    for verb in [&["generate"][..], &["generate", "vgpu"], &["generate", "gpu"], &["list"]] {
        let output = Session::start().command(&[&["cdi"], verb, &["--help"]].concat()).output().unwrap();
        compare(&format!("help/cdi-{}.txt", verb.join("-")), &String::from_utf8(output.stdout).unwrap());
    }
}

#[test]
fn create_prints_the_socket_and_a_second_time_that_it_is_there() {
    let mut session = Session::start();
    fs::write(session.served.folder.path().join("desk.toml"), PROFILE).unwrap();
    session
        .run("create desk-1 --profile desk.toml")
        .run("create desk-1 --profile desk.toml")
        .run("create desk-2 --socket /run/other/a.sock -o table")
        .run("create desk-3 -o json")
        .run("create desk-4 -o yaml")
        .run("create desk-1")
        .run("create .hidden")
        .run("create desk-5 --profile none.toml")
        .compare("verbs/create.txt");
}

#[test]
fn a_socket_is_where_the_operator_stands() {
    let session = Session::start();
    let output = session.command(&["create", "a", "--socket", "here.sock"]).output().unwrap();
    let expected =
        format!("{}\n", session.served.folder.path().canonicalize().unwrap().join("here.sock").display());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn list_prints_a_line_each() {
    let mut session = session();
    session.served.manager.change("plain", |vgpu| {
        vgpu.state = State::Failing;
        vgpu.pid = None;
    });
    session.run("list").run("list -o json").run("list -o yaml").compare("verbs/list.txt");
}

#[test]
fn a_list_of_none_is_headings() {
    Session::start().run("list").run("list -o json").compare("verbs/list-none.txt");
}

#[test]
fn show_prints_all_that_is_known() {
    let mut session = session();
    session.served.manager.change("plain", |vgpu| {
        vgpu.state = State::Failing;
        vgpu.pid = None;
        vgpu.takeovers = 2;
        vgpu.problem = Some("the device process was ended by SIGKILL".to_owned());
    });
    session
        .run("show desk-1")
        .run("show desk-1 -o json")
        .run("show desk-1 -o yaml")
        .run("show plain")
        .run("show nobody")
        .compare("verbs/show.txt");
}

#[test]
fn a_vgpu_for_programs_without_a_vm_has_no_monitors_and_is_put_into_their_environment() {
    let mut session = Session::start();
    let profile =
        "transport = \"vtest\"\n[gpu]\ndevice = \"H200\"\n[limits]\nmemory = \"8GiB\"\nclients = 16";
    fs::write(session.served.folder.path().join("compute.toml"), profile).unwrap();
    session.run("create compute-1 --profile compute.toml");
    session.served.manager.change("compute-1", |vgpu| {
        vgpu.state = State::Connected;
        vgpu.takeovers = 1;
        vgpu.last_death = Some("was ended by SIGKILL".to_owned());
    });
    session
        .run("list")
        .run("show compute-1")
        .run("show compute-1 -o json")
        .run("args compute-1")
        .run("args compute-1 -o json")
        .run("args compute-1 --vmm qemu")
        .run("create plain")
        .run("args plain")
        .compare("verbs/vtest.txt");
}

#[test]
fn containers_are_told_of_vgpus_for_programs() {
    let mut session = sharing();
    let there = |name: &str| session.served.folder.path().join(name);
    fs::create_dir(there("other")).unwrap();
    fs::write(there("other/vgpu.internal-old.yaml"), "devices: of another sort").unwrap();
    fs::write(there("other/nvidia.yaml"), "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: []").unwrap();
    fs::write(there("other/vgpu.internal-vgpu.yaml.3"), "cut off").unwrap();
    session
        .run("cdi list --folder none")
        .run("cdi generate vgpu --file -")
        .run("cdi generate vgpu compute-2 compute-2 --file one.json")
        .run("cdi generate vgpu --file other/all.yaml")
        .run("cdi list --folder other --folder .")
        .run("cdi list --folder . -o json")
        .run("cdi list --folder one.json")
        .run("cdi generate vgpu plain --file one.json")
        .run("cdi generate vgpu compute-2 nobody --file one.json")
        .run("cdi generate vgpu --file all.yml")
        .run("cdi generate vgpu --file none/all.json")
        .run("cdi generate vgpu --file one.json/all.json")
        .run("cdi generate vgpu --api nobody.sock --file one.json")
        .run("create compute_ --profile compute.toml")
        .run("cdi generate vgpu compute_ --file one.json")
        .run("cdi generate vgpu --file two.json")
        .run("delete compute-1 compute-2")
        .run("cdi generate vgpu --file one.json")
        .run("cdi list --folder .")
        .compare("verbs/cdi.txt");
}

#[test]
fn a_file_for_containers_is_replaced_as_a_whole() {
    let mut session = sharing();
    let there = |name: &str| session.served.folder.path().join(name);
    fs::write(there("one.json"), "older").unwrap();
    fs::hard_link(there("one.json"), there("read")).unwrap();
    session.run("cdi generate vgpu --file one.json");

    let there = |name: &str| session.served.folder.path().join(name);
    assert_eq!(
        fs::read_to_string(there("read")).unwrap(),
        "older",
        "whoever has it open reads it to its end"
    );
    let spec: serde_json::Value = serde_json::from_slice(&fs::read(there("one.json")).unwrap()).unwrap();
    assert_eq!(spec["devices"].as_array().unwrap().len(), 2);
    let names = fs::read_dir(session.served.folder.path()).unwrap();
    let left: Vec<_> = names
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn set_changes_monitors() {
    session()
        .run("set desk-1 --head 0=800x600 --head 1=1024x768")
        .run("set desk-1 --head 1=off -o json")
        .run("set desk-1 --head 0=640x480 --head 7=off")
        .run("set desk-1 --head 0=big")
        .run("set --head 0=off")
        .run("set desk-1 --control a.sock --head 0=off")
        .run("set --control a.sock --head 0=off")
        .compare("verbs/set.txt");
}

/// Two vGPUs that share a GPU, and one that does not.
fn sharing() -> Session {
    let session = Session::start();
    let profile = "transport = \"vtest\"\n[limits]\nmemory = \"8GiB\"";
    fs::write(session.served.folder.path().join("compute.toml"), profile).unwrap();
    for arguments in [
        &["create", "compute-1", "--profile", "compute.toml"][..],
        &["create", "compute-2", "--profile", "compute.toml"],
        &["create", "plain"],
    ] {
        assert!(session.command(arguments).output().unwrap().status.success());
    }
    session
}

#[test]
fn set_changes_shares() {
    sharing()
        .run("set compute-1 --weight 200 --cap 50 --class latency")
        .run("set compute-1 --cap 60")
        .run("show compute-1")
        .run("set compute-1 --class normal -o json")
        .run("set compute-1 --memory 12GiB")
        .run("set compute-1 --memory 8MiB")
        .run("set compute-1 --memory 2TiB")
        .run("set plain --memory 1GiB")
        .run("set plain --weight 100")
        .run("set compute-1 --head 0=off")
        .run("set compute-1 --weight 0")
        .run("set compute-1 --cap 101")
        .run("set compute-1 --class best")
        .run("set compute-1")
        .run("set --control a.sock --weight 7")
        .run("set --control a.sock --memory 1GiB")
        .compare("verbs/set-share.txt");
}

#[test]
fn gpus_are_listed_and_share_as_they_are_told() {
    let mut session = Session::start();
    // Tests about GPUs on PCI are in tests/inventory: the host of this one has none.
    fs::create_dir_all(session.served.folder.path().join("sys/bus/pci/devices")).unwrap();
    session
        .run("gpu list --sysfs-root sys")
        .run("gpu list --sysfs-root sys -o yaml")
        .run("gpu set llvmpipe --policy equal-share")
        .run("gpu set 00000001-8f4f-4a0e-9d41-1c9a62a5c2f0 --policy equal-share -o json")
        .run("gpu set H100/x --policy best-effort")
        .run("gpu set llvmpipe --policy fixed-share")
        .run("gpu set llvmpipe --policy fair")
        .run("gpu set llvmpipe --overcommit 150")
        .run("gpu set llvmpipe --overcommit 99")
        .run("gpu set llvmpipe")
        .run("gpu set  --policy best-effort")
        .run("gpu")
        .compare("verbs/gpu.txt");
}

#[test]
fn top_prints_what_each_vgpu_got_since_the_figures_before() {
    sharing()
        .run("set compute-1 --weight 200 --cap 50 --class latency -o json")
        .run("top -b -n 2 -d 0.1")
        .run("top -b -n 1")
        .run("top -n 1")
        .run("top -b -d 0")
        .run("top -b -n 0")
        .run("top -b --api nobody.sock")
        .compare("verbs/top.txt");
}

#[test]
fn top_of_nothing_is_headings() {
    Session::start().run("top -b -n 1 -d 0.1").compare("verbs/top-none.txt");
}

#[test]
fn top_ends_when_its_reader_goes_away() {
    let session = sharing();
    let mut child = session.command(&["top", "-b", "-d", "0.1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    drop(lines);

    assert!(child.wait().unwrap().success());
}

#[test]
fn start_stop_and_delete_take_several_names_and_do_what_can_be_done() {
    session()
        .run("stop desk-1 plain")
        .run("stop desk-1 -o yaml")
        .run("start desk-1 nobody plain")
        .run("start nobody noone")
        .run("start plain -o json")
        .run("delete nobody plain")
        .run("delete --ignore-not-found nobody plain desk-1")
        .run("list")
        .compare("verbs/life.txt");
}

#[test]
fn a_screenshot_is_written_to_a_file_or_to_standard_output() {
    let mut session = session();
    session
        .run("screenshot desk-1 out.png")
        .run("screenshot desk-1 -")
        .run("screenshot desk-1 out.png --head 1")
        .run("screenshot nobody out.png")
        .run("screenshot desk-1")
        .run("screenshot --control a.sock out.png")
        .run("screenshot --control a.sock desk-1 out.png")
        .run("screenshot desk/1 out.png")
        .compare("verbs/screenshot.txt");
    assert_eq!(fs::read(session.served.folder.path().join("out.png")).unwrap(), PICTURE);
}

#[test]
fn events_are_a_line_each() {
    let mut session = session();
    let name = "plain".parse().unwrap();
    session.served.manager.tell(&name, EventKind::Died, Some("ended by SIGKILL"));
    session.served.manager.tell(&name, EventKind::TakenOver, None);
    session
        .run("events")
        .run("events --after 2")
        .run("events --after 3 -o json")
        .run("events --after 2 -o yaml")
        .compare("verbs/events.txt");
}

#[test]
fn events_are_followed_as_they_happen() {
    let session = session();
    let mut child = session.command(&["events", "-f", "-o", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut number = || {
        serde_json::from_str::<serde_json::Value>(&lines.next().unwrap().unwrap()).unwrap()["number"].clone()
    };
    assert_eq!((number(), number()), (1.into(), 2.into()));

    session.served.manager.tell(&"plain".parse().unwrap(), EventKind::Connected, None);

    assert_eq!(number(), 3);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn without_a_daemon_its_socket_is_named_and_what_to_do() {
    let mut session = Session::start();
    fs::write(session.served.folder.path().join("file"), "").unwrap();
    session
        .run("list --api nobody.sock")
        .run("start a b --api nobody.sock")
        .run("events -f --api file")
        .run("create broken")
        .run("stop broken")
        .compare("verbs/no-daemon.txt");
}

#[test]
fn what_listens_and_is_no_daemon_is_said() {
    let mut session = Session::start();
    let path = session.served.folder.path().join("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for answer in [&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"[..], b"hello\n\n"] {
            let (mut client, _) = listener.accept().unwrap();
            std::io::Read::read(&mut client, &mut [0; 4096]).unwrap();
            std::io::Write::write_all(&mut client, answer).unwrap();
        }
    });
    session.run("list --api other.sock").run("list --api other.sock").compare("verbs/other-daemon.txt");
}

#[test]
fn a_list_of_64_is_there_at_once() {
    let session = Session::start();
    for number in 0..64 {
        let path = format!("/v1/vgpus/vm-{number}");
        assert_eq!(crate::http::send(&session.served.socket(), "PUT", &path, "{}").status, 201);
    }
    let time = || {
        let start = Instant::now();
        let output = session.command(&["list"]).output().unwrap();
        assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 65);
        start.elapsed()
    };
    // The host may be busy; this build is not the fast one either.
    let best = (0..20).map(|_| time()).min().unwrap();
    assert!(best < Duration::from_millis(20), "{best:?}");
}
