//! A guest's driver that writes its requests byte by byte from the specification, not with the structures under test,
//! and a display that writes down what it is told.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex};

use vgpu::device::{Device, HeadSetup, Limits, Progress, Setup};
use vgpu::display::{Answer, Cursor, Interest, Question, Scanouts, Sink};
use vgpu::guest_memory::GuestMemory;
use vgpu::wire::{Rect, ScanoutId, Size};
use vm_memory::{Bytes, GuestAddress};

pub const OK: u32 = 0x1100;
pub const UNSPEC: u32 = 0x1200;
pub const OUT_OF_MEMORY: u32 = 0x1201;
pub const INVALID_SCANOUT: u32 = 0x1202;
pub const INVALID_RESOURCE: u32 = 0x1203;
pub const INVALID_PARAMETER: u32 = 0x1205;

pub const GET_DISPLAY_INFO: u32 = 0x100;
pub const CREATE_2D: u32 = 0x101;
pub const UNREF: u32 = 0x102;
pub const SET_SCANOUT: u32 = 0x103;
pub const FLUSH: u32 = 0x104;
pub const TRANSFER: u32 = 0x105;
pub const ATTACH: u32 = 0x106;
pub const DETACH: u32 = 0x107;
pub const GET_CAPSET_INFO: u32 = 0x108;
pub const GET_CAPSET: u32 = 0x109;
pub const GET_EDID: u32 = 0x10a;
pub const ASSIGN_UUID: u32 = 0x10b;
pub const CREATE_BLOB: u32 = 0x10c;
pub const SET_SCANOUT_BLOB: u32 = 0x10d;
pub const UPDATE_CURSOR: u32 = 0x300;
pub const MOVE_CURSOR: u32 = 0x301;

pub const BGRX: u32 = 2;
/// Bytes of guest memory, in two regions with a hole between.
pub const LOW: u64 = 0;
pub const HIGH: u64 = 0x1000_0000;
pub const REGION: u64 = 0x20_0000;

/// Every format's number, and where in a pixel its blue, green, red and alpha are.
pub const FORMATS: [(u32, [usize; 4]); 8] = [
    (1, [0, 1, 2, 3]),
    (2, [0, 1, 2, 3]),
    (3, [3, 2, 1, 0]),
    (4, [3, 2, 1, 0]),
    (67, [2, 1, 0, 3]),
    (68, [1, 2, 3, 0]),
    (121, [1, 2, 3, 0]),
    (134, [2, 1, 0, 3]),
];

pub fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { x, y, width, height }
}

pub fn head(number: u32) -> ScanoutId {
    ScanoutId::new(number).unwrap()
}

pub fn setup(heads: usize, limits: Limits) -> Setup {
    let head = |index: usize| HeadSetup {
        size: Size { width: 640, height: 480 },
        enabled: index == 0,
        refresh_hz: 60,
        name: format!("head {index}"),
        modes: vec![],
    };
    Setup { heads: (0..heads).map(head).collect(), limits, serial: 7 }
}

pub struct Guest {
    pub device: Device,
    pub memory: GuestMemory,
}

impl Guest {
    /// A guest with two heads that negotiated every feature.
    pub fn new() -> Self {
        Self::with(2, Limits::default())
    }

    pub fn with(heads: usize, limits: Limits) -> Self {
        let mut device = Device::new(setup(heads, limits)).unwrap();
        device.set_features(u64::MAX);
        let regions = [(GuestAddress(LOW), REGION as usize), (GuestAddress(HIGH), REGION as usize)];
        Self { device, memory: GuestMemory::from_ranges(&regions).unwrap() }
    }

    /// Sends a control request and returns the whole answer.
    pub fn send(&mut self, kind: u32, body: &[u32]) -> Vec<u8> {
        self.send_bytes(&request(kind, body))
    }

    pub fn send_bytes(&mut self, request: &[u8]) -> Vec<u8> {
        let mut reply = vec![0xaa; 3];
        assert_eq!(self.device.control(&self.memory, 0, request, &mut reply), Progress::Done);
        reply
    }

    /// Sends a control request that is answered with a header alone, and returns the answer's type.
    pub fn ask(&mut self, kind: u32, body: &[u32]) -> u32 {
        plain(&self.send(kind, body))
    }

    pub fn ask_cursor(&mut self, kind: u32, body: &[u32]) -> u32 {
        let mut reply = vec![0xaa; 3];
        self.device.cursor(&self.memory, &request(kind, body), &mut reply);
        plain(&reply)
    }

    pub fn create(&mut self, id: u32, format: u32, width: u32, height: u32) -> u32 {
        self.ask(CREATE_2D, &[id, format, width, height])
    }

    pub fn attach(&mut self, id: u32, entries: &[(u64, u32)]) -> u32 {
        let mut body = vec![id, entries.len() as u32];
        push_entries(&mut body, entries);
        self.ask(ATTACH, &body)
    }

    pub fn transfer(&mut self, id: u32, area: Rect, offset: u64) -> u32 {
        self.ask(TRANSFER, &[&words(area)[..], &split(offset), &[id, 0]].concat())
    }

    pub fn set_scanout(&mut self, head: u32, id: u32, area: Rect) -> u32 {
        self.ask(SET_SCANOUT, &[&words(area)[..], &[head, id]].concat())
    }

    pub fn flush(&mut self, id: u32, area: Rect) -> u32 {
        self.ask(FLUSH, &[&words(area)[..], &[id, 0]].concat())
    }

    pub fn create_blob(&mut self, id: u32, size: u64, entries: &[(u64, u32)]) -> u32 {
        let mut body = [&[id, 1, 2, entries.len() as u32, 0, 0][..], &split(size)].concat();
        push_entries(&mut body, entries);
        self.ask(CREATE_BLOB, &body)
    }

    pub fn set_scanout_blob(&mut self, head: u32, id: u32, area: Rect, layout: Layout) -> u32 {
        let Layout { width, height, format, stride, offset } = layout;
        let tail = [head, id, width, height, format, 0, stride, 0, 0, 0, offset, 0, 0, 0];
        self.ask(SET_SCANOUT_BLOB, &[&words(area)[..], &tail].concat())
    }

    pub fn update_cursor(&mut self, head: u32, at: (u32, u32), id: u32, hot: (u32, u32)) -> u32 {
        self.ask_cursor(UPDATE_CURSOR, &[head, at.0, at.1, 0, id, hot.0, hot.1, 0])
    }

    pub fn move_cursor(&mut self, head: u32, at: (u32, u32)) -> u32 {
        self.ask_cursor(MOVE_CURSOR, &[head, at.0, at.1, 0, 0, 0, 0, 0])
    }

    pub fn write(&self, address: u64, bytes: &[u8]) {
        self.memory.write_slice(bytes, GuestAddress(address)).unwrap();
    }

    /// What a head shows as blue, green, red, x.
    pub fn picture(&self, number: u32) -> Option<Vec<u8>> {
        let picture = self.device.picture(&self.memory, head(number))?;
        let mut pixels = Vec::new();
        picture.append_bgrx(&picture.size.to_rect(), &mut pixels);
        Some(pixels)
    }

    /// All that can be seen of the state: tables, lists, charges, and (as a hash) every pixel that is shown.
    pub fn state(&self) -> String {
        let heads = 0..self.device.heads().len() as u32;
        let pictures = BuildHasherDefault::<DefaultHasher>::default()
            .hash_one(heads.map(|head| self.picture(head)).collect::<Vec<_>>());
        format!("{:?} {:?} {pictures:x}", self.device, self.device.usage())
    }

    /// Connects a display that answers questions as `answers` says.
    pub fn connect(&mut self, answers: Answers) -> Display {
        let display = Display(Arc::new(Mutex::new(Seen { answers, ..Seen::default() })));
        self.device.set_sink(Some(Box::new(display.clone())));
        display
    }
}

#[derive(Clone, Copy)]
pub struct Layout {
    pub width: u32,
    pub height: u32,
    pub format: u32,
    pub stride: u32,
    pub offset: u32,
}

pub fn request(kind: u32, body: &[u32]) -> Vec<u8> {
    [kind, 0, 0, 0, 0, 0].iter().chain(body).flat_map(|word| word.to_le_bytes()).collect()
}

pub fn words(area: Rect) -> [u32; 4] {
    [area.x, area.y, area.width, area.height]
}

pub fn split(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

pub fn push_entries(body: &mut Vec<u32>, entries: &[(u64, u32)]) {
    for (address, len) in entries {
        body.extend(split(*address));
        body.extend([*len, 0]);
    }
}

/// The type of an answer without data; no byte of it but the type is set.
pub fn plain(reply: &[u8]) -> u32 {
    assert_eq!(reply.len(), 24);
    assert_eq!(reply[4..], [0; 20]);
    kind(reply)
}

pub fn kind(reply: &[u8]) -> u32 {
    u32::from_le_bytes(reply[..4].try_into().unwrap())
}

/// What a display was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Show(u32, Option<(u32, u32)>),
    Damage(u32, Rect),
    Cursor(u32),
    Moved(u32),
}

#[derive(Clone, Debug, Default)]
pub enum Answers {
    #[default]
    Unknown,
    Later,
    Is(Answer),
}

#[derive(Default)]
struct Seen {
    told: Vec<Told>,
    asked: Vec<Question>,
    answers: Answers,
    broken: bool,
    pumped: Vec<Option<Vec<u8>>>,
}

#[derive(Clone)]
pub struct Display(Arc<Mutex<Seen>>);

impl Display {
    /// What it was told since the last look.
    pub fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.0.lock().unwrap().told)
    }

    pub fn asked(&self) -> Vec<Question> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    pub fn answer(&self, answers: Answers) {
        self.0.lock().unwrap().answers = answers;
    }

    pub fn break_down(&self) {
        self.0.lock().unwrap().broken = true;
    }

    /// What head 0 showed at each pump.
    pub fn pumped(&self) -> Vec<Option<Vec<u8>>> {
        std::mem::take(&mut self.0.lock().unwrap().pumped)
    }

    fn tell(&self, told: Told) {
        self.0.lock().unwrap().told.push(told);
    }
}

impl Sink for Display {
    fn ask(&mut self, question: Question) -> Option<Answer> {
        let mut seen = self.0.lock().unwrap();
        seen.asked.push(question);
        match &seen.answers {
            Answers::Unknown => Some(Answer::Unknown),
            Answers::Later => None,
            Answers::Is(answer) => Some(answer.clone()),
        }
    }

    fn show(&mut self, head: ScanoutId, size: Option<Size>) {
        self.tell(Told::Show(head.get(), size.map(|size| (size.width, size.height))));
    }

    fn damage(&mut self, head: ScanoutId, area: Rect) {
        self.tell(Told::Damage(head.get(), area));
    }

    fn cursor_changed(&mut self, head: ScanoutId) {
        self.tell(Told::Cursor(head.get()));
    }

    fn cursor_moved(&mut self, head: ScanoutId) {
        self.tell(Told::Moved(head.get()));
    }

    fn pump(&mut self, scanouts: &dyn Scanouts) -> std::io::Result<Interest> {
        let mut seen = self.0.lock().unwrap();
        if seen.broken {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        let pixels = scanouts.picture(head(0)).map(|picture| {
            let mut pixels = Vec::new();
            picture.append_bgrx(&picture.size.to_rect(), &mut pixels);
            pixels
        });
        assert_eq!(scanouts.cursor(head(15)), &Cursor::default());
        seen.pumped.push(pixels);
        Ok(Interest { write: true, answered: false })
    }
}
