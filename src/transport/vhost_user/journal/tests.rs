//! What a journal keeps, and that it is the same whoever keeps it.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::fstat;
use proptest::prelude::*;

use super::*;
use crate::transport::vhost_user::Heirlooms;

/// A message as its request, its body and which files it carries.
type Seen = (u32, bool, Vec<u8>, Vec<u64>);

fn file() -> Arc<OwnedFd> {
    Arc::new(memfd_create("file", MFdFlags::MFD_CLOEXEC).unwrap())
}

fn identity(file: impl AsFd) -> u64 {
    fstat(file).unwrap().st_ino
}

fn seen(message: &Message) -> Seen {
    let files = message.descriptors.iter().map(identity).collect();
    (message.request, message.needs_reply(), message.body.clone(), files)
}

/// All that two equal journals have in common.
fn all(journal: &Journal) -> (Option<u64>, Vec<Seen>, Vec<Seen>) {
    let connection = journal.connection().map(identity);
    (connection, journal.messages().iter().map(seen).collect(), journal.unsettled().map(seen).collect())
}

fn says(request: Req, words: &[u64]) -> Message {
    Message::new(request.into(), words.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

fn gives(request: Req, words: &[u64], file: &Arc<OwnedFd>) -> Message {
    let mut message = says(request, words);
    message.descriptors.push(file.clone());
    message
}

/// The message of a front end that waits for an acknowledgement.
fn waiting(message: Message) -> Message {
    let (here, there) = UnixStream::pair().unwrap();
    let version_1_and_needs_reply = 1 | 1 << 3;
    let flags = nix::sys::socket::MsgFlags::empty();
    let header = [message.request, version_1_and_needs_reply];
    crate::transport::vhost_user::message::send_packet(
        &here,
        header,
        &message.body,
        &message.descriptors,
        flags,
    )
    .unwrap();
    Message::receive(&there).unwrap().unwrap()
}

/// The journal after all of these; none of them waits.
fn after(messages: impl IntoIterator<Item = Message>) -> Journal {
    let mut journal = Journal::new();
    for message in messages {
        journal.apply(Note::Request(message)).unwrap();
    }
    journal
}

fn negotiated() -> Vec<Note> {
    vec![
        Note::Request(says(Req::GET_FEATURES, &[])),
        Note::Answered(0),
        Note::Request(says(Req::SET_PROTOCOL_FEATURES, &[VhostUserProtocolFeatures::REPLY_ACK.bits()])),
    ]
}

fn handed_over(journal: &Journal) -> Journal {
    let (here, there) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| journal.send(&here).unwrap());
        Journal::receive(&there).unwrap()
    })
}

/// Words at `at` and behind: descriptors, used ring, available ring, log.
fn addresses(queue: u64, at: u64) -> Message {
    says(Req::SET_VRING_ADDR, &[queue, at, at + 8, at + 16, 0])
}

fn requests(journal: &Journal) -> Vec<Req> {
    journal.messages().iter().map(|message| Req::try_from(message.request).unwrap()).collect()
}

#[test]
fn of_each_request_and_queue_the_last_is_kept_in_the_order_that_the_crate_takes() {
    let kick = file();
    let journal = after([
        gives(Req::SET_VRING_KICK, &[0], &file()),
        gives(Req::SET_VRING_KICK, &[1], &file()),
        gives(Req::SET_VRING_KICK, &[0], &kick),
        says(Req::SET_VRING_NUM, &[64 << 32]),
        says(Req::SET_VRING_NUM, &[16 << 32]),
        says(Req::SET_CONFIG, &[1]),
        says(Req::SET_FEATURES, &[1 << 30]),
        says(Req::SET_OWNER, &[]),
    ]);
    let kept =
        [Req::SET_OWNER, Req::SET_FEATURES, Req::SET_VRING_NUM, Req::SET_VRING_KICK, Req::SET_VRING_KICK];
    assert_eq!(requests(&journal), kept);
    assert_eq!(journal.messages()[2].first_word(), 16 << 32);
    assert!(journal.messages().iter().map(seen).any(|(.., files)| files == [identity(&kick)]));
}

#[test]
fn a_stopped_queue_has_no_events_and_the_base_that_the_front_end_was_told() {
    let events = [Req::SET_VRING_KICK, Req::SET_VRING_CALL, Req::SET_VRING_ERR];
    let started =
        events.into_iter().flat_map(|event| [gives(event, &[0], &file()), gives(event, &[1], &file())]);
    let mut journal = after(started.chain([says(Req::SET_VRING_BASE, &[1])]));
    journal.apply(Note::Request(says(Req::GET_VRING_BASE, &[1]))).unwrap();
    assert_eq!(journal.messages().len(), 7, "it has not stopped yet");

    journal.apply(Note::Answered(7 << 32 | 1)).unwrap();

    let kept: Vec<(Req, u64)> =
        requests(&journal).into_iter().zip(journal.messages().iter().map(Message::first_word)).collect();
    let wanted = [
        (Req::SET_VRING_BASE, 7 << 32 | 1),
        (Req::SET_VRING_ERR, 0),
        (Req::SET_VRING_CALL, 0),
        (Req::SET_VRING_KICK, 0),
    ];
    assert_eq!(kept, wanted);
}

#[test]
fn memory_regions_come_and_go_one_by_one() {
    let region = |number: u64| [number << 20, 1 << 20, number << 30, 0];
    let table = [&[2], &region(1)[..], &region(2)[..]].concat();
    let mut message = says(Req::SET_MEM_TABLE, &table);
    message.descriptors = vec![file(), file()];
    let third = file();
    let journal = after([
        message,
        gives(Req::ADD_MEM_REG, &[&[0], &region(3)[..]].concat(), &third),
        says(Req::REM_MEM_REG, &[&[0], &region(1)[..]].concat()),
    ]);
    assert_eq!(requests(&journal), [Req::SET_MEM_TABLE]);
    let [message] = &journal.messages()[..] else { panic!("one message") };
    assert_eq!(message.regions(), [region(2), region(3)]);
    assert_eq!(seen(message).3[1], identity(&third));
}

#[test]
fn as_many_regions_as_front_ends_may_have_survive_and_one_more_is_too_much() {
    let add = |number: u64| gives(Req::ADD_MEM_REG, &[0, number << 20, 1 << 20, number << 30, 0], &file());
    let mut journal = after((0..509).map(add));
    assert_eq!(all(&handed_over(&journal)), all(&journal));
    assert_eq!(journal.apply(Note::Request(add(509))), Err(JournalError::Regions));
}

#[test]
fn a_queue_whose_memory_is_taken_away_is_not_started_anew() {
    let table = |at: u64| gives(Req::SET_MEM_TABLE, &[1, 0, 0x1000, at, 0], &file());
    let queue = [addresses(0, 0x7000), gives(Req::SET_VRING_KICK, &[0], &file())];
    let there = after([table(0x7000)].into_iter().chain(queue.clone()).chain([table(0x7000)]));
    assert_eq!(requests(&there), [Req::SET_MEM_TABLE, Req::SET_VRING_ADDR, Req::SET_VRING_KICK]);
    let gone = after([table(0x7000)].into_iter().chain(queue).chain([table(0x9000)]));
    assert_eq!(requests(&gone), [Req::SET_MEM_TABLE]);
}

#[test]
fn resets_forget_what_the_crate_forgets() {
    let said = || {
        [
            says(Req::SET_OWNER, &[]),
            says(Req::SET_FEATURES, &[1 << 30]),
            says(Req::SET_VRING_ENABLE, &[1 << 32]),
            gives(Req::SET_VRING_KICK, &[0], &file()),
        ]
    };
    let device = after(said().into_iter().chain([says(Req::RESET_DEVICE, &[])]));
    assert_eq!(requests(&device), [Req::SET_OWNER, Req::SET_VRING_KICK]);
    let owner = after(said().into_iter().chain([says(Req::RESET_OWNER, &[])]));
    assert_eq!(requests(&owner), [Req::SET_FEATURES, Req::SET_VRING_ENABLE, Req::SET_VRING_KICK]);
    let without_protocol = after(said().into_iter().chain([says(Req::SET_FEATURES, &[0])]));
    assert_eq!(requests(&without_protocol), [Req::SET_OWNER, Req::SET_FEATURES, Req::SET_VRING_KICK]);
}

#[test]
fn a_request_that_waits_for_its_answer_counts_when_that_was_sent() {
    let mut journal = Journal::new();
    negotiated().into_iter().try_for_each(|note| journal.apply(note)).unwrap();
    let settled = journal.messages().len();
    journal.apply(Note::Request(waiting(says(Req::SET_OWNER, &[])))).unwrap();
    journal.apply(Note::Request(says(Req::SET_FEATURES, &[5]))).unwrap();
    assert_eq!((journal.messages().len(), journal.unsettled().count()), (settled, 2));

    journal.apply(Note::Answered(0)).unwrap();

    assert_eq!((journal.messages().len(), journal.unsettled().count()), (settled + 2, 0));
    assert!(journal.messages().iter().all(|message| !message.needs_reply()));
}

#[test]
fn who_did_not_negotiate_acknowledgements_waits_for_none() {
    let journal = after([waiting(says(Req::SET_OWNER, &[]))]);
    assert_eq!((journal.messages().len(), journal.unsettled().count()), (1, 0));
}

#[test]
fn a_front_end_that_only_asks_does_not_make_it_grow() {
    let mut journal = Journal::new();
    let mut ask = || journal.apply(Note::Request(says(Req::GET_CONFIG, &[])));
    for _ in 0..UNSETTLED_MAX {
        ask().unwrap();
    }
    assert_eq!(ask(), Err(JournalError::Unsettled));
}

#[test]
fn queues_that_the_device_does_not_have_are_not_kept() {
    assert_eq!(requests(&after((2..99).map(|queue| says(Req::SET_VRING_NUM, &[64 << 32 | queue])))), []);
}

#[test]
fn an_orderly_end_leaves_nothing_and_a_new_connection_begins_with_nothing() {
    let mut journal = after([says(Req::SET_OWNER, &[])]);
    let connection = file();
    journal.apply(Note::Connected(connection.clone(), Outbox::new().unwrap())).unwrap();
    assert_eq!(all(&journal), (Some(identity(&connection)), vec![], vec![]));
    journal.apply(Note::Ended("the front end hung up".into())).unwrap();
    assert!(journal.connection().is_none());
}

#[test]
fn half_a_journal_is_an_error() {
    let (here, there) = UnixStream::pair().unwrap();
    Note::Request(says(Req::SET_OWNER, &[])).send(&here).unwrap();
    drop(here);
    assert!(matches!(Journal::receive(&there), Err(HandoverError::Half)));
}

#[test]
fn notes_of_our_own_arrive_with_what_they_carry() {
    let (here, there) = UnixStream::pair().unwrap();
    let [front_end, control, vault, lock] = [(); 4].map(|()| file());
    let identities = [&front_end, &control, &vault, &lock].map(identity);
    Note::Heirlooms(Heirlooms { front_end, control, vault: Some(vault), lock, seating: None, tie: None })
        .send(&here)
        .unwrap();
    Note::Ended("é".repeat(9999)).send(&here).unwrap();
    Note::Answered(7).send(&here).unwrap();
    drop(here);

    let Some(Note::Heirlooms(came)) = Note::receive(&there).unwrap() else { panic!("no heirlooms") };
    assert_eq!(
        [&came.front_end, &came.control, came.vault.as_ref().unwrap(), &came.lock].map(identity),
        identities
    );
    assert!(matches!(Note::receive(&there).unwrap(), Some(Note::Ended(reason)) if reason.starts_with("éé")));
    assert!(matches!(Note::receive(&there).unwrap(), Some(Note::Answered(7))));
    assert!(Note::receive(&there).unwrap().is_none());
}

/// What a front end may say, sensible or not, and that it was answered.
#[derive(Clone, Debug)]
enum Step {
    Says { request: u32, words: Vec<u64>, files: usize, waits: bool },
    IsAnswered(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![0_u64..4, Just(1 << 32), Just(1 << 30), any::<u64>()];
    let words = prop::collection::vec(number.clone(), 0..10);
    let request = (1_u32..45).prop_filter("a request", |number| Req::try_from(*number).is_ok());
    let says = (request, words, 0_usize..3, any::<bool>());
    prop_oneof![
        5 => says.prop_map(|(request, words, files, waits)| Step::Says { request, words, files, waits }),
        3 => number.prop_map(Step::IsAnswered),
    ]
}

fn note(step: Step) -> Note {
    match step {
        Step::IsAnswered(word) => Note::Answered(word),
        Step::Says { request, words, files, waits } => {
            let mut message = says(Req::try_from(request).unwrap(), &words);
            message.descriptors = (0..files).map(|_| file()).collect();
            Note::Request(if waits { waiting(message) } else { message })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_journal_is_the_same_at_the_door_at_its_keeper_and_in_the_next_process(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let (door, keeper) = UnixStream::pair().unwrap();
        let (mut journal, mut copy) = (Journal::new(), Journal::new());
        let begin = [Note::Connected(file(), Outbox::new().unwrap())].into_iter().chain(negotiated());
        for note in begin.chain(steps.into_iter().map(note)) {
            note.send(&door).unwrap();
            let received = Note::receive(&keeper).unwrap().unwrap();
            let (here, there) = (journal.apply(note), copy.apply(received));
            prop_assert_eq!(here, there);
            prop_assert_eq!(all(&journal), all(&copy));
            if here.is_err() {
                return Ok(());
            }
        }
        prop_assert_eq!(all(&handed_over(&copy)), all(&journal));
        let mut replayed = after(journal.messages().into_iter().flat_map(|message| match is_question(&message) {
            true => vec![],
            false => vec![message],
        }));
        replayed.said.extend(journal.said.iter().filter(|said| is_question(&said.message)).cloned());
        prop_assert_eq!(all(&replayed).1, all(&journal).1);
    }
}
