//! What the daemon must not forget: a file for each vGPU that says what operators want of it, and one for each GPU
//! of which they said how it is shared.
//!
//! # Crashes
//! A file is written beside its place, flushed to the disk and moved there, and the folder is flushed: at any moment
//! there is the old one or the new one, whole. Each verb says what is wanted before it does it, so the next daemon
//! finishes what this one could not.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::HeadChange;
use crate::control::api::{GpuChange, Name, Placement, VgpuSpec};
use crate::control::profile::{Profile, Share};
use crate::fault;

/// The end of a file's name while it is written.
const UNFINISHED: &str = ".new";

const EXTENSION: &str = ".json";

/// What operators want of a vGPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// What was asked for when it was created.
    pub(super) spec: VgpuSpec,
    /// The GPU that it is on, if that was said or chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) placement: Option<Placement>,
    /// Where the VM connects, whatever later daemons' folders for sockets are; nowhere where the piece itself is handed
    /// over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) socket: Option<PathBuf>,
    /// The monitors that were changed since.
    pub(super) heads: Vec<HeadChange>,
    /// The share, if it was changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) share: Option<Share>,
    /// The limit of its memory, if it was changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memory_bytes_max: Option<u64>,
    pub(super) wanted: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wanted {
    /// On offer.
    Running,
    /// Not on offer.
    Stopped,
    /// Forgotten, once nothing of it is left.
    Gone,
}

impl Record {
    /// The same for its processes: on the GPU where it was placed.
    pub(super) fn offered(&self) -> Profile {
        let mut profile = self.profile();
        if let Some(placement) = &self.placement {
            profile.gpu.device.clone_from(&placement.uuid);
        }
        profile
    }

    /// What the next VM gets.
    pub(super) fn profile(&self) -> Profile {
        let mut profile = self.spec.profile.clone();
        profile.share = self.share.unwrap_or(profile.share);
        profile.limits.memory = self.memory_bytes_max.unwrap_or(profile.limits.memory);
        for change in &self.heads {
            if let Some(head) = profile.heads.get_mut(change.head.index()) {
                head.size = change.size.unwrap_or(head.size);
                head.enabled = change.size.is_some();
            }
        }
        profile
    }
}

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon uses it.
    #[error("another daemon keeps its state in {}", .0.display())]
    InUse(PathBuf),
    /// The host refused.
    #[error("cannot use {}: {reason}", path.display())]
    Host {
        /// Where.
        path: PathBuf,
        /// What it said.
        reason: io::Error,
    },
}

/// The state folder, which is ours alone as long as this lives.
#[derive(Debug)]
pub(super) struct Store {
    state: PathBuf,
    _alone: Flock<File>,
}

/// What was found in the state folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) records: BTreeMap<Name, Record>,
    /// Names whose files cannot be read.
    pub(super) unreadable: Vec<Name>,
}

impl Store {
    /// Takes the folder, and makes it if there is none.
    pub(super) fn open(state: &Path) -> Result<Self, StoreError> {
        let host = |reason: io::Error| StoreError::Host { path: state.to_owned(), reason };
        make_folder(state).map_err(host)?;
        let state = state.canonicalize().map_err(host)?;
        for folder in ["vgpus", "gpus", "run"] {
            make_folder(&state.join(folder)).map_err(host)?;
        }
        let lock = open_private(&state.join("daemon.lock")).map_err(host)?;
        let alone = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
            nix::errno::Errno::EWOULDBLOCK => StoreError::InUse(state.clone()),
            error => host(error.into()),
        })?;
        flush_folder(&state).map_err(host)?;
        Ok(Self { state, _alone: alone })
    }

    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// Reads every file, and removes those that were never finished. Others that are not ours stay.
    pub(super) fn load(&self) -> io::Result<Found> {
        let mut found = Found::default();
        for entry in fs::read_dir(self.folder())? {
            let path = entry?.path();
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(of) = file.strip_suffix(UNFINISHED)
                && named(of).is_some()
            {
                fs::remove_file(&path)?;
                continue;
            }
            let Some(name) = named(file) else {
                tracing::warn!("{} is not ours; it is left as it is", path.display());
                continue;
            };
            match read(&path) {
                Ok(record) => _ = found.records.insert(name, record),
                Err(error) => {
                    tracing::error!("{} cannot be read; it is left as it is: {error}", path.display());
                    found.unreadable.push(name);
                }
            }
        }
        Ok(found)
    }

    /// Writes a record so that it is there, or else the one before it, whatever happens.
    pub(super) fn save(&self, name: &Name, record: &Record) -> io::Result<()> {
        replace(&self.folder(), name.as_str(), record)
    }

    pub(super) fn remove(&self, name: &Name) -> io::Result<()> {
        fs::remove_file(self.path(name))?;
        flush_folder(&self.folder())
    }

    /// What was said of GPUs. A file that cannot be read stays, and its GPU is as usual.
    pub(super) fn gpus(&self) -> io::Result<BTreeMap<Uuid, GpuChange>> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(self.gpu_folder())? {
            let path = entry?.path();
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // One that was never finished has another ending, and is written over.
            let Some(uuid) = file.strip_suffix(EXTENSION).and_then(|name| name.parse().ok()) else {
                continue;
            };
            match read_json::<GpuChange>(&path) {
                Ok(change) => _ = found.insert(uuid, change),
                Err(error) => {
                    tracing::error!("{} cannot be read; it is left as it is: {error}", path.display());
                }
            }
        }
        Ok(found)
    }

    /// Writes what is said of a GPU so that it is there, or else what was said before.
    pub(super) fn save_gpu(&self, gpu: Uuid, change: GpuChange) -> io::Result<()> {
        replace(&self.gpu_folder(), &gpu.to_string(), &change)
    }

    fn folder(&self) -> PathBuf {
        self.state.join("vgpus")
    }

    fn gpu_folder(&self) -> PathBuf {
        self.state.join("gpus")
    }

    /// Where a vGPU's record is.
    pub(super) fn path(&self, name: &Name) -> PathBuf {
        self.folder().join(format!("{name}{EXTENSION}"))
    }
}

/// The vGPU that a file of this name is about.
fn named(file: &str) -> Option<Name> {
    file.strip_suffix(EXTENSION)?.parse().ok()
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn read(path: &Path) -> io::Result<Record> {
    let record: Record = read_json(path)?;
    record.profile().check().map_err(io::Error::other)?;
    match &record.socket {
        None if !record.spec.passthrough => Err(io::Error::other("there is no socket's path")),
        Some(socket) if !socket.is_absolute() => Err(io::Error::other("the socket's path is not absolute")),
        _ => Ok(record),
    }
}

/// Writes a file so that it is there, or else the one before it, whatever happens.
fn replace(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    let path = folder.join(format!("{name}{EXTENSION}"));
    let unfinished = folder.join(format!("{name}{EXTENSION}{UNFINISHED}"));
    write(&unfinished, &serde_json::to_vec_pretty(value)?)
        .inspect_err(|_| _ = fs::remove_file(&unfinished))
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    fault::point("save: written");
    fs::rename(&unfinished, &path)?;
    fault::point("save: renamed");
    flush_folder(folder)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = open_private(path)?;
    file.set_len(0)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A folder that only we can look into, if there is none yet.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// A file that only we can read and write.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn flush_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::Policy;
    use crate::control::profile::Transport;
    use crate::wire::{ScanoutId, Size};

    fn record() -> Record {
        Record {
            spec: VgpuSpec::default(),
            placement: None,
            socket: Some("/run/vgpu/a.sock".into()),
            heads: Vec::new(),
            share: None,
            memory_bytes_max: None,
            wanted: Wanted::Running,
        }
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn what_was_saved_is_found_by_the_next_daemon() {
        let folder = tempfile::tempdir().unwrap();
        let first = Store::open(folder.path()).unwrap();
        let stopped = Record { wanted: Wanted::Stopped, ..record() };
        first.save(&name("a"), &record()).unwrap();
        first.save(&name("a"), &stopped).unwrap();
        first.save(&name("b"), &record()).unwrap();
        first.remove(&name("b")).unwrap();
        drop(first);

        let found = Store::open(folder.path()).unwrap().load().unwrap();

        assert_eq!(found.records, BTreeMap::from([(name("a"), stopped)]));
    }

    #[test]
    fn whoever_cuts_gpus_reads_from_a_record_what_its_vgpu_has() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let placement = Placement {
            piece: "0000:03:00.1".to_owned(),
            name: "a card".to_owned(),
            uuid: None,
            device: None,
            why: "asked for".to_owned(),
        };
        let placed = Record { placement: Some(placement), ..record() };
        store.save(&name("a"), &placed).unwrap();
        store.save(&name("b"), &Record { wanted: Wanted::Stopped, ..placed }).unwrap();
        store.save(&name("c"), &record()).unwrap();

        let leases = crate::lease::leases(store.state()).unwrap();

        assert_eq!(crate::lease::holders(&leases, "0000:03:00.1"), ["a"]);
        assert_eq!(leases.len(), 1);
    }

    #[test]
    fn a_folder_belongs_to_one_daemon() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Store::open(folder.path()).unwrap();

        let error = Store::open(folder.path()).unwrap_err();

        assert!(matches!(error, StoreError::InUse(_)), "{error}");
    }

    #[test]
    fn files_that_are_unreadable_or_not_ours_stay_and_unfinished_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let misplaced = Record { socket: Some("a.sock".into()), ..record() };
        let mut too_large = record();
        too_large.spec.profile.limits.memory = 1 << 20;
        store.save(&name("misplaced"), &misplaced).unwrap();
        store.save(&name("too-large"), &too_large).unwrap();
        let files = ["broken.json", "README", "notes.new", "-.json", "a.json.new"];
        for file in files {
            fs::write(store.folder().join(file), "{\"spec\":").unwrap();
        }

        let mut found = store.load().unwrap();

        found.unreadable.sort();
        assert_eq!(
            (found.records.len(), found.unreadable),
            (0, ["broken", "misplaced", "too-large"].map(name).into())
        );
        let left = files.map(|file| store.folder().join(file).exists());
        assert_eq!(left, [true, true, true, true, false]);
    }

    #[test]
    fn a_record_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        fs::remove_dir(store.folder()).unwrap();

        let error = store.save(&name("a"), &record()).unwrap_err();

        assert!(error.to_string().contains("vgpus/a.json: No such file"), "{error}");
    }

    #[test]
    fn a_monitor_that_was_taken_away_keeps_its_size_in_the_profile() {
        let head = ScanoutId::new(0).unwrap();
        let size = Size { width: 640, height: 480 };
        let changes = [Some(size), None].map(|size| HeadChange { head, size });

        let profile = Record { heads: changes.into(), ..record() }.profile();

        assert_eq!((profile.heads[0].size, profile.heads[0].enabled), (size, false));
    }

    #[test]
    fn a_changed_share_and_limit_are_in_the_profile_and_records_from_before_there_were_any_are_read() {
        let mut record = Record { spec: VgpuSpec::default(), ..record() };
        record.spec.profile = Profile::of(Transport::Vtest);
        let before = serde_json::to_string(&record).unwrap();
        record.share = Some(Share { weight: 300, ..Share::default() });
        record.memory_bytes_max = Some(1 << 40);

        assert!(!before.contains("share") && !before.contains("memory_bytes"), "{before}");
        assert_eq!(serde_json::from_str::<Record>(&before).unwrap().profile(), Profile::of(Transport::Vtest));
        let after =
            serde_json::from_str::<Record>(&serde_json::to_string(&record).unwrap()).unwrap().profile();
        assert_eq!((after.share.weight, after.limits.memory), (300, 1 << 40));
    }

    #[test]
    fn what_was_said_of_gpus_is_found_by_the_next_daemon_and_files_that_cannot_be_read_stay() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (gpu, older, other) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let file = |gpu: Uuid| store.gpu_folder().join(format!("{gpu}.json"));
        let change = GpuChange { policy: Some(Policy::FixedShare), overcommit: Some(150) };
        store.save_gpu(gpu, GpuChange { policy: Some(Policy::EqualShare), ..GpuChange::default() }).unwrap();
        store.save_gpu(gpu, change).unwrap();
        fs::write(file(older), "{\"policy\":\"equal-share\"}").unwrap();
        fs::write(file(other), "{\"policy\":\"most\"}").unwrap();
        fs::write(store.gpu_folder().join("README"), "").unwrap();

        let before = GpuChange { policy: Some(Policy::EqualShare), overcommit: None };
        assert_eq!(store.gpus().unwrap(), BTreeMap::from([(gpu, change), (older, before)]));
        assert!(file(other).exists());
    }
}
