//! The display protocol between a vhost-user GPU and the VMM that shows its pictures
//! (QEMU, `docs/interop/vhost-user-gpu.rst`).
//!
//! Requests flow to the VMM and replies back, in order, each behind a header in native byte order. The VMM's reply
//! to [`Request::Edid`] may never come: QEMU stays silent about heads that it does not have.

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::{HeadMode, Point, Rect, SCANOUTS_MAX, ScanoutId, Size};

/// Protocol feature: EDIDs can be asked for (`VHOST_USER_GPU_PROTOCOL_F_EDID`).
pub const FEATURE_EDID: u64 = 1;

/// Bytes in front of every message.
pub const HEADER_BYTES: usize = 12;

/// Bytes in front of an update's pixels.
pub const UPDATE_HEADER_BYTES: usize = HEADER_BYTES + 20;

/// The longest message a VMM may send: an EDID.
pub const REPLY_BYTES_MAX: usize = HEADER_BYTES + size_of::<EdidReply>();

/// Side of a cursor image in pixels (virtio 1.3, 5.7.6.10).
pub const CURSOR_SIDE: u32 = 64;

/// Bytes of a cursor image.
pub const CURSOR_BYTES: usize = (CURSOR_SIDE * CURSOR_SIDE * 4) as usize;

const FLAG_REPLY: u32 = 1 << 2;

/// Message numbers (`VhostUserGpuRequest`). The DMABUF messages are not here: nothing of ours sends them.
mod number {
    pub(super) const GET_PROTOCOL_FEATURES: u32 = 1;
    pub(super) const SET_PROTOCOL_FEATURES: u32 = 2;
    pub(super) const GET_DISPLAY_INFO: u32 = 3;
    pub(super) const CURSOR_POS: u32 = 4;
    pub(super) const CURSOR_POS_HIDE: u32 = 5;
    pub(super) const CURSOR_UPDATE: u32 = 6;
    pub(super) const SCANOUT: u32 = 7;
    pub(super) const UPDATE: u32 = 8;
    pub(super) const GET_EDID: u32 = 11;
}

/// What is said to the VMM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Which protocol features it has; answered by [`Reply::ProtocolFeatures`].
    ProtocolFeatures,
    /// Which of them are used.
    SetProtocolFeatures(u64),
    /// The modes of all heads; answered by [`Reply::Modes`].
    Modes,
    /// The EDID of a head; answered by [`Reply::Edid`] or not at all.
    Edid(ScanoutId),
    /// The pointer is here, and seen.
    CursorAt(ScanoutId, Point),
    /// The pointer is not seen.
    CursorHidden(ScanoutId, Point),
    /// The pointer looks like this: `image` is [`CURSOR_BYTES`] of blue, green, red, alpha.
    CursorImage {
        /// The head on which it is.
        head: ScanoutId,
        /// Where on the head.
        at: Point,
        /// The pixel of the image that lies there.
        hot: Point,
        /// The pixels.
        image: &'a [u8; CURSOR_BYTES],
    },
    /// The head's picture has this size now; an empty one turns the head off.
    Scanout(ScanoutId, Size),
    /// The header of an update of a head that no VMM has, which ignores it; so many bytes must follow.
    Blank(usize),
    /// The header of new pixels; [`update_bytes`] of blue, green, red, x must follow.
    Update(ScanoutId, Rect),
}

/// Bytes of pixels behind an update of this area, `None` where that is more than a message can hold.
pub fn update_bytes(area: &Rect) -> Option<u32> {
    area.width.checked_mul(area.height)?.checked_mul(4).filter(|bytes| *bytes <= u32::MAX - 20)
}

impl Request<'_> {
    /// Appends the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::ProtocolFeatures => put(out, [number::GET_PROTOCOL_FEATURES, 0, 0]),
            Self::SetProtocolFeatures(features) => {
                put(out, [number::SET_PROTOCOL_FEATURES, 0, 8]);
                out.extend_from_slice(&features.to_ne_bytes());
            }
            Self::Modes => put(out, [number::GET_DISPLAY_INFO, 0, 0]),
            Self::Edid(head) => put(out, [number::GET_EDID, 0, 4, head.get()]),
            Self::CursorAt(head, at) => put(out, [number::CURSOR_POS, 0, 12, head.get(), at.x, at.y]),
            Self::CursorHidden(head, at) => {
                put(out, [number::CURSOR_POS_HIDE, 0, 12, head.get(), at.x, at.y])
            }
            Self::CursorImage { head, at, hot, image } => {
                const SIZE: u32 = 20 + CURSOR_SIDE * CURSOR_SIDE * 4;
                put(out, [number::CURSOR_UPDATE, 0, SIZE, head.get(), at.x, at.y, hot.x, hot.y]);
                out.extend_from_slice(image);
            }
            Self::Scanout(head, size) => {
                put(out, [number::SCANOUT, 0, 12, head.get(), size.width, size.height]);
            }
            Self::Blank(bytes) => {
                let size = u32::try_from(20 + bytes).unwrap_or(u32::MAX);
                put(out, [number::UPDATE, 0, size, u32::MAX, 0, 0, 0, 0]);
            }
            Self::Update(head, area) => {
                let size = 20 + update_bytes(&area).unwrap_or_default();
                put(out, [number::UPDATE, 0, size, head.get(), area.x, area.y, area.width, area.height]);
            }
        }
    }
}

fn put<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    out.extend_from_slice(words.map(u32::to_ne_bytes).as_flattened());
}

/// What a VMM answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A bit for each protocol feature it has.
    ProtocolFeatures(u64),
    /// The mode of every head; `None` where it answered with an error.
    Modes(Option<Box<[HeadMode; SCANOUTS_MAX]>>),
    /// An EDID; `None` where it answered with an error or with nothing.
    Edid(Option<Vec<u8>>),
}

/// Bytes from a VMM that are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// No request has this number, or its answer is never asked for.
    #[error("the display answered request {0}, which has no answer here")]
    Number(u32),
    /// The header lacks the flag that replies carry.
    #[error(
        "the display sent a message with flags {flags:#x} where a reply (flag 0x4) to request {number} belongs"
    )]
    Flags {
        /// The request's number.
        number: u32,
        /// The flags it carried.
        flags: u32,
    },
    /// The payload's size is not that of the reply.
    #[error("the display's reply to request {number} has {size} bytes instead of {expected}")]
    Size {
        /// The request's number.
        number: u32,
        /// The size it carried.
        size: u32,
        /// The size such replies have.
        expected: usize,
    },
    /// More bytes of EDID than a reply can hold.
    #[error("the display says that its EDID has {0} bytes; the reply holds 1024")]
    EdidSize(u32),
}

/// The reply at the start of `bytes` and how many bytes it took; `None` while it is incomplete. A header is judged
/// as soon as it is there, so no more than [`REPLY_BYTES_MAX`] bytes are ever waited for.
pub fn decode_reply(bytes: &[u8]) -> Result<Option<(Reply, usize)>, BadReply> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let [number, flags, size] = words(header);
    let expected = match number {
        number::GET_PROTOCOL_FEATURES => size_of::<u64>(),
        number::GET_DISPLAY_INFO => size_of::<ModesReply>(),
        number::GET_EDID => size_of::<EdidReply>(),
        _ => return Err(BadReply::Number(number)),
    };
    if flags & FLAG_REPLY == 0 {
        return Err(BadReply::Flags { number, flags });
    }
    if size as usize != expected {
        return Err(BadReply::Size { number, size, expected });
    }
    let Some(payload) = rest.get(..expected) else { return Ok(None) };
    let reply = match number {
        number::GET_PROTOCOL_FEATURES => u64::read_from_bytes(payload).ok().map(Reply::ProtocolFeatures),
        number::GET_DISPLAY_INFO => ModesReply::ref_from_bytes(payload).ok().map(ModesReply::decode),
        _ => EdidReply::ref_from_bytes(payload).ok().map(EdidReply::decode).transpose()?,
    };
    Ok(reply.map(|reply| (reply, HEADER_BYTES + expected)))
}

fn words(header: &[u8; HEADER_BYTES]) -> [u32; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(header.as_chunks().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    words
}

/// `virtio_gpu_resp_display_info`; payloads taken from the virtio specification are little-endian.
#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct ModesReply {
    kind: U32,
    header_rest: [u8; 20],
    heads: [ModeReply; SCANOUTS_MAX],
}

/// `virtio_gpu_display_one`.
#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct ModeReply {
    x: U32,
    y: U32,
    width: U32,
    height: U32,
    enabled: U32,
    flags: U32,
}

/// `virtio_gpu_resp_edid`.
#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct EdidReply {
    kind: U32,
    header_rest: [u8; 20],
    size: U32,
    padding: U32,
    edid: [u8; 1024],
}

const OK_DISPLAY_INFO: u32 = 0x1101;
const OK_EDID: u32 = 0x1104;
const _: () = assert!(size_of::<ModesReply>() == 408 && size_of::<EdidReply>() == 1056);

impl ModesReply {
    fn decode(&self) -> Reply {
        let modes = self.heads.each_ref().map(|head| HeadMode {
            area: Rect {
                x: head.x.get(),
                y: head.y.get(),
                width: head.width.get(),
                height: head.height.get(),
            },
            enabled: head.enabled.get() != 0,
        });
        Reply::Modes((self.kind.get() == OK_DISPLAY_INFO).then(|| Box::new(modes)))
    }
}

impl EdidReply {
    fn decode(&self) -> Result<Reply, BadReply> {
        let size = self.size.get();
        let edid = self.edid.get(..size as usize).ok_or(BadReply::EdidSize(size))?;
        let known = self.kind.get() == OK_EDID && !edid.is_empty();
        Ok(Reply::Edid(known.then(|| edid.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(number: u32, flags: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, [number, flags, u32::try_from(payload.len()).unwrap()]);
        out.extend_from_slice(payload);
        out
    }

    fn head(number: u32) -> ScanoutId {
        ScanoutId::new(number).unwrap()
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic_or_take_more_than_a_reply_holds(
            number in prop_oneof![any::<u32>(), 0u32..16], flags in prop_oneof![Just(4u32), any::<u32>()],
            size in prop_oneof![any::<u32>(), Just(8u32), Just(408), Just(1056)],
            payload in prop::collection::vec(any::<u8>(), 0..1200),
        ) {
            let mut bytes = Vec::new();
            put(&mut bytes, [number, flags, size]);
            bytes.extend_from_slice(&payload);
            match decode_reply(&bytes) {
                Ok(Some((_, taken))) => prop_assert!(taken <= bytes.len() && taken <= REPLY_BYTES_MAX),
                Ok(None) => prop_assert!(bytes.len() < REPLY_BYTES_MAX),
                Err(_) => {}
            }
        }

        #[test]
        fn a_cut_reply_is_waited_for_and_a_whole_one_is_decoded(cut in 0usize..20, features: u64) {
            let bytes = reply(1, 4, &features.to_ne_bytes());
            prop_assert_eq!(decode_reply(&bytes[..cut]), Ok(None));
            prop_assert_eq!(decode_reply(&bytes), Ok(Some((Reply::ProtocolFeatures(features), 20))));
        }
    }

    #[test]
    fn the_layouts_are_those_of_qemu() {
        let image = [7; CURSOR_BYTES];
        let at = Point { x: 1, y: 2 };
        let area = Rect { x: 1, y: 2, width: 3, height: 4 };
        let cases: [(Request<'_>, &[u32], usize); 10] = [
            (Request::ProtocolFeatures, &[1, 0, 0], 0),
            (Request::SetProtocolFeatures(u64::MAX), &[2, 0, 8, u32::MAX, u32::MAX], 0),
            (Request::Modes, &[3, 0, 0], 0),
            (Request::CursorAt(head(5), at), &[4, 0, 12, 5, 1, 2], 0),
            (Request::CursorHidden(head(5), at), &[5, 0, 12, 5, 1, 2], 0),
            (
                Request::CursorImage { head: head(5), at, hot: Point { x: 3, y: 4 }, image: &image },
                &[6, 0, 16404, 5, 1, 2, 3, 4],
                CURSOR_BYTES,
            ),
            (Request::Scanout(head(5), area.size()), &[7, 0, 12, 5, 3, 4], 0),
            (Request::Update(head(5), area), &[8, 0, 68, 5, 1, 2, 3, 4], 0),
            (Request::Blank(7), &[8, 0, 27, u32::MAX, 0, 0, 0, 0], 0),
            (Request::Edid(head(15)), &[11, 0, 4, 15], 0),
        ];
        for (request, words, more) in cases {
            let mut out = Vec::new();
            request.encode(&mut out);
            let expected: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            assert_eq!(out[..expected.len()], expected, "{words:?}");
            assert_eq!(out.len() - expected.len(), more, "{words:?}");
        }
    }

    #[test]
    fn modes_and_edids_are_read() {
        let mut info = vec![0; 408];
        info[..4].copy_from_slice(&0x1101u32.to_le_bytes());
        for (place, value) in [(0u32, 10u32), (1, 20), (2, 1024), (3, 768), (4, 1)] {
            let start = 24 + 24 * 3 + 4 * place as usize;
            info[start..start + 4].copy_from_slice(&value.to_le_bytes());
        }
        let Some((Reply::Modes(Some(modes)), 420)) = decode_reply(&reply(3, 4, &info)).unwrap() else {
            panic!("no modes")
        };
        let area = Rect { x: 10, y: 20, width: 1024, height: 768 };
        assert_eq!(modes[3], HeadMode { area, enabled: true });
        assert_eq!(modes[0], HeadMode::default());

        let mut edid = vec![9; 1056];
        edid[..4].copy_from_slice(&0x1104u32.to_le_bytes());
        edid[24..28].copy_from_slice(&128u32.to_le_bytes());
        let read = decode_reply(&reply(11, 4, &edid));
        assert_eq!(read, Ok(Some((Reply::Edid(Some(vec![9; 128])), 1068))));
        edid[..4].copy_from_slice(&0x1200u32.to_le_bytes());
        assert_eq!(decode_reply(&reply(11, 4, &edid)), Ok(Some((Reply::Edid(None), 1068))));
        edid[24..28].copy_from_slice(&1025u32.to_le_bytes());
        assert_eq!(decode_reply(&reply(11, 4, &edid)), Err(BadReply::EdidSize(1025)));
    }

    #[test]
    fn a_header_that_no_reply_has_is_refused_before_its_payload_comes() {
        assert_eq!(decode_reply(&reply(7, 4, &[])), Err(BadReply::Number(7)));
        assert_eq!(decode_reply(&reply(1, 0, &[0; 8])), Err(BadReply::Flags { number: 1, flags: 0 }));
        let mut huge = Vec::new();
        put(&mut huge, [11, 4, u32::MAX]);
        let expected = 1056;
        assert_eq!(decode_reply(&huge), Err(BadReply::Size { number: 11, size: u32::MAX, expected }));
    }

    #[test]
    fn an_update_too_large_for_a_message_has_no_size() {
        let area = |width, height| Rect { x: 0, y: 0, width, height };
        assert_eq!(update_bytes(&area(1920, 1080)), Some(8_294_400));
        assert_eq!(update_bytes(&area(32768, 32768)), None);
        assert_eq!(update_bytes(&area(u32::MAX, u32::MAX)), None);
    }
}
