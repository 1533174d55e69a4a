//! The structures of virtio 1.3, 5.7.6.7 to 5.7.6.10, byte for byte, under the specification's names.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{HeadMode, Rect, SCANOUTS_MAX};

/// `virtio_gpu_ctrl_type`: requests.
pub(super) mod command {
    pub(crate) const GET_DISPLAY_INFO: u32 = 0x0100;
    pub(crate) const RESOURCE_CREATE_2D: u32 = 0x0101;
    pub(crate) const RESOURCE_UNREF: u32 = 0x0102;
    pub(crate) const SET_SCANOUT: u32 = 0x0103;
    pub(crate) const RESOURCE_FLUSH: u32 = 0x0104;
    pub(crate) const TRANSFER_TO_HOST_2D: u32 = 0x0105;
    pub(crate) const RESOURCE_ATTACH_BACKING: u32 = 0x0106;
    pub(crate) const RESOURCE_DETACH_BACKING: u32 = 0x0107;
    pub(crate) const GET_CAPSET_INFO: u32 = 0x0108;
    pub(crate) const GET_CAPSET: u32 = 0x0109;
    pub(crate) const GET_EDID: u32 = 0x010a;
    pub(crate) const RESOURCE_ASSIGN_UUID: u32 = 0x010b;
    pub(crate) const RESOURCE_CREATE_BLOB: u32 = 0x010c;
    pub(crate) const SET_SCANOUT_BLOB: u32 = 0x010d;
    pub(crate) const CTX_CREATE: u32 = 0x0200;
    pub(crate) const CTX_DESTROY: u32 = 0x0201;
    pub(crate) const CTX_ATTACH_RESOURCE: u32 = 0x0202;
    pub(crate) const CTX_DETACH_RESOURCE: u32 = 0x0203;
    pub(crate) const SUBMIT_3D: u32 = 0x0207;
    pub(crate) const RESOURCE_MAP_BLOB: u32 = 0x0208;
    pub(crate) const RESOURCE_UNMAP_BLOB: u32 = 0x0209;
    pub(crate) const UPDATE_CURSOR: u32 = 0x0300;
    pub(crate) const MOVE_CURSOR: u32 = 0x0301;
}

/// `virtio_gpu_ctrl_type`: answers.
pub(super) mod response {
    pub(crate) const OK_NODATA: u32 = 0x1100;
    pub(crate) const OK_DISPLAY_INFO: u32 = 0x1101;
    pub(crate) const OK_CAPSET_INFO: u32 = 0x1102;
    pub(crate) const OK_CAPSET: u32 = 0x1103;
    pub(crate) const OK_EDID: u32 = 0x1104;
    pub(crate) const OK_RESOURCE_UUID: u32 = 0x1105;
    pub(crate) const OK_MAP_INFO: u32 = 0x1106;
}

/// `VIRTIO_GPU_BLOB_MEM_GUEST`: a blob that is guest pages and nothing else.
pub(super) const BLOB_MEM_GUEST: u32 = 1;
/// `VIRTIO_GPU_BLOB_MEM_HOST3D`: a blob in the host's memory.
pub(super) const BLOB_MEM_HOST3D: u32 = 2;
/// `VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE`.
pub(super) const BLOB_FLAG_USE_MAPPABLE: u32 = 1;
/// `VIRTIO_GPU_MAP_CACHE_CACHED`.
pub(super) const MAP_CACHE_CACHED: u32 = 1;
/// `VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK`.
pub(super) const CONTEXT_INIT_CAPSET_ID_MASK: u32 = 0xff;
/// All of `VIRTIO_GPU_BLOB_FLAG_USE_*`: mappable, shareable, cross-device.
pub(super) const BLOB_FLAGS: u32 = 0b111;
/// Bytes of the field that holds an EDID.
pub(super) const EDID_BYTES: usize = 1024;

/// Declares structures that are nothing but their bytes, each with the size that the specification gives it.
macro_rules! structs {
    ($($(#[$doc:meta])* $name:ident = $size:literal { $($field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
            #[repr(C)]
            pub(super) struct $name { $(pub(super) $field: $type,)* }
            const _: () = assert!(size_of::<$name>() == $size, "the size that virtio 1.3, 5.7.6 gives it");
        )*
    };
}

structs! {
    /// `virtio_gpu_ctrl_hdr`.
    CtrlHdr = 24 { kind: U32, flags: U32, fence_id: U64, ctx_id: U32, ring_idx: u8, padding: [u8; 3], }
    /// `virtio_gpu_rect`.
    RawRect = 16 { x: U32, y: U32, width: U32, height: U32, }
    /// `virtio_gpu_display_one`.
    DisplayOne = 24 { r: RawRect, enabled: U32, flags: U32, }
    /// `virtio_gpu_resp_display_info` after its header.
    RespDisplayInfo = 384 { pmodes: [DisplayOne; SCANOUTS_MAX], }
    /// `virtio_gpu_get_edid` after its header.
    GetEdid = 8 { scanout: U32, padding: U32, }
    /// `virtio_gpu_resp_edid` after its header.
    RespEdid = 1032 { size: U32, padding: U32, edid: [u8; EDID_BYTES], }
    /// `virtio_gpu_resp_resource_uuid` after its header.
    RespResourceUuid = 16 { uuid: [u8; 16], }
    /// `virtio_gpu_resource_create_2d` after its header.
    ResourceCreate2d = 16 { resource_id: U32, format: U32, width: U32, height: U32, }
    /// `virtio_gpu_resource_unref`, `_detach_backing` and `_assign_uuid` after their headers.
    ResourceAlone = 8 { resource_id: U32, padding: U32, }
    /// `virtio_gpu_set_scanout` after its header.
    SetScanout = 24 { r: RawRect, scanout_id: U32, resource_id: U32, }
    /// `virtio_gpu_resource_flush` after its header.
    ResourceFlush = 24 { r: RawRect, resource_id: U32, padding: U32, }
    /// `virtio_gpu_transfer_to_host_2d` after its header.
    TransferToHost2d = 32 { r: RawRect, offset: U64, resource_id: U32, padding: U32, }
    /// `virtio_gpu_resource_attach_backing` after its header; entries follow.
    AttachBacking = 8 { resource_id: U32, nr_entries: U32, }
    /// `virtio_gpu_mem_entry`.
    MemEntry = 16 { addr: U64, length: U32, padding: U32, }
    /// `virtio_gpu_resource_create_blob` after its header; entries follow.
    CreateBlob = 32 { resource_id: U32, blob_mem: U32, blob_flags: U32, nr_entries: U32, blob_id: U64, size: U64, }
    /// `virtio_gpu_set_scanout_blob` after its header.
    SetScanoutBlob = 72 {
        r: RawRect, scanout_id: U32, resource_id: U32, width: U32, height: U32, format: U32, padding: U32,
        strides: [U32; 4], offsets: [U32; 4],
    }
    /// `virtio_gpu_ctx_create` after its header.
    CtxCreate = 72 { nlen: U32, context_init: U32, debug_name: [u8; 64], }
    /// `virtio_gpu_cmd_submit` after its header; the commands follow.
    Submit = 8 { size: U32, padding: U32, }
    /// `virtio_gpu_resource_map_blob` after its header.
    MapBlob = 16 { resource_id: U32, padding: U32, offset: U64, }
    /// `virtio_gpu_resp_capset_info` after its header.
    RespCapsetInfo = 16 { capset_id: U32, capset_max_version: U32, capset_max_size: U32, padding: U32, }
    /// `virtio_gpu_resp_map_info` after its header.
    RespMapInfo = 8 { map_info: U32, padding: U32, }
    /// `virtio_gpu_cursor_pos`.
    CursorPos = 16 { scanout_id: U32, x: U32, y: U32, padding: U32, }
    /// `virtio_gpu_update_cursor` after its header.
    UpdateCursor = 32 { pos: CursorPos, resource_id: U32, hot_x: U32, hot_y: U32, padding: U32, }
    /// `virtio_gpu_config`.
    Config = 16 { events_read: U32, events_clear: U32, num_scanouts: U32, num_capsets: U32, }
}

impl From<RawRect> for Rect {
    fn from(raw: RawRect) -> Self {
        Self { x: raw.x.get(), y: raw.y.get(), width: raw.width.get(), height: raw.height.get() }
    }
}

impl From<Rect> for RawRect {
    fn from(rect: Rect) -> Self {
        Self { x: rect.x.into(), y: rect.y.into(), width: rect.width.into(), height: rect.height.into() }
    }
}

impl From<HeadMode> for DisplayOne {
    fn from(mode: HeadMode) -> Self {
        Self { r: mode.area.into(), enabled: u32::from(mode.enabled).into(), flags: U32::ZERO }
    }
}
