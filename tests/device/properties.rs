//! Sequences of requests that nobody thought of.

use proptest::prelude::*;
use vgpu::device::Limits;
use vgpu::wire::{ErrorCode, HeadMode};

use crate::guest::*;

pub const MEMORY_BYTES: u64 = 100_000;

#[derive(Clone, Debug)]
pub enum Step {
    Control(u32, Vec<u32>),
    Cursor(u32, Vec<u32>),
    Bytes(Vec<u8>),
    Plug(u32, HeadMode),
    Reset,
}

/// A number out of the few that meet each other, or any.
fn number(max: u32) -> impl Strategy<Value = u32> + Clone {
    prop_oneof![20 => 0..max, 1 => prop_oneof![Just(u32::MAX), Just(0x4000_0000), any::<u32>()]]
}

fn id() -> impl Strategy<Value = u32> + Clone {
    number(5)
}

fn area() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        4 => prop::collection::vec(number(12), 4),
        1 => Just(vec![0, 0, 8, 8]),
        1 => Just(vec![0, 0, 64, 64]),
    ]
}

fn entries() -> impl Strategy<Value = Vec<u32>> {
    let entry = (number(REGION as u32), prop_oneof![9 => Just(0u32), 1 => 0u32..2], number(0x5000));
    (prop::collection::vec(entry, 0..5), prop_oneof![9 => Just(0u32), 1 => any::<u32>()]).prop_map(
        |(entries, more)| {
            let mut words = vec![(entries.len() as u32).wrapping_add(more)];
            entries.into_iter().for_each(|(low, high, len)| words.extend([low, high, len, 0]));
            words
        },
    )
}

fn size() -> impl Strategy<Value = (u32, u32)> {
    prop_oneof![3 => (number(20), number(20)), 1 => Just((64, 64))]
}

fn format() -> impl Strategy<Value = u32> {
    prop_oneof![9 => prop::sample::select(vec![1u32, 2, 3, 4, 67, 68, 121, 134]), 1 => any::<u32>()]
}

fn cat(front: Vec<u32>, back: &[u32]) -> Vec<u32> {
    [&front[..], back].concat()
}

pub fn step() -> impl Strategy<Value = Step> {
    let control = prop_oneof![
        (id(), format(), size()).prop_map(|(id, format, (w, h))| (CREATE_2D, vec![id, format, w, h])),
        (id(), prop::sample::select(vec![UNREF, DETACH, ASSIGN_UUID, GET_EDID, GET_CAPSET]))
            .prop_map(|(id, kind)| (kind, vec![id, 0])),
        (area(), number(3), id()).prop_map(|(area, head, id)| (SET_SCANOUT, cat(area, &[head, id]))),
        (area(), id()).prop_map(|(area, id)| (FLUSH, cat(area, &[id, 0]))),
        (area(), number(0x100), number(2), id())
            .prop_map(|(area, low, high, id)| (TRANSFER, cat(area, &[low, high, id, 0]))),
        (id(), entries()).prop_map(|(id, entries)| (ATTACH, cat(vec![id], &entries))),
        (id(), number(3), number(9), number(0x5000), entries()).prop_map(
            |(id, kind, flags, size, entries)| {
                let body = [id, kind, flags, entries[0], 0, 0, size, 0];
                (CREATE_BLOB, cat(body.to_vec(), &entries[1..]))
            }
        ),
        (area(), number(3), id(), size(), format(), number(300), number(300)).prop_map(
            |(area, head, id, (w, h), format, stride, offset)| {
                (SET_SCANOUT_BLOB, cat(area, &[head, id, w, h, format, 0, stride, 0, 0, 0, offset, 0, 0, 0]))
            }
        ),
        (any::<u32>(), prop::collection::vec(any::<u32>(), 0..20)),
    ];
    let cursor = (prop_oneof![Just(UPDATE_CURSOR), Just(MOVE_CURSOR)], number(3), id(), number(70));
    let mode = (area(), any::<bool>())
        .prop_map(|(area, enabled)| HeadMode { area: rect(area[0], area[1], area[2], area[3]), enabled });
    prop_oneof![
        30 => control.prop_map(|(kind, body)| Step::Control(kind, body)),
        4 => cursor.prop_map(|(kind, head, id, at)| Step::Cursor(kind, vec![head, at, at, 0, id, at, at, 0])),
        1 => prop::collection::vec(any::<u8>(), 0..100).prop_map(Step::Bytes),
        1 => (0u32..4, mode).prop_map(|(head, mode)| Step::Plug(head, mode)),
        1 => Just(Step::Reset),
    ]
}

pub fn execute(guest: &mut Guest, step: &Step) -> Option<Vec<u8>> {
    let mut reply = Vec::new();
    match step {
        Step::Control(kind, body) => {
            let _ = guest.device.control(&guest.memory, 0, &request(*kind, body), &mut reply);
        }
        Step::Cursor(kind, body) => guest.device.cursor(&guest.memory, &request(*kind, body), &mut reply),
        Step::Bytes(bytes) => {
            let _ = guest.device.control(&guest.memory, 0, bytes, &mut reply);
        }
        Step::Plug(number, mode) => {
            let _ = guest.device.set_head(head(*number), *mode);
            return None;
        }
        Step::Reset => {
            guest.device.reset();
            return None;
        }
    }
    Some(reply)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_panics_or_passes_the_ledger_and_what_is_refused_changes_nothing(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let limits = Limits { memory_bytes: MEMORY_BYTES, resources: 4, ..Limits::default() };
        let mut guest = Guest::with(2, limits);
        guest.write(LOW, &(0..REGION).map(|at| (at % 251) as u8).collect::<Vec<_>>());
        let display = guest.connect(Answers::Unknown);
        for step in &steps {
            let before = guest.state();
            let reply = execute(&mut guest, step);
            let told = display.told();
            prop_assert!(guest.device.usage().bytes <= MEMORY_BYTES && guest.device.usage().resources <= 4);
            if let Some(reply) = reply {
                let kind = kind(&reply);
                if kind >= ErrorCode::Unspecified.number() {
                    prop_assert_eq!(reply.len(), 24);
                    prop_assert_eq!(guest.state(), before, "{:?}", step);
                    prop_assert_eq!(told, []);
                } else {
                    let told_inside = told.iter().all(|told| match told {
                        Told::Damage(number, area) => guest
                            .device
                            .picture(&guest.memory, head(*number))
                            .is_some_and(|picture| area.fits(picture.size) && !area.is_empty()),
                        _ => true,
                    });
                    prop_assert!(told_inside, "{:?}", told);
                }
            }
            guest.device.pump(&guest.memory).unwrap();
        }
        guest.device.reset();
        prop_assert_eq!(guest.device.usage(), vgpu::device::Usage::default());
    }
}
