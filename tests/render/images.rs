//! Images: commands that go beyond their levels, layers or edges cost the context that sends them, and nothing else.

use vgpu::venus::CommandType as C;

use crate::compute::*;
use crate::guest::{Command, Guest};
use crate::hostile::{OTHER, costs_the_context, create_image};
use crate::scene::*;

const VIEW: u64 = 60;
const PIXELS: u64 = 61;
const RGBA: u32 = 37;
const COLOR: u32 = 1;
const DEPTH: u32 = 2;
const GENERAL: u32 = 1;
const REST: u32 = u32::MAX;
const MINUS: u32 = u32::MAX;

/// Levels and layers: where, and which part of it.
type Layers = [u32; 4];
const FIRST: Layers = [COLOR, 0, 0, 1];

/// A copy between a buffer and an image of 16 by 16, two layers and five levels: 1024 bytes a level and layer.
struct Part {
    offset: u64,
    row: [u32; 2],
    layers: Layers,
    at: [u32; 3],
    size: [u32; 3],
}

const WHOLE: Part = Part { offset: 0, row: [0, 0], layers: FIRST, at: [0, 0, 0], size: [16, 16, 1] };

impl Part {
    fn write(&self, command: Command) -> Command {
        command.long(self.offset).ints(self.row).ints(self.layers).ints(self.at).ints(self.size)
    }

    /// All four commands that copy it.
    fn commands(&self) -> [Command; 4] {
        let to_image = Command::new(C::CmdCopyBufferToImage).longs([COMMANDS, BUFFER, OTHER]).int(GENERAL);
        let to_buffer = Command::new(C::CmdCopyImageToBuffer).longs([COMMANDS, OTHER]).int(GENERAL);
        let to_image2 = Command::new(C::CmdCopyBufferToImage2).long(COMMANDS).info(1_000_337_002);
        let to_buffer2 = Command::new(C::CmdCopyImageToBuffer2).long(COMMANDS).info(1_000_337_003);
        let region = |command: Command| command.int(1).long(1);
        [
            self.write(region(to_image)),
            self.write(region(to_buffer.long(BUFFER))),
            self.write(region(to_image2.longs([BUFFER, OTHER]).int(GENERAL)).structure(1_000_337_009)),
            self.write(region(to_buffer2.long(OTHER).int(GENERAL).long(BUFFER)).structure(1_000_337_009)),
        ]
    }
}

fn image() -> Command {
    create_image([16, 16], [5, 2, 1])
}

/// A guest that is recording and has an image with memory.
fn painter() -> Guest {
    let mut guest = recorder();
    guest.do_well(image());
    guest.do_well(allocate_memory(PIXELS, 65536));
    guest.do_well(Command::asking(C::BindImageMemory).longs([DEVICE, OTHER, PIXELS, 0]));
    guest
}

fn costs(command: Command, words: &str) {
    costs_the_context([image(), command], words);
}

/// vkCmdCopyImage and vkCmdCopyImage2, from the image to itself.
fn copy(from: (Layers, [u32; 3]), to: (Layers, [u32; 3]), size: [u32; 3]) -> [Command; 2] {
    let region = |command: Command| {
        let command = command.int(1).long(1);
        move |structure: Option<u32>| {
            let command = structure.into_iter().fold(command, Command::structure);
            command.ints(from.0).ints(from.1).ints(to.0).ints(to.1).ints(size)
        }
    };
    let one = Command::new(C::CmdCopyImage).longs([COMMANDS, OTHER]).int(GENERAL).long(OTHER).int(GENERAL);
    let two = Command::new(C::CmdCopyImage2).long(COMMANDS).info(1_000_337_001).long(OTHER).int(GENERAL);
    [region(one)(None), region(two.long(OTHER).int(GENERAL))(Some(1_000_337_007))]
}

fn blit(from: (Layers, [u32; 6]), to: (Layers, [u32; 6])) -> Command {
    let head = Command::new(C::CmdBlitImage).longs([COMMANDS, OTHER]).int(GENERAL).long(OTHER).int(GENERAL);
    // The corners are an array of two, which has its length on the wire.
    let head = head.int(1).long(1).ints(from.0).long(2).ints(from.1);
    head.ints(to.0).long(2).ints(to.1).int(0)
}

/// Aspect, levels and layers.
fn clear(range: [u32; 5]) -> Command {
    let head = Command::new(C::CmdClearColorImage).longs([COMMANDS, OTHER]).int(GENERAL).some();
    head.int(2).long(4).ints([0; 4]).int(1).long(1).ints(range)
}

fn barrier(range: [u32; 5]) -> [Command; 2] {
    let one = Command::new(C::CmdPipelineBarrier).long(COMMANDS).ints([0x10000, 0x10000, 0]);
    let one = one.int(0).null().int(0).null().int(1).long(1).structure(45);
    let two = Command::new(C::CmdPipelineBarrier2).long(COMMANDS).info(1_000_314_003).int(0);
    let two = two.int(0).null().int(0).null().int(1).long(1).structure(1_000_314_002);
    let all = [0x10000_u64; 4];
    [
        one.ints([0, 0, 0, GENERAL, REST, REST]).long(OTHER).ints(range),
        two.longs([all[0], 0, all[1], 0]).ints([0, GENERAL, REST, REST]).long(OTHER).ints(range),
    ]
}

fn view(kind: u32, format: u32, range: [u32; 5]) -> Command {
    let info = Command::asking(C::CreateImageView).long(DEVICE).info(15).int(0).long(OTHER);
    info.ints([kind, format]).ints([0; 4]).ints(range).makes(VIEW)
}

fn buffer_view(format: u32, offset: u64, bytes: u64) -> Command {
    let info = Command::asking(C::CreateBufferView).long(DEVICE).info(13).int(0).long(BUFFER);
    info.int(format).longs([offset, bytes]).makes(VIEW)
}

#[test]
fn what_lies_within_an_image_is_copied_blitted_cleared_seen_and_waited_for() {
    let last = [COLOR, 4, 1, 1];
    let mut guest = painter();
    let corners = [0, 0, 0, 16, 16, 1];
    let parts = [
        WHOLE,
        Part { offset: 3072, ..WHOLE },
        Part { layers: [COLOR, 0, 0, 2], ..WHOLE },
        Part { layers: last, size: [1, 1, 1], offset: 4092, ..WHOLE },
        Part { row: [32, 0], at: [8, 8, 0], size: [8, 8, 1], offset: 4096 - 4 * (7 * 32 + 8), ..WHOLE },
    ];
    for command in parts.iter().flat_map(Part::commands) {
        guest.do_well(command);
    }
    let commands = copy((FIRST, [0; 3]), ([COLOR, 0, 1, 1], [0; 3]), [16, 16, 1]).into_iter();
    let commands = commands.chain(copy(([COLOR, 1, 0, 1], [7, 7, 0]), (last, [0; 3]), [1, 1, 1]));
    let commands = commands.chain([
        blit((FIRST, corners), ([COLOR, 4, 1, 1], [1, 1, 1, 0, 0, 0])),
        clear([COLOR, 0, REST, 0, REST]),
        clear([COLOR, 4, 1, 1, 1]),
    ]);
    for command in commands.chain(barrier([COLOR, 0, REST, 0, REST])).chain(barrier([COLOR, 4, 1, 1, 1])) {
        guest.do_well(command);
    }
    for (kind, range) in [(1, [COLOR, 0, 5, 1, 1]), (5, [COLOR, 0, REST, 0, REST])] {
        guest.do_well(view(kind, RGBA, range));
        guest.do_well(destroy(C::DestroyImageView, VIEW));
    }
    guest.do_well(buffer_view(RGBA, 0, u64::MAX));
    guest.do_well(end(COMMANDS));
    guest.do_well(submit(COMMANDS, FENCE));
    guest.do_well(wait(FENCE));
}

#[test]
fn copies_beyond_the_edges_of_an_image_or_the_end_of_a_buffer_are_refused() {
    let cases = [
        (Part { size: [17, 16, 1], ..WHOLE }, "edges"),
        (Part { size: [16, REST, 1], ..WHOLE }, "edges"),
        (Part { size: [16, 16, 2], ..WHOLE }, "edges"),
        (Part { size: [0, 16, 1], ..WHOLE }, "edges"),
        (Part { at: [1, 0, 0], ..WHOLE }, "edges"),
        (Part { at: [0, MINUS, 0], ..WHOLE }, "edges"),
        (Part { at: [0, 0, 1], ..WHOLE }, "edges"),
        (Part { layers: [COLOR, 1, 0, 1], ..WHOLE }, "edges"),
        (Part { layers: [COLOR, 5, 0, 1], ..WHOLE }, "mip level"),
        (Part { layers: [COLOR, REST, 0, 1], ..WHOLE }, "mip level"),
        (Part { layers: [COLOR, 0, 1, 2], ..WHOLE }, "layers"),
        (Part { layers: [COLOR, 0, 2, 1], ..WHOLE }, "layers"),
        (Part { layers: [COLOR, 0, REST, REST], ..WHOLE }, "layers"),
        (Part { layers: [COLOR, 0, 0, 0], ..WHOLE }, "layers"),
        (Part { layers: [DEPTH, 0, 0, 1], ..WHOLE }, "aspect"),
        (Part { layers: [3, 0, 0, 1], ..WHOLE }, "aspect"),
        (Part { offset: 3073, ..WHOLE }, "end of a buffer"),
        (Part { offset: u64::MAX, ..WHOLE }, "end of a buffer"),
        (Part { row: [70, 0], ..WHOLE }, "end of a buffer"),
        (Part { row: [REST, REST], layers: [COLOR, 0, 0, 2], ..WHOLE }, "end of a buffer"),
        (Part { row: [8, 0], ..WHOLE }, "rows of the buffer"),
        (Part { row: [0, 8], ..WHOLE }, "rows of the buffer"),
    ];
    for (part, words) in cases {
        part.commands().into_iter().for_each(|command| costs(command, words));
    }
}

#[test]
fn copies_and_blits_between_images_beyond_their_edges_are_refused() {
    let cases = [
        ((FIRST, [8, 0, 0]), (FIRST, [0; 3]), [16, 16, 1], "edges"),
        ((FIRST, [0; 3]), (FIRST, [0, 1, 0]), [16, 16, 1], "edges"),
        ((FIRST, [0; 3]), ([COLOR, 1, 0, 1], [0; 3]), [16, 16, 1], "edges"),
        ((FIRST, [0; 3]), ([COLOR, 9, 0, 1], [0; 3]), [1, 1, 1], "mip level"),
        ((FIRST, [0; 3]), ([COLOR, 0, 2, 1], [0; 3]), [1, 1, 1], "layers"),
        (([COLOR, 0, 0, 2], [0; 3]), (FIRST, [0; 3]), [1, 1, 1], "more layers"),
        ((FIRST, [0; 3]), (FIRST, [0; 3]), [1, 1, 2], "more layers"),
        (([DEPTH, 0, 0, 1], [0; 3]), (FIRST, [0; 3]), [1, 1, 1], "aspect"),
    ];
    for (from, to, size, words) in cases {
        copy(from, to, size).into_iter().for_each(|command| costs(command, words));
    }
    let whole = [0, 0, 0, 16, 16, 1];
    costs(blit((FIRST, whole), (FIRST, [0, 0, 0, 17, 16, 1])), "edges");
    costs(blit((FIRST, [0, 0, 0, MINUS, 16, 1]), (FIRST, whole)), "edges");
    costs(blit((FIRST, whole), ([COLOR, 1, 0, 1], whole)), "edges");
    costs(blit((FIRST, whole), ([COLOR, 0, 0, 2], whole)), "different layers");
    costs(blit((FIRST, whole), ([COLOR, 0, 2, 1], whole)), "layers");
}

#[test]
fn levels_and_layers_that_an_image_has_not_are_neither_cleared_nor_waited_for() {
    let wrong = [
        ([COLOR, 5, 1, 0, 1], "mip level"),
        ([COLOR, 0, 6, 0, 1], "mip level"),
        ([COLOR, REST, REST, 0, 1], "mip level"),
        ([COLOR, 0, 1, 2, 1], "layers"),
        ([COLOR, 0, 1, 0, 3], "layers"),
        ([COLOR, 0, 1, 3, REST], "layers"),
    ];
    for (range, words) in wrong {
        costs(clear(range), words);
        barrier(range).into_iter().for_each(|command| costs(command, words));
    }
    costs(clear([DEPTH, 0, 1, 0, 1]), "aspect");
}

#[test]
fn views_beyond_what_they_show_are_refused() {
    const FLAT: u32 = 1;
    const CUBE: u32 = 3;
    const R8: u32 = 9;
    const WIDE: u32 = 109;
    let bind = || {
        [
            image(),
            allocate_memory(PIXELS, 65536),
            Command::asking(C::BindImageMemory).longs([DEVICE, OTHER, PIXELS, 0]),
        ]
    };
    let wrong = [
        (view(FLAT, RGBA, [COLOR, 5, 1, 0, 1]), "mip level"),
        (view(FLAT, RGBA, [COLOR, 1, 5, 0, 1]), "mip level"),
        (view(FLAT, RGBA, [COLOR, 0, 1, 2, 1]), "layers"),
        (view(FLAT, RGBA, [COLOR, 0, 1, 0, 2]), "another type"),
        (view(2, RGBA, [COLOR, 0, 1, 0, 1]), "another type"),
        (view(CUBE, RGBA, [COLOR, 0, 1, 0, 1]), "another type"),
        (view(FLAT, WIDE, [COLOR, 0, 1, 0, 1]), "texels"),
        (view(FLAT, R8, [COLOR, 0, 1, 0, 1]), "texels"),
        (view(FLAT, RGBA, [DEPTH, 0, 1, 0, 1]), "aspect"),
        (buffer_view(RGBA, 4096, u64::MAX), "end of a buffer"),
        (buffer_view(RGBA, 4, 4096), "end of a buffer"),
        (buffer_view(RGBA, u64::MAX, 8), "end of a buffer"),
        (buffer_view(0, 0, 4096), "no format"),
        (buffer_view(131, 0, 4096), "no format"),
    ];
    for (command, words) in wrong {
        costs_the_context(bind().into_iter().chain([command]), words);
    }
}

#[test]
fn layouts_are_told_only_of_what_an_image_has_and_could_be() {
    // A linear image of 16 by 16, and the question where one level of one layer lies.
    let info = |command: Command, width: u32| {
        let info = command.info(14).ints([0, 1, RGBA, width, 16, 1, 1, 1, 1, 1, 3, 0, 0]);
        info.null().int(0)
    };
    let linear = || info(Command::asking(C::CreateImage).long(DEVICE), 16).makes(OTHER);
    let ask = |part: [u32; 3]| {
        let question = Command::new(C::GetImageSubresourceLayout).longs([DEVICE, OTHER]);
        question.some().ints(part).some()
    };
    for (part, words) in [
        ([COLOR, 1, 0], "mip level"),
        ([COLOR, REST, 0], "mip level"),
        ([COLOR, 0, 1], "layers"),
        ([2, 0, 0], "aspect"),
    ] {
        costs_the_context([linear(), ask(part)], words);
    }
    let mut guest = recorder();
    guest.do_well(linear());
    guest.send(ask([COLOR, 0, 0]));
    assert_eq!(guest.context.lost(), None);
    let huge =
        info(Command::new(C::GetDeviceImageMemoryRequirements).long(DEVICE).info(1_000_413_003), 1 << 30);
    costs_the_context([huge.int(0).info(1_000_146_003)], "cannot be made");
}
