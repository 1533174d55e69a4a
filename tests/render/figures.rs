//! What a command costs. Run with `--ignored --nocapture`, in a release build.

use std::time::Instant;

use crate::compute::{COMMANDS, LAYOUT, SET, recorder};
use crate::scene::{bind_set, dispatch, push_constant};

const COMMANDS_A_STREAM: u32 = 1000;
const STREAMS: u32 = 200;

#[test]
#[ignore = "a measurement"]
fn nanoseconds_a_recorded_command() {
    for (name, command) in [
        ("vkCmdDispatch", dispatch(COMMANDS, [1, 1, 1])),
        ("vkCmdPushConstants", push_constant(COMMANDS, LAYOUT, 0, 1)),
        ("vkCmdBindDescriptorSets", bind_set(COMMANDS, LAYOUT, SET)),
    ] {
        let stream = command.into_bytes().repeat(COMMANDS_A_STREAM.try_into().unwrap());
        let mut guest = recorder();
        guest.stream(&stream);
        let start = Instant::now();
        (0..STREAMS).for_each(|_| guest.stream(&stream));
        let each = start.elapsed() / (COMMANDS_A_STREAM * STREAMS);
        println!("{name}: {each:?}");
        assert_eq!(guest.context.lost(), None);
    }
}
