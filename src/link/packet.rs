//! A request as packets: a header of fixed size, then bytes.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Blob, PAYLOAD_BYTES_MAX, Request};
use crate::wire::{ContextId, ResourceId};

pub(super) const HEADER_BYTES: usize = size_of::<Header>();

/// Numbers of the kinds.
mod kind {
    pub(super) const RESET: u32 = 1;
    pub(super) const RECALL: u32 = 2;
    pub(super) const CREATE: u32 = 3;
    pub(super) const DESTROY: u32 = 4;
    pub(super) const MAP: u32 = 5;
    pub(super) const UNMAP: u32 = 6;
    pub(super) const ATTACH: u32 = 7;
    pub(super) const DETACH: u32 = 8;
    pub(super) const SUBMIT: u32 = 9;
    pub(super) const GREET: u32 = 11;
    /// The next packet goes on with its bytes.
    pub(super) const MORE: u32 = 10;
}

/// What a packet begins with; what its kind has no use for is zero.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Header {
    kind: u32,
    context: u32,
    resource: u32,
    timeline: u32,
    token: u64,
    blob_id: u64,
    offset: u64,
    bytes: u64,
    /// Of all packets of the request together.
    payload_bytes: u64,
}

/// A request as far as it has come. Of one whose sender or whose reader died midway only a part comes.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    token: u64,
    payload: Vec<u8>,
    tokens: Vec<u64>,
}

/// Why a packet is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a packet of {0} bytes is none that a device sends")]
pub(super) struct Foreign(pub(super) usize);

/// The packets of a request.
pub(super) fn packets(token: u64, request: Request<'_>) -> impl Iterator<Item = Vec<u8>> {
    let plain = Header { token, ..Header::default() };
    let of = |kind, id: ContextId| Header { kind, context: id.get(), ..plain };
    let pair =
        |kind, id: ContextId, resource: ResourceId| Header { resource: resource.get(), ..of(kind, id) };
    let about = |kind, Blob { resource, context, blob_id, offset, bytes }: Blob| Header {
        blob_id,
        offset,
        bytes,
        ..pair(kind, context, resource)
    };
    let words;
    let (header, payload) = match request {
        Request::Reset => (Header { kind: kind::RESET, ..plain }, &[][..]),
        Request::Greet => (Header { kind: kind::GREET, ..plain }, &[][..]),
        Request::Recall(tokens) => {
            words = tokens.as_bytes();
            (Header { kind: kind::RECALL, ..plain }, words)
        }
        Request::Create(id, name) => (of(kind::CREATE, id), name),
        Request::Destroy(id) => (of(kind::DESTROY, id), &[][..]),
        Request::Map(blob) => (about(kind::MAP, blob), &[][..]),
        Request::Unmap(blob) => (about(kind::UNMAP, blob), &[][..]),
        Request::Attach(blob) => (about(kind::ATTACH, blob), &[][..]),
        Request::Detach(id, resource) => (pair(kind::DETACH, id, resource), &[][..]),
        Request::Submit { context, timeline, commands } => {
            (Header { timeline, ..of(kind::SUBMIT, context) }, commands)
        }
    };
    let header = Header { payload_bytes: payload.len() as u64, ..header };
    let count = payload.len().div_ceil(PAYLOAD_BYTES_MAX).max(1);
    let more = Header { kind: kind::MORE, ..plain };
    (1..=count).zip(chunks(payload)).map(move |(number, part)| {
        let header = if number == count { header } else { more };
        [header.as_bytes(), part].concat()
    })
}

/// At least one, be it empty.
fn chunks(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    payload.chunks(PAYLOAD_BYTES_MAX).chain(payload.is_empty().then_some(payload))
}

impl Parcel {
    /// Takes in a packet and tells the request that is whole with it; `Err` for what is none of ours, and for the end
    /// of a request of which the rest is missing, with its token.
    pub(super) fn take(&mut self, packet: &[u8]) -> Result<Option<(u64, Request<'_>)>, Foreign> {
        let (header, part) = Header::read_from_prefix(packet).map_err(|_| Foreign(packet.len()))?;
        if std::mem::replace(&mut self.token, header.token) != header.token {
            self.payload.clear();
        }
        self.payload.extend_from_slice(part);
        if header.kind == kind::MORE {
            return Ok(None);
        }
        self.tokens.clear();
        // No request has this token, so the next one begins anew.
        self.token = 0;
        let whole = header.payload_bytes == self.payload.len() as u64;
        let request = header.request(&self.payload, &mut self.tokens).filter(|_| whole);
        request.map(|request| Some((header.token, request))).ok_or(Foreign(packet.len()))
    }
}

impl Header {
    /// The request with this header.
    fn request<'a>(&self, payload: &'a [u8], tokens: &'a mut Vec<u64>) -> Option<Request<'a>> {
        let (context, resource) = (ContextId::new(self.context), ResourceId::new(self.resource));
        Some(match self.kind {
            kind::RESET => Request::Reset,
            kind::GREET => Request::Greet,
            kind::RECALL => {
                let words = payload.as_chunks::<8>().0.iter();
                tokens.extend(words.map(|word| u64::from_ne_bytes(*word)));
                Request::Recall(tokens)
            }
            kind::CREATE => Request::Create(context?, payload),
            kind::DESTROY => Request::Destroy(context?),
            kind::MAP => Request::Map(self.blob()?),
            kind::UNMAP => Request::Unmap(self.blob()?),
            kind::ATTACH => Request::Attach(self.blob()?),
            kind::DETACH => Request::Detach(context?, resource?),
            kind::SUBMIT => Request::Submit { context: context?, timeline: self.timeline, commands: payload },
            _ => return None,
        })
    }

    fn blob(&self) -> Option<Blob> {
        Some(Blob {
            resource: ResourceId::new(self.resource)?,
            context: ContextId::new(self.context)?,
            blob_id: self.blob_id,
            offset: self.offset,
            bytes: self.bytes,
        })
    }
}
