//! HTTP byte by byte.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/json\r\n"), "{}", self.head);
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, code and field of an error; its message and remedy.
    pub(crate) fn error(&self) -> (u16, String, Option<String>) {
        let json = self.json();
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"], "{json}");
        assert!(json["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        (self.status, text(&json["error"]["code"]).unwrap(), text(&json["error"]["field"]))
    }
}

pub(crate) fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends these bytes and reads to the end of the connection.
pub(crate) fn raw(socket: &Path, request: &[u8]) -> Answer {
    let mut stream = connect(socket);
    // The server may have answered and gone before it has read all.
    let _ = stream.write_all(request);
    answer(stream)
}

pub(crate) fn answer(mut stream: UnixStream) -> Answer {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(!bytes.is_empty(), "{error}");
    }
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("no HTTP head") + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes.split_off(end) }
}

pub(crate) fn ask(socket: &Path, method: &str, path: &str) -> Answer {
    raw(socket, format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes())
}

pub(crate) fn send(socket: &Path, method: &str, path: &str, body: &str) -> Answer {
    send_as(socket, method, path, "application/json", body.as_bytes())
}

pub(crate) fn send_as(socket: &Path, method: &str, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    raw(socket, &[head.as_bytes(), body].concat())
}
