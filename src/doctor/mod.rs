//! Looks at a host for what keeps vGPUs from working, or from working well, and says what to do about it.
//!
//! Files are looked for below a root, so that tests can write hosts down; what can only be tried out is tried out on
//! this host.
#![forbid(unsafe_code)]

mod kernel;
mod seal;
mod service;
mod vmm;
mod vulkan;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// How well something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Something works less well than it could.
    Warn,
    /// Something does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about; programs may rely on the names.
    pub check: &'static str,
    /// How well it is.
    pub status: Status,
    /// The file that says so.
    pub file: PathBuf,
    /// What is there.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    fn ok(check: &'static str, file: impl AsRef<Path>, found: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, file: file.as_ref().into(), found: found.into(), remedy: None }
    }

    fn warn(self, remedy: impl Into<String>) -> Self {
        Self { status: Status::Warn, remedy: Some(remedy.into()), ..self }
    }

    fn fail(self, remedy: impl Into<String>) -> Self {
        Self { status: Status::Fail, remedy: Some(remedy.into()), ..self }
    }
}

/// The files of a host.
#[derive(Clone, Debug)]
struct Host {
    root: PathBuf,
}

impl Host {
    /// Where a file of that host is.
    fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn read(&self, path: &str) -> io::Result<String> {
        fs::read_to_string(self.place(path))
    }

    /// The number in a file of the kernel, if there is one.
    fn number(&self, path: &str) -> Option<u64> {
        self.read(path).ok()?.trim().parse().ok()
    }
}

/// Looks at everything on this host, the daemon behind this socket included.
pub fn examine(api: &Path) -> Vec<Check> {
    let host = Host { root: "/".into() };
    let mut checks = kernel::checks(&host);
    checks.push(kernel::memfd());
    checks.push(seal::check());
    checks.extend(service::checks(&host, api));
    let path = std::env::var_os("PATH").unwrap_or_default();
    checks.extend(vmm::checks(&host, &path));
    checks.extend(vulkan::checks());
    checks
}

/// The worst of them.
pub fn worst(checks: &[Check]) -> Status {
    checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok)
}
