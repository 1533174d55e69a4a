//! A window that says what it likes.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;

use proptest::prelude::*;
use vgpu::display::frontend::Frontend;
use vgpu::display::{Question, Sink};

use crate::screen::{Screen, head, mark};

fn connect() -> (UnixStream, Frontend) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours, Frontend::new(theirs, mark()).unwrap())
}

fn message(words: &[u32], payload: usize) -> Vec<u8> {
    let mut out: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    out.resize(out.len() + payload, 0xee);
    out
}

/// Messages that look right more often than chance would have it.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let known = prop_oneof![Just((1u32, 8usize)), Just((3, 408)), Just((11, 1056)), Just((10, 0))];
    prop_oneof![
        4 => known.prop_map(|(number, size)| message(&[number, 4, u32::try_from(size).unwrap()], size)),
        1 => any::<[u32; 3]>().prop_map(|words| message(&words, 8)),
        1 => prop::collection::vec(any::<u8>(), 0..2000),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_from_a_window_do_more_than_end_its_connection(
        messages in prop::collection::vec((any_message(), any::<u16>(), 0u32..32), 1..12),
    ) {
        let (mut window, mut frontend) = connect();
        let screen = Screen::default();
        for (message, cut, question) in messages {
            frontend.ask(head_or_modes(question));
            if frontend.pump(&screen).is_err() {
                break;
            }
            let (first, rest) = message.split_at(usize::from(cut) % (message.len() + 1));
            window.write_all(first).unwrap();
            if frontend.pump(&screen).is_err() {
                break;
            }
            window.write_all(rest).unwrap();
        }
    }
}

fn head_or_modes(number: u32) -> Question {
    if number < 16 { Question::Edid(head(number)) } else { Question::Modes }
}

#[test]
fn replies_that_nobody_asked_for_or_of_a_wrong_size_end_the_connection() {
    let cases = [
        (message(&[3, 4, 408], 408), "modes"),
        (message(&[11, 4, 1056], 1056), "an EDID"),
        (message(&[10, 4, 0], 0), "an answer to a DMABUF update"),
        (message(&[1, 0, 8], 8), "features without the flag of replies"),
        (message(&[1, 4, 4], 4), "short features"),
        (message(&[1, 4, u32::MAX], 0), "endless features"),
        (message(&[0, 4, 0], 0), "nothing"),
    ];
    for (bytes, what) in cases {
        let (mut window, mut frontend) = connect();
        frontend.pump(&Screen::default()).unwrap();
        window.write_all(&bytes).unwrap();
        let error = frontend.pump(&Screen::default()).expect_err(what);
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{what}: {error}");
    }
}
