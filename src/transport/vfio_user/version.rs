//! What both sides can do: the JSON of `VFIO_USER_VERSION`.

use nix::errno::Errno;
use serde_json::{Value, json};
use zerocopy::IntoBytes;

use super::command::{DATA_BYTES_MAX, Version};
use super::dma::RANGES_MAX;

/// The version that we speak. There is no other major one.
const MAJOR: u16 = 0;
const MINOR: u16 = 1;

/// Descriptors in a message to us, of which more are needed by none. QEMU takes no server for sane that says more than
/// 16.
const FDS_MAX: usize = 8;

/// Guest memory comes in pages of this size, or larger ones.
pub(super) const PAGE_BYTES: u64 = 4096;

/// The answer to a client that says this of itself. Nothing that it can do changes what we do: we send it one
/// descriptor at a time and no requests.
pub(super) fn negotiate(version: Version, capabilities: &[u8]) -> Result<Vec<u8>, Errno> {
    if version.major != MAJOR {
        return Err(Errno::EINVAL);
    }
    check(capabilities)?;
    let ours = json!({ "capabilities": {
        "max_msg_fds": FDS_MAX,
        "max_data_xfer_size": DATA_BYTES_MAX,
        "max_dma_maps": RANGES_MAX,
        "pgsizes": PAGE_BYTES,
    } });
    let version = Version { major: MAJOR, minor: version.minor.min(MINOR) };
    Ok([version.as_bytes(), ours.to_string().as_bytes(), &[0]].concat())
}

/// An object or nothing, and a zero behind it.
fn check(capabilities: &[u8]) -> Result<(), Errno> {
    match capabilities.split_last() {
        None => Ok(()),
        Some((0, text)) => match serde_json::from_slice(text) {
            Ok(Value::Object(_)) => Ok(()),
            _ => Err(Errno::EINVAL),
        },
        Some(_) => Err(Errno::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURRENT: Version = Version { major: 0, minor: 1 };

    fn answer(version: Version, capabilities: &[u8]) -> Result<(Version, Value), Errno> {
        let bytes = negotiate(version, capabilities)?;
        let (version, text) = zerocopy::FromBytes::read_from_prefix(&bytes).unwrap();
        let text: &[u8] = text;
        Ok((version, serde_json::from_slice(text.strip_suffix(&[0]).unwrap()).unwrap()))
    }

    #[test]
    fn a_client_learns_our_bounds_and_speaks_its_own_version_or_an_earlier_one() {
        for (asked, spoken) in [(0, 0), (1, 1), (7, 1)] {
            let version = Version { major: 0, minor: asked };
            let (version, told) = answer(version, b"{\"capabilities\":{\"max_msg_fds\":8}}\0").unwrap();
            assert_eq!(version, Version { major: 0, minor: spoken });
            let expected =
                json!({ "max_msg_fds": 8, "max_data_xfer_size": 4096, "max_dma_maps": 512, "pgsizes": 4096 });
            assert_eq!(told["capabilities"], expected);
        }
    }

    #[test]
    fn capabilities_may_be_left_out_and_may_not_be_nonsense() {
        assert!(answer(CURRENT, b"").is_ok());
        for wrong in [&b"{}"[..], b"{\0", b"7\0", b"\0", b"{}\0\0", b"\xff\0"] {
            assert_eq!(answer(CURRENT, wrong), Err(Errno::EINVAL), "{wrong:?}");
        }
        assert_eq!(answer(Version { major: 1, minor: 0 }, b""), Err(Errno::EINVAL));
    }
}
