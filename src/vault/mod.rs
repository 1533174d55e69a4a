//! The memory of a vGPU that outlives its device process: a memfd with the pixels of its images, a record of its state,
//! a mark of what was on its way to the display when the process died, and what a VMM had asked for last.
//!
//! # Why nothing here waits or locks
//!
//! The process may be killed at any instruction, and the next one finds what the memory then held. So whatever takes
//! more than one store is written where nobody looks, and becomes visible by the store of one word.
//!
//! One process at a time has the vault open. The keeper only holds its descriptor.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod inbox;
mod log;
mod pixels;

pub use inbox::{INBOX_BYTES, Inbox};
pub use pixels::{PixelSpace, Pixels};

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::{Mapping, SharedFile};
use log::Log;

/// Raised whenever records, places or marks mean something else.
const VERSION: u32 = 1;

/// "vgpu", in front of the version.
const MAGIC: u32 = 0x7570_6776;

/// Parts of the file begin at multiples of this, which is a multiple of every page size.
const ALIGNMENT: u64 = 1 << 16;

/// No host has more for one vGPU; keeps the sums below within a file's size.
const MEMORY_BYTES_MAX: u64 = 1 << 40;

/// The words at the front of the file.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// Magic and version; zero in a new vault.
    Version,
    /// Which half of the log counts, and up to where.
    Log,
    /// See [`Mark`].
    Display,
}

/// Why a vault cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The host refused the memory.
    #[error("the host has no memory for a vault: {0}")]
    Host(#[from] io::Error),
    /// The file is not as long as one for this memory limit.
    #[error("the vault has {found} bytes and one for this memory limit {wanted}: it is not this vGPU's")]
    Size {
        /// Bytes that the file has.
        found: u64,
        /// Bytes that it should have.
        wanted: u64,
    },
    /// Written by another version.
    #[error(
        "the vault has version {0} and this vgpu reads {VERSION}; let the version that wrote it serve the VM"
    )]
    Version(u32),
    /// Something else lies there.
    #[error("this is no vault: it begins with {0:#x}")]
    Foreign(u64),
    /// The log has an entry that none of ours is.
    #[error("the vault's log is damaged at byte {0}; the VM must be started anew")]
    Log(u64),
    /// A record says what cannot be.
    #[error("record {key:#x} of the vault is wrong: {reason}; the VM must be started anew")]
    Record {
        /// Its key.
        key: u64,
        /// What is wrong.
        reason: String,
    },
}

impl VaultError {
    /// A record that says what cannot be.
    pub fn record(key: u64, reason: impl ToString) -> Self {
        Self::Record { key, reason: reason.to_string() }
    }
}

/// What a vGPU leaves to the next device process.
#[derive(Debug)]
pub struct Vault {
    words: Arc<Mapping<AtomicU64>>,
    log: Log,
    pixels: PixelSpace,
    new: bool,
}

/// Where the parts of the file lie.
struct Layout {
    log_halves: [Range<u64>; 2],
    pixels: Range<u64>,
}

impl Layout {
    fn new(memory_bytes: u64) -> Self {
        let memory = memory_bytes.min(MEMORY_BYTES_MAX).next_multiple_of(ALIGNMENT);
        // What records take is charged for, but for cursors and heads; a log is at most about twice what lives.
        let half = 3 * memory + (4 << 20);
        let [first, second] = [ALIGNMENT, ALIGNMENT + half];
        let pixels = second + half;
        // Images are charged for whole pages; the rest is room for the gaps that they leave, which costs nothing.
        Self { log_halves: [first..second, second..pixels], pixels: pixels..pixels + 16 * memory }
    }
}

impl Vault {
    /// A new vault for a vGPU with this memory limit. It takes no memory before there is something in it.
    pub fn file(memory_bytes: u64) -> io::Result<OwnedFd> {
        let file = memfd_create(c"vgpu-vault", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        let bytes = Layout::new(memory_bytes).pixels.end;
        nix::unistd::ftruncate(&file, i64::try_from(bytes).map_err(io::Error::other)?)?;
        let seals = SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        Ok(file)
    }

    /// Opens the vault of a vGPU with this memory limit; nobody else may have it open.
    pub fn open(file: OwnedFd, memory_bytes: u64) -> Result<Self, VaultError> {
        let layout = Layout::new(memory_bytes);
        let file = SharedFile::open(file)?;
        let (found, wanted) = (file.bytes(), layout.pixels.end);
        if found != wanted {
            return Err(VaultError::Size { found, wanted });
        }
        let words = Arc::new(file.map(0, ALIGNMENT)?);
        let version = word(&words, Word::Version);
        let written = u64::from(VERSION) << 32 | u64::from(MAGIC);
        match version.load(Ordering::Acquire) {
            0 => {}
            found if found == written => {}
            found if found & u64::from(u32::MAX) == u64::from(MAGIC) => {
                return Err(VaultError::Version(u32::try_from(found >> 32).unwrap_or_default()));
            }
            found => return Err(VaultError::Foreign(found)),
        }
        let [first, second] = layout.log_halves.map(|half| file.map(half.start, half.end - half.start));
        let log = Log::open(words.clone(), [first?, second?])?;
        let new = version.swap(written, Ordering::AcqRel) == 0;
        Ok(Self { words, log, pixels: PixelSpace::new(file, layout.pixels), new })
    }

    /// A vault that is handed on to nobody.
    pub fn unkept(memory_bytes: u64) -> Result<Self, VaultError> {
        Self::open(Self::file(memory_bytes)?, memory_bytes)
    }

    /// Whether no process had it before.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// Where images are.
    pub fn pixels(&self) -> &PixelSpace {
        &self.pixels
    }

    /// What of the messages to the display is on its way.
    pub fn mark(&self) -> Mark {
        Mark(self.words.clone())
    }

    /// What somebody asked for and waits to be answered.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.words.clone())
    }

    /// The keys of all records.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.log.keys()
    }

    /// The record under a key.
    pub fn get<T: DeserializeOwned>(&self, key: u64) -> Result<Option<T>, VaultError> {
        let Some(bytes) = self.log.get(key) else { return Ok(None) };
        match postcard::take_from_bytes(bytes) {
            Ok((record, [])) => Ok(Some(record)),
            Ok((_, rest)) => Err(VaultError::record(key, format_args!("{} bytes too many", rest.len()))),
            Err(error) => Err(VaultError::record(key, error)),
        }
    }

    /// Notes a record, in place of what was under its key. It counts from the next [`Vault::commit`] on.
    pub fn put(&mut self, key: u64, record: &impl Serialize) {
        self.log.append(key, Some(record));
    }

    /// Takes a record away, if there is one, from the next [`Vault::commit`] on.
    pub fn remove(&mut self, key: u64) {
        if self.log.get(key).is_some() {
            self.log.append(key, None::<&()>);
        }
    }

    /// Makes everything since the last commit count at once.
    pub fn commit(&mut self) {
        self.log.commit();
    }
}

/// One word in a vault that says how far the messages to the display have come. Copies are the same word.
#[derive(Clone, Debug)]
pub struct Mark(Arc<Mapping<AtomicU64>>);

impl Mark {
    /// What was stored last, zero at first.
    pub fn load(&self) -> u64 {
        word(&self.0, Word::Display).load(Ordering::Acquire)
    }

    /// Stores what a next process shall find.
    pub fn store(&self, value: u64) {
        word(&self.0, Word::Display).store(value, Ordering::Release);
    }
}

/// The header has room for far more words than there are.
fn word(words: &[AtomicU64], word: Word) -> &AtomicU64 {
    static NONE: AtomicU64 = AtomicU64::new(0);
    words.get(word as usize).unwrap_or(&NONE)
}
