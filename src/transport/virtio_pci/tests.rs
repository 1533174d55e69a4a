//! A driver's steps, by the numbers of the specifications.

use proptest::prelude::*;

use super::common::{DRIVER_OK, FEATURES_OK, NEEDS_RESET};
use super::*;

const VERSION_1: u64 = 1 << 32;
const OFFERED: u64 = VERSION_1 | 0b1110;
const HEAP_BYTES: u64 = 1 << 33;

/// A device whose configuration is its offsets, and of which vector 2 waits.
struct Plain;

impl Card for Plain {
    fn config(&self) -> [u8; 16] {
        std::array::from_fn(|index| u8::try_from(index).unwrap())
    }

    fn is_pending(&self, vector: u16) -> bool {
        vector == 2
    }
}

fn function() -> Function {
    Function::new(OFFERED, Some(HEAP_BYTES))
}

fn config<const N: usize>(function: &mut Function, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    function.read_config(offset, &mut bytes, &Plain).unwrap();
    bytes
}

fn config_long(function: &mut Function, offset: u64) -> u32 {
    u32::from_le_bytes(config(function, offset))
}

fn read<const N: usize>(function: &mut Function, bar: u32, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    function.read(bar, offset, &mut bytes, &Plain).unwrap();
    bytes
}

fn common_word(function: &mut Function, offset: u64) -> u16 {
    u16::from_le_bytes(read(function, 0, offset))
}

fn write(function: &mut Function, offset: u64, bytes: &[u8]) -> Option<Effect> {
    function.write(0, offset, bytes).unwrap()
}

fn set_status(function: &mut Function, status: u8) -> Option<Effect> {
    write(function, 20, &[status])
}

fn take_features(function: &mut Function, features: u64) -> Option<Effect> {
    for (select, half) in [0u32, 1].into_iter().zip(features.to_le_bytes().as_chunks::<4>().0) {
        assert_eq!(write(function, 8, &select.to_le_bytes()), None);
        assert_eq!(write(function, 12, half), None);
    }
    set_status(function, 3 | FEATURES_OK)
}

/// Sets a queue up as Linux does.
fn set_up(function: &mut Function, queue: u16, addresses: [u64; 3]) -> Option<Effect> {
    assert_eq!(write(function, 22, &queue.to_le_bytes()), None);
    assert_eq!(write(function, 24, &64u16.to_le_bytes()), None);
    for (index, address) in addresses.into_iter().enumerate() {
        let at = 32 + 8 * index as u64;
        let bytes = address.to_le_bytes();
        assert_eq!(write(function, at, &bytes[..4]), None);
        assert_eq!(write(function, at + 4, &bytes[4..]), None);
    }
    assert_eq!(write(function, 26, &(queue + 1).to_le_bytes()), None);
    write(function, 28, &1u16.to_le_bytes())
}

const ADDRESSES: [u64; 3] = [0x1_0000_1000, 0x2002, 0x3004];

fn running() -> Function {
    let mut function = function();
    assert_eq!(take_features(&mut function, OFFERED), Some(Effect::Features(OFFERED)));
    assert_eq!(set_up(&mut function, 0, ADDRESSES), Some(Effect::Queues));
    assert_eq!(function.queue(0), None, "its driver is not ready yet");
    assert_eq!(set_status(&mut function, 3 | FEATURES_OK | DRIVER_OK), Some(Effect::Begin(OFFERED)));
    function
}

/// Offset and bytes of each capability, from its number on.
fn capabilities(function: &mut Function) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    let [mut at] = config(function, 0x34);
    while at != 0 {
        let bytes: [u8; 24] = config(function, at.into());
        found.push((u64::from(at), bytes.to_vec()));
        at = bytes[1];
        assert!(found.len() < 32, "{found:x?}");
    }
    found
}

fn virtio_capability(function: &mut Function, kind: u8) -> Vec<u8> {
    let all = capabilities(function).into_iter();
    let mut found = all.filter(|(_, bytes)| bytes[0] == 0x09 && bytes[3] == kind);
    found.next().unwrap().1
}

#[test]
fn it_is_a_virtio_gpu_that_is_no_vga() {
    let mut function = function();
    assert_eq!(config_long(&mut function, 0), 0x1050_1af4);
    assert_eq!(config_long(&mut function, 8), 0x0380_0001);
    assert_eq!(config_long(&mut function, 0x2c), 0x1100_1af4);
    let [status, pin] = [config::<1>(&mut function, 6)[0], config::<1>(&mut function, 0x3d)[0]];
    assert_eq!((status & 1 << 4, pin), (1 << 4, 1));
    assert!(function.read_config(253, &mut [0; 4], &Plain).is_none());
    assert!(function.read_config(u64::MAX, &mut [0; 4], &Plain).is_none());
    assert_eq!(config(&mut function, 256), [0xff; 4], "only PCI Express has more");
    assert_eq!(function.write_config(0xffc, &[0; 4]), Some(None));
    assert!(function.read_config(0xffd, &mut [0; 4], &Plain).is_none());
}

#[test]
fn every_bar_tells_its_size_and_kind() {
    let mut function = function();
    let sizes = [0, 1, 2].map(|bar| {
        let at = 0x10 + 4 * bar;
        assert_eq!(function.write_config(at, &[0xff; 4]), Some(None));
        config_long(&mut function, at)
    });
    assert_eq!(sizes, [0xffff_c000, 0xffff_f000, 0xc]);
    function.write_config(0x1c, &[0xff; 4]).unwrap();
    assert_eq!(config_long(&mut function, 0x1c), 0xffff_fffe, "8 GiB");
    function.write_config(0x20, &[0xff; 8]).unwrap();
    assert_eq!(config::<8>(&mut function, 0x20), [0; 8]);
    assert_eq!([0, 1, 2, 3].map(|bar| function.bar_bytes(bar)), [0x4000, 0x1000, HEAP_BYTES, 0]);

    let mut without = Function::new(OFFERED, None);
    without.write_config(0x18, &[0xff; 8]).unwrap();
    assert_eq!((config::<8>(&mut without, 0x18), without.bar_bytes(2)), ([0; 8], 0));
}

#[test]
fn capabilities_say_where_everything_is() {
    let mut function = function();
    let kinds: Vec<u8> = capabilities(&mut function).iter().map(|(_, bytes)| bytes[0]).collect();
    assert_eq!(kinds, [0x11, 9, 9, 9, 9, 9, 9, 0x13]);
    // cap_len, then bar, id, offset and length.
    let place = |bytes: &[u8]| {
        let long = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        (bytes[2], bytes[4], bytes[5], long(8), long(12))
    };
    assert_eq!(place(&virtio_capability(&mut function, 1)), (16, 0, 0, 0, 64));
    assert_eq!(place(&virtio_capability(&mut function, 3)), (16, 0, 0, 0x1000, 4));
    assert_eq!(place(&virtio_capability(&mut function, 4)), (16, 0, 0, 0x2000, 16));
    let notify = virtio_capability(&mut function, 2);
    assert_eq!((place(&notify), &notify[16..20]), ((20, 0, 0, 0x3000, 8), &[4, 0, 0, 0][..]));
    let shared = virtio_capability(&mut function, 8);
    // 8 GiB, of which the upper half of the length is 2.
    assert_eq!((place(&shared), &shared[16..24]), ((24, 2, 1, 0, 0), &[0, 0, 0, 0, 2, 0, 0, 0][..]));
    let msix = &capabilities(&mut function)[0].1;
    assert_eq!(msix[2..12], [2, 0, 1, 0, 0, 0, 1, 8, 0, 0]);

    let mut without = Function::new(OFFERED, None);
    assert_eq!(capabilities(&mut without).len(), 7);
}

#[test]
fn a_driver_that_says_it_is_ready_gets_its_queues() {
    let mut function = running();
    let expected = QueueRegisters { size: 64, vector: 1, enabled: true, addresses: ADDRESSES };
    assert_eq!((function.queue(0), function.queue(1)), (Some(expected), None));
    assert_eq!((function.features(), common_word(&mut function, 18)), (OFFERED, 2));
    assert_eq!(read::<24>(&mut function, 0, 32)[..8], ADDRESSES[0].to_le_bytes());
    assert_eq!(write(&mut function, 0x3000, &[0, 0]), Some(Effect::Notify));
    assert_eq!(write(&mut function, 0x3004, &[1, 0]), Some(Effect::Notify));
    assert_eq!(write(&mut function, 0x3008, &[2, 0]), None);

    // A queue alone begins anew (virtio 1.3, 2.6.1), then everything does.
    write(&mut function, 22, &[0, 0]);
    assert_eq!(write(&mut function, 58, &[1, 0]), Some(Effect::Queues));
    assert_eq!(
        (function.queue(0), common_word(&mut function, 58), common_word(&mut function, 28)),
        (None, 0, 0)
    );
    assert_eq!(set_up(&mut function, 0, ADDRESSES), Some(Effect::Queues));
    assert_eq!(function.queue(0), Some(expected));
    assert_eq!(set_status(&mut function, 0), Some(Effect::Reset));
    assert_eq!((function.queue(0), function.features()), (None, 0));
    assert_eq!((read::<1>(&mut function, 0, 20), common_word(&mut function, 24)), ([0], QUEUE_SIZE_MAX));
}

#[test]
fn features_that_are_not_offered_are_not_accepted() {
    for features in [OFFERED | 1 << 20, OFFERED & !VERSION_1, 0] {
        let mut function = function();
        assert_eq!(take_features(&mut function, features), None);
        assert_eq!((read(&mut function, 0, 20), function.features()), ([3], 0));
        assert_eq!(set_status(&mut function, 3 | FEATURES_OK | DRIVER_OK), None);
        assert_eq!(read(&mut function, 0, 20), [3]);
    }
    let mut function = function();
    for (select, half) in [(0u32, 0b1110), (1, 1), (2, 0)] {
        write(&mut function, 0, &select.to_le_bytes());
        assert_eq!(u32::from_le_bytes(read(&mut function, 0, 4)), half);
    }
}

#[test]
fn a_queue_that_cannot_be_is_not_enabled() {
    for (index, wrong) in [0x1001, 0x2001, 0x3002].into_iter().enumerate() {
        let mut function = running();
        let mut addresses = ADDRESSES;
        addresses[index] = wrong;
        assert_eq!(set_up(&mut function, 1, addresses), None);
    }
    let mut function = running();
    write(&mut function, 22, &[1, 0]);
    for size in [0u16, 3, 257, 512, 0x8000] {
        write(&mut function, 24, &size.to_le_bytes());
        assert_eq!(common_word(&mut function, 24), QUEUE_SIZE_MAX);
    }
    write(&mut function, 26, &[3, 0]);
    assert_eq!(common_word(&mut function, 26), NO_VECTOR);
    write(&mut function, 22, &[2, 0]);
    assert_eq!((common_word(&mut function, 24), write(&mut function, 28, &[1, 0])), (0, None));
}

#[test]
fn the_interrupt_status_is_taken_by_reading_it() {
    let mut function = running();
    function.raise(Cause::Queue(1));
    assert_eq!(config::<1>(&mut function, 6)[0] & 1 << 3, 1 << 3);
    function.raise(Cause::Config);
    assert!(function.is_raised());
    assert_eq!(read::<1>(&mut function, 0, 0x1000), [3]);
    assert_eq!((read::<1>(&mut function, 0, 0x1000), function.is_raised()), ([0], false));
    assert_eq!(config::<1>(&mut function, 6)[0] & 1 << 3, 0);
    assert_eq!((function.vector(Cause::Queue(0)), function.vector(Cause::Config)), (Some(1), None));
    write(&mut function, 16, &[0, 0]);
    assert_eq!(function.vector(Cause::Broken), Some(0));
    function.needs_reset();
    assert_eq!(read::<1>(&mut function, 0, 20)[0] & NEEDS_RESET, NEEDS_RESET);
}

#[test]
fn the_devices_own_bytes_are_the_devices() {
    let mut function = function();
    assert_eq!(read::<4>(&mut function, 0, 0x2004), [4, 5, 6, 7]);
    let written = write(&mut function, 0x2004, &[1, 0, 0, 0]);
    assert_eq!(written, Some(Effect::Device { offset: 4, bytes: vec![1, 0, 0, 0] }));
    function.config_changed();
    assert_eq!(read::<1>(&mut function, 0, 21), [1]);
    assert_eq!(read::<8>(&mut function, 1, 0x800), [0b100, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(function.write(1, 12, &[1, 0, 0, 0]), Some(None));
    assert_eq!(read::<4>(&mut function, 1, 12), [1, 0, 0, 0]);
}

#[test]
fn registers_can_be_reached_through_the_configuration_space() {
    let mut function = function();
    let window = capabilities(&mut function).into_iter().find(|(_, bytes)| bytes[0] == 9 && bytes[3] == 5);
    let at = window.unwrap().0;
    let aim = |function: &mut Function, offset: u32, length: u32| {
        assert_eq!(function.write_config(at + 4, &[0]), Some(None));
        function.write_config(at + 8, &offset.to_le_bytes()).unwrap();
        function.write_config(at + 12, &length.to_le_bytes()).unwrap();
    };
    aim(&mut function, 18, 2);
    assert_eq!(config::<2>(&mut function, at + 16), [2, 0]);
    // cloud-hypervisor reads whole words.
    assert_eq!(config::<4>(&mut function, at + 16), [2, 0, 0, 0]);
    aim(&mut function, 20, 1);
    assert_eq!(function.write_config(at + 16, &[1]), Some(None));
    assert_eq!(read(&mut function, 0, 20), [1]);
    assert_eq!(function.write_config(at + 16, &[0]), Some(Some(Effect::Reset)));
    aim(&mut function, 0x3000, 2);
    assert_eq!(function.write_config(at + 16, &[0, 0]), Some(Some(Effect::Notify)));
    aim(&mut function, 22, 2);
    assert_eq!(function.write_config(at + 16, &[1, 0, 7, 7]), Some(None));
    assert_eq!(read(&mut function, 0, 22), [1, 0]);
    // Shorter than it says, of no such length, beyond the BAR, or in none.
    assert_eq!(function.write_config(at + 16, &[0]), Some(None));
    assert_eq!(read(&mut function, 0, 22), [1, 0]);
    assert_eq!(config::<1>(&mut function, at + 16), [0]);
    aim(&mut function, 20, 3);
    assert_eq!(config::<4>(&mut function, at + 16), [0; 4]);
    aim(&mut function, u32::MAX, 4);
    assert_eq!(config::<4>(&mut function, at + 16), [0; 4]);
    function.write_config(at + 4, &[9]).unwrap();
    assert_eq!(config::<4>(&mut function, at + 16), [0; 4]);
}

#[test]
fn a_function_level_reset_leaves_nothing() {
    let mut function = running();
    function.write_config(4, &[6, 0]).unwrap();
    let control = capabilities(&mut function).last().unwrap().0 + 4;
    assert_eq!(function.write_config(control, &[0]), Some(None));
    assert_eq!(function.write_config(control, &[1]), Some(Some(Effect::Reset)));
    assert_eq!(function, self::function());
}

#[test]
fn another_process_goes_on_with_what_the_guest_wrote() {
    let mut function = running();
    function.write_config(0x10, &0xfebf_4000u32.to_le_bytes()).unwrap();
    let bytes = postcard::to_stdvec(&function.record()).unwrap();

    let mut next = self::function();
    next.restore(postcard::from_bytes(&bytes).unwrap());

    assert_eq!((next.queue(0), next.features()), (function.queue(0), OFFERED));
    assert_eq!(config_long(&mut next, 0x10), 0xfebf_4000);
    assert_eq!(read::<1>(&mut next, 0, 0x1000), [3], "what may have been lost");
    assert_eq!(next.record(), function.record());
}

/// Where something is, and anywhere.
fn offsets() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..80,
        0xff0u64..0x1010,
        0x1ff0u64..0x2020,
        0x2ff0u64..0x3020,
        0x3ff0u64..0x4010,
        any::<u64>()
    ]
}

proptest! {
    #[test]
    fn no_access_brings_it_out_of_step(
        accesses in prop::collection::vec(
            (any::<bool>(), 0u32..5, offsets(), prop::collection::vec(any::<u8>(), 0..9)), 0..60,
        ),
    ) {
        let mut function = function();
        for (is_write, bar, offset, mut bytes) in accesses {
            let end = offset.checked_add(bytes.len() as u64);
            let bytes_there = match bar {
                4 if offset < CONFIG_BYTES as u64 => CONFIG_BYTES as u64,
                4 => EXPRESS_CONFIG_BYTES as u64,
                _ => function.bar_bytes(bar),
            };
            let there = end.is_some_and(|end| end <= bytes_there) && (bar < 2 || bar == 4);
            let done = match (is_write, bar) {
                (true, 4) => function.write_config(offset, &bytes).is_some(),
                (true, _) => function.write(bar, offset, &bytes).is_some(),
                (false, 4) => function.read_config(offset, &mut bytes, &Plain).is_some(),
                (false, _) => function.read(bar, offset, &mut bytes, &Plain).is_some(),
            };
            prop_assert_eq!(done, there, "{} {:#x}", bar, offset);
            prop_assert_eq!(config_long(&mut function, 0), 0x1050_1af4);
            prop_assert_eq!(function.features() & !OFFERED, 0);
            let mut next = self::function();
            next.restore(function.record());
            prop_assert_eq!(next.record(), function.record());
        }
    }
}
