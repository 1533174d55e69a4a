//! Requests: bytes of a guest to checked values (virtio 1.3, 5.7.6.7 to 5.7.6.10).
//!
//! A value here is right in itself: ids are not zero, formats exist, lists are as long as they say. Whether a resource
//! exists or a rectangle lies in it is for the device to see.

use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::error::format;
use super::raw::{self, MemEntry, command as kind};
use super::{
    ENTRIES_MAX, FEATURE_EDID, FEATURE_RESOURCE_BLOB, FEATURE_RESOURCE_UUID, Format, GuestError, Limits,
    Point, Rect, ResourceId, ScanoutId, Size,
};

/// The header of every request (`virtio_gpu_ctrl_hdr`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Which command it is.
    pub kind: u32,
    /// `VIRTIO_GPU_FLAG_*`.
    pub flags: u32,
    /// The fence to signal with the answer, where the flags say so.
    pub fence_id: u64,
    /// The 3D context it belongs to.
    pub ctx_id: u32,
    /// The fence timeline within that context, where the flags say so.
    pub ring_idx: u8,
}

impl Header {
    /// The header of a request and what follows it.
    pub fn decode(request: &[u8]) -> Result<(Self, &[u8]), GuestError> {
        let (raw, body) = take::<raw::CtrlHdr>(request)?;
        let header = Self {
            kind: raw.kind.get(),
            flags: raw.flags.get(),
            fence_id: raw.fence_id.get(),
            ctx_id: raw.ctx_id.get(),
            ring_idx: raw.ring_idx,
        };
        Ok((header, body))
    }

    /// The feature, as a bit number, without which a guest may not send this command.
    pub fn feature(&self) -> Option<u32> {
        match self.kind {
            kind::GET_EDID => Some(FEATURE_EDID),
            kind::RESOURCE_ASSIGN_UUID => Some(FEATURE_RESOURCE_UUID),
            kind::RESOURCE_CREATE_BLOB | kind::SET_SCANOUT_BLOB => Some(FEATURE_RESOURCE_BLOB),
            _ => None,
        }
    }
}

/// A checked request of the control queue.
#[derive(Clone, Copy, Debug)]
pub enum Command<'a> {
    /// `GET_DISPLAY_INFO`.
    GetDisplayInfo,
    /// `GET_EDID`.
    GetEdid(ScanoutId),
    /// `RESOURCE_CREATE_2D`.
    CreateImage {
        /// Its number.
        id: ResourceId,
        /// How its pixels are stored.
        format: Format,
        /// Its size.
        size: Size,
    },
    /// `RESOURCE_UNREF`.
    Unref(ResourceId),
    /// `SET_SCANOUT` or `SET_SCANOUT_BLOB` of resource zero; nothing else in such a request counts.
    DisableScanout(ScanoutId),
    /// `SET_SCANOUT`.
    SetScanout {
        /// The head.
        head: ScanoutId,
        /// What it shows.
        id: ResourceId,
        /// Which part of it.
        area: Rect,
    },
    /// `RESOURCE_FLUSH`.
    Flush {
        /// The resource.
        id: ResourceId,
        /// Which part of it.
        area: Rect,
    },
    /// `TRANSFER_TO_HOST_2D`.
    Transfer {
        /// The resource.
        id: ResourceId,
        /// Which part of it.
        area: Rect,
        /// Where in the backing the first pixel of that part is.
        offset: u64,
    },
    /// `RESOURCE_ATTACH_BACKING`.
    AttachBacking {
        /// The resource.
        id: ResourceId,
        /// Its pages.
        entries: Entries<'a>,
    },
    /// `RESOURCE_DETACH_BACKING`.
    DetachBacking(ResourceId),
    /// `GET_CAPSET_INFO`, by index.
    GetCapsetInfo(u32),
    /// `GET_CAPSET`, by id.
    GetCapset(u32),
    /// `RESOURCE_ASSIGN_UUID`.
    AssignUuid(ResourceId),
    /// `RESOURCE_CREATE_BLOB`.
    CreateBlob(CreateBlob<'a>),
    /// `SET_SCANOUT_BLOB`.
    SetScanoutBlob {
        /// The head.
        head: ScanoutId,
        /// What it shows.
        id: ResourceId,
        /// Which part of the framebuffer.
        area: Rect,
        /// How the framebuffer lies in the blob.
        layout: Layout,
    },
}

/// `RESOURCE_CREATE_BLOB`.
#[derive(Clone, Copy, Debug)]
pub struct CreateBlob<'a> {
    /// Its number.
    pub id: ResourceId,
    /// `blob_mem`.
    pub kind: u32,
    /// `blob_flags`.
    pub flags: u32,
    /// Bytes that it has.
    pub size: u64,
    /// Its pages.
    pub entries: Entries<'a>,
}

impl CreateBlob<'_> {
    /// Whether it is guest pages and nothing else, and sets no flag that does not exist.
    pub fn is_guest_memory(&self) -> bool {
        self.kind == raw::BLOB_MEM_GUEST && self.flags & !raw::BLOB_FLAGS == 0
    }
}

/// How a framebuffer lies in a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How its pixels are stored.
    pub format: Format,
    /// Its size.
    pub size: Size,
    /// Bytes from a row to the next.
    pub stride: u32,
    /// Where its first pixel is.
    pub offset: u32,
}

/// The pages of a backing, still where the guest's request was copied to: a list costs nothing before it is charged.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a>(&'a [MemEntry]);

impl<'a> Entries<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Guest address and bytes of each.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + use<'a> {
        self.0.iter().map(|entry| (entry.addr.get(), entry.length.get()))
    }

    fn decode(count: u32, body: &'a [u8], limits: &Limits) -> Result<Self, GuestError> {
        let max = limits.entries.min(ENTRIES_MAX);
        if count > max {
            return Err(GuestError::TooManyEntries { sent: count, max });
        }
        let needed = count as usize * size_of::<MemEntry>();
        <[MemEntry]>::ref_from_prefix_with_elems(body, count as usize)
            .map(|(entries, _)| Self(entries))
            .map_err(|_| GuestError::TooShort { sent: body.len(), needed })
    }
}

impl<'a> Command<'a> {
    /// Decodes what follows the header of a control request.
    pub fn decode(header: &Header, body: &'a [u8], limits: &Limits) -> Result<Self, GuestError> {
        Ok(match header.kind {
            kind::GET_DISPLAY_INFO => Self::GetDisplayInfo,
            kind::GET_EDID => {
                let number = take::<raw::GetEdid>(body)?.0.scanout.get();
                Self::GetEdid(ScanoutId::new(number).ok_or(GuestError::NoEdid(number))?)
            }
            kind::RESOURCE_CREATE_2D => create_image(body)?,
            kind::RESOURCE_UNREF => Self::Unref(resource_alone(body)?),
            kind::SET_SCANOUT => set_scanout(body)?,
            kind::RESOURCE_FLUSH => {
                let raw = take::<raw::ResourceFlush>(body)?.0;
                Self::Flush { id: resource(raw.resource_id.get())?, area: raw.r.into() }
            }
            kind::TRANSFER_TO_HOST_2D => {
                let raw = take::<raw::TransferToHost2d>(body)?.0;
                let id = resource(raw.resource_id.get())?;
                Self::Transfer { id, area: raw.r.into(), offset: raw.offset.get() }
            }
            kind::RESOURCE_ATTACH_BACKING => {
                let (raw, rest) = take::<raw::AttachBacking>(body)?;
                let id = resource(raw.resource_id.get())?;
                Self::AttachBacking { id, entries: Entries::decode(raw.nr_entries.get(), rest, limits)? }
            }
            kind::RESOURCE_DETACH_BACKING => Self::DetachBacking(resource_alone(body)?),
            kind::GET_CAPSET_INFO => {
                Self::GetCapsetInfo(take::<raw::ResourceAlone>(body)?.0.resource_id.get())
            }
            kind::GET_CAPSET => Self::GetCapset(take::<raw::ResourceAlone>(body)?.0.resource_id.get()),
            kind::RESOURCE_ASSIGN_UUID => Self::AssignUuid(resource_alone(body)?),
            kind::RESOURCE_CREATE_BLOB => create_blob(body, limits)?,
            kind::SET_SCANOUT_BLOB => set_scanout_blob(body)?,
            unknown => return Err(GuestError::UnknownCommand(unknown)),
        })
    }
}

fn create_image(body: &[u8]) -> Result<Command<'_>, GuestError> {
    let raw = take::<raw::ResourceCreate2d>(body)?.0;
    Ok(Command::CreateImage {
        id: resource(raw.resource_id.get())?,
        format: format(raw.format.get())?,
        size: Size { width: raw.width.get(), height: raw.height.get() },
    })
}

fn create_blob<'a>(body: &'a [u8], limits: &Limits) -> Result<Command<'a>, GuestError> {
    let (raw, rest) = take::<raw::CreateBlob>(body)?;
    Ok(Command::CreateBlob(CreateBlob {
        id: resource(raw.resource_id.get())?,
        kind: raw.blob_mem.get(),
        flags: raw.blob_flags.get(),
        size: raw.size.get(),
        entries: Entries::decode(raw.nr_entries.get(), rest, limits)?,
    }))
}

fn set_scanout(body: &[u8]) -> Result<Command<'_>, GuestError> {
    let raw = take::<raw::SetScanout>(body)?.0;
    let head = scanout(raw.scanout_id.get())?;
    Ok(match ResourceId::new(raw.resource_id.get()) {
        None => Command::DisableScanout(head),
        Some(id) => Command::SetScanout { head, id, area: raw.r.into() },
    })
}

fn set_scanout_blob(body: &[u8]) -> Result<Command<'_>, GuestError> {
    let raw = take::<raw::SetScanoutBlob>(body)?.0;
    let head = scanout(raw.scanout_id.get())?;
    let Some(id) = ResourceId::new(raw.resource_id.get()) else { return Ok(Command::DisableScanout(head)) };
    // Every format there is has one plane, so only the first stride and offset count.
    let ([stride, ..], [offset, ..]) = (raw.strides, raw.offsets);
    let layout = Layout {
        format: format(raw.format.get())?,
        size: Size { width: raw.width.get(), height: raw.height.get() },
        stride: stride.get(),
        offset: offset.get(),
    };
    Ok(Command::SetScanoutBlob { head, id, area: raw.r.into(), layout })
}

/// A checked request of the cursor queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorCommand {
    /// `UPDATE_CURSOR`.
    Update {
        /// The head.
        head: ScanoutId,
        /// Where the pointer is.
        at: Point,
        /// The pixel of the image that lies there.
        hot: Point,
        /// The image; `None` hides the pointer.
        resource: Option<ResourceId>,
    },
    /// `MOVE_CURSOR`, which uses no other field (5.7.6.10).
    Move {
        /// The head.
        head: ScanoutId,
        /// Where the pointer is.
        at: Point,
    },
}

impl CursorCommand {
    /// Decodes what follows the header of a cursor request.
    pub fn decode(header: &Header, body: &[u8]) -> Result<Self, GuestError> {
        if !matches!(header.kind, kind::UPDATE_CURSOR | kind::MOVE_CURSOR) {
            return Err(GuestError::UnknownCommand(header.kind));
        }
        let raw = take::<raw::UpdateCursor>(body)?.0;
        let head = scanout(raw.pos.scanout_id.get())?;
        let at = Point { x: raw.pos.x.get(), y: raw.pos.y.get() };
        if header.kind == kind::MOVE_CURSOR {
            return Ok(Self::Move { head, at });
        }
        let hot = Point { x: raw.hot_x.get(), y: raw.hot_y.get() };
        Ok(Self::Update { head, at, hot, resource: ResourceId::new(raw.resource_id.get()) })
    }
}

/// The structure at the front of `bytes`, copied, and what follows it.
fn take<T: FromBytes + Immutable + KnownLayout + Unaligned + Copy>(
    bytes: &[u8],
) -> Result<(T, &[u8]), GuestError> {
    T::read_from_prefix(bytes).map_err(|_| GuestError::TooShort { sent: bytes.len(), needed: size_of::<T>() })
}

fn resource(number: u32) -> Result<ResourceId, GuestError> {
    ResourceId::new(number).ok_or(GuestError::UnknownResource(number))
}

fn resource_alone(body: &[u8]) -> Result<ResourceId, GuestError> {
    resource(take::<raw::ResourceAlone>(body)?.0.resource_id.get())
}

fn scanout(number: u32) -> Result<ScanoutId, GuestError> {
    ScanoutId::new(number).ok_or(GuestError::UnknownScanout(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A request of 32-bit words after the header.
    fn decode(kind: u32, words: &[u32], limits: &Limits) -> Result<String, GuestError> {
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let header = Header { kind, ..Header::default() };
        let control = Command::decode(&header, &body, limits).map(|command| format!("{command:?}"));
        match CursorCommand::decode(&header, &body) {
            Err(GuestError::UnknownCommand(_)) => control,
            cursor => cursor.map(|command| format!("{command:?}")),
        }
    }

    fn decoded(kind: u32, words: &[u32]) -> Result<String, GuestError> {
        decode(kind, words, &Limits::default())
    }

    #[test]
    fn a_header_is_read_field_by_field_and_what_follows_is_the_body() {
        let bytes: Vec<u8> = (1..=30).collect();
        let (header, body) = Header::decode(&bytes).unwrap();
        let wanted = Header {
            kind: 0x0403_0201,
            flags: 0x0807_0605,
            fence_id: 0x100f_0e0d_0c0b_0a09,
            ctx_id: 0x1413_1211,
            ring_idx: 0x15,
        };
        assert_eq!((header, body), (wanted, &bytes[24..]));
        assert_eq!(Header::decode(&bytes[..23]), Err(GuestError::TooShort { sent: 23, needed: 24 }));
    }

    #[test]
    fn every_field_of_every_command_is_read_from_its_place() {
        let id = |number| format!("{:?}", ResourceId::new(number).unwrap());
        let rect = "Rect { x: 1, y: 2, width: 3, height: 4 }";
        let size = "Size { width: 8, height: 9 }";
        let cases: [(u32, &[u32], String); 17] = [
            (0x100, &[], "GetDisplayInfo".into()),
            (0x101, &[7, 67, 8, 9], format!("CreateImage {{ id: {}, format: R8G8B8A8, size: {size} }}", id(7))),
            (0x102, &[7, 0], format!("Unref({})", id(7))),
            (0x103, &[1, 2, 3, 4, 5, 6], format!("SetScanout {{ head: ScanoutId(5), id: {}, area: {rect} }}", id(6))),
            (0x103, &[1, 2, 3, 4, 5, 0], "DisableScanout(ScanoutId(5))".into()),
            (0x104, &[1, 2, 3, 4, 5, 0], format!("Flush {{ id: {}, area: {rect} }}", id(5))),
            (
                0x105,
                &[1, 2, 3, 4, 5, 6, 7, 0],
                format!("Transfer {{ id: {}, area: {rect}, offset: {} }}", id(7), 5 + (6u64 << 32)),
            ),
            (0x107, &[7, 0], format!("DetachBacking({})", id(7))),
            (0x108, &[3, 0], "GetCapsetInfo(3)".into()),
            (0x109, &[3, 1], "GetCapset(3)".into()),
            (0x10a, &[15, 0], "GetEdid(ScanoutId(15))".into()),
            (0x10b, &[7, 0], format!("AssignUuid({})", id(7))),
            (
                0x10d,
                &[1, 2, 3, 4, 5, 6, 8, 9, 2, 0, 11, 12, 13, 14, 15, 16, 17, 18],
                format!(
                    "SetScanoutBlob {{ head: ScanoutId(5), id: {}, area: {rect}, layout: Layout {{ format: B8G8R8X8, \
                     size: {size}, stride: 11, offset: 15 }} }}",
                    id(6)
                ),
            ),
            (0x10d, &[0; 18], "DisableScanout(ScanoutId(0))".into()),
            (
                0x300,
                &[1, 2, 3, 0, 7, 5, 6, 0],
                format!(
                    "Update {{ head: ScanoutId(1), at: Point {{ x: 2, y: 3 }}, hot: Point {{ x: 5, y: 6 }}, \
                     resource: Some({}) }}",
                    id(7)
                ),
            ),
            (
                0x300,
                &[1, 2, 3, 0, 0, 5, 6, 0],
                "Update { head: ScanoutId(1), at: Point { x: 2, y: 3 }, hot: Point { x: 5, y: 6 }, resource: None }"
                    .into(),
            ),
            (0x301, &[1, 2, 3, 0, 7, 5, 6, 0], "Move { head: ScanoutId(1), at: Point { x: 2, y: 3 } }".into()),
        ];
        for (kind, words, wanted) in cases {
            assert_eq!(decoded(kind, words).unwrap(), wanted, "{kind:#x}");
            for short in 0..words.len() {
                let error = decoded(kind, &words[..short]).unwrap_err();
                assert!(matches!(error, GuestError::TooShort { .. }), "{kind:#x} of {short} words: {error}");
            }
        }
    }

    #[test]
    fn lists_are_as_long_as_they_say_or_refused() {
        let header = Header { kind: 0x106, ..Header::default() };
        let words = [7u32, 2, 0x1000, 1, 0x10, 0, 0x2000, 0, 0x20, 0];
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let Ok(Command::AttachBacking { id, entries }) = Command::decode(&header, &body, &Limits::default())
        else {
            panic!("no backing");
        };
        assert_eq!((id.get(), entries.len()), (7, 2));
        assert_eq!(entries.iter().collect::<Vec<_>>(), [(0x1_0000_1000, 0x10), (0x2000, 0x20)]);
        for short in 8..body.len() {
            let sent = short - 8;
            let error = Command::decode(&header, &body[..short], &Limits::default()).unwrap_err();
            assert_eq!(error, GuestError::TooShort { sent, needed: 32 });
        }
    }

    #[test]
    fn a_blob_is_guest_memory_or_it_is_not() {
        let header = Header { kind: 0x10c, ..Header::default() };
        for (kind, flags, wanted) in
            [(1, 0, true), (1, 7, true), (1, 8, false), (2, 0, false), (3, 1, false), (0, 0, false)]
        {
            let words = [7u32, kind, flags, 0, 0, 0, 0x1000, 1];
            let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let Ok(Command::CreateBlob(blob)) = Command::decode(&header, &body, &Limits::default()) else {
                panic!("no blob");
            };
            assert_eq!(
                (blob.size, blob.entries.is_empty(), blob.is_guest_memory()),
                (0x1_0000_1000, true, wanted)
            );
        }
    }

    #[test]
    fn more_entries_than_allowed_are_refused_before_they_are_looked_for() {
        let limits = Limits { entries: 1, ..Limits::default() };
        assert_eq!(decode(0x106, &[7, 2], &limits), Err(GuestError::TooManyEntries { sent: 2, max: 1 }));
        let limits = Limits { entries: u32::MAX, ..limits };
        assert_eq!(
            decode(0x106, &[7, u32::MAX], &limits),
            Err(GuestError::TooManyEntries { sent: u32::MAX, max: ENTRIES_MAX })
        );
    }

    #[test]
    fn what_is_no_id_is_refused_with_its_number() {
        for (kind, words) in
            [(0x101, [0; 8]), (0x102, [0; 8]), (0x104, [0; 8]), (0x105, [0; 8]), (0x10c, [0; 8])]
        {
            assert_eq!(decoded(kind, &words), Err(GuestError::UnknownResource(0)), "{kind:#x}");
        }
        assert_eq!(decoded(0x103, &[0, 0, 1, 1, 16, 1]), Err(GuestError::UnknownScanout(16)));
        assert_eq!(decoded(0x301, &[16; 8]), Err(GuestError::UnknownScanout(16)));
        assert_eq!(decoded(0x10a, &[16, 0]), Err(GuestError::NoEdid(16)));
        assert_eq!(decoded(0x101, &[1, 3 << 16, 1, 1]), Err(GuestError::UnknownFormat(3 << 16)));
    }

    #[test]
    fn each_queue_knows_only_its_own_commands_and_none_of_3d() {
        let limits = Limits::default();
        for kind in (0x200..=0x209).chain([0, 0xff, 0x10e, 0x300, 0x301, 0x1100, u32::MAX]) {
            let header = Header { kind, ..Header::default() };
            assert_eq!(
                Command::decode(&header, &[0; 64], &limits).unwrap_err(),
                GuestError::UnknownCommand(kind)
            );
        }
        for kind in (0..0x300).chain([0x302, u32::MAX]) {
            let header = Header { kind, ..Header::default() };
            assert_eq!(CursorCommand::decode(&header, &[0; 64]), Err(GuestError::UnknownCommand(kind)));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(
            kind in prop_oneof![0x100u32..0x10f, 0x300u32..0x302, any::<u32>()],
            body in prop::collection::vec(any::<u8>(), 0..128),
        ) {
            let header = Header { kind, ..Header::default() };
            let _ = Command::decode(&header, &body, &Limits::default());
            let _ = CursorCommand::decode(&header, &body);
        }
    }
}
