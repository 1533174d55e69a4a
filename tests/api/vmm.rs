//! What `vgpu args` prints, and how `vgpu doctor` ends.

use std::fs;

use serde_json::Value;

use crate::golden::Session;

const DESK: &str = "[[head]]\nsize = \"1920x1080\"\n[[head]]\nenabled = false\n\
    [socket]\nowner = \"libvirt-qemu\"\ngroup = \"kvm\"\nmode = \"0660\"";

#[test]
fn args_prints_what_is_pasted_and_who_may_connect() {
    let mut session = Session::start();
    fs::write(session.served.folder.path().join("desk.toml"), DESK).unwrap();
    session
        .run("create desk-1 --profile desk.toml")
        .run("args desk-1 --vmm qemu")
        .run("args desk-1 --vmm qemu --memory 512MiB -o json")
        .run("args desk-1 --vmm cloud-hypervisor")
        .run("args desk-1 --vmm cloud-hypervisor -o yaml")
        .run("args desk-1 --vmm crosvm")
        .run("args desk-1 --vmm libvirt --memory 8GiB")
        .run("args desk-1 --vmm libvirt -o json")
        .run("args nobody --vmm qemu")
        .run("args desk-1 --vmm qemu --memory lots")
        .compare("verbs/args.txt");
}

/// What it finds is this host's business; that it says so, and ends accordingly, is ours.
#[test]
fn doctor_ends_with_the_worst_that_it_found() {
    let session = Session::start();
    let output = session.command(&["doctor", "-o", "json"]).output().unwrap();
    let checks: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let rank = |check: &Value| match check["status"].as_str().unwrap() {
        "ok" => 0,
        "warn" => 1,
        "fail" => 2,
        other => panic!("{other}"),
    };
    assert_eq!(output.status.code(), checks.iter().map(rank).max());
    for check in &checks {
        assert_eq!(check["remedy"].is_string(), rank(check) > 0, "{check}");
        assert!(["check", "file", "found"].iter().all(|field| check[field].is_string()), "{check}");
    }
    // Tests need a sealed device process, so this host can make one; and no folder of this manager's is there.
    let status = |name: &str| rank(checks.iter().find(|check| check["check"] == name).unwrap());
    assert_eq!((status("memfd"), status("seal"), status("daemon")), (0, 0, 0));
    assert_eq!(output.status.code(), Some(2), "{checks:?}");
}

#[test]
fn doctor_names_the_socket_where_no_daemon_answers() {
    let session = Session::start();
    let output = session.command(&["doctor", "--api", "nobody.sock"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{text}");
    let row = text.lines().find(|line| line.starts_with("daemon ")).unwrap();
    assert!(row.contains("warn") && row.contains("nobody.sock"), "{row}");
    assert!(text.contains("\ndaemon: start it with `vgpu daemon`"), "{text}");
}
