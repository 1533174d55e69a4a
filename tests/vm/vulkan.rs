//! Vulkan in VMs: Mesa's own driver and its programs, which the guest finds among this machine's files.

use std::path::Path;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::mesa::{mesa, native, newer_mesa, program, verdicts};
use crate::qemu::{Version, Vm, eventually};
use crate::service::Service;

const DEVICE: &str = "vhost-user-test-device-pci,virtio-id=16,num_vqs=2,vq_size=256,config_size=16";
const PROFILE: &str = "[gpu]\nvulkan = true\ndevice = \"llvmpipe\"\n[limits]\nmemory = \"1GiB\"";

/// A shell command for the guest: a program on one of its Vulkan drivers.
fn on(driver: &str, program: &Path, arguments: &str) -> String {
    on_mesa(&mesa(), driver, program, arguments)
}

fn on_mesa(mesa: &Path, driver: &str, program: &Path, arguments: &str) -> String {
    let driver = mesa.join(driver);
    // Caches would go to the home folder.
    format!(
        "HOME=/dev/shm VK_LOADER_LAYERS_DISABLE='*' VK_DRIVER_FILES={} {} {} {arguments}",
        driver.display(),
        mesa.join("run").display(),
        program.display()
    )
}

fn on_vgpu(arguments: &str) -> String {
    on("virtio.json", &program(), arguments)
}

fn vulkaninfo(driver: &str) -> String {
    on(driver, &mesa().join("usr/bin/vulkaninfo"), "--summary")
}

/// OpenGL, which Mesa makes of Vulkan. It takes no software for that, such as the tests' GPU, unless told to.
fn on_zink(program: &str, arguments: &str) -> String {
    let (vendors, backends) = ("usr/share/glvnd/egl_vendor.d/50_mesa.json", "usr/lib/x86_64-linux-gnu/gbm");
    let files = format!(
        "__EGL_VENDOR_LIBRARY_FILENAMES={} GBM_BACKENDS_PATH={}",
        mesa().join(vendors).display(),
        mesa().join(backends).display()
    );
    let program = on("virtio.json", &mesa().join("usr/bin").join(program), arguments);
    format!("{files} MESA_LOADER_DRIVER_OVERRIDE=zink LIBGL_ALWAYS_SOFTWARE=1 {program}")
}

fn boot(version: Version) -> (Service, Vm) {
    let service = Service::start(version, Some(PROFILE));
    let vm = Vm::boot_with_programs(version, &service, DEVICE);
    (service, vm)
}

/// Runs every check in the guest.
fn expect_every_check(vm: &mut Vm) {
    vm.guest.start(&on_vgpu(""));
    expect_every_verdict(vm);
}

/// Waits for the end of checks that were started, and compares what they gave with what the GPU itself gives here.
fn expect_every_verdict(vm: &mut Vm) {
    let (there, here) = (vm.guest.end().well(), native(&[]));
    assert!(here.status.success(), "{here:?}");
    assert_eq!(verdicts(&there), verdicts(&String::from_utf8_lossy(&here.stdout)), "{there}");
}

/// The guest's kernel tells programs nothing of most answers that are errors: it logs them.
fn expect_a_calm_kernel(vm: &mut Vm) {
    let errors = vm.guest.run("dmesg | grep -F '*ERROR*'");
    assert_eq!(errors.said, "");
}

/// No vGPU is in it: if this fails, nothing below says anything.
pub(crate) fn a_guest_runs_programs_of_this_machine_on_a_driver_of_its_own(version: Version) {
    let mut vm = Vm::boot_without_vgpu(version, "virtio-gpu-pci");
    assert!(vm.guest.run("test -c /dev/dri/card0 -a -c /dev/dri/renderD128").well().is_empty());
    let told = vm.guest.run(&vulkaninfo("lvp.json")).well();
    assert!(told.contains("llvmpipe") && !told.contains("Venus"), "{told}");
    let told = vm.guest.run(&on("lvp.json", &program(), "widths32 triangle")).well();
    assert!(told.contains("widths32: ok") && told.contains("triangle: ok"), "{told}");
    let wrong = vm.guest.run("echo one; echo two >&2; exit 3");
    assert_eq!((wrong.said.as_str(), wrong.status), ("one\ntwo", 3));
    assert_eq!(vm.guest.run("kill -KILL $$").status, 128 + 9);
}

pub(crate) fn vulkaninfo_names_the_vgpu(version: Version) {
    let (_service, mut vm) = boot(version);
    let told = vm.guest.run(&vulkaninfo("virtio.json")).well();
    assert!(told.contains("Virtio-GPU Venus (llvmpipe"), "{told}");
    expect_a_calm_kernel(&mut vm);
}

pub(crate) fn every_check_gives_what_it_gives_on_the_gpu_itself(version: Version) {
    let (_service, mut vm) = boot(version);
    expect_every_check(&mut vm);
    expect_a_calm_kernel(&mut vm);
}

pub(crate) fn every_check_gives_the_same_on_a_newer_mesa(version: Version) {
    let (_service, mut vm) = boot(version);
    vm.guest.start(&on_mesa(&newer_mesa(), "virtio.json", &program(), ""));
    expect_every_verdict(&mut vm);
    expect_a_calm_kernel(&mut vm);
}

pub(crate) fn every_check_gives_the_same_after_a_reboot_and_a_reset(version: Version) {
    let (_service, mut vm) = boot(version);
    vm.guest.run(&on_vgpu("widths32")).well();
    vm.guest.tell("reboot");
    vm.guest.wait_until_ready();
    expect_every_check(&mut vm);
    vm.command("system_reset");
    vm.guest.wait_until_ready();
    expect_every_check(&mut vm);
}

pub(crate) fn a_machine_that_is_reset_while_it_computes_computes_again(version: Version) {
    let (_service, mut vm) = boot(version);
    vm.guest.start(&on_vgpu("until-lost"));
    assert_eq!(vm.guest.said(), "running");
    vm.command("system_reset");
    vm.guest.wait_until_ready();
    expect_every_check(&mut vm);
}

/// Its clocks stand still then, and the host's go on: rings fall asleep that a driver thinks awake.
pub(crate) fn a_machine_that_is_paused_again_and_again_computes_on(version: Version) {
    let (_service, mut vm) = boot(version);
    vm.guest.start(&on_vgpu(""));
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(40));
        vm.command("stop");
        std::thread::sleep(Duration::from_millis(20));
        vm.command("cont");
    }
    expect_every_verdict(&mut vm);
}

/// A MiB each: more than the memory that the guest and the GPU both reach.
pub(crate) fn a_thousand_cycles_of_memory_leave_nothing_behind(version: Version) {
    let (_service, mut vm) = boot(version);
    for _ in 0..2 {
        let told = vm.guest.run(&on_vgpu("cycles 1000")).well();
        assert!(told.contains("1000 cycles: ok"), "{told}");
    }
    expect_a_calm_kernel(&mut vm);
    vm.guest.run(&on_vgpu("copies")).well();
}

/// If each access left the guest, this would be a thousandth.
pub(crate) fn a_program_writes_to_mapped_memory_about_as_fast_as_to_its_own(version: Version) {
    let (_service, mut vm) = boot(version);
    let told = vm.guest.run(&on_vgpu("figures")).well();
    let ratio =
        told.lines().find_map(|line| line.strip_prefix("write_mapped_over_own ")?.strip_suffix(" times"));
    assert!(ratio.and_then(|ratio| ratio.parse::<f64>().ok()).is_some_and(|ratio| ratio > 0.3), "{told}");
}

pub(crate) fn what_a_program_wrote_is_gone_when_the_next_one_looks(version: Version) {
    let (_service, mut vm) = boot(version);
    for _ in 0..2 {
        let told = vm.guest.run(&on_vgpu("write-and-wait 64")).well();
        assert!(told.contains("written"), "{told}");
        let told = vm.guest.run(&on_vgpu("look 64")).well();
        assert!(told.contains("all zero"), "{told}");
    }
}

pub(crate) fn programs_of_one_vm_compute_at_the_same_time(version: Version) {
    let (_service, mut vm) = boot(version);
    let checks = on_vgpu("widths32 atomics copies host-signal triangle");
    let told = vm.guest.run(&format!("{checks} & {checks} & wait")).well();
    assert_eq!(told.matches("triangle: ok").count(), 2, "{told}");
    assert!(!told.contains("FAILED"), "{told}");
}

pub(crate) fn two_vms_compute_at_the_same_time(version: Version) {
    let mut pairs = [boot(version), boot(version)];
    pairs.iter_mut().for_each(|(_, vm)| vm.guest.start(&on_vgpu("")));
    pairs.iter_mut().for_each(|(_, vm)| expect_every_verdict(vm));
}

pub(crate) fn a_program_loses_its_device_with_the_renderer_and_the_next_one_works(version: Version) {
    let (service, mut vm) = boot(version);
    for _ in 0..2 {
        vm.guest.start(&on_vgpu("until-lost"));
        assert_eq!(vm.guest.said(), "running");
        service.kill_render_process();
        let told = vm.guest.end().well();
        assert_eq!(told, "ended with ERROR_DEVICE_LOST");
        let next = vm.guest.run(&on_vgpu("widths32 triangle")).well();
        assert!(next.contains("triangle: ok"), "{next}");
    }
    assert!(vm.lives());
}

/// A program in the middle of something may lose its device then, but does not wait for ever.
pub(crate) fn programs_after_the_end_of_a_device_process_work(version: Version) {
    let (service, mut vm) = boot(version);
    vm.guest.start(&on_vgpu(""));
    let name = vm.guest.said();
    assert!(name.contains("Venus"), "{name}");
    service.kill_device_process();
    vm.guest.end();
    expect_every_check(&mut vm);
    service.kill_device_process();
    expect_every_check(&mut vm);
    assert!(vm.lives());
}

/// With the daemon its vGPUs' processes lose who keeps them, and find another.
pub(crate) fn a_program_computes_on_while_the_daemon_is_killed(version: Version) {
    let mut daemon = Daemon::with_vgpu(&format!("transport = \"{}\"\n{PROFILE}", version.transport()));
    let mut vm = Vm::boot_as_told(version, &daemon.qemu_arguments());
    vm.guest.start(&on_vgpu(""));
    let name = vm.guest.said();
    assert!(name.contains("Venus"), "{name}");
    daemon.kill();
    daemon.start_again();
    expect_every_verdict(&mut vm);

    daemon.kill_device_process();
    expect_every_check(&mut vm);
    assert!(vm.lives());
}

pub(crate) fn vulkan_and_the_screen_work_at_the_same_time(version: Version) {
    let (service, mut vm) = boot(version);
    assert_eq!(vm.guest.ask("draw 0 150"), "1280x800");
    vm.guest.run(&on_vgpu("widths32 triangle")).well();
    vm.guest.ask("flip 0 3 151");
    service.expect_screenshot(0, &crate::picture::Expected::new((1280, 800), 153));
    vm.guest.run(&on_vgpu("widths32 triangle")).well();
}

/// Of memory that the guest and the GPU both reach, little and much.
pub(crate) fn vulkan_works_with_heaps_of_any_size(version: Version) {
    for size in ["64MiB", "16GiB"] {
        let profile = PROFILE.replace("[limits]", &format!("host_visible = \"{size}\"\n[limits]"));
        let service = Service::start(version, Some(&profile));
        let mut vm = Vm::boot_with_programs(version, &service, DEVICE);
        let told = vm.guest.run(&on_vgpu("copies widths32")).well();
        assert!(told.contains("copies: ok") && told.contains("widths32: ok"), "{size}: {told}");
        expect_a_calm_kernel(&mut vm);
    }
}

/// Linux resets the function alone, as before it gives one to another VM.
pub(crate) fn a_function_that_is_reset_computes_and_draws_again(version: Version) {
    let (service, mut vm) = boot(version);
    vm.guest.run(&on_vgpu("widths32")).well();
    let told = vm.guest.run(
        "cd /sys/bus/pci/drivers/virtio-pci; device=$(readlink -f /sys/bus/virtio/drivers/virtio_gpu/virtio*); \
         function=$(basename ${device%/*}); cat $function/reset_method && echo $function > unbind && \
         echo 1 > ../../devices/$function/reset && echo $function > bind",
    );
    assert_eq!(told.well(), "af_flr");
    // The guest program lets go of the device that was.
    vm.guest.ask("rebind");
    vm.guest.ask("draw 0 160");
    service.expect_screenshot(0, &crate::picture::Expected::new((1280, 800), 160));
    let told = vm.guest.run(&on_vgpu("copies triangle")).well();
    assert!(told.contains("triangle: ok"), "{told}");
}

/// What was computed for one VM is gone when the next one comes.
pub(crate) fn a_machine_that_is_killed_while_it_computes_leaves_a_clean_vgpu(version: Version) {
    let (service, mut first) = boot(version);
    first.guest.start(&on_vgpu("until-lost"));
    assert_eq!(first.guest.said(), "running");
    first.kill();
    let mut second = Vm::boot_with_programs(version, &service, DEVICE);
    let told = second.guest.run(&on_vgpu("look 64")).well();
    assert!(told.contains("all zero"), "{told}");
    expect_every_check(&mut second);
}

/// Gears turn for five seconds.
pub(crate) fn opengl_comes_from_vulkan(version: Version) {
    let (_service, mut vm) = boot(version);
    let gears = on_zink("peglgears.x86_64-linux-gnu", "-info");
    let told = vm.guest.run(&format!("EGL_PLATFORM=surfaceless {gears}")).well();
    assert!(told.contains("zink Vulkan 1.") && told.contains("Virtio-GPU Venus (llvmpipe"), "{told}");
    assert!(told.contains(" frames in "), "{told}");
    expect_a_calm_kernel(&mut vm);
}

/// Two of them: each has a context of its own.
pub(crate) fn programs_share_pictures_as_dma_bufs(version: Version) {
    let (_service, mut vm) = boot(version);
    let told = vm.guest.run(&on_vgpu("share")).well();
    assert_eq!(told, "shared: ok");
    let told = vm.guest.run(&on_mesa(&newer_mesa(), "virtio.json", &program(), "share")).well();
    assert_eq!(told, "shared: ok");
    expect_a_calm_kernel(&mut vm);
}

/// OpenGL draws into buffers of GBM, which KMS shows: nothing is copied on the way to the scanout. The cube turns until
/// somebody types, or there is no more to read.
pub(crate) fn a_cube_turns_on_the_screen(version: Version) {
    const GREY: u32 = 0x80_80_80;
    let (service, mut vm) = boot(version);
    let cube = on_zink("kmscube", "--device=/dev/dri/card0 --count");
    let told = vm.guest.run(&format!("sleep 1 | {cube}=1 2>&1")).well();
    assert!(told.contains("zink Vulkan 1.") && told.contains("Virtio-GPU Venus (llvmpipe"), "{told}");

    vm.guest.start(&format!("sleep 600 | {cube}=1000000"));
    let looks_like_a_cube = || {
        let shot = service.screenshot(0)?;
        let coloured = shot.pixels().iter().filter(|pixel| **pixel != GREY).count();
        let (corner, share) = (shot.pixels().first().copied(), coloured * 100 / shot.pixels().len());
        match (5..50).contains(&share) && corner == Some(GREY) && shot.height == 800 {
            true => Ok(shot),
            false => Err(format!("{share} % of {}x{} pixels are coloured", shot.width, shot.height)),
        }
    };
    eventually("a cube is seen", || looks_like_a_cube().map(drop));
    let first = looks_like_a_cube().unwrap();
    eventually("the cube turns", || match looks_like_a_cube()?.pixels() == first.pixels() {
        false => Ok(()),
        true => Err("it stands still".into()),
    });
}
