//! What the command line answers, word by word.

use std::fs;

use serde_json::{Value, json};

use crate::vgpu::{output, vgpu};

/// Exit code, standard output and standard error.
fn said(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = output(arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn management_software_reads_the_capabilities_whatever_else_is_on_the_line() {
    for line in
        [&["--print-capabilities"][..], &["run", "--print-capabilities"], &["--print-capabilities", "--fd=x"]]
    {
        let (code, stdout, stderr) = said(line);

        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let capabilities: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(capabilities, json!({ "type": "gpu", "features": [] }));
    }
}

#[test]
fn qemus_discovery_file_has_what_its_schema_asks_for() {
    let file: Value = serde_json::from_str(include_str!("../../qemu/50-vgpu.json")).unwrap();

    let mut keys: Vec<&str> = file.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["binary", "description", "type"]);
    assert_eq!((&file["type"], &file["binary"]), (&json!("gpu"), &json!("/usr/bin/vgpu")));
}

#[test]
fn a_transport_that_the_profile_contradicts_is_refused_with_both() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("compute.toml");
    fs::write(&profile, "transport = \"vtest\"").unwrap();
    let path = profile.to_str().unwrap();

    let (code, _, stderr) =
        said(&["run", "--transport", "vhost-user", "--socket", "/nowhere/socket", "--profile", path]);

    assert_eq!(code, Some(2));
    let expected = format!(
        "error: --transport is vhost-user, but {path} says vtest\n\
         hint: leave --transport out, or change the profile\n"
    );
    assert_eq!(stderr, expected);
}

#[test]
fn one_path_for_vms_and_operators_is_refused() {
    let (code, _, stderr) = said(&["run", "--socket", "/nowhere/socket", "--control", "/nowhere/socket"]);

    assert_eq!(code, Some(2));
    let expected = "error: --socket and --control name the same path\n\
                    hint: VMs and operators each need a socket of their own\n";
    assert_eq!(stderr, expected);
}

#[test]
fn a_daemon_whose_api_socket_would_replace_a_file_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (state, file) = (folder.path().join("state"), folder.path().join("file"));
    fs::write(&file, "precious").unwrap();

    let (code, _, stderr) =
        said(&["daemon", "--state", state.to_str().unwrap(), "--api", file.to_str().unwrap()]);

    assert_eq!(code, Some(1));
    assert!(
        stderr.ends_with("exists and is not a socket\nhint: remove it, or choose another --api\n"),
        "{stderr}"
    );
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
}

#[test]
fn an_unknown_transport_is_answered_with_the_known_ones() {
    let (code, _, stderr) = said(&["run", "--transport", "usb", "--socket", "/nowhere/socket"]);

    assert_eq!(code, Some(2));
    assert!(stderr.contains("invalid value 'usb' for '--transport <TRANSPORT>'"), "{stderr}");
    assert!(stderr.contains("[possible values: vhost-user, vfio-user, vtest]"), "{stderr}");
}

#[test]
fn a_wrong_profile_is_answered_with_file_line_and_key() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("desk.toml");
    let path = profile.to_str().unwrap();
    let cases = [
        (
            "[[head]]\nsize = \"1280x800\"\nrefresh = 60",
            "line 3: unknown key `refresh`\n\
             hint: did you mean `refresh_hz`? Known here: size, enabled, refresh_hz, name, modes\n",
        ),
        ("[limits]\nimage_side = 5", "line 2: `image_side = 5`: must be from 64 to 32768, not 5\n"),
        ("name = 5", "line 1: `name = 5`: invalid type: integer `5`, expected a string\n"),
    ];
    for (text, expected) in cases {
        fs::write(&profile, text).unwrap();

        let (code, _, stderr) = said(&["run", "--socket", "/nowhere/socket", "--profile", path]);

        assert_eq!((code, stderr), (Some(1), format!("error: {path}, {expected}")));
    }
}

#[test]
fn a_profile_that_cannot_be_read_is_named() {
    let (code, _, stderr) = said(&["run", "--socket", "/nowhere/socket", "--profile", "/nowhere/desk.toml"]);

    assert_eq!(code, Some(1));
    let expected =
        "error: cannot read the profile /nowhere/desk.toml: No such file or directory (os error 2)\n";
    assert_eq!(stderr, expected);
    let (code, _, stderr) = said(&["run", "--socket", "/nowhere/socket", "--profile", "/dev/zero"]);
    assert_eq!(code, Some(1));
    assert_eq!(stderr, "error: cannot read the profile /dev/zero: it is longer than 1048576 bytes\n");
}

#[test]
fn a_socket_that_cannot_be_made_is_answered_with_the_reason() {
    let (code, _, stderr) = said(&["run", "--socket", "/nowhere/socket"]);

    assert_eq!(code, Some(1));
    let expected = "error: cannot listen on /nowhere/socket: No such file or directory (os error 2)\n\
                    hint: the directory must exist and this user must be allowed to write to it\n";
    assert_eq!(stderr, expected);
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let mut command = vgpu(&["--print-capabilities"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);

    assert_eq!(command.stdout(writer).status().unwrap().code(), Some(0));
}
