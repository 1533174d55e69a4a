//! Where things are. All that `scripts/setup` fetched is under `target/vm`.

use std::path::{Path, PathBuf};

/// The `vgpu` that is tested.
pub(crate) fn vgpu() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_vgpu"))
}

/// A file of the tests' environment; a test without it fails and says what to do.
pub(crate) fn artefact(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/vm").join(name);
    assert!(path.exists(), "{} is missing: run scripts/setup", path.display());
    path
}
