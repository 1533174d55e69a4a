//! Virtual machines with a vGPU each: the real `vgpu`, three versions of QEMU, Debian's kernel with its own driver, and
//! a guest program that draws what a test wants. `scripts/setup` fetches what they need; then `cargo test --test vm`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "these are tests")]

mod daemon;
mod functions;
mod guest;
mod libvirt;
mod machine;
#[path = "../support/mesa.rs"]
mod mesa;
mod paths;
mod pattern;
mod picture;
mod qemu;
mod qmp;
mod scenarios;
mod service;
mod tiny;
mod vulkan;

/// One test a scenario and a version of QEMU.
macro_rules! in_every_qemu {
    ($($scenario:ident)*) => {
        in_every_qemu!(@version qemu_7_2 V7_2 $($scenario)*);
        in_every_qemu!(@version qemu_10_0 V10_0 $($scenario)*);
        in_every_qemu!(@version qemu_11_1 V11_1 $($scenario)*);
    };
    (@version $module:ident $version:ident $($scenario:ident)*) => {
        mod $module {
            $(#[test]
            fn $scenario() {
                let name = concat!(stringify!($module), "::", stringify!($scenario));
                crate::machine::run(crate::qemu::Version::$version, name, crate::scenarios::$scenario);
            })*
        }
    };
}

in_every_qemu! {
    the_driver_takes_its_mode_from_the_edid
    a_drawn_picture_is_what_qemu_and_the_operator_see
    a_smaller_mode_is_seen_in_its_own_size
    the_last_of_many_flipped_pages_is_seen
    the_pointer_is_on_the_operators_picture_until_it_is_hidden
    only_the_damaged_part_of_a_picture_changes
    a_machine_that_is_reset_draws_again
    a_guest_that_reboots_draws_again
    a_paused_machine_keeps_its_picture_and_draws_on
    two_heads_show_two_pictures
    a_driver_that_lets_go_and_binds_again_draws_again
    a_killed_machine_leaves_a_clean_device_to_the_next
    a_guest_draws_on_when_its_device_process_is_killed
    it_can_be_the_only_vga
}

mod qemu_11_1_test_device {
    use crate::qemu::Version::V11_1;
    use crate::scenarios;

    #[test]
    fn a_picture_in_guest_memory_is_what_the_operator_sees() {
        scenarios::a_picture_in_guest_memory_is_what_the_operator_sees(V11_1);
    }

    #[test]
    fn a_head_that_is_plugged_in_is_noticed_and_can_be_drawn_on() {
        scenarios::a_head_that_is_plugged_in_is_noticed_and_can_be_drawn_on(V11_1);
    }

    #[test]
    fn a_guest_without_a_display_in_qemu_draws_on_too() {
        scenarios::a_guest_without_a_display_in_qemu_draws_on_too(V11_1);
    }
}

#[test]
fn a_guest_runs_programs_of_this_machine_on_a_driver_of_its_own() {
    vulkan::a_guest_runs_programs_of_this_machine_on_a_driver_of_its_own(qemu::Version::V11_1);
}

/// A PCI function in user space; QEMU has no display of it.
mod qemu_11_1_vfio_user {
    macro_rules! in_vms {
        ($($room:ident::$scenario:ident)*) => {
            $(#[test]
            fn $scenario() {
                crate::$room::$scenario(crate::qemu::Version::V11_1VfioUser);
            })*
        };
    }

    in_vms! {
        scenarios::a_drawn_picture_is_what_qemu_and_the_operator_see
        scenarios::a_smaller_mode_is_seen_in_its_own_size
        scenarios::the_last_of_many_flipped_pages_is_seen
        scenarios::the_pointer_is_on_the_operators_picture_until_it_is_hidden
        scenarios::only_the_damaged_part_of_a_picture_changes
        scenarios::a_machine_that_is_reset_draws_again
        scenarios::a_guest_that_reboots_draws_again
        scenarios::a_paused_machine_keeps_its_picture_and_draws_on
        scenarios::a_driver_that_lets_go_and_binds_again_draws_again
        scenarios::a_killed_machine_leaves_a_clean_device_to_the_next
        scenarios::a_guest_draws_on_when_its_device_process_is_killed
        scenarios::a_picture_in_guest_memory_is_what_the_operator_sees
        scenarios::a_head_that_is_plugged_in_is_noticed_and_can_be_drawn_on
        scenarios::a_guest_without_a_display_in_qemu_draws_on_too
        vulkan::vulkaninfo_names_the_vgpu
        vulkan::every_check_gives_what_it_gives_on_the_gpu_itself
        vulkan::every_check_gives_the_same_on_a_newer_mesa
        vulkan::every_check_gives_the_same_after_a_reboot_and_a_reset
        vulkan::a_machine_that_is_reset_while_it_computes_computes_again
        vulkan::a_machine_that_is_killed_while_it_computes_leaves_a_clean_vgpu
        vulkan::a_thousand_cycles_of_memory_leave_nothing_behind
        vulkan::a_program_writes_to_mapped_memory_about_as_fast_as_to_its_own
        vulkan::what_a_program_wrote_is_gone_when_the_next_one_looks
        vulkan::programs_of_one_vm_compute_at_the_same_time
        vulkan::two_vms_compute_at_the_same_time
        vulkan::a_program_loses_its_device_with_the_renderer_and_the_next_one_works
        vulkan::programs_after_the_end_of_a_device_process_work
        vulkan::a_program_computes_on_while_the_daemon_is_killed
        vulkan::vulkan_and_the_screen_work_at_the_same_time
        vulkan::opengl_comes_from_vulkan
        vulkan::vulkan_works_with_heaps_of_any_size
        vulkan::a_function_that_is_reset_computes_and_draws_again
    }
}

/// The one device of QEMU's by vhost-user with a place for memory that guest and GPU both reach.
mod qemu_11_1_vulkan {
    macro_rules! in_vms {
        ($($scenario:ident)*) => {
            $(#[test]
            fn $scenario() {
                crate::vulkan::$scenario(crate::qemu::Version::V11_1);
            })*
        };
    }

    in_vms! {
        a_machine_that_is_killed_while_it_computes_leaves_a_clean_vgpu
        vulkaninfo_names_the_vgpu
        every_check_gives_what_it_gives_on_the_gpu_itself
        every_check_gives_the_same_on_a_newer_mesa
        every_check_gives_the_same_after_a_reboot_and_a_reset
        a_machine_that_is_reset_while_it_computes_computes_again
        a_machine_that_is_paused_again_and_again_computes_on
        a_thousand_cycles_of_memory_leave_nothing_behind
        a_program_writes_to_mapped_memory_about_as_fast_as_to_its_own
        what_a_program_wrote_is_gone_when_the_next_one_looks
        programs_of_one_vm_compute_at_the_same_time
        two_vms_compute_at_the_same_time
        a_program_loses_its_device_with_the_renderer_and_the_next_one_works
        programs_after_the_end_of_a_device_process_work
        a_program_computes_on_while_the_daemon_is_killed
        vulkan_and_the_screen_work_at_the_same_time
        opengl_comes_from_vulkan
        programs_share_pictures_as_dma_bufs
        a_cube_turns_on_the_screen
    }
}

/// QEMU 7.2 is left out: Debian 12's libvirt starts it in the same way, and it takes a machine with KVM in a machine.
mod libvirt_9_0 {
    use crate::libvirt::{
        a_domain_of_vgpu_args_draws, a_guest_draws_on_when_daemon_and_device_process_are_killed,
    };
    use crate::qemu::Version;

    #[test]
    fn a_domain_of_vgpu_args_draws_in_qemu_10_0() {
        a_domain_of_vgpu_args_draws(Version::V10_0);
    }

    #[test]
    fn a_domain_of_vgpu_args_draws_in_qemu_11_1() {
        a_domain_of_vgpu_args_draws(Version::V11_1);
    }

    #[test]
    fn a_guest_draws_on_when_daemon_and_device_process_are_killed_in_qemu_10_0() {
        a_guest_draws_on_when_daemon_and_device_process_are_killed(Version::V10_0);
    }
}
