//! What a front end may not say, because the crate behind the door would take it.

use std::io;
use std::os::fd::AsFd;

use nix::sys::stat::fstat;
use vhost::vhost_user::message::{FrontendReq, VhostUserProtocolFeatures};

use super::message::Message;

/// Why a message was not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A request that was not negotiated, or that nobody knows.
    #[error("request {0} is not one that this device serves")]
    Request(u32),
    /// Protocol features that the device does not have.
    #[error("protocol features {0:#x} were acknowledged but not offered")]
    ProtocolFeatures(u64),
    /// A split ring's size is a power of two (virtio 1.3, 2.7).
    #[error("a queue cannot have {0} entries: give it a power of two")]
    QueueSize(u64),
    /// Touching it would end this process with SIGBUS.
    #[error(
        "a memory region of {bytes} bytes at offset {offset} is larger than its file of {file_bytes} bytes: \
         back all of the guest's memory with its file"
    )]
    BeyondFile {
        /// The region's size.
        bytes: u64,
        /// Where in the file it begins.
        offset: u64,
        /// The file's size.
        file_bytes: u64,
    },
    /// A region whose ends cannot be told.
    #[error("a memory region of {bytes} bytes at guest address {address:#x} ends beyond all addresses")]
    Endless {
        /// Its size.
        bytes: u64,
        /// Where in guest memory it begins.
        address: u64,
    },
    /// A descriptor that is no file.
    #[error("cannot tell the size of a memory region's file: {0}")]
    NoFile(io::Error),
}

/// Lets a request through or says why not. `offered`: protocol features.
pub(super) fn check(message: &Message, offered: VhostUserProtocolFeatures) -> Result<(), Refusal> {
    use FrontendReq as Req;
    let request = Req::try_from(message.request).map_err(|_| Refusal::Request(message.request))?;
    match request {
        Req::SET_PROTOCOL_FEATURES => {
            let unknown = message.first_word() & !(offered | VhostUserProtocolFeatures::REPLY_ACK).bits();
            if unknown == 0 { Ok(()) } else { Err(Refusal::ProtocolFeatures(unknown)) }
        }
        Req::SET_VRING_NUM => {
            // The index of the queue is in the lower half.
            let size = message.first_word() >> 32;
            if size.is_power_of_two() { Ok(()) } else { Err(Refusal::QueueSize(size)) }
        }
        Req::SET_MEM_TABLE | Req::ADD_MEM_REG => check_regions(message),
        Req::GET_FEATURES
        | Req::SET_FEATURES
        | Req::SET_OWNER
        | Req::RESET_OWNER
        | Req::SET_VRING_ADDR
        | Req::SET_VRING_BASE
        | Req::GET_VRING_BASE
        | Req::SET_VRING_KICK
        | Req::SET_VRING_CALL
        | Req::SET_VRING_ERR
        | Req::GET_PROTOCOL_FEATURES
        | Req::GET_QUEUE_NUM
        | Req::SET_VRING_ENABLE
        | Req::SET_BACKEND_REQ_FD
        | Req::GET_CONFIG
        | Req::SET_CONFIG
        | Req::GPU_SET_SOCKET
        | Req::RESET_DEVICE
        | Req::GET_MAX_MEM_SLOTS
        | Req::REM_MEM_REG => Ok(()),
        Req::GET_SHMEM_CONFIG if offered.contains(VhostUserProtocolFeatures::SHMEM) => Ok(()),
        _ => Err(Refusal::Request(message.request)),
    }
}

/// A region is its guest address, size, front end's address, and offset in the file. That there are as many regions as
/// files is for the crate to see.
fn check_regions(message: &Message) -> Result<(), Refusal> {
    for (region, file) in message.regions().iter().zip(&message.descriptors) {
        check_region(region, file)?;
    }
    Ok(())
}

fn check_region(
    &[address, bytes, front_end_address, offset]: &[u64; 4],
    file: impl AsFd,
) -> Result<(), Refusal> {
    let ends = [address, front_end_address].map(|begin| begin.checked_add(bytes));
    if bytes == 0 || ends.contains(&None) {
        return Err(Refusal::Endless { bytes, address });
    }
    let file_bytes = fstat(file).map_err(|error| Refusal::NoFile(error.into()))?.st_size;
    let file_bytes = u64::try_from(file_bytes).unwrap_or_default();
    match offset.checked_add(bytes) {
        Some(end) if end <= file_bytes => Ok(()),
        _ => Err(Refusal::BeyondFile { bytes, offset, file_bytes }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;
    use crate::transport::vhost_user::backend::PROTOCOL_FEATURES;

    fn file(bytes: u64) -> OwnedFd {
        let file = tempfile::tempfile().unwrap();
        file.set_len(bytes).unwrap();
        file.into()
    }

    fn table(regions: &[[u64; 4]], files: Vec<OwnedFd>) -> Message {
        let words = [&[regions.len() as u64], regions.as_flattened()].concat();
        let body = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut message = Message::new(FrontendReq::SET_MEM_TABLE.into(), body);
        message.descriptors = files.into_iter().map(Into::into).collect();
        message
    }

    #[test]
    fn a_region_may_be_as_large_as_its_file_and_no_larger() {
        let fits = [0, 0x3000, 0x7000_0000, 0x1000];
        assert!(check(&table(&[fits], vec![file(0x4000)]), PROTOCOL_FEATURES).is_ok());
        let refused = check(
            &table(&[fits, [0x3000, 0x3001, 0, 0x1000]], vec![file(0x4000), file(0x4000)]),
            PROTOCOL_FEATURES,
        );
        assert_eq!(
            refused.unwrap_err().to_string(),
            "a memory region of 12289 bytes at offset 4096 is larger than its file of 16384 bytes: \
             back all of the guest's memory with its file"
        );
    }

    #[test]
    fn sums_that_overflow_are_refused() {
        for region in [[u64::MAX, 1, 0, 0], [0, 1, u64::MAX, 0], [0, 1, 0, u64::MAX], [0, 0, 0, 0]] {
            assert!(check(&table(&[region], vec![file(1)]), PROTOCOL_FEATURES).is_err(), "{region:x?}");
        }
    }

    #[test]
    fn what_was_not_offered_is_not_let_in() {
        let message = |request: FrontendReq, word: u64| {
            check(&Message::new(request.into(), word.to_ne_bytes().into()), PROTOCOL_FEATURES).is_ok()
        };
        assert!(message(FrontendReq::SET_PROTOCOL_FEATURES, PROTOCOL_FEATURES.bits()));
        assert!(!message(FrontendReq::SET_PROTOCOL_FEATURES, VhostUserProtocolFeatures::LOG_SHMFD.bits()));
        assert!(message(FrontendReq::SET_VRING_NUM, 256 << 32 | 1));
        assert!(!message(FrontendReq::SET_VRING_NUM, 255 << 32 | 1));
        assert!(!message(FrontendReq::SET_LOG_BASE, 0));
        assert!(!message(FrontendReq::GET_INFLIGHT_FD, 0));
        assert!(check(&Message::new(4711, Vec::new()), PROTOCOL_FEATURES).is_err());
    }
}
