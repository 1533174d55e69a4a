//! Which pieces of GPUs vGPUs on offer have: what cuts GPUs and binds functions leaves these alone.
//!
//! It is the daemon's own records that are read, whether a daemon runs or not: a vGPU is written down there before it
//! is put on offer, so a piece has its lease before anybody can use it.
#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A vGPU on offer, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The vGPU's name.
    pub vgpu: String,
    /// The piece: a PCI address, or a UUID.
    pub piece: String,
}

/// What matters of a record; daemon/store.rs has all of it.
#[derive(Deserialize)]
struct Record {
    placement: Option<Placement>,
    wanted: String,
}

#[derive(Deserialize)]
struct Placement {
    piece: String,
}

/// Those of the vGPUs whose daemon keeps its state in this folder. A record that cannot be read is an error: nobody
/// knows what its vGPU has.
pub fn leases(state: &Path) -> Result<Vec<Lease>, (PathBuf, io::Error)> {
    let folder = state.join("vgpus");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err((folder, error)),
    };
    let mut leases = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| (folder.clone(), error))?.path();
        let Some(vgpu) = path.file_name().and_then(|file| file.to_str()?.strip_suffix(".json")) else {
            continue;
        };
        let record = match fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice::<Record>(&bytes)?)) {
            Ok(record) => record,
            // It was deleted just now.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err((path, error)),
        };
        if let (Some(placement), "running") = (record.placement, record.wanted.as_str()) {
            leases.push(Lease { vgpu: vgpu.to_owned(), piece: placement.piece });
        }
    }
    leases.sort_by(|one, other| one.vgpu.cmp(&other.vgpu));
    Ok(leases)
}

/// The names of the vGPUs that have one of these pieces.
pub fn holders(leases: &[Lease], piece: &str) -> Vec<String> {
    leases.iter().filter(|lease| lease.piece == piece).map(|lease| lease.vgpu.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{holders, leases};

    #[test]
    fn vgpus_on_offer_have_their_pieces_and_no_others_do() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(leases(state.path()).unwrap(), []);
        fs::create_dir(state.path().join("vgpus")).unwrap();
        let record = |name: &str, text: &str| fs::write(state.path().join("vgpus").join(name), text).unwrap();
        record("b.json", r#"{"placement":{"piece":"0000:03:00.1","why":"x"},"wanted":"running","spec":{}}"#);
        record("a.json", r#"{"placement":{"piece":"0000:03:00.1"},"wanted":"running"}"#);
        record("c.json", r#"{"placement":{"piece":"0000:03:00.1"},"wanted":"stopped"}"#);
        record("d.json", r#"{"wanted":"running"}"#);
        record("e.json.new", "{");

        let found = leases(state.path()).unwrap();

        assert_eq!(holders(&found, "0000:03:00.1"), ["a", "b"]);
        assert!(holders(&found, "0000:03:00.2").is_empty());
        record("f.json", "{");
        assert_eq!(leases(state.path()).unwrap_err().0, state.path().join("vgpus/f.json"));
    }
}
