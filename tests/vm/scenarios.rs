//! What happens in a VM, told once for every version of QEMU.

use std::thread;
use std::time::Duration;

use crate::picture::Expected;
use crate::qemu::{Version, Vm};
use crate::service::Service;

const GPU: &str = "vhost-user-gpu-pci,xres=800,yres=600";
const SIZE: (u32, u32) = (800, 600);
const TEST_DEVICE: &str = "vhost-user-test-device-pci,virtio-id=16,num_vqs=2,vq_size=256,config_size=16";
const TWO_HEADS: &str = "head = [{ size = '1024x768' }, { size = '640x480' }]";
const SECOND_UNPLUGGED: &str = "head = [{ size = '1024x768' }, { size = '800x600', enabled = false }]";

pub(crate) fn the_driver_takes_its_mode_from_the_edid(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, "vhost-user-gpu-pci,xres=1152,yres=864");
    let heads = vm.guest.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].connected);
    let edid = &heads[0].edid;
    assert_eq!(edid.get(..8), Some(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0][..]), "no EDID");
    assert_eq!(edid.iter().fold(0, |sum: u8, &byte| sum.wrapping_add(byte)), 0, "the EDID's checksums");
    assert_eq!(preferred_size(edid), (1152, 864));
    assert!(heads[0].modes[0].starts_with("1152x864@"), "{heads:?}");
}

/// The size in the first detailed timing (EDID 1.4, 3.10.2).
fn preferred_size(edid: &[u8]) -> (u32, u32) {
    let number = |low: usize, high: usize| u32::from(edid[low]) | u32::from(edid[high] >> 4) << 8;
    (number(56, 58), number(59, 61))
}

pub(crate) fn a_drawn_picture_is_what_qemu_and_the_operator_see(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    for seed in [1, 200] {
        assert_eq!(vm.guest.ask(&format!("draw 0 {seed}")), "800x600");
        vm.expect_everywhere(&service, 0, &Expected::new(SIZE, seed));
    }
}

pub(crate) fn a_smaller_mode_is_seen_in_its_own_size(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 2");
    vm.guest.ask("draw 0 3 640 480");
    vm.expect_everywhere(&service, 0, &Expected::new((640, 480), 3));
}

pub(crate) fn the_last_of_many_flipped_pages_is_seen(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 10");
    vm.guest.ask("flip 0 20 11");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 30));
}

pub(crate) fn the_pointer_is_on_the_operators_picture_until_it_is_hidden(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 4");
    let bare = Expected::new(SIZE, 4);
    vm.guest.ask("cursor 0 100 50 0 0 5");
    service.expect_screenshot(0, &bare.with_pointer(100, 50, 5));
    vm.guest.ask("move 0 770 590");
    service.expect_screenshot(0, &bare.with_pointer(770, 590, 5));
    // A guest says where the image lies; its hot spot moves nothing.
    vm.guest.ask("cursor 0 300 200 7 9 6");
    service.expect_screenshot(0, &bare.with_pointer(300, 200, 6));
    vm.guest.ask("hide 0");
    // QEMU keeps the pointer apart from the picture, so its picture is bare all the time.
    vm.expect_everywhere(&service, 0, &bare);
}

pub(crate) fn only_the_damaged_part_of_a_picture_changes(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 20");
    let mut expected = Expected::new(SIZE, 20);
    for patch in [(13, 17, 301, 99, 21), (0, 0, 1, 1, 22), (799, 599, 1, 1, 23), (100, 50, 50, 500, 24)] {
        let (x, y, width, height, seed) = patch;
        vm.guest.ask(&format!("damage 0 {x} {y} {width} {height} {seed}"));
        expected.patches.push(patch);
    }
    vm.expect_everywhere(&service, 0, &expected);
}

pub(crate) fn a_machine_that_is_reset_draws_again(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 40");
    vm.guest.ask("cursor 0 100 50 0 0 41");
    vm.command("system_reset");
    vm.guest.wait_until_ready();
    vm.guest.ask("draw 0 42");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 42));
}

pub(crate) fn a_guest_that_reboots_draws_again(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 50");
    vm.guest.tell("reboot");
    vm.guest.wait_until_ready();
    vm.guest.ask("draw 0 51");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 51));
}

pub(crate) fn a_paused_machine_keeps_its_picture_and_draws_on(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 60");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 60));
    vm.command("stop");
    vm.expect_screendump(0, &Expected::new(SIZE, 60));
    vm.command("cont");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 60));
    vm.guest.ask("damage 0 10 10 20 20 61");
    let mut expected = Expected::new(SIZE, 60);
    expected.patches.push((10, 10, 20, 20, 61));
    vm.expect_everywhere(&service, 0, &expected);
    vm.guest.ask("flip 0 3 62");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 64));
}

/// QEMU plugs the second head in only when it has a window for it, but a guest may drive it all the same.
pub(crate) fn two_heads_show_two_pictures(version: Version) {
    // The profile has one head: how many there are is for whoever has the display to say.
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, &format!("{GPU},max_outputs=2"));
    assert_eq!(vm.guest.heads().len(), 2);
    vm.guest.ask("draw 0 70 800 600");
    vm.guest.ask("draw 1 71 640 480");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 70));
    vm.expect_everywhere(&service, 1, &Expected::new((640, 480), 71));
    vm.guest.ask("flip 1 3 72");
    vm.expect_everywhere(&service, 1, &Expected::new((640, 480), 74));
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 70));
}

pub(crate) fn a_driver_that_lets_go_and_binds_again_draws_again(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 80");
    for seed in [81, 82] {
        vm.guest.ask("rebind");
        vm.guest.ask(&format!("draw 0 {seed}"));
        vm.expect_everywhere(&service, 0, &Expected::new(SIZE, seed));
    }
}

pub(crate) fn a_killed_machine_leaves_a_clean_device_to_the_next(version: Version) {
    let service = Service::start(version, None);
    let mut first = Vm::boot(version, &service, GPU);
    first.guest.ask("draw 0 90");
    first.guest.tell("flip 0 1000 91");
    first.kill();
    let mut second = Vm::boot(version, &service, GPU);
    second.guest.ask("draw 0 92 640 480");
    second.expect_everywhere(&service, 0, &Expected::new((640, 480), 92));
}

/// The next device process takes the connection over, and the display, in the middle of a message or not.
pub(crate) fn a_guest_draws_on_when_its_device_process_is_killed(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, GPU);
    vm.guest.ask("draw 0 100");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 100));
    service.kill_device_process();
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 100));
    vm.guest.ask("damage 0 10 20 30 40 101");
    let mut expected = Expected::new(SIZE, 100);
    expected.patches.push((10, 20, 30, 40, 101));
    vm.expect_everywhere(&service, 0, &expected);

    vm.guest.tell("flip 0 100 300");
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(300));
        service.kill_device_process();
    }
    vm.guest.expect_ok();
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 399));
    vm.guest.ask("cursor 0 100 50 0 0 5");
    service.kill_device_process();
    service.expect_screenshot(0, &Expected::new(SIZE, 399).with_pointer(100, 50, 5));
    vm.command("system_reset");
    vm.guest.wait_until_ready();
    vm.guest.ask("draw 0 102");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 102));
    assert!(vm.lives());
    assert_eq!(vm.complaints(), "", "QEMU noticed");
}

pub(crate) fn it_can_be_the_only_vga(version: Version) {
    let service = Service::start(version, None);
    let mut vm = Vm::boot(version, &service, "vhost-user-vga,xres=800,yres=600");
    vm.guest.ask("draw 0 110");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 110));
    vm.command("system_reset");
    vm.guest.wait_until_ready();
    vm.guest.ask("draw 0 111");
    vm.expect_everywhere(&service, 0, &Expected::new(SIZE, 111));
}

pub(crate) fn a_picture_in_guest_memory_is_what_the_operator_sees(version: Version) {
    let service = Service::start(version, Some(TWO_HEADS));
    let mut vm = Vm::boot(version, &service, TEST_DEVICE);
    vm.guest.ask("draw 0 120");
    vm.guest.ask("draw 1 121");
    service.expect_screenshot(0, &Expected::new((1024, 768), 120));
    service.expect_screenshot(1, &Expected::new((640, 480), 121));
    vm.guest.ask("flip 1 5 122");
    service.expect_screenshot(1, &Expected::new((640, 480), 126));
    vm.guest.ask("damage 0 10 20 30 40 127");
    let mut expected = Expected::new((1024, 768), 120);
    expected.patches.push((10, 20, 30, 40, 127));
    service.expect_screenshot(0, &expected);
}

pub(crate) fn a_head_that_is_plugged_in_is_noticed_and_can_be_drawn_on(version: Version) {
    let service = Service::start(version, Some(SECOND_UNPLUGGED));
    let mut vm = Vm::boot(version, &service, TEST_DEVICE);
    assert!(!vm.guest.heads()[1].connected);
    vm.guest.ask("hotplug-forget");
    let output = service.verb("set", &["--head", "1=800x600"]);
    assert!(output.status.success(), "{output:?}");
    vm.guest.ask("hotplug-wait");
    let heads = vm.guest.heads();
    assert!(heads[1].connected);
    assert!(heads[1].modes[0].starts_with("800x600@"), "{heads:?}");
    vm.guest.ask("draw 1 130");
    service.expect_screenshot(1, &Expected::new(SIZE, 130));
}

pub(crate) fn a_guest_without_a_display_in_qemu_draws_on_too(version: Version) {
    let service = Service::start(version, Some(SECOND_UNPLUGGED));
    let mut vm = Vm::boot(version, &service, TEST_DEVICE);
    vm.guest.ask("draw 0 140");
    service.kill_device_process();
    service.expect_screenshot(0, &Expected::new((1024, 768), 140));
    vm.guest.tell("flip 0 50 141");
    thread::sleep(Duration::from_millis(200));
    service.kill_device_process();
    vm.guest.expect_ok();
    service.expect_screenshot(0, &Expected::new((1024, 768), 190));
    // The way by which the guest hears of its monitors was taken over as well.
    vm.guest.ask("hotplug-forget");
    let output = service.verb("set", &["--head", "1=800x600"]);
    assert!(output.status.success(), "{output:?}");
    vm.guest.ask("hotplug-wait");
    vm.guest.ask("draw 1 142");
    service.expect_screenshot(1, &Expected::new(SIZE, 142));
}
