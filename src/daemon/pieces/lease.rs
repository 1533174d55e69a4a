//! Pieces that are handed over have one vGPU each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::control::api::Name;
use crate::control::{Code, Refusal};

/// Who has which piece.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Leases(Mutex<BTreeMap<String, Name>>);

/// A piece that a vGPU on offer has; given back on drop.
#[derive(Debug)]
pub(in crate::daemon) struct Lease {
    all: Arc<Leases>,
    piece: String,
}

impl Leases {
    fn book(&self) -> MutexGuard<'_, BTreeMap<String, Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the piece to this vGPU, unless another has it.
    pub(in crate::daemon) fn take(self: &Arc<Self>, piece: &str, name: &Name) -> Result<Lease, Refusal> {
        let mut book = self.book();
        if let Some(other) = book.get(piece) {
            let message = format!("{piece} is handed over to vGPU `{other}`");
            return Err(Refusal::new(Code::Conflict, message).remedy(format_args!(
                "take another piece; or end that vGPU's lease with `vgpu stop {other}`, once its VM is off"
            )));
        }
        book.insert(piece.to_owned(), name.clone());
        Ok(Lease { all: self.clone(), piece: piece.to_owned() })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.all.book().remove(&self.piece);
    }
}
