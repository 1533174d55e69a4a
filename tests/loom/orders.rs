//! In each order of things, one tenant at a time is on the GPU, and none waits for ever.

#[test]
fn leave_that_is_recalled_is_over_when_it_is_handed_back_and_comes_again() {
    vgpu_test_loom::recall();
}

#[test]
fn leave_that_ends_by_itself_is_over_when_it_is_handed_back_and_comes_again() {
    vgpu_test_loom::lease();
}

#[test]
fn a_daemon_that_is_gone_holds_nobody_up_and_the_next_one_is_obeyed() {
    vgpu_test_loom::gone();
}
