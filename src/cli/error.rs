//! What a command says when it cannot do what it was asked, and the exit code.

use std::fmt::Display;

/// Who can do something about it. The exit codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for cannot be: exit code 1.
    User = 1,
    /// The host failed: exit code 3.
    Host = 3,
}

/// A command's failure.
#[derive(Debug)]
pub struct CommandError {
    /// Who can do something about it.
    pub kind: Kind,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl CommandError {
    /// What was asked for cannot be.
    pub fn user(message: impl Display) -> Self {
        Self { kind: Kind::User, message: message.to_string(), hints: Vec::new() }
    }

    /// The host failed.
    pub fn host(message: impl Display) -> Self {
        Self { kind: Kind::Host, message: message.to_string(), hints: Vec::new() }
    }

    /// Adds what the operator can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}
