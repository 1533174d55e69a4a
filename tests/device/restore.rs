//! A device whose process dies, and the one that the next process opens from the same vault.

use std::fs::File;
use std::mem;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use proptest::prelude::*;
use vgpu::device::{Device, Limits};
use vgpu::vault::{Vault, VaultError};
use vgpu::wire::{HeadMode, Size};

use crate::guest::*;
use crate::properties::{MEMORY_BYTES, Step, execute, step};

const LIMITS: Limits = Limits { memory_bytes: MEMORY_BYTES, resources: 4, entries: 64, image_side: 4096 };
const OK_RESOURCE_UUID: u32 = 0x1105;

/// Where the log begins.
const LOG: u64 = 1 << 16;

fn open(vault: &OwnedFd) -> Result<Device, VaultError> {
    let vault = Vault::open(vault.try_clone().unwrap(), LIMITS.memory_bytes)?;
    Device::open(setup(2, LIMITS), vault, None)
}

/// A guest that negotiated every feature, and the vault of its device.
fn guest() -> (Guest, OwnedFd) {
    let vault = Vault::file(LIMITS.memory_bytes).unwrap();
    let mut guest = Guest::with(2, LIMITS);
    guest.device = open(&vault).unwrap();
    guest.device.set_features(u64::MAX);
    guest.write(LOW, &(0..REGION).map(|at| (at % 251) as u8).collect::<Vec<_>>());
    (guest, vault)
}

/// As a kill does it: nothing is dropped.
fn die(guest: &mut Guest, vault: &OwnedFd) {
    let next = open(vault).unwrap();
    mem::forget(mem::replace(&mut guest.device, next));
}

/// The answer without what is random in it.
fn comparable(mut reply: Vec<u8>) -> Vec<u8> {
    if reply.len() > 24 && kind(&reply) == OK_RESOURCE_UUID {
        reply.truncate(24);
    }
    reply
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_device_that_dies_after_any_request_goes_on_as_if_it_had_not(
        steps in prop::collection::vec((step(), 0u8..4), 1..60), window: bool,
    ) {
        let (mut guest, vault) = guest();
        let mut twin = Guest::with(2, LIMITS);
        twin.write(LOW, &(0..REGION).map(|at| (at % 251) as u8).collect::<Vec<_>>());
        let connect = |guest: &mut Guest| window.then(|| guest.connect(Answers::Unknown));
        let twins_window = connect(&mut twin);
        connect(&mut guest);
        for (step, fate) in &steps {
            let reply = execute(&mut guest, step);
            let answer = reply.clone().map(comparable);
            prop_assert_eq!(answer, execute(&mut twin, step).map(comparable), "{:?}", step);
            if *fate > 0 {
                continue;
            }
            let before = guest.state();
            die(&mut guest, &vault);
            let display = connect(&mut guest);
            prop_assert_eq!(guest.state(), before);
            // What a window would be told anew is what the device would say to one that comes just now.
            if let (Some(display), Some(_)) = (display, &twins_window) {
                let told = connect(&mut twin).unwrap().told();
                prop_assert_eq!(display.told(), told);
            }
            // The answer may not have left the process: then the same request comes again.
            match (step, reply) {
                (Step::Control(..) | Step::Bytes(_), Some(reply)) if kind(&reply) < UNSPEC => {
                    prop_assert_eq!(execute(&mut guest, step), Some(reply), "again: {:?}", step);
                }
                _ => drop(guest.send(GET_CAPSET_INFO, &[0, 0])),
            }
            guest.device.pump(&guest.memory).unwrap();
        }
        prop_assert_eq!(guest.device.usage(), twin.device.usage());
        prop_assert_eq!((guest.device.heads(), guest.device.config()), (twin.device.heads(), twin.device.config()));
        for number in 0..16 {
            prop_assert_eq!(guest.picture(number), twin.picture(number));
            prop_assert_eq!(guest.device.cursor_of(head(number)), twin.device.cursor_of(head(number)));
        }
        guest.device.reset();
        prop_assert_eq!(guest.device.usage(), vgpu::device::Usage::default());
        die(&mut guest, &vault);
        prop_assert_eq!(guest.device.usage(), vgpu::device::Usage::default());
    }

    #[test]
    fn a_vault_with_wrong_bytes_is_refused_or_opened_but_nothing_panics(
        steps in prop::collection::vec(step(), 10..40),
        wrong in prop::collection::vec((0u64..2000, any::<u8>()), 0..8), more in prop::collection::vec(step(), 0..10),
    ) {
        let (mut guest, vault) = guest();
        steps.iter().for_each(|step| drop(execute(&mut guest, step)));
        mem::forget(mem::replace(&mut guest.device, Device::new(setup(2, LIMITS)).unwrap()));
        let file = File::from(vault.try_clone().unwrap());
        let mut word = [0; 8];
        file.read_exact_at(&mut word, 8).unwrap();
        let tail = (u64::from_le_bytes(word) & !(1 << 63)).max(1);
        for (place, byte) in wrong {
            file.write_all_at(&[byte], LOG + place % tail).unwrap();
        }
        let Ok(device) = open(&vault) else { return Ok(()) };
        guest.device = device;
        guest.state();
        for step in &more {
            execute(&mut guest, step);
            prop_assert!(guest.device.usage().bytes <= MEMORY_BYTES);
        }
        guest.state();
    }
}

/// A guest with a picture on its first head, and another image with a pattern.
fn drawn() -> (Guest, OwnedFd) {
    let (mut guest, vault) = guest();
    for id in [1, 2] {
        assert_eq!(guest.create(id, BGRX, 32, 16), OK);
        assert_eq!(guest.attach(id, &[(LOW, 1024), (LOW + 8192, 1024)]), OK);
        assert_eq!(guest.transfer(id, rect(0, 0, 32, 16), 0), OK);
    }
    assert_eq!(guest.set_scanout(0, 1, rect(0, 0, 32, 16)), OK);
    (guest, vault)
}

#[test]
fn pixels_that_were_transferred_without_any_record_are_there_and_shown() {
    let (mut guest, vault) = drawn();
    guest.write(LOW, &[77; 1024]);
    assert_eq!(guest.transfer(1, rect(0, 0, 32, 16), 0), OK);
    let picture = guest.picture(0).unwrap();
    assert_eq!(picture[0], 77);
    die(&mut guest, &vault);
    assert_eq!(guest.picture(0).unwrap(), picture);
}

#[test]
fn what_is_executed_twice_is_answered_as_the_first_time_but_once_only() {
    type Ask = fn(&mut Guest) -> u32;
    let requests: [(Ask, u32); 5] = [
        (|guest| guest.create(3, BGRX, 8, 8), INVALID_RESOURCE),
        (|guest| guest.attach(3, &[(LOW, 512), (LOW + 512, 512)]), UNSPEC),
        (|guest| guest.ask(DETACH, &[3, 0]), UNSPEC),
        (|guest| guest.ask(UNREF, &[3, 0]), INVALID_RESOURCE),
        (|guest| guest.create_blob(3, 1000, &[(LOW, 4096)]), INVALID_RESOURCE),
    ];
    let (mut guest, vault) = drawn();
    for (ask, refusal) in requests {
        assert_eq!(ask(&mut guest), OK);
        let state = guest.state();
        die(&mut guest, &vault);
        assert_eq!(ask(&mut guest), OK);
        assert_eq!(guest.state(), state);
        assert_eq!(ask(&mut guest), refusal);
    }
}

#[test]
fn what_only_looks_like_the_last_request_is_refused() {
    type Ask = fn(&mut Guest) -> u32;
    let requests: [(Ask, u32); 6] = [
        (|guest| guest.create(1, BGRX, 32, 16), INVALID_RESOURCE), // it has pages, so it is older
        (|guest| guest.create(1, BGRX, 16, 32), INVALID_RESOURCE),
        (|guest| guest.attach(1, &[(LOW, 1024), (LOW + 8192, 1023)]), UNSPEC),
        (|guest| guest.create_blob(2, 1000, &[(LOW, 4096)]), INVALID_RESOURCE),
        (|guest| guest.create_blob(3, 1000, &[(LOW, 8192)]), INVALID_RESOURCE),
        (|guest| guest.ask(DETACH, &[9, 0]), INVALID_RESOURCE),
    ];
    let (mut guest, vault) = drawn();
    assert_eq!(guest.create_blob(3, 1000, &[(LOW, 4096)]), OK);
    for (ask, refusal) in requests {
        die(&mut guest, &vault);
        assert_eq!(ask(&mut guest), refusal);
    }
}

#[test]
fn monitors_pointers_features_and_events_are_those_of_before() {
    let (mut guest, vault) = drawn();
    assert_eq!(guest.create(5, 1, 64, 64), OK);
    assert_eq!(guest.update_cursor(1, (3, 4), 5, (5, 6)), OK);
    assert_eq!(guest.move_cursor(1, (30, 40)), OK);
    let mode = HeadMode { area: rect(640, 0, 100, 50), enabled: true };
    guest.device.set_head(head(1), mode).unwrap();
    let before = (guest.device.heads(), guest.device.features(), guest.device.config());
    let cursor = guest.device.cursor_of(head(1)).clone();
    assert!(cursor.image.is_some() && before.1 != 0 && before.2[0] != 0);

    die(&mut guest, &vault);

    assert_eq!((guest.device.heads(), guest.device.features(), guest.device.config()), before);
    assert_eq!(*guest.device.cursor_of(head(1)), cursor);
    assert_eq!(guest.device.heads()[1].area.size(), Size { width: 100, height: 50 });

    assert_eq!(guest.update_cursor(1, (0, 0), 0, (0, 0)), OK);
    guest.device.write_config(4, &[1, 0, 0, 0]);
    die(&mut guest, &vault);
    assert_eq!(guest.device.cursor_of(head(1)).image, None);
    assert_eq!(guest.device.config()[0], 0);
}

#[test]
fn an_image_in_the_place_of_another_is_black_even_after_a_death() {
    let (mut guest, vault) = drawn();
    for dies in [false, true] {
        assert_eq!(guest.ask(UNREF, &[1, 0]), OK);
        if dies {
            die(&mut guest, &vault);
        }
        assert_eq!(guest.create(1, BGRX, 32, 16), OK);
        assert_eq!(guest.set_scanout(0, 1, rect(0, 0, 32, 16)), OK);
        assert!(guest.picture(0).unwrap().iter().all(|byte| *byte == 0));
        assert_eq!(guest.attach(1, &[(LOW, 4096)]), OK);
        assert_eq!(guest.transfer(1, rect(0, 0, 32, 16), 0), OK);
    }
}

#[test]
fn a_vault_of_a_vgpu_with_less_is_refused_with_a_reason() {
    let (guest, vault) = drawn();
    mem::forget(guest);
    let reopen = |limits: Limits| {
        let vault = Vault::open(vault.try_clone().unwrap(), LIMITS.memory_bytes).unwrap();
        Device::open(setup(2, limits), vault, None).unwrap_err().to_string()
    };
    assert!(reopen(Limits { resources: 1, ..LIMITS }).contains("1 resources are all"));
    assert!(reopen(Limits { image_side: 31, ..LIMITS }).contains("32 x 16"));
    assert!(reopen(Limits { memory_bytes: 2000, ..LIMITS }).contains("limit of 2000"));
}
