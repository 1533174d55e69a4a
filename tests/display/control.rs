//! Operators at the control socket, well-behaved and otherwise.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vgpu::control::client::{Client, ClientError};
use vgpu::control::{Code, DeviceHandle, HeadChange, Patience, Refusal, serve};
use vgpu::device::{Device, HeadSetup, Limits, Progress, Setup};
use vgpu::display::frontend::Frontend;
use vgpu::guest_memory::GuestMemory;
use vgpu::wire::Size;
use vm_memory::{Bytes, GuestAddress};

use crate::screen::head;

/// A vGPU with three heads behind a control socket, of which the first shows something.
struct Vgpu {
    folder: tempfile::TempDir,
    device: Arc<Mutex<Device>>,
    notified: Arc<AtomicU32>,
}

const SIZE: Size = Size { width: 64, height: 32 };

const LIMITS: Limits = Limits { memory_bytes: 16 << 20, resources: 5, entries: 16, image_side: 2048 };

const PATIENCE: Patience =
    Patience { request: Duration::from_millis(300), answer: Duration::from_millis(300) };

impl Vgpu {
    fn start() -> Self {
        Self::showing(SIZE, (0..64 * 32).flat_map(|place: u32| [place.to_le_bytes()[0], 2, 3, 0]))
    }

    /// The first head shows these bytes.
    fn showing(size: Size, pixels: impl Iterator<Item = u8>) -> Self {
        let head = |width| HeadSetup {
            size: Size { width, height: 600 },
            enabled: width == 800,
            refresh_hz: 60,
            name: "vgpu".into(),
            modes: vec![],
        };
        let heads = [800, 1024, 1280].map(head).into();
        let setup = Setup { heads, limits: LIMITS, serial: 1 };
        let memory = Arc::new(GuestMemory::from_ranges(&[(GuestAddress(0), 0x40_0000)]).unwrap());
        let device = Arc::new(Mutex::new(Device::new(setup).unwrap()));
        let pixels: Vec<u8> = pixels.take(size.width as usize * size.height as usize * 4).collect();
        memory.write_slice(&pixels, GuestAddress(0x1000)).unwrap();
        draw(&mut device.lock().unwrap(), &memory, size);
        let vgpu =
            Self { folder: tempfile::tempdir().unwrap(), device: device.clone(), notified: Arc::default() };
        let (listener, notified) = (UnixListener::bind(vgpu.path()).unwrap(), vgpu.notified.clone());
        let notify = move || {
            notified.fetch_add(1, Ordering::SeqCst);
        };
        let handle = DeviceHandle::new(device, memory, notify, vec!["seccomp: yes".into()]);
        std::thread::spawn(move || serve(&listener, &handle, PATIENCE));
        vgpu
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    fn client(&self) -> Client {
        Client::new(self.path())
    }

    /// Sends raw bytes and reads all that comes back.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.path()).unwrap();
        // It may stop listening before it has heard all.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}

/// Creates resource 1, fills it from guest memory, and shows it on the first head.
fn draw(device: &mut Device, memory: &GuestMemory, Size { width, height }: Size) {
    let bytes = width * height * 4;
    for (kind, words) in [
        (0x0101, vec![1, 2, width, height]),       // RESOURCE_CREATE_2D, B8G8R8X8
        (0x0106, vec![1, 1, 0x1000, 0, bytes, 0]), // RESOURCE_ATTACH_BACKING
        (0x0105, vec![0, 0, width, height, 0, 0, 1, 0]), // TRANSFER_TO_HOST_2D
        (0x0103, vec![0, 0, width, height, 0, 1]), // SET_SCANOUT
    ] {
        let header = [kind, 0, 0, 0, 0, 0];
        let request: Vec<u8> = header.into_iter().chain(words).flat_map(u32::to_le_bytes).collect();
        let mut reply = Vec::new();
        assert_eq!(device.control(memory, 0, &request, &mut reply), Progress::Done);
        assert_eq!(reply[..4], 0x1100u32.to_le_bytes(), "{kind:#x}");
    }
}

fn refusal(error: ClientError) -> Refusal {
    match error {
        ClientError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

#[test]
fn a_screenshot_is_what_the_guest_drew() {
    let file = Vgpu::start().client().screenshot(head(0)).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    assert_eq!(reader.info().size(), (64, 32));
    for (place, pixel) in pixels.chunks(3).enumerate() {
        assert_eq!(pixel, [3, 2, place.to_le_bytes()[0]]);
    }
}

#[test]
fn a_head_that_shows_nothing_is_refused_and_the_others_are_named() {
    let vgpu = Vgpu::start();
    let dark = refusal(vgpu.client().screenshot(head(1)).unwrap_err());
    assert_eq!(dark.code, Code::HeadShowsNothing);
    assert_eq!(dark.message, "head 1 shows nothing; heads that show a picture: 0");
    let unknown = refusal(vgpu.client().screenshot(head(7)).unwrap_err());
    assert_eq!((unknown.code, unknown.field.as_deref()), (Code::UnknownHead, Some("head")));
}

#[test]
fn the_status_tells_heads_memory_and_the_sandbox() {
    let vgpu = Vgpu::start();
    vgpu.device.lock().unwrap().set_features(1 << 1);
    let status = vgpu.client().status().unwrap();
    let heads: Vec<_> = status
        .heads
        .iter()
        .map(|head| (head.head, head.monitor.as_deref(), head.picture.as_deref()))
        .collect();
    assert_eq!(heads, [(0, Some("800x600"), Some("64x32")), (1, None, None), (2, None, None)]);
    assert_eq!(status.features, ["edid"]);
    assert_eq!((status.resources_used, status.resources_max), (1, LIMITS.resources));
    assert!((64 * 32 * 4..64 * 32 * 4 + 4096).contains(&status.memory_bytes_used), "{status:?}");
    assert_eq!(status.sandbox, ["seccomp: yes"]);
}

#[test]
fn monitors_are_plugged_in_resized_and_taken_away_and_the_guest_hears_of_it_once() {
    let vgpu = Vgpu::start();
    let changes: Vec<HeadChange> = ["1=1024x768", "0=off"].map(|text| text.parse().unwrap()).into();
    vgpu.client().set_heads(&changes).unwrap();
    let monitors: Vec<_> =
        vgpu.client().status().unwrap().heads.into_iter().map(|head| head.monitor).collect();
    assert_eq!(monitors, [None, Some("1024x768".into()), None]);
    assert_eq!(vgpu.notified.load(Ordering::SeqCst), 1);

    vgpu.client().set_heads(&changes).unwrap();
    assert_eq!(vgpu.notified.load(Ordering::SeqCst), 1, "nothing changed");
}

#[test]
fn a_window_of_the_vmm_decides_about_monitors() {
    let vgpu = Vgpu::start();
    let (_window, socket) = UnixStream::pair().unwrap();
    assert!(!vgpu.client().status().unwrap().window);
    let mut device = vgpu.device.lock().unwrap();
    let frontend = Frontend::new(socket, device.display_mark()).unwrap();
    device.set_sink(Some(Box::new(frontend)));
    drop(device);
    assert!(vgpu.client().status().unwrap().window);
    let refused = refusal(vgpu.client().set_heads(&["1=1024x768".parse().unwrap()]).unwrap_err());
    assert_eq!(refused.code, Code::WindowDecides);
    assert_eq!(vgpu.notified.load(Ordering::SeqCst), 0);
}

#[test]
fn of_changes_that_cannot_all_be_made_none_is() {
    let vgpu = Vgpu::start();
    let change = |number, width| HeadChange { head: head(number), size: Some(Size { width, height: 480 }) };
    for (bad, code, field) in [
        (change(9, 640), Code::UnknownHead, "heads[1].head"),
        (change(2, LIMITS.image_side + 1), Code::BadField, "heads[1].size"),
        (change(2, 99_999), Code::BadField, "heads[1].size"),
    ] {
        let changes = [change(1, 1024), bad];
        let before = vgpu.device.lock().unwrap().heads();
        let refused = refusal(vgpu.client().set_heads(&changes).unwrap_err());
        assert_eq!((refused.code, refused.field.as_deref()), (code, Some(field)));
        assert_eq!(vgpu.device.lock().unwrap().heads(), before);
        assert_eq!(vgpu.notified.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn what_is_no_request_gets_an_error_and_the_next_client_is_served() {
    let vgpu = Vgpu::start();
    let long = [b"{\"request\":\"".as_slice(), &[b'x'; 70_000]].concat();
    for (bytes, code) in [
        (b"{]\n".as_slice(), "bad_json"),
        (b"\xff\xfe\n", "bad_json"),
        (b"{\"request\":\"screenshoot\",\"head\":0}\n", "unknown_request"),
        (&long, "too_long"),
    ] {
        let answer: serde_json::Value = serde_json::from_str(&vgpu.say(bytes)).unwrap();
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(vgpu.client().status().unwrap().resources_used, 1);
    }
}

#[test]
fn a_line_may_come_in_pieces_and_end_with_the_stream() {
    let vgpu = Vgpu::start();
    let mut stream = UnixStream::connect(vgpu.path()).unwrap();
    for piece in [b"{\"request\"".as_slice(), b":\"sta", b"tus\"}"] {
        stream.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("{\"ok\":"), "{answer}");
}

#[test]
fn silent_slow_and_vanished_clients_hold_the_socket_for_a_moment_only() {
    let vgpu = Vgpu::start();
    let begin = Instant::now();
    let silent = UnixStream::connect(vgpu.path()).unwrap();
    let mut slow = UnixStream::connect(vgpu.path()).unwrap();
    let dripping = std::thread::spawn(move || {
        while slow.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    drop(UnixStream::connect(vgpu.path()).unwrap());
    assert_eq!(vgpu.client().status().unwrap().resources_used, 1);
    assert!(begin.elapsed() < PATIENCE.request * 5, "{:?}", begin.elapsed());
    dripping.join().unwrap();
    let mut answer = String::new();
    (&silent).read_to_string(&mut answer).unwrap();
    assert!(answer.contains("too_slow"), "{answer}");
}

#[test]
fn a_client_that_does_not_read_its_picture_is_left() {
    let mut state = 1u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    let vgpu = Vgpu::showing(Size { width: 1024, height: 512 }, noise);
    let mut deaf = UnixStream::connect(vgpu.path()).unwrap();
    deaf.write_all(b"{\"request\":\"screenshot\",\"head\":0}\n").unwrap();
    let begin = Instant::now();
    assert_eq!(vgpu.client().status().unwrap().resources_used, 1);
    let waited = begin.elapsed();
    assert!(PATIENCE.answer / 2 < waited && waited < PATIENCE.answer * 10, "{waited:?}");
    let mut answer = Vec::new();
    deaf.read_to_end(&mut answer).unwrap();
    assert!(answer.len() < 1024 * 512 * 3, "the picture fitted into the socket");
}
