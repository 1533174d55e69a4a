use vgpu::device::{Device, HeadError, Limits, Progress};
use vgpu::display::{Answer, Question};
use vgpu::wire::{HeadMode, SCANOUTS_MAX, Size};

use crate::guest::*;

fn modes(reply: &[u8]) -> Vec<[u32; 5]> {
    assert_eq!((kind(reply), reply.len()), (0x1101, 24 + 16 * 24));
    let words: Vec<u32> =
        reply[24..].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    words.chunks(6).map(|head| head[..5].try_into().unwrap()).collect()
}

fn edid(reply: &[u8]) -> Vec<u8> {
    assert_eq!((kind(reply), reply.len()), (0x1104, 24 + 8 + 1024));
    let size = u32::from_le_bytes(reply[24..28].try_into().unwrap()) as usize;
    assert!(reply[28..32].iter().chain(&reply[32 + size..]).all(|byte| *byte == 0));
    reply[32..32 + size].to_vec()
}

#[test]
fn heads_stand_side_by_side_and_only_plugged_ones_are_enabled() {
    let mut guest = Guest::new();
    let told = modes(&guest.send(GET_DISPLAY_INFO, &[]));
    assert_eq!(told[..3], [[0, 0, 640, 480, 1], [640, 0, 640, 480, 0], [0; 5]]);
    assert_eq!(guest.device.config()[8..], [2, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn there_are_sixteen_heads_at_most() {
    let mut guest = Guest::with(20, Limits::default());
    assert_eq!(guest.device.heads().len(), SCANOUTS_MAX);
    guest.create(1, BGRX, 4, 4);
    assert_eq!(guest.set_scanout(15, 1, rect(0, 0, 4, 4)), OK);
    assert_eq!(guest.set_scanout(16, 1, rect(0, 0, 4, 4)), INVALID_SCANOUT);
}

#[test]
fn plugging_and_resizing_raise_an_event_until_the_guest_clears_it() {
    let mut guest = Guest::new();
    let wider = HeadMode { area: rect(640, 0, 1024, 768), enabled: true };

    assert_eq!(guest.device.set_head(head(1), wider), Ok(true));

    assert_eq!(guest.device.config()[..4], [1, 0, 0, 0]);
    assert_eq!(modes(&guest.send(GET_DISPLAY_INFO, &[]))[1], [640, 0, 1024, 768, 1]);
    let edid = edid(&guest.send(GET_EDID, &[1, 0]));
    assert_eq!((edid[56], edid[58], edid[59], edid[61]), (0, 0x40, 0, 0x30), "1024 x 768 is preferred");
    guest.device.write_config(4, &[1, 0, 0, 0]);
    assert_eq!(guest.device.config()[..8], [0; 8]);
    assert_eq!(guest.device.set_head(head(1), wider), Ok(false));
    assert_eq!(guest.device.config()[..4], [0; 4]);
    assert_eq!(guest.device.set_head(head(1), HeadMode { enabled: false, ..wider }), Ok(true));
}

#[test]
fn monitors_that_cannot_be_are_refused() {
    let mut guest = Guest::new();
    let plug = |width, height| HeadMode { area: rect(0, 0, width, height), enabled: true };
    assert_eq!(guest.device.set_head(head(2), plug(8, 8)), Err(HeadError::Unknown { head: 2, heads: 2 }));
    for (width, height) in [(0, 8), (8, 0), (16385, 8), (8, 16385)] {
        let error = HeadError::Size { size: Size { width, height }, max: 16384 };
        assert_eq!(guest.device.set_head(head(0), plug(width, height)), Err(error));
    }
    let size = Size { width: 16384, height: 16384 };
    let error = HeadError::Memory { size, wanted: 1 << 30, limit: 256 << 20 };
    assert_eq!(guest.device.set_head(head(0), plug(16384, 16384)), Err(error));
    assert_eq!(guest.device.heads()[0].area, rect(0, 0, 640, 480));
    assert_eq!(guest.device.config()[..4], [0; 4]);
}

#[test]
fn an_edid_names_the_head_and_prefers_its_size() {
    let mut guest = Guest::new();
    let edid = edid(&guest.send(GET_EDID, &[1, 0]));
    assert_eq!((edid.len(), &edid[77..84]), (128, &b"head 1\n"[..]));
    assert_eq!(edid[10..16], [2, 0, 7, 0, 0, 0]);
}

#[test]
fn whoever_has_the_display_is_asked_for_modes_and_edids() {
    let mut guest = Guest::new();
    let mut told = [HeadMode { area: rect(0, 0, 1, 1), enabled: true }; SCANOUTS_MAX];
    told[0] = HeadMode { area: rect(5, 6, 800, 600), enabled: true };
    let display = guest.connect(Answers::Is(Answer::Modes(Box::new(told))));
    let seen = modes(&guest.send(GET_DISPLAY_INFO, &[]));
    assert_eq!(
        seen[..3],
        [[5, 6, 800, 600, 1], [0, 0, 1, 1, 1], [0, 0, 1, 1, 1]],
        "as many as a display can have"
    );
    assert_eq!(display.asked(), [Question::Modes]);

    display.answer(Answers::Is(Answer::Edid(vec![0x5a; 256])));
    assert_eq!(edid(&guest.send(GET_EDID, &[1, 0])), [0x5a; 256]);
    assert_eq!(display.asked(), [Question::Edid(head(1))]);
}

#[test]
fn heads_that_only_the_display_has_can_be_used_once_it_is_there() {
    let mut guest = Guest::new();
    guest.create(1, BGRX, 4, 4);
    assert_eq!(guest.set_scanout(2, 1, rect(0, 0, 4, 4)), INVALID_SCANOUT);
    let _display = guest.connect(Answers::Unknown);
    assert_eq!(guest.set_scanout(2, 1, rect(0, 0, 4, 4)), OK);
    assert_eq!(guest.device.heads().len(), 3, "those asked for and those that show something");
    assert_eq!(guest.device.config()[8], 2, "the configuration space stays as it is");
    let refused = guest.device.set_head(head(2), HeadMode::default());
    assert_eq!(refused, Err(HeadError::Unknown { head: 2, heads: 2 }));
}

#[test]
fn an_edid_of_our_own_prefers_the_size_that_the_display_tells() {
    let mut guest = Guest::new();
    let mut told = [HeadMode::default(); SCANOUTS_MAX];
    told[0] = HeadMode { area: rect(0, 0, 800, 600), enabled: true };
    let own = edid(&guest.send(GET_EDID, &[1, 0]));
    let display = guest.connect(Answers::Is(Answer::Modes(Box::new(told))));

    let preferred = edid(&guest.send(GET_EDID, &[0, 0]));

    assert_eq!(display.asked(), [Question::Edid(head(0)), Question::Modes]);
    assert_eq!((preferred[56], preferred[58], preferred[59], preferred[61]), (0x20, 0x30, 0x58, 0x20));
    assert_eq!(edid(&guest.send(GET_EDID, &[1, 0])), own, "a head of no size keeps its own");
}

#[test]
fn a_display_that_does_not_know_or_answers_nonsense_leaves_it_to_the_device() {
    let mut guest = Guest::new();
    let own = (guest.send(GET_DISPLAY_INFO, &[]), guest.send(GET_EDID, &[0, 0]));
    let display = guest.connect(Answers::Unknown);
    for answer in [Answer::Unknown, Answer::Edid(vec![]), Answer::Edid(vec![0; 1025])] {
        display.answer(Answers::Is(answer));
        assert_eq!((guest.send(GET_DISPLAY_INFO, &[]), guest.send(GET_EDID, &[0, 0])), own);
    }
}

#[test]
fn a_question_waits_for_its_answer_or_for_the_end_of_the_display() {
    let mut guest = Guest::new();
    let display = guest.connect(Answers::Later);
    let mut reply = vec![1, 2, 3];
    for (kind_sent, body) in [(GET_DISPLAY_INFO, &[][..]), (GET_EDID, &[0, 0])] {
        let request = request(kind_sent, body);
        let before = guest.state();
        assert_eq!(guest.device.control(&guest.memory, 0, &request, &mut reply), Progress::Wait);
        assert_eq!((reply.len(), guest.state()), (0, before));

        display.answer(Answers::Unknown);
        assert_eq!(guest.device.control(&guest.memory, 0, &request, &mut reply), Progress::Done);
        display.answer(Answers::Later);
    }
    guest.device.set_sink(None);
    assert_eq!(modes(&guest.send(GET_DISPLAY_INFO, &[]))[0], [0, 0, 640, 480, 1]);
}

#[test]
fn a_new_display_is_told_what_there_is_to_see() {
    let mut guest = Guest::with(3, Limits::default());
    guest.create(1, BGRX, 64, 64);
    guest.set_scanout(1, 1, rect(0, 0, 20, 10));
    guest.update_cursor(2, (1, 1), 1, (0, 0));

    let display = guest.connect(Answers::Unknown);

    let told = [Told::Show(1, Some((20, 10))), Told::Damage(1, rect(0, 0, 20, 10)), Told::Cursor(2)];
    assert_eq!(display.told(), told);
}

#[test]
fn a_display_looks_at_the_pixels_when_it_is_pumped_and_is_gone_after_an_error() {
    let mut guest = Guest::new();
    assert_eq!(guest.device.pump(&guest.memory).unwrap(), vgpu::display::Interest::default());
    guest.create(1, BGRX, 1, 1);
    guest.attach(1, &[(LOW, 4)]);
    guest.set_scanout(0, 1, rect(0, 0, 1, 1));
    let display = guest.connect(Answers::Unknown);
    guest.write(LOW, &[1, 2, 3, 4]);
    guest.transfer(1, rect(0, 0, 1, 1), 0);

    assert!(guest.device.pump(&guest.memory).unwrap().write);
    assert_eq!(display.pumped(), [Some(vec![1, 2, 3, 4])]);

    display.told();
    display.break_down();
    assert!(guest.device.pump(&guest.memory).is_err());
    assert!(!guest.device.pump(&guest.memory).unwrap().write);
    assert_eq!(guest.flush(1, rect(0, 0, 1, 1)), OK);
    assert_eq!(display.told(), []);
}

#[test]
fn commands_without_their_feature_are_refused() {
    let mut guest = Guest::new();
    let blob = |guest: &mut Guest| guest.create_blob(9, 0x1000, &[(LOW, 0x1000)]);
    guest.create(1, BGRX, 1, 1);
    assert_eq!(guest.device.offered_features(), 0b1110);
    guest.device.set_features(0);
    assert_eq!(guest.ask(GET_EDID, &[0, 0]), UNSPEC);
    assert_eq!(guest.ask(ASSIGN_UUID, &[1, 0]), UNSPEC);
    assert_eq!(blob(&mut guest), INVALID_PARAMETER);
    assert_eq!(guest.ask(SET_SCANOUT_BLOB, &[0; 18]), INVALID_PARAMETER);
    guest.device.set_features(0b1000);
    assert_eq!(blob(&mut guest), OK);
    guest.device.set_features(0b0010);
    assert_eq!(edid(&guest.send(GET_EDID, &[0, 0])).len(), 128);
}

#[test]
fn a_device_can_be_handed_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Device>();
}
