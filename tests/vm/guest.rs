//! The program in the guest, at the other end of a serial port.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Long, because machines are emulated, sometimes twice over, on cores that others use too.
const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) struct Guest(BufReader<UnixStream>);

/// What the guest's kernel knows of one head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) connected: bool,
    pub(crate) edid: Vec<u8>,
    /// `WIDTHxHEIGHT@HZ`, the kernel's favourite first.
    pub(crate) modes: Vec<String>,
}

/// What a program in the guest said, and how it ended, as a shell has it: 0 is well.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) said: String,
    pub(crate) status: i32,
}

impl Ended {
    /// What it said, if it ended well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.status, 0, "{}", self.said);
        self.said
    }
}

impl Guest {
    pub(crate) fn open(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Waits for the program's first word after a boot.
    pub(crate) fn wait_until_ready(&mut self) {
        while self.line() != "ready" {}
    }

    /// Runs a command that must succeed and gives the answer's text.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.expect_ok()
    }

    /// The text of an answer that must be a good one.
    pub(crate) fn expect_ok(&mut self) -> String {
        let answer = self.line();
        answer.strip_prefix("ok").unwrap_or_else(|| panic!("the guest answers {answer:?}")).trim().to_owned()
    }

    /// Sends a command without waiting for an answer.
    pub(crate) fn tell(&mut self, command: &str) {
        writeln!(self.0.get_mut(), "{command}").unwrap();
    }

    /// Starts a shell command in the guest, where it finds the files of this machine under the same names.
    pub(crate) fn start(&mut self, command: &str) {
        self.tell(&format!("run {command}"));
    }

    /// The next line of the program that was started.
    pub(crate) fn said(&mut self) -> String {
        let line = self.line();
        match line.strip_prefix('|') {
            Some(said) => said.trim().to_owned(),
            None => panic!("the program has ended, and said no more: {line:?}"),
        }
    }

    /// Waits for the end of the program that was started.
    pub(crate) fn end(&mut self) -> Ended {
        let mut said = Vec::new();
        loop {
            let line = self.line();
            match line.strip_prefix('|') {
                Some(line) => said.push(line.trim().to_owned()),
                None => {
                    let said = said.join("\n");
                    let status = line.strip_prefix("ok ").and_then(|status| status.parse().ok());
                    let status = status.unwrap_or_else(|| panic!("{said}\nthe guest answers {line:?}"));
                    return Ended { said, status };
                }
            }
        }
    }

    /// Runs a shell command from start to end.
    pub(crate) fn run(&mut self, command: &str) -> Ended {
        self.start(command);
        self.end()
    }

    pub(crate) fn heads(&mut self) -> Vec<Head> {
        self.ask("heads").split(';').map(head).collect()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => panic!("QEMU closed the guest's port"),
            Ok(_) => line.trim().to_owned(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("the guest says nothing for {PATIENCE:?}")
            }
            Err(error) => panic!("the guest's port: {error}"),
        }
    }
}

/// Reads `NAME on|off edid=HEX MODE...`.
fn head(text: &str) -> Head {
    let words: Vec<&str> = text.split(' ').collect();
    let [_, state, edid, modes @ ..] = words.as_slice() else { panic!("not a head: {text:?}") };
    let hex = edid.strip_prefix("edid=").unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    Head {
        connected: *state == "on",
        edid: (0..hex.len()).step_by(2).map(byte).collect(),
        modes: modes.iter().map(|&mode| mode.to_owned()).collect(),
    }
}
