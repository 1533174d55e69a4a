//! A library that stands in for NVIDIA's management library.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Made in this folder by the compiler that links the tests, with these options.
pub(crate) fn library(folder: &Path, options: &[&str]) -> PathBuf {
    let library = folder.join("libnvidia-ml.so.1");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/nvml.c");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-Wall", "-o"]).arg(&library).args(options).arg(source);
    assert!(command.status().unwrap().success());
    library
}
