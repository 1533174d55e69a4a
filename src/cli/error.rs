//! What a command says when it cannot do what it was asked, and the exit code.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::supervisor::HOPELESS;

/// Who can do something about it. The exit codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What was asked for cannot be: exit code 1.
    User = 1,
    /// The command line cannot be read: exit code 2.
    Cli = 2,
    /// The host failed: exit code 3.
    Host = 3,
}

const _: () =
    assert!(Kind::User as i32 == HOPELESS, "the supervisor does not try again what a user must change");

/// A command's failure.
#[derive(Debug)]
pub struct CommandError {
    pub(super) kind: Kind,
    pub(super) message: String,
    pub(super) hints: Vec<String>,
}

impl CommandError {
    /// What was asked for cannot be.
    pub fn user(message: impl Display) -> Self {
        Self::new(Kind::User, message)
    }

    /// The command line contradicts itself.
    pub fn cli(message: impl Display) -> Self {
        Self::new(Kind::Cli, message)
    }

    /// The host failed.
    pub fn host(message: impl Display) -> Self {
        Self::new(Kind::Host, message)
    }

    fn new(kind: Kind, message: impl Display) -> Self {
        Self { kind, message: message.to_string(), hints: Vec::new() }
    }

    /// Adds what the operator can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// Prints it, and says how the program ends.
    pub fn report(&self) -> ExitCode {
        let mut text = format!("error: {}\n", self.message);
        self.hints.iter().for_each(|hint| text.push_str(&format!("hint: {hint}\n")));
        // Whoever closed our standard error does not want to know.
        let _ = std::io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.kind as u8)
    }
}
