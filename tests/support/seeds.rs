//! What the fuzz targets start from, written where `scripts/fuzz` asks for it.

use std::fs;
use std::path::PathBuf;

/// Keeps the seeds of a fuzz target in the folder that VGPU_FUZZ_SEEDS names, if it does.
pub(crate) fn save(target: &str, seeds: &[Vec<u8>]) {
    let Some(folder) = std::env::var_os("VGPU_FUZZ_SEEDS").map(PathBuf::from) else { return };
    let folder = folder.join(target).join("seeds");
    _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (index, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("{index:03}")), seed).unwrap();
    }
}
