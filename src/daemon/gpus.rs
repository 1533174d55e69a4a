//! The host's GPUs, as its drivers list them.

use std::sync::{Mutex, PoisonError};

use crate::control::{Code, Refusal};
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
            *found = render_process::gpus().map_err(|error| {
                Refusal::new(Code::HostFailed, format_args!("no GPU was found: {error}"))
                    .remedy("`vgpu doctor` says what is in the way")
            })?;
        }
        Ok(found.clone())
    }
}

/// The GPU of this UUID, or else the only one with this in its name.
pub(super) fn pick<'a>(gpus: &'a [Found], wanted: &str) -> Result<&'a Found, Refusal> {
    let uuid = wanted.strip_prefix("GPU-").unwrap_or(wanted);
    let of_uuid = gpus.iter().filter(|gpu| gpu.uuid.eq_ignore_ascii_case(uuid));
    let of_name = gpus.iter().filter(|gpu| gpu.name.contains(wanted));
    let fitting: Vec<&Found> = match of_uuid.collect::<Vec<_>>() {
        exact if exact.is_empty() => of_name.collect(),
        exact => exact,
    };
    match fitting[..] {
        [one] => Ok(one),
        [] => {
            let message = format!(
                "{:?} is in no GPU's name here, nor any's UUID; there are: {}",
                shortened(wanted),
                listed(gpus.iter())
            );
            Err(Refusal::new(Code::NotFound, message)
                .field("gpu")
                .remedy("give the UUID or a part of the name of one of them; `vgpu gpu list` lists them"))
        }
        _ => {
            let message =
                format!("{:?} fits more than one GPU: {}", shortened(wanted), listed(fitting.into_iter()));
            Err(Refusal::new(Code::BadName, message).field("gpu").remedy("give the UUID of one of them"))
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(256).collect()
}

fn listed<'a>(gpus: impl Iterator<Item = &'a Found>) -> String {
    gpus.map(|Found { name, uuid }| format!("{name} ({uuid})")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Code, Found, pick};

    fn gpus() -> Vec<Found> {
        [("NVIDIA H200", "d1bb"), ("NVIDIA H200", "d1cc"), ("llvmpipe (LLVM 15)", "6d65")]
            .map(|(name, uuid)| Found { name: name.to_owned(), uuid: uuid.to_owned() })
            .into()
    }

    #[test]
    fn a_gpu_is_picked_by_its_uuid_or_by_what_only_its_name_has() {
        for (wanted, uuid) in [("llvmpipe", "6d65"), ("d1cc", "d1cc"), ("GPU-D1BB", "d1bb")] {
            assert_eq!(pick(&gpus(), wanted).unwrap().uuid, uuid);
        }
    }

    #[test]
    fn what_fits_none_or_several_is_refused_with_those_that_there_are() {
        let refused = |wanted| pick(&gpus(), wanted).map_err(|refusal| (refusal.code, refusal.message));

        let (code, message) = refused("H100").unwrap_err();
        assert_eq!(code, Code::NotFound);
        assert_eq!(
            message,
            "\"H100\" is in no GPU's name here, nor any's UUID; there are: NVIDIA H200 (d1bb), NVIDIA H200 (d1cc), \
             llvmpipe (LLVM 15) (6d65)"
        );
        let (code, message) = refused("H200").unwrap_err();
        assert_eq!(code, Code::BadName);
        assert_eq!(message, "\"H200\" fits more than one GPU: NVIDIA H200 (d1bb), NVIDIA H200 (d1cc)");
    }
}
