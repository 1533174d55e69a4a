//! What cannot be asked.

use crate::document::Document;
use crate::http::{ask, raw, send, send_as};
use crate::manager::Served;

fn error(status: u16, code: &str, field: Option<&str>) -> (u16, String, Option<String>) {
    (status, code.to_owned(), field.map(str::to_owned))
}

#[test]
fn paths_and_methods_that_are_not_there_are_refused_in_json() {
    let served = Served::start();
    for path in
        ["/", "/v1", "/v2/vgpus", "/v1/vgpus/", "/v1/vgpus/a/restart", "/v1/vgpus/a/b/c", "//", "/%2e%2e"]
    {
        assert_eq!(ask(&served.socket(), "GET", path).error(), error(404, "no_such_request", None), "{path}");
    }
    for (method, path, allowed) in [
        ("POST", "/v1/vgpus", "allow: GET,HEAD\r\n"),
        ("OPTIONS", "/v1/host", "allow: GET,HEAD\r\n"),
        ("GET", "/v1/vgpus/a/start", "allow: POST\r\n"),
        ("BREW", "/v1/openapi.json", "allow: GET,HEAD\r\n"),
    ] {
        let answer = ask(&served.socket(), method, path);
        assert_eq!(answer.error(), error(405, "no_such_method", None), "{method} {path}");
        assert!(answer.head.contains(allowed), "{}", answer.head);
    }
}

#[test]
fn a_name_that_is_none_is_refused() {
    let served = Served::start();
    for name in [".a", "a%20b", "%2e%2e", "a%2Fb", "%ff", "%00", "-", &"a".repeat(64), "%C3%A4"] {
        for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/start"), ("GET", "/screenshot")] {
            let answer = ask(&served.socket(), method, &format!("/v1/vgpus/{name}{path}"));
            assert_eq!(answer.error(), error(400, "bad_name", Some("name")), "{name}");
        }
    }
    assert_eq!(ask(&served.socket(), "GET", &format!("/v1/vgpus/{}", "a".repeat(63))).status, 404);
}

#[test]
fn a_body_that_is_no_json_object_of_known_fields_is_refused_with_the_field() {
    let served = Served::start();
    let document = Document::of(&served.socket());
    for (body, code, field) in [
        ("", "bad_json", None),
        ("{", "bad_json", None),
        ("\u{0}", "bad_json", None),
        ("[1]", "bad_json", None),
        ("7", "bad_json", None),
        (r#"{"profil":{}}"#, "bad_field", Some("profil")),
        (r#"{"profile":{"limits":{"memroy":"1GiB"}}}"#, "bad_field", Some("profile.limits.memroy")),
        (r#"{"profile":{"head":[]}}"#, "bad_field", Some("profile.head")),
        (r#"{"profile":{"head":[{},{"size":"0x0"}]}}"#, "bad_field", Some("profile.head[1].size")),
        (r#"{"profile":{"head":[{"refresh_hz":1e99}]}}"#, "bad_field", Some("profile.head[0].refresh_hz")),
        (r#"{"profile":{"head":[{"modes":["a"]}]}}"#, "bad_field", Some("profile.head[0].modes")),
        (r#"{"profile":{"limits":{"image_side":64}}}"#, "bad_field", Some("profile.head[0].size")),
        (r#"{"profile":{"socket":{"mode":"0666"}}}"#, "bad_field", Some("profile.socket.mode")),
        (r#"{"profile":{"socket":{"owner":-1}}}"#, "bad_field", Some("profile.socket.owner")),
        (r#"{"profile":[]}"#, "bad_field", Some("profile")),
        (r#"{"profile":{"limits":[]}}"#, "bad_field", Some("profile.limits")),
        (r#"{"profile":{"socket":[7]}}"#, "bad_field", Some("profile.socket")),
        (r#"{"profile":{"head":[[]]}}"#, "bad_field", Some("profile.head[0]")),
        (r#"{"socket":7}"#, "bad_field", Some("socket")),
    ] {
        let answer = send(&served.socket(), "PUT", "/v1/vgpus/a", body);
        assert_eq!(answer.error(), error(400, code, field), "{body}: {}", answer.json());
        document.check("put", "/v1/vgpus/{name}", 400, &answer.json());
    }
    for (body, field) in [
        ("{}", None),
        (r#"{"heads":[]}"#, None),
        (r#"{"share":{}}"#, None),
        (r#"{"share":null}"#, Some("share")),
        (r#"{"share":[1]}"#, Some("share")),
        (r#"{"share":{"weight":1001}}"#, Some("share.weight")),
        (r#"{"share":{"cap":0}}"#, Some("share.cap")),
        (r#"{"share":{"class":"best"}}"#, Some("share.class")),
        (r#"{"share":{"wieght":1}}"#, Some("share.wieght")),
        (r#"{"limits":{}}"#, None),
        (r#"{"limits":null}"#, Some("limits")),
        (r#"{"limits":{"memory":null}}"#, Some("limits.memory")),
        (r#"{"limits":{"memory":"1025GiB"}}"#, Some("limits.memory")),
        (r#"{"limits":{"clients":7}}"#, Some("limits.clients")),
        (r#"{"heads":[[0,"off"]]}"#, Some("heads[0]")),
        (r#"{"heads":[{"head":16,"size":"off"}]}"#, Some("heads[0].head")),
        (r#"{"heads":[{"head":0,"size":"on"}]}"#, Some("heads[0].size")),
        (r#"{"heads":[{"head":0,"size":"off","x":1}]}"#, Some("heads[0].x")),
    ] {
        let answer = send(&served.socket(), "PATCH", "/v1/vgpus/a", body);
        assert_eq!(answer.error(), error(400, "bad_field", field), "{body}: {}", answer.json());
    }
    assert_eq!(ask(&served.socket(), "GET", "/v1/vgpus").json()["vgpus"], serde_json::json!([]));
}

#[test]
fn an_unknown_field_is_answered_with_the_near_one() {
    let served = Served::start();
    let answer = send(&served.socket(), "PUT", "/v1/vgpus/a", r#"{"profile":{"limits":{"memroy":1}}}"#);
    assert_eq!(
        answer.json()["error"]["remedy"],
        "did you mean `memory`? Known here: memory, resources, entries, image_side, clients"
    );
    let answer = ask(&served.socket(), "GET", "/v1/events?folow=true");
    assert_eq!(answer.json()["error"]["remedy"], "did you mean `follow`? Known here: follow, after");
}

#[test]
fn a_body_too_long_or_of_another_type_is_refused() {
    let served = Served::start();
    let long = format!("{{\"socket\":\"{}\"}}", "a".repeat(64 << 10));
    assert_eq!(send(&served.socket(), "PUT", "/v1/vgpus/a", &long).error(), error(413, "too_long", None));
    let chunked =
        b"PUT /v1/vgpus/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("8000\r\n{}\r\n", " ".repeat(0x8000)).repeat(3);
    let answer = raw(&served.socket(), &[chunked, chunks.as_bytes()].concat());
    assert_eq!(answer.error(), error(413, "too_long", None));
    for content_type in ["text/plain", "application/xml", "application/jsonx", "\u{e4}"] {
        let answer = send_as(&served.socket(), "PUT", "/v1/vgpus/a", content_type, b"{}");
        assert_eq!(answer.error(), error(415, "bad_content_type", None), "{content_type}");
    }
    let answer = raw(
        &served.socket(),
        b"PUT /v1/vgpus/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    );
    assert_eq!(answer.error(), error(415, "bad_content_type", None));
    let answer = send_as(&served.socket(), "PUT", "/v1/vgpus/a", "Application/JSON; charset=utf-8", b"{}");
    assert_eq!(answer.status, 201);
}

#[test]
fn parameters_that_are_not_known_or_cannot_be_are_refused() {
    let served = Served::start();
    for (path, field) in [
        ("/v1/events?after=-1", "after"),
        ("/v1/events?after=x", "after"),
        ("/v1/events?after=", "after"),
        ("/v1/events?after=18446744073709551616", "after"),
        ("/v1/events?follow=1", "follow"),
        ("/v1/events?after=1&after=2", "after"),
        ("/v1/vgpus/a/screenshot?head=16", "head"),
        ("/v1/vgpus/a/screenshot?head=%ff", "head"),
        ("/v1/vgpus/a/screenshot?x", "x"),
    ] {
        assert_eq!(
            ask(&served.socket(), "GET", path).error(),
            error(400, "bad_field", Some(field)),
            "{path}"
        );
    }
}

#[test]
fn what_is_no_http_or_has_too_long_a_head_ends_its_connection_only() {
    let served = Served::start();
    let long = format!("GET /v1/vgpus?{} HTTP/1.1\r\n\r\n", "a".repeat(17 << 10));
    assert!((400..500).contains(&raw(&served.socket(), long.as_bytes()).status));
    assert_eq!(raw(&served.socket(), b"\x00\x01\x02\r\n\r\n").status, 400);
    assert_eq!(ask(&served.socket(), "GET", "/v1/vgpus").status, 200);
}
