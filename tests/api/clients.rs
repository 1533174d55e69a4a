//! Clients that cost only themselves.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use vgpu::control::api::EventKind;

use crate::http::{answer, ask, connect};
use crate::manager::Served;

#[test]
fn clients_that_say_half_a_request_are_hung_up_on_while_others_are_served() {
    let served = Served::start();
    let begin = Instant::now();
    let mut silent = connect(&served.socket());
    let mut slow_head = connect(&served.socket());
    slow_head.write_all(b"GET /v1/vg").unwrap();
    let mut slow_body = connect(&served.socket());
    slow_body
        .write_all(
            b"PUT /v1/vgpus/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
              Content-Length: 9\r\n\r\n{",
        )
        .unwrap();

    assert_eq!(ask(&served.socket(), "GET", "/v1/vgpus").status, 200);
    assert!(begin.elapsed() < Duration::from_secs(5));

    assert_eq!(answer(slow_body).error(), (408, "too_slow".into(), None));
    for stream in [&mut silent, &mut slow_head] {
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
}

#[test]
fn more_clients_than_there_is_room_for_are_told_so_and_find_room_again() {
    let served = Served::start();
    let crowd: Vec<UnixStream> = (0..128).map(|_| connect(&served.socket())).collect();

    assert_eq!(ask(&served.socket(), "GET", "/v1/vgpus").error(), (503, "busy".into(), None));

    drop(crowd);
    let end = Instant::now() + Duration::from_secs(10);
    while ask(&served.socket(), "GET", "/v1/vgpus").status != 200 {
        assert!(Instant::now() < end, "nobody is served any more");
    }
}

fn follow(served: &Served) -> UnixStream {
    let mut stream = connect(&served.socket());
    stream.write_all(b"GET /v1/events?follow=true HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream
}

#[test]
fn a_follower_hears_of_events_as_they_happen() {
    let served = Served::start();
    let name = "a".parse().unwrap();
    served.manager.tell(&name, EventKind::Created, None);
    let mut stream = follow(&served);
    let mut text = String::new();
    let mut until = |end: &str| {
        while !text.contains(end) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0, "it hung up: {text}");
            text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
    };

    until("\"created\"}\n");
    served.manager.tell(&name, EventKind::Connected, Some("hello"));
    until("\"detail\":\"hello\"}\n");
}

#[test]
fn a_follower_that_does_not_read_is_hung_up_on() {
    let served = Served::start();
    let mut stream = follow(&served);
    let mut first = [0; 16];
    stream.read_exact(&mut first).unwrap();
    let (name, detail) = ("a".parse().unwrap(), "x".repeat(10_000));

    // More than the socket's buffer has room for, and than the manager keeps for a slow one.
    for _ in 0..200 {
        served.manager.tell(&name, EventKind::Changed, Some(&detail));
    }

    let mut heard = Vec::new();
    let end = stream.read_to_end(&mut heard);
    assert!(end.is_ok(), "it was not hung up on: {end:?}");
    assert!(!heard.ends_with(b"0\r\n\r\n"), "the end is not one that says that all was sent");
    assert!(heard.len() < 200 * 10_000);
}

#[test]
fn followers_cannot_keep_others_out() {
    let served = Served::start();
    let followers: Vec<UnixStream> = (0..64).map(|_| follow(&served)).collect();
    for mut stream in &followers {
        stream.read_exact(&mut [0; 16]).unwrap();
    }

    let refused = ask(&served.socket(), "GET", "/v1/events?follow=true");

    assert_eq!(refused.error(), (503, "busy".into(), None));
    assert_eq!(ask(&served.socket(), "GET", "/v1/events").status, 200);
    assert_eq!(ask(&served.socket(), "GET", "/v1/vgpus").status, 200);
}
