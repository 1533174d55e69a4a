//! Requests: bytes of a guest to checked values (virtio 1.3, 5.7.6.7 to 5.7.6.10).
//!
//! A value here is right in itself: ids are not zero, formats exist, lists are as long as they say. Whether a resource
//! exists or a rectangle lies in it is for the device to see.

use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::error::format;
use super::raw::{self, MemEntry, command as kind};
use super::response::{FLAG_FENCE, FLAG_INFO_RING_IDX};
use super::{
    ContextId, ENTRIES_MAX, FEATURE_EDID, FEATURE_RESOURCE_BLOB, FEATURE_RESOURCE_UUID, FEATURE_VIRGL,
    Format, GuestError, Limits, Point, Rect, ResourceId, ScanoutId, Size,
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
            // Only contexts have blobs that can be mapped.
            kind::CTX_CREATE..=kind::RESOURCE_UNMAP_BLOB => Some(FEATURE_VIRGL),
            _ => None,
        }
    }

    /// The timeline that its fence is on: 0 is the one of requests that were taken in, others are of queues.
    pub fn timeline(&self) -> u32 {
        const BOTH: u32 = FLAG_FENCE | FLAG_INFO_RING_IDX;
        if self.flags & BOTH == BOTH { self.ring_idx.into() } else { 0 }
    }

    fn context(&self) -> Result<ContextId, GuestError> {
        ContextId::new(self.ctx_id).ok_or(GuestError::UnknownContext(self.ctx_id))
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
    /// `CTX_CREATE`.
    CreateContext {
        /// Its number.
        id: ContextId,
        /// The capability set that it is of; 0: OpenGL's.
        capset: u32,
        /// What its program calls itself, as it came.
        name: &'a [u8],
    },
    /// `CTX_DESTROY`.
    DestroyContext(ContextId),
    /// `CTX_ATTACH_RESOURCE`: the context may use the resource.
    AttachResource {
        /// The context.
        context: ContextId,
        /// The resource.
        id: ResourceId,
    },
    /// `CTX_DETACH_RESOURCE`.
    DetachResource {
        /// The context.
        context: ContextId,
        /// The resource.
        id: ResourceId,
    },
    /// `SUBMIT_3D`.
    Submit {
        /// The context.
        context: ContextId,
        /// The commands.
        commands: &'a [u8],
    },
    /// `RESOURCE_MAP_BLOB`.
    MapBlob {
        /// The blob.
        id: ResourceId,
        /// Where in the host-visible memory.
        offset: u64,
    },
    /// `RESOURCE_UNMAP_BLOB`.
    UnmapBlob(ResourceId),
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
    /// The context that knows what it is.
    pub context: Option<ContextId>,
    /// What that context calls it.
    pub blob_id: u64,
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

    /// Whether it is the host's memory, to be mapped by the guest.
    pub fn is_host_memory(&self) -> bool {
        let flags = self.flags & raw::BLOB_FLAG_USE_MAPPABLE != 0 && self.flags & !raw::BLOB_FLAGS == 0;
        self.kind == raw::BLOB_MEM_HOST3D && flags && self.entries.is_empty()
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
            kind::RESOURCE_CREATE_BLOB => create_blob(header, body, limits)?,
            kind::SET_SCANOUT_BLOB => set_scanout_blob(body)?,
            kind::CTX_CREATE => create_context(header, body)?,
            kind::CTX_DESTROY => Self::DestroyContext(header.context()?),
            kind::CTX_ATTACH_RESOURCE => {
                Self::AttachResource { context: header.context()?, id: resource_alone(body)? }
            }
            kind::CTX_DETACH_RESOURCE => {
                Self::DetachResource { context: header.context()?, id: resource_alone(body)? }
            }
            kind::SUBMIT_3D => submit(header, body)?,
            kind::RESOURCE_MAP_BLOB => {
                let raw = take::<raw::MapBlob>(body)?.0;
                Self::MapBlob { id: resource(raw.resource_id.get())?, offset: raw.offset.get() }
            }
            kind::RESOURCE_UNMAP_BLOB => Self::UnmapBlob(resource_alone(body)?),
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

fn create_context<'a>(header: &Header, body: &'a [u8]) -> Result<Command<'a>, GuestError> {
    let raw = raw::CtxCreate::ref_from_prefix(body);
    let needed = size_of::<raw::CtxCreate>();
    let (raw, _) = raw.map_err(|_| GuestError::TooShort { sent: body.len(), needed })?;
    let length = usize::try_from(raw.nlen.get()).unwrap_or(usize::MAX).min(raw.debug_name.len());
    Ok(Command::CreateContext {
        id: header.context()?,
        capset: raw.context_init.get() & raw::CONTEXT_INIT_CAPSET_ID_MASK,
        name: raw.debug_name.get(..length).unwrap_or_default(),
    })
}

fn submit<'a>(header: &Header, body: &'a [u8]) -> Result<Command<'a>, GuestError> {
    let (raw, rest) = take::<raw::Submit>(body)?;
    let needed = raw.size.get() as usize;
    let commands = rest.get(..needed).ok_or(GuestError::TooShort { sent: rest.len(), needed })?;
    Ok(Command::Submit { context: header.context()?, commands })
}

fn create_blob<'a>(header: &Header, body: &'a [u8], limits: &Limits) -> Result<Command<'a>, GuestError> {
    let (raw, rest) = take::<raw::CreateBlob>(body)?;
    Ok(Command::CreateBlob(CreateBlob {
        id: resource(raw.resource_id.get())?,
        kind: raw.blob_mem.get(),
        flags: raw.blob_flags.get(),
        context: ContextId::new(header.ctx_id),
        blob_id: raw.blob_id.get(),
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
mod tests;
