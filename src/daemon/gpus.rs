//! The host's GPUs, as its drivers list them.

use std::sync::{Mutex, PoisonError};

use crate::control::{Code, Refusal};
use crate::inventory::named;
use crate::render::vulkan::OpenError;
use crate::render_process::{self, Found};

/// They, once somebody asked. Drivers are loaded to find them, which takes a process and up to seconds.
#[derive(Debug, Default)]
pub(super) struct Gpus {
    found: Mutex<Vec<Found>>,
}

impl Gpus {
    /// All of them. Who asks while they are looked for waits for the same answer.
    pub(super) fn all(&self) -> Result<Vec<Found>, Refusal> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_empty() {
            *found = look()?;
        }
        Ok(found.clone())
    }

    /// The same; they are looked for anew unless this holds of those that are known: one may have come since.
    pub(super) fn all_with(&self, holds: impl Fn(&[Found]) -> bool) -> Result<Vec<Found>, Refusal> {
        let all = self.all()?;
        if holds(&all) {
            return Ok(all);
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *found = look()?;
        Ok(found.clone())
    }

    /// Those of which somebody asked before.
    pub(super) fn known(&self) -> Vec<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one that a render process takes for this part of a name, or UUID, or for nothing. If it is not there, it is
    /// looked for anew: it may have come since.
    pub(super) fn find(&self, device: Option<&str>) -> Result<Found, Refusal> {
        let wanted = device.unwrap_or_default();
        let gpus = self.all_with(|gpus| gpus.iter().any(|gpu| gpu.is(wanted)))?;
        gpus.iter().find(|gpu| gpu.is(wanted)).cloned().ok_or_else(|| {
            let missing = OpenError::NoSuchGpu { wanted: wanted.to_owned(), found: listed(gpus.iter()) };
            Refusal::new(Code::NotFound, missing)
                .field("gpu.device")
                .remedy("name one of them, or leave gpu.device out")
        })
    }
}

fn look() -> Result<Vec<Found>, Refusal> {
    render_process::gpus().map_err(|error| {
        Refusal::new(Code::HostFailed, format_args!("no GPU was found: {error}"))
            .remedy("`vgpu doctor` says what is in the way")
    })
}

/// The only GPU that a text names.
pub(super) fn pick<'a>(gpus: &'a [Found], wanted: &str) -> Result<&'a Found, Refusal> {
    let fitting = named(gpus, wanted, Found::naming);
    match fitting[..] {
        [one] => Ok(one),
        [] => {
            let message = format!(
                "{:?} is in no GPU's name here, nor any's UUID or PCI address; there are: {}",
                shortened(wanted),
                listed(gpus.iter())
            );
            Err(Refusal::new(Code::NotFound, message).field("gpu").remedy(
                "give the address, the UUID or a part of the name of one of them; `vgpu gpu list` lists them",
            ))
        }
        _ => Err(ambiguous(wanted, &fitting).field("gpu")),
    }
}

/// The refusal of a name that all of these have.
pub(super) fn ambiguous(wanted: &str, fitting: &[&Found]) -> Refusal {
    let listed = listed(fitting.iter().copied());
    let message = format!("{:?} fits more than one GPU: {listed}", shortened(wanted));
    Refusal::new(Code::BadName, message).remedy("give the UUID of one of them")
}

fn shortened(text: &str) -> String {
    text.chars().take(256).collect()
}

fn listed<'a>(gpus: impl Iterator<Item = &'a Found>) -> String {
    gpus.map(|Found { name, uuid, .. }| format!("{name} ({uuid})")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Code, Found, pick};
    use crate::render_process::Kind;

    fn gpus() -> Vec<Found> {
        let gpus = [
            ("H100", "d1aa"),
            ("H100 NVL", "d1bb"),
            ("H200", "d1cc"),
            ("H200", "d1dd"),
            ("llvmpipe", "6d65"),
        ];
        gpus.map(|(name, uuid)| Found {
            name: name.to_owned(),
            uuid: uuid.to_owned(),
            memory_bytes: 0,
            kind: Kind::Discrete,
            pci: None,
        })
        .into()
    }

    #[test]
    fn what_fits_none_or_several_is_refused_with_those_that_there_are() {
        let gpus = gpus();
        let refused = |wanted| pick(&gpus, wanted).map_err(|refusal| (refusal.code, refusal.message));

        let (code, message) = refused("A100").unwrap_err();
        assert_eq!(code, Code::NotFound);
        assert_eq!(
            message,
            "\"A100\" is in no GPU's name here, nor any's UUID or PCI address; there are: H100 (d1aa), H100 NVL \
             (d1bb), H200 (d1cc), H200 (d1dd), llvmpipe (6d65)"
        );
        let (code, message) = refused("H200").unwrap_err();
        assert_eq!(code, Code::BadName);
        assert_eq!(message, "\"H200\" fits more than one GPU: H200 (d1cc), H200 (d1dd)");
        assert_eq!(refused("H1").unwrap_err().0, Code::BadName);
    }
}
