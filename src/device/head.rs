//! The heads of a vGPU: the monitors on them, and what guests are told about those.

use super::Device;
use super::record::HeadRecord;
use super::scanout::Scanout;
use crate::display::{Answer, Cursor, Question};
use crate::render::software::Image;
use crate::wire::edid::Monitor;
use crate::wire::{
    EDID_BYTES_MAX, EVENT_DISPLAY, GuestError, HeadMode, Limits, Rect, Response, SCANOUTS_MAX, ScanoutId,
    Size,
};

/// A head as an operator asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadSetup {
    /// Size of its preferred mode.
    pub size: Size,
    /// Whether a monitor is plugged in at the start.
    pub enabled: bool,
    /// Pictures a second of its preferred mode.
    pub refresh_hz: u32,
    /// The monitor's name, at most 13 ASCII characters.
    pub name: String,
    /// Further sizes that the monitor offers.
    pub modes: Vec<Size>,
}

/// What a vGPU is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// 1 to 16 heads; those beyond the sixteenth are left out.
    pub heads: Vec<HeadSetup>,
    /// What its guest may have at most.
    pub limits: Limits,
    /// The serial number of its monitors.
    pub serial: u32,
}

/// Why a head cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// There is no such head.
    #[error("there is no head {}; this vGPU has heads 0 to {}", .head, heads.saturating_sub(1))]
    Unknown {
        /// The head asked for.
        head: u32,
        /// How many there are.
        heads: usize,
    },
    /// A monitor of no pixel, or larger than an image can be.
    #[error("a monitor of {} x {} pixels cannot be plugged in; each side has 1 to {max}", size.width, size.height)]
    Size {
        /// The size asked for.
        size: Size,
        /// The longest side.
        max: u32,
    },
    /// A monitor whose picture the guest could not have.
    #[error(
        "a monitor of {} x {} pixels needs {wanted} bytes for its picture, and the guest may have {limit}",
        size.width, size.height
    )]
    Memory {
        /// The size asked for.
        size: Size,
        /// Bytes of one picture.
        wanted: u64,
        /// Bytes that the guest may have.
        limit: u64,
    },
}

/// A head and all that it shows.
#[derive(Debug)]
pub(super) struct Head {
    name: String,
    refresh_hz: u32,
    further_modes: Vec<Size>,
    pub(super) mode: HeadMode,
    pub(super) scanout: Option<Scanout>,
    pub(super) cursor: Cursor,
    /// Whether the vault has another image than the cursor.
    pub(super) cursor_image_changed: bool,
    /// What the vault tells.
    pub(super) saved: HeadRecord,
}

impl Head {
    /// The heads of a setup, side by side.
    pub(super) fn row(setup: Vec<HeadSetup>) -> Vec<Self> {
        let mut right = 0u32;
        let mut place = |HeadSetup { size, enabled, refresh_hz, name, modes }: HeadSetup| {
            let mode = HeadMode { area: Rect { x: right, ..size.to_rect() }, enabled };
            right = right.saturating_add(size.width);
            Self { further_modes: modes, ..Self::dark(name, refresh_hz, mode) }
        };
        setup.into_iter().take(SCANOUTS_MAX).map(&mut place).collect()
    }

    /// A head that nobody asked for and a display may have: no monitor that we know of.
    pub(super) fn spare() -> Self {
        Self::dark("vgpu".into(), 60, HeadMode::default())
    }

    /// Without a record a head is as the setup says.
    fn dark(name: String, refresh_hz: u32, mode: HeadMode) -> Self {
        let saved = HeadRecord::dark(mode);
        let cursor = Cursor::default();
        let further_modes = Vec::new();
        Self {
            name,
            refresh_hz,
            further_modes,
            mode,
            scanout: None,
            cursor,
            cursor_image_changed: false,
            saved,
        }
    }
}

impl Device {
    /// The heads with their numbers.
    pub(super) fn numbered_heads(&self) -> impl Iterator<Item = (ScanoutId, &Head)> {
        ScanoutId::all().zip(&self.heads)
    }

    pub(super) fn head(&self, head: ScanoutId) -> Result<&Head, GuestError> {
        self.heads.get(head.index()).ok_or(GuestError::UnknownScanout(head.get()))
    }

    pub(super) fn head_mut(&mut self, head: ScanoutId) -> Result<&mut Head, GuestError> {
        self.heads.get_mut(head.index()).ok_or(GuestError::UnknownScanout(head.get()))
    }

    /// Size, place and state of each head that the operator asked for or that shows something.
    pub fn heads(&self) -> Vec<HeadMode> {
        let shown = self.heads.iter().rposition(|head| head.scanout.is_some());
        let count = self.own_heads.max(shown.map_or(0, |last| last + 1));
        self.heads.iter().take(count).map(|head| head.mode).collect()
    }

    /// Plugs a monitor in or out, or gives it another size. True where that changed the configuration: then the
    /// guest must be sent a configuration change, and it will ask for the new modes.
    pub fn set_head(&mut self, head: ScanoutId, mode: HeadMode) -> Result<bool, HeadError> {
        let (heads, max) = (self.own_heads, self.resources.limits().image_side);
        let size = mode.area.size();
        if mode.enabled && (size.is_empty() || size.width > max || size.height > max) {
            return Err(HeadError::Size { size, max });
        }
        let (wanted, limit) = (Image::byte_count(size), self.resources.limits().memory_bytes);
        if mode.enabled && wanted > limit {
            return Err(HeadError::Memory { size, wanted, limit });
        }
        let own = self.heads.iter_mut().take(heads).nth(head.index());
        let found = own.ok_or(HeadError::Unknown { head: head.get(), heads })?;
        let changed = found.mode != mode;
        found.mode = mode;
        if changed {
            self.driver.events |= EVENT_DISPLAY;
            self.save(None);
        }
        Ok(changed)
    }

    /// `GET_DISPLAY_INFO`; `None` while the display is being asked.
    pub(super) fn display_info(&mut self) -> Option<Response> {
        let mut modes = Box::<[HeadMode; SCANOUTS_MAX]>::default();
        for (to, head) in modes.iter_mut().zip(&self.heads) {
            *to = head.mode;
        }
        if let Answer::Modes(told) = self.ask(Question::Modes)? {
            modes = told;
        }
        Some(Response::DisplayInfo(modes))
    }

    /// `GET_EDID`; `None` while the display is being asked.
    pub(super) fn edid(&mut self, head: ScanoutId) -> Result<Option<Response>, GuestError> {
        if head.index() >= self.heads.len() {
            return Err(GuestError::NoEdid(head.get()));
        }
        match self.ask(Question::Edid(head)) {
            None => Ok(None),
            Some(Answer::Edid(edid)) if !edid.is_empty() && edid.len() <= EDID_BYTES_MAX => {
                Ok(Some(Response::Edid(edid)))
            }
            Some(_) => self.own_edid(head),
        }
    }

    /// An EDID of ours prefers the size that the display tells: Linux drops a preferred mode that is not the head's
    /// size, and there are displays that know sizes only (QEMU 7.2).
    fn own_edid(&mut self, head: ScanoutId) -> Result<Option<Response>, GuestError> {
        let told = match self.ask(Question::Modes) {
            None => return Ok(None),
            Some(Answer::Modes(told)) => told.get(head.index()).map(|mode| mode.area.size()),
            Some(_) => None,
        };
        let serial = self.serial;
        let Head { name, refresh_hz, mode, further_modes: modes, .. } = self.head(head)?;
        let size = told.filter(|size| !size.is_empty()).unwrap_or(mode.area.size());
        let monitor = Monitor { head, serial, name, size, refresh_hz: *refresh_hz, modes };
        Ok(Some(Response::Edid(monitor.edid())))
    }

    /// Asks whoever shows the picture. Nobody does not know.
    fn ask(&mut self, question: Question) -> Option<Answer> {
        self.sink.as_mut().map_or(Some(Answer::Unknown), |sink| sink.ask(question))
    }
}
