//! What each request does.

use serde_json::json;

use crate::document::Document;
use crate::http::{ask, send};
use crate::manager::{PICTURE, Served};

#[test]
fn a_vgpu_lives_from_put_to_delete() {
    let served = Served::start();
    let socket = served.socket();
    let document = Document::of(&socket);
    let path = "/v1/vgpus/{name}";
    let check = |method: &str, path: &str, answer: &crate::http::Answer| {
        document.check(method, path, answer.status, &answer.json());
    };

    let heads = r#"[{"size":"1920x1080","modes":["1600x1200"]},{"enabled":false}]"#;
    let spec = &format!(r#"{{"profile":{{"head":{heads},"socket":{{"group":"kvm","owner":7}}}}}}"#);
    let made = send(&socket, "PUT", "/v1/vgpus/a", spec);
    assert_eq!((made.status, made.json()["state"].clone()), (201, json!("waiting")));
    check("put", path, &made);
    let same = send(&socket, "PUT", "/v1/vgpus/a", spec);
    assert_eq!((same.status, same.json()), (200, made.json()));
    check("put", path, &same);
    let other = send(&socket, "PUT", "/v1/vgpus/a", "{}");
    assert_eq!(other.error(), (409, "conflict".into(), Some("profile".into())));
    check("put", path, &other);

    let list = ask(&socket, "GET", "/v1/vgpus");
    assert_eq!(list.json(), json!({"vgpus": [made.json()]}));
    check("get", "/v1/vgpus", &list);
    let shown = ask(&socket, "GET", "/v1/vgpus/a");
    assert_eq!(shown.json()["device"]["heads"][0]["picture"], "1280x800");
    check("get", path, &shown);

    let set = send(
        &socket,
        "PATCH",
        "/v1/vgpus/a",
        r#"{"heads":[{"head":1,"size":"640x480"},{"head":0,"size":"off"}]}"#,
    );
    assert_eq!(set.json()["profile"]["head"][1]["size"], "640x480");
    assert_eq!(set.json()["profile"]["head"][0]["enabled"], false);
    check("patch", path, &set);

    for (verb, state) in [("stop", "stopped"), ("stop", "stopped"), ("start", "waiting")] {
        let answer = ask(&socket, "POST", &format!("/v1/vgpus/a/{verb}"));
        assert_eq!((answer.status, answer.json()["state"].clone()), (200, json!(state)));
        check("post", &format!("/v1/vgpus/{{name}}/{verb}"), &answer);
    }

    let picture = ask(&socket, "GET", "/v1/vgpus/a/screenshot?head=0");
    assert!(picture.head.contains("content-type: image/png\r\n"), "{}", picture.head);
    assert_eq!((picture.status, picture.body.as_slice()), (200, PICTURE));
    assert_eq!(ask(&socket, "GET", "/v1/vgpus/a/screenshot").body, PICTURE);

    let gone = ask(&socket, "DELETE", "/v1/vgpus/a");
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    let missing = ask(&socket, "DELETE", "/v1/vgpus/a");
    assert_eq!(missing.error(), (404, "not_found".into(), Some("name".into())));
    check("delete", path, &missing);
}

#[test]
fn a_share_is_changed_in_part_and_vgpus_of_vms_have_none() {
    let served = Served::start();
    let socket = served.socket();
    send(&socket, "PUT", "/v1/vgpus/a", r#"{"profile":{"transport":"vtest"}}"#);
    send(&socket, "PUT", "/v1/vgpus/b", "{}");

    send(&socket, "PATCH", "/v1/vgpus/a", r#"{"share":{"weight":200}}"#);
    let set = send(&socket, "PATCH", "/v1/vgpus/a", r#"{"share":{"cap":50}}"#);

    assert_eq!(set.json()["profile"]["share"], json!({"weight": 200, "cap": 50, "class": "normal"}));
    Document::of(&socket).check("patch", "/v1/vgpus/{name}", set.status, &set.json());
    let refused = send(&socket, "PATCH", "/v1/vgpus/b", r#"{"share":{"weight":100}}"#);
    assert_eq!(refused.error(), (400, "bad_field".into(), Some("share".into())));
}

#[test]
fn a_limit_is_changed_and_vgpus_of_vms_keep_theirs() {
    let served = Served::start();
    let socket = served.socket();
    send(&socket, "PUT", "/v1/vgpus/a", r#"{"profile":{"transport":"vtest"}}"#);
    send(&socket, "PUT", "/v1/vgpus/b", "{}");

    let change = r#"{"limits":{"memory":"8GiB"}}"#;
    let set = send(&socket, "PATCH", "/v1/vgpus/a", change);

    assert_eq!(set.json()["profile"]["limits"]["memory"], "8GiB");
    Document::of(&socket).check("patch", "/v1/vgpus/{name}", set.status, &set.json());
    let small = send(&socket, "PATCH", "/v1/vgpus/a", r#"{"limits":{"memory":"8MiB"}}"#);
    assert_eq!(small.error(), (400, "bad_field".into(), Some("limits.memory".into())));
    let refused = send(&socket, "PATCH", "/v1/vgpus/b", change);
    assert_eq!(refused.error(), (400, "bad_field".into(), Some("limits".into())));
}

#[test]
fn gpus_are_listed_and_are_shared_as_they_are_told() {
    let served = Served::start();
    let socket = served.socket();
    let document = Document::of(&socket);

    let set = send(&socket, "PATCH", "/v1/gpus/NVIDIA%20H200", r#"{"policy":"equal-share"}"#);

    assert_eq!((set.status, set.json()["policy"].clone()), (200, json!("equal-share")));
    document.check("patch", "/v1/gpus/{gpu}", set.status, &set.json());
    let none = send(&socket, "PATCH", "/v1/gpus/llvmpipe", "{}");
    assert_eq!(none.error(), (400, "bad_field".into(), None));
    let set = send(&socket, "PATCH", "/v1/gpus/NVIDIA%20H200", r#"{"overcommit":150}"#).json();
    assert_eq!((&set["policy"], &set["overcommit"]), (&json!("equal-share"), &json!(150)));
    let list = ask(&socket, "GET", "/v1/gpus");
    assert_eq!(list.json()["gpus"][0], set);
    document.check("get", "/v1/gpus", list.status, &list.json());
    for (path, body, error) in [
        ("/v1/gpus/H100", r#"{"policy":"best-effort"}"#, (404, "not_found", "gpu")),
        ("/v1/gpus/llvmpipe", r#"{"policy":"fixed-share"}"#, (409, "conflict", "policy")),
        ("/v1/gpus/llvmpipe", r#"{"policy":"fair"}"#, (400, "bad_field", "policy")),
        ("/v1/gpus/llvmpipe", r#"{"policy":null}"#, (400, "bad_field", "policy")),
        ("/v1/gpus/llvmpipe", r#"{"overcommit":99}"#, (400, "bad_field", "overcommit")),
        ("/v1/gpus/%ff", r#"{"policy":"fixed-share"}"#, (400, "bad_name", "gpu")),
    ] {
        let answer = send(&socket, "PATCH", path, body);
        let (status, code, field) = error;
        assert_eq!(answer.error(), (status, code.into(), Some(field.into())), "{path}");
        document.check("patch", "/v1/gpus/{gpu}", status, &answer.json());
    }
}

#[test]
fn usage_is_of_one_time_for_all() {
    let served = Served::start();
    let socket = served.socket();
    for name in ["a", "b"] {
        send(&socket, "PUT", &format!("/v1/vgpus/{name}"), r#"{"profile":{"transport":"vtest"}}"#);
    }

    let usage = ask(&socket, "GET", "/v1/usage");

    assert_eq!(usage.json()["time_ns"], 91_000_000_000_u64);
    assert_eq!(usage.json()["vgpus"][1]["busy_ns"], 200_000_000);
    Document::of(&socket).check("get", "/v1/usage", usage.status, &usage.json());
}

#[test]
fn the_host_is_described() {
    let served = Served::start();
    let host = ask(&served.socket(), "GET", "/v1/host");

    assert_eq!(host.json()["socket_folders"], json!(["/run/vgpu"]));
    Document::of(&served.socket()).check("get", "/v1/host", host.status, &host.json());
}

#[test]
fn past_events_are_lines_of_json_after_a_number() {
    let served = Served::start();
    let document = Document::of(&served.socket());
    for name in ["a", "b", "c"] {
        send(&served.socket(), "PUT", &format!("/v1/vgpus/{name}"), "{}");
    }

    let answer = ask(&served.socket(), "GET", "/v1/events?after=1");

    assert!(answer.head.contains("content-type: application/x-ndjson\r\n"), "{}", answer.head);
    let names: Vec<_> = String::from_utf8(answer.body)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| {
            let event = serde_json::from_str(line).unwrap();
            document.check("get", "/v1/events", 200, &event);
            event["name"].clone()
        })
        .collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn a_head_request_is_a_get_without_a_body() {
    let served = Served::start();
    let answer = ask(&served.socket(), "HEAD", "/v1/vgpus");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}
