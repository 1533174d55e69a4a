//! Answers: values to the bytes that a guest reads (virtio 1.3, 5.7.6.7 and 5.7.6.8).

use zerocopy::{FromZeros, Immutable, IntoBytes};

use super::raw::{self, response as kind};
use super::{ErrorCode, HeadMode, Header, SCANOUTS_MAX};

/// `VIRTIO_GPU_FLAG_FENCE`: answer when the command is done, and name the fence.
pub const FLAG_FENCE: u32 = 1 << 0;
/// `VIRTIO_GPU_FLAG_INFO_RING_IDX`: the header's `ring_idx` counts.
pub const FLAG_INFO_RING_IDX: u32 = 1 << 1;

/// Bytes that an answer has room for of an EDID.
pub const EDID_BYTES_MAX: usize = raw::EDID_BYTES;

/// An answer. Each can be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `OK_NODATA`.
    Done,
    /// `OK_DISPLAY_INFO`.
    DisplayInfo(Box<[HeadMode; SCANOUTS_MAX]>),
    /// `OK_EDID`; what is beyond [`EDID_BYTES_MAX`] is cut off.
    Edid(Vec<u8>),
    /// `OK_RESOURCE_UUID`.
    ResourceUuid([u8; 16]),
    /// `OK_CAPSET_INFO`: a capability set by its number and its bytes' count. There is one version of each.
    CapsetInfo(u32, u32),
    /// `OK_CAPSET`.
    Capset(Vec<u8>),
    /// `OK_MAP_INFO`: mapped, as memory that is cached.
    Mapped,
    /// One of `ERR_*`.
    Error(ErrorCode),
}

impl Response {
    /// Writes the answer to `request` into `reply`, in place of what it held. A fence and its place go back to the
    /// guest with it; every byte that has no meaning is zero.
    pub fn encode(&self, request: &Header, reply: &mut Vec<u8>) {
        reply.clear();
        append(reply, self.header(request));
        match self {
            Self::Done | Self::Error(_) => {}
            Self::DisplayInfo(modes) => {
                append(reply, raw::RespDisplayInfo { pmodes: modes.map(raw::DisplayOne::from) });
            }
            Self::Edid(edid) => append(reply, edid_body(edid)),
            Self::ResourceUuid(uuid) => append(reply, raw::RespResourceUuid { uuid: *uuid }),
            Self::CapsetInfo(id, bytes) => append(
                reply,
                raw::RespCapsetInfo {
                    capset_id: (*id).into(),
                    capset_max_version: 0.into(),
                    capset_max_size: (*bytes).into(),
                    padding: 0.into(),
                },
            ),
            Self::Capset(bytes) => reply.extend_from_slice(bytes),
            Self::Mapped => {
                append(reply, raw::RespMapInfo { map_info: raw::MAP_CACHE_CACHED.into(), padding: 0.into() });
            }
        }
    }

    fn header(&self, request: &Header) -> raw::CtrlHdr {
        let kind = self.kind().into();
        if request.flags & FLAG_FENCE == 0 {
            return raw::CtrlHdr { kind, ..raw::CtrlHdr::new_zeroed() };
        }
        raw::CtrlHdr {
            kind,
            flags: (request.flags & (FLAG_FENCE | FLAG_INFO_RING_IDX)).into(),
            fence_id: request.fence_id.into(),
            ctx_id: request.ctx_id.into(),
            ring_idx: if request.flags & FLAG_INFO_RING_IDX == 0 { 0 } else { request.ring_idx },
            padding: [0; 3],
        }
    }

    fn kind(&self) -> u32 {
        match self {
            Self::Done => kind::OK_NODATA,
            Self::DisplayInfo(_) => kind::OK_DISPLAY_INFO,
            Self::Edid(_) => kind::OK_EDID,
            Self::ResourceUuid(_) => kind::OK_RESOURCE_UUID,
            Self::CapsetInfo(..) => kind::OK_CAPSET_INFO,
            Self::Capset(_) => kind::OK_CAPSET,
            Self::Mapped => kind::OK_MAP_INFO,
            Self::Error(code) => code.number(),
        }
    }
}

fn edid_body(edid: &[u8]) -> raw::RespEdid {
    let mut body = raw::RespEdid::new_zeroed();
    let mut size = 0u32;
    for (to, from) in body.edid.iter_mut().zip(edid) {
        *to = *from;
        size += 1;
    }
    body.size = size.into();
    body
}

fn append(reply: &mut Vec<u8>, value: impl IntoBytes + Immutable) {
    reply.extend_from_slice(value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{REPLY_BYTES_MAX, Rect};

    fn encoded(response: &Response, request: &Header) -> Vec<u8> {
        let mut reply = vec![0xff; 7];
        response.encode(request, &mut reply);
        reply
    }

    #[test]
    fn every_answer_has_exactly_the_bytes_of_its_structure() {
        for (response, bytes) in [
            (Response::Done, 24),
            (Response::Error(ErrorCode::OutOfMemory), 24),
            (Response::DisplayInfo(Box::default()), 24 + 16 * 24),
            (Response::Edid(vec![1; 128]), REPLY_BYTES_MAX),
            (Response::Edid(vec![1; 5000]), REPLY_BYTES_MAX),
            (Response::ResourceUuid([7; 16]), 40),
            (Response::CapsetInfo(4, 160), 40),
            (Response::Capset(vec![1; 160]), 184),
            (Response::Mapped, 32),
        ] {
            assert_eq!(encoded(&response, &Header::default()).len(), bytes, "{response:?}");
        }
    }

    #[test]
    fn a_fence_and_its_place_come_back_and_nothing_else_of_the_header_does() {
        let mut request = Header {
            kind: 0x100,
            flags: 0xffff_ffff,
            fence_id: 0x1122_3344_5566_7788,
            ctx_id: 9,
            ring_idx: 5,
        };
        let mut wanted = [0u8; 24];
        wanted[..4].copy_from_slice(&0x1100u32.to_le_bytes());
        wanted[4] = 3;
        wanted[8..16].copy_from_slice(&request.fence_id.to_le_bytes());
        wanted[16] = 9;
        wanted[20] = 5;
        assert_eq!(encoded(&Response::Done, &request), wanted);

        request.flags = FLAG_FENCE;
        (wanted[4], wanted[20]) = (1, 0);
        assert_eq!(encoded(&Response::Done, &request), wanted);

        request.flags = FLAG_INFO_RING_IDX;
        wanted[4..].fill(0);
        assert_eq!(encoded(&Response::Done, &request), wanted);
    }

    #[test]
    fn a_head_is_told_at_its_place_and_the_others_are_zero() {
        let mut modes = [HeadMode::default(); SCANOUTS_MAX];
        modes[1] = HeadMode { area: Rect { x: 1, y: 2, width: 3, height: 4 }, enabled: true };
        let reply = encoded(&Response::DisplayInfo(Box::new(modes)), &Header::default());
        let words: Vec<u32> =
            reply[24..].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
        let mut wanted = vec![0; 96];
        wanted[6..11].copy_from_slice(&[1, 2, 3, 4, 1]);
        assert_eq!(words, wanted);
    }

    #[test]
    fn an_edid_says_how_long_it_is_and_is_cut_at_the_end_of_its_field() {
        for (len, told) in [(128usize, 128u32), (1024, 1024), (1025, 1024)] {
            let reply = encoded(&Response::Edid(vec![0xee; len]), &Header::default());
            assert_eq!(reply[24..28], told.to_le_bytes());
            assert!(reply[32..32 + told as usize].iter().all(|byte| *byte == 0xee));
            assert!(reply[32 + told as usize..].iter().all(|byte| *byte == 0));
        }
    }
}
