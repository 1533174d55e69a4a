//! QEMU's monitor.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

pub(crate) struct Qmp(BufReader<UnixStream>);

impl Qmp {
    pub(crate) fn open(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let mut monitor = Self(BufReader::new(stream));
        monitor.message(); // the greeting
        monitor.execute("qmp_capabilities", &json!({})).unwrap();
        monitor
    }

    /// Runs a command; an error has QEMU's own words.
    pub(crate) fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        let line = json!({ "execute": command, "arguments": arguments }).to_string();
        writeln!(self.0.get_mut(), "{line}").unwrap();
        loop {
            let mut message = self.message();
            if let Some(answer) = message.get_mut("return") {
                return Ok(answer.take());
            }
            if let Some(error) = message.get("error") {
                return Err(error.to_string());
            }
            // Else an event.
        }
    }

    fn message(&mut self) -> Value {
        let mut line = String::new();
        let length = self.0.read_line(&mut line).unwrap();
        assert_ne!(length, 0, "QEMU closed its monitor");
        serde_json::from_str(&line).unwrap()
    }
}
