//! Pipeline caches: a driver believes the data that it is given, so guests may give back only what they got from us.
//!
//! Data that a guest gets ends with a MAC by a key that lives and dies with this process, and bears a UUID that dies
//! with it, too, so that a guest's driver does not even try what an earlier process handed out.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vulkanalia_sys as vk;

use super::driver::result_of;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::sys::Address;
use crate::venus::{CommandType, ObjectType};

const MAC_BYTES: usize = 32;
/// Where the UUID stands in the head of the data.
const UUID_AT: std::ops::Range<usize> = 16..32;

/// Signs and checks the data of pipeline caches.
pub(super) struct Caches {
    key: Hmac<Sha256>,
}

impl Caches {
    /// With a new key.
    pub(super) fn new() -> Result<Self, io::ErrorKind> {
        let mut key = [0; MAC_BYTES];
        let read = File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut key));
        read.map_err(|error| error.kind())?;
        Self::with_key(&key)
    }

    fn with_key(key: &[u8]) -> Result<Self, io::ErrorKind> {
        Ok(Self { key: Hmac::new_from_slice(key).map_err(|_| io::ErrorKind::InvalidInput)? })
    }

    fn mac(&self, data: &[u8]) -> Hmac<Sha256> {
        self.key.clone().chain_update(data)
    }

    /// The UUID that guests see in place of the driver's.
    pub(super) fn uuid(&self, of_driver: &[u8; 16]) -> [u8; 16] {
        let mac: [u8; MAC_BYTES] = self.mac(of_driver).finalize().into_bytes().into();
        *mac.first_chunk().unwrap_or(&[0; 16])
    }

    /// What the driver gets for data that a guest brings: `None` unless it comes from this process.
    fn check<'d>(&self, data: &'d mut [u8], uuid: &[u8; 16]) -> Option<&'d [u8]> {
        let (data, mac) = data.split_at_mut_checked(data.len().checked_sub(MAC_BYTES)?)?;
        self.mac(data).verify_slice(mac).ok()?;
        data.get_mut(UUID_AT)?.copy_from_slice(uuid);
        Some(data)
    }

    /// Signs the first `used` bytes of the data that a guest will get. How many bytes it gets.
    fn sign(&self, data: &mut [u8], used: usize, uuid: &[u8; 16]) -> Option<usize> {
        let (data, room) = data.split_at_mut_checked(used)?;
        data.get_mut(UUID_AT)?.copy_from_slice(&self.uuid(uuid));
        let mac = self.mac(data).finalize().into_bytes();
        room.get_mut(..MAC_BYTES)?.copy_from_slice(&mac);
        Some(used + MAC_BYTES)
    }
}

/// vkCreatePipelineCache: data of anybody else's is left out, as if the guest had brought none.
pub(super) fn create(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let gpu = Arc::clone(&turn.state.gpu);
    let info_at = turn.call.arg(1);
    let mut info = *turn.get::<vk::PipelineCacheCreateInfo>(info_at)?;
    // Several pipelines of a guest may be compiled at once, whatever it promised.
    info.flags.remove(vk::PipelineCacheCreateFlags::EXTERNALLY_SYNCHRONIZED);
    let data = info.initial_data.expose_provenance() as Address;
    let data = turn.arena.bytes_mut(data, info.initial_data_size);
    let checked = data.and_then(|data| gpu.caches.check(data, &gpu.properties.pipeline_cache_uuid.0));
    info.initial_data_size = checked.map_or(0, <[u8]>::len);
    turn.set(info_at, info)?;
    let device = Arc::clone(turn.first()?);
    turn.create(ObjectType::PipelineCache, &device, |cache| {
        cache.destroyed_by(CommandType::DestroyPipelineCache)
    })
}

/// vkGetPipelineCacheData: the driver's data, with our MAC.
pub(super) fn data(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let gpu = Arc::clone(&turn.state.gpu);
    let (size_at, data) = (turn.call.arg(2), turn.call.arg(3));
    let room = *turn.get::<u64>(size_at)?;
    let mut size = room.saturating_sub(MAC_BYTES as u64);
    if data != 0 && size < UUID_AT.end as u64 {
        turn.set::<u64>(size_at, 0)?;
        return Ok(vk::Result::INCOMPLETE.into());
    }
    turn.set(size_at, size)?;
    let returned = turn.pass()?;
    size = *turn.get::<u64>(size_at)?;
    let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    if data == 0 {
        turn.set(size_at, size.saturating_add(MAC_BYTES as u64))?;
    } else if result_of(returned).as_raw() >= 0 {
        let uuid = &gpu.properties.pipeline_cache_uuid.0;
        let place = turn.arena.bytes_mut(data, bytes(room));
        let signed = place.and_then(|place| gpu.caches.sign(place, bytes(size), uuid));
        turn.set(size_at, signed.unwrap_or_default() as u64)?;
    }
    Ok(Outcome::Done(returned))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: [u8; 16] = [7; 16];

    fn signed(caches: &Caches) -> Vec<u8> {
        let mut data = [[0; 16], UUID, [5; 16], [0; 16], [0; 16]].concat();
        assert_eq!(caches.sign(&mut data, 48, &UUID), Some(80));
        data
    }

    #[test]
    fn what_was_signed_comes_back_as_the_driver_gave_it() {
        let caches = Caches::with_key(b"one").expect("a key");
        let mut data = signed(&caches);

        assert_eq!(data.get(UUID_AT), Some(&caches.uuid(&UUID)[..]));
        assert_eq!(caches.check(&mut data, &UUID), Some(&[[0; 16], UUID, [5; 16]].concat()[..]));
    }

    #[test]
    fn data_of_another_process_and_data_changed_in_any_byte_are_refused() {
        let (caches, others) =
            (Caches::with_key(b"one").expect("a key"), Caches::with_key(b"two").expect("a key"));
        assert_eq!(caches.check(&mut signed(&others), &UUID), None);
        for place in 0..80 {
            let mut data = signed(&caches);
            data[place] ^= 1;
            assert_eq!(caches.check(&mut data, &UUID), None, "{place}");
        }
        assert_eq!(caches.check(&mut [], &UUID), None);
        assert_eq!(caches.check(&mut [1; 31], &UUID), None);
    }

    #[test]
    fn a_key_is_new_each_time() {
        assert_ne!(Caches::new().expect("a key").uuid(&UUID), Caches::new().expect("a key").uuid(&UUID));
    }
}
