//! Small pictures of what the graphics pipeline can, each with some pixels whose colour is known.

use ash::vk;

use crate::canvas::{BACKGROUND, Canvas, Kind, Stencil, Style, Vertex, corners, rectangle};
use crate::checks::compute::shader;
use crate::gpu::{Gpu, Outcome, Pipeline, barrier, ensure};

const SINGLE: Kind = Kind { samples: vk::SampleCountFlags::TYPE_1, dynamic: false };
const RED: [f32; 4] = [1.0, 0.0, 0.0, 1.0];
const GREEN: [f32; 4] = [0.0, 1.0, 0.0, 1.0];
const BLUE: [f32; 4] = [0.0, 0.0, 1.0, 1.0];

/// One that a pixel's middle is never on the edge of, in three colours.
fn three_corners() -> [Vertex; 3] {
    [([0.0, -0.9], RED), ([-0.83, 0.77], GREEN), ([0.83, 0.77], BLUE)]
        .map(|([x, y], colour)| Vertex { position: [x, y, 0.5, 1.0], colour })
}

fn draw_triangle(gpu: &Gpu, name: &str, kind: Kind) -> Outcome {
    let mut canvas = Canvas::new(gpu, kind)?;
    let (brush, corners) = (canvas.brush(Style::default())?, corners(gpu, &three_corners())?);
    let picture = canvas.draw(|device, commands| brush.draw(device, commands, &corners))?;
    picture.expect(1, 1, BACKGROUND)?;
    let [red, green, blue, alpha] = picture.at(32, 36);
    let all = red > 60 && green > 60 && blue > 60 && alpha == 255;
    ensure(all, || format!("the middle is {:?}", picture.at(32, 36)))?;
    ensure((1300..1600).contains(&picture.drawn()), || format!("{} pixels were drawn", picture.drawn()))?;
    picture.tell(name)
}

pub fn triangle(gpu: &Gpu) -> Outcome {
    draw_triangle(gpu, "triangle", SINGLE)
}

pub fn dynamic_rendering(gpu: &Gpu) -> Outcome {
    draw_triangle(gpu, "dynamic-rendering", Kind { dynamic: true, ..SINGLE })
}

/// The edge of a rectangle goes through the middle of pixels: half of their samples are background.
fn draw_half_pixels(gpu: &Gpu, name: &str, dynamic: bool) -> Outcome {
    let mut canvas = Canvas::new(gpu, Kind { samples: vk::SampleCountFlags::TYPE_4, dynamic })?;
    let edge = 2.0 * 20.5 / 64.0 - 1.0;
    let (brush, corners) =
        (canvas.brush(Style::default())?, corners(gpu, &rectangle(-1.0, -1.0, edge, 1.0, 0.5, RED))?);
    let picture = canvas.draw(|device, commands| brush.draw(device, commands, &corners))?;
    picture.expect(19, 30, RED)?;
    picture.expect(20, 30, [0.5, 0.1, 0.3, 1.0])?;
    picture.expect(21, 30, BACKGROUND)?;
    picture.tell(name)
}

pub fn multisample(gpu: &Gpu) -> Outcome {
    draw_half_pixels(gpu, "multisample", false)
}

pub fn dynamic_multisample(gpu: &Gpu) -> Outcome {
    draw_half_pixels(gpu, "dynamic-multisample", true)
}

/// Four colours, from nearest and between them, and a level of its own below.
pub fn texture(gpu: &Gpu) -> Outcome {
    let mut canvas = Canvas::new(gpu, SINGLE)?;
    let white = [255; 4];
    let byte = |colour: [f32; 4]| colour.map(|part| (part * 255.0) as u8);
    let levels = [vec![byte(RED), byte(GREEN), byte(BLUE), white], vec![[9, 19, 29, 255]]];
    let near = canvas.texture(&levels, vk::Filter::NEAREST)?;
    let smooth = canvas.texture(&levels, vk::Filter::LINEAR)?;
    // Places in the texture, twice as far as it reaches: it repeats. The last is the level.
    let place = |mut corner: Vertex, level: f32| {
        let [x, y, ..] = corner.position;
        corner.colour = [x + 1.0, y + 1.0, level, 0.0];
        corner
    };
    let part = |left, right, level| {
        rectangle(left, -1.0, right, 1.0, 0.5, RED).into_iter().map(move |corner| place(corner, level))
    };
    let left = corners(gpu, &part(-1.0, 0.0, 0.0).collect::<Vec<_>>())?;
    let right = corners(gpu, &part(0.0, 0.5, 0.0).chain(part(0.5, 1.0, 1.0)).collect::<Vec<_>>())?;
    let brushes =
        [near, smooth].map(|texture| canvas.brush(Style { texture: Some(&texture), ..Style::default() }));
    let [near, smooth] = brushes;
    let (near, smooth) = (near?, smooth?);
    let picture = canvas.draw(|device, commands| {
        near.draw(device, commands, &left);
        smooth.draw(device, commands, &right);
    })?;
    picture.expect(3, 3, RED)?;
    picture.expect(20, 3, GREEN)?;
    picture.expect(3, 20, BLUE)?;
    picture.expect(20, 20, [1.0; 4])?;
    picture.expect(3, 40, RED)?;
    picture.expect(60, 10, [9.0 / 255.0, 19.0 / 255.0, 29.0 / 255.0, 1.0])?;
    let [red, green, ..] = picture.at(47, 8);
    ensure(red.abs_diff(green) < 16, || format!("between red and green is {:?}", picture.at(47, 8)))?;
    picture.tell("texture")
}

pub fn depth(gpu: &Gpu) -> Outcome {
    let mut canvas = Canvas::new(gpu, SINGLE)?;
    let brush = canvas.brush(Style { depth: true, ..Style::default() })?;
    let near = corners(gpu, &rectangle(-0.5, -0.5, 0.5, 0.5, 0.25, RED))?;
    let far = corners(gpu, &rectangle(0.0, 0.0, 1.0, 1.0, 0.75, GREEN))?;
    let picture = canvas.draw(|device, commands| {
        brush.draw(device, commands, &near);
        brush.draw(device, commands, &far);
    })?;
    picture.expect(40, 40, RED)?;
    picture.expect(56, 56, GREEN)?;
    picture.expect(4, 4, BACKGROUND)?;
    picture.tell("depth")
}

pub fn blend(gpu: &Gpu) -> Outcome {
    let mut canvas = Canvas::new(gpu, SINGLE)?;
    let brush = canvas.brush(Style { blend: true, ..Style::default() })?;
    let half = |colour: [f32; 4]| [colour[0], colour[1], colour[2], 0.5];
    let first = corners(gpu, &rectangle(-1.0, -1.0, 0.5, 1.0, 0.5, half(RED)))?;
    let second = corners(gpu, &rectangle(-0.5, -1.0, 1.0, 1.0, 0.5, half(GREEN)))?;
    let picture = canvas.draw(|device, commands| {
        brush.draw(device, commands, &first);
        brush.draw(device, commands, &second);
    })?;
    picture.expect(4, 4, [0.5, 0.1, 0.3, 0.5])?;
    picture.expect(32, 32, [0.25, 0.55, 0.15, 0.5])?;
    picture.expect(60, 4, [0.0, 0.6, 0.3, 0.5])?;
    picture.tell("blend")
}

pub fn stencil(gpu: &Gpu) -> Outcome {
    let mut canvas = Canvas::new(gpu, SINGLE)?;
    let mut brush = |stencil| canvas.brush(Style { stencil: Some(stencil), ..Style::default() });
    let (mark, within) = (brush(Stencil::Mark)?, brush(Stencil::Within)?);
    let hole = corners(gpu, &three_corners())?;
    let all = corners(gpu, &rectangle(-1.0, -1.0, 1.0, 1.0, 0.5, GREEN))?;
    let picture = canvas.draw(|device, commands| {
        mark.draw(device, commands, &hole);
        within.draw(device, commands, &all);
    })?;
    picture.expect(32, 36, GREEN)?;
    picture.expect(4, 4, BACKGROUND)?;
    picture.tell("stencil")
}

/// Two draws that the GPU reads from a buffer, of several instances and by indices.
pub fn indirect_draws(gpu: &Gpu) -> Outcome {
    let mut canvas = Canvas::new(gpu, SINGLE)?;
    let brush = canvas.brush(Style::default())?;
    let two = [rectangle(-1.0, -1.0, 0.0, 0.0, 0.5, RED), rectangle(0.0, 0.0, 1.0, 1.0, 0.5, BLUE)].concat();
    let (vertices, mut indices) = (corners(gpu, &two)?, gpu.host_buffer(12 * 4)?);
    indices.slice_mut::<u32>().copy_from_slice(&[0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
    let mut draws = gpu.host_buffer(2 * 20)?;
    // How many indices and instances; the first index, vertex and instance.
    draws.slice_mut::<u32>().copy_from_slice(&[6, 1, 0, 0, 0, 6, 1, 6, 6, 0]);
    let picture = canvas.draw(|device, commands| unsafe {
        brush.take(device, commands, [0.0, 0.0, 0.0, 0.0]);
        device.cmd_bind_vertex_buffers(commands, 0, &[vertices.buffer], &[0]);
        device.cmd_bind_index_buffer(commands, indices.buffer, 0, vk::IndexType::UINT32);
        device.cmd_draw_indexed_indirect(commands, draws.buffer, 0, 1, 20);
        device.cmd_draw_indexed_indirect(commands, draws.buffer, 20, 1, 20);
    })?;
    picture.expect(10, 10, RED)?;
    picture.expect(50, 50, BLUE)?;
    picture.expect(50, 10, BACKGROUND)?;
    picture.tell("indirect-draws")
}

/// What compute wrote is drawn.
pub fn compute_to_graphics(gpu: &Gpu) -> Outcome {
    let mut canvas = Canvas::new(gpu, SINGLE)?;
    let brush = canvas.brush(Style::default())?;
    let none = Vertex { position: [0.0; 4], colour: [0.0; 4] };
    let vertices = corners(gpu, &[none; 64])?;
    let compute = Pipeline::new(gpu, shader!("vertices.comp"), &[&vertices], None)?;
    gpu.run(|device, commands| {
        compute.bind(commands);
        unsafe { device.cmd_dispatch(commands, 1, 1, 1) };
        barrier(device, commands);
    })?;
    let picture = canvas.draw(|device, commands| {
        brush.take(device, commands, [0.0; 4]);
        unsafe {
            device.cmd_bind_vertex_buffers(commands, 0, &[vertices.buffer], &[0]);
            device.cmd_draw(commands, 60, 1, 0, 0);
        }
    })?;
    let [.., blue, _] = picture.at(32, 32);
    ensure(blue > 200, || format!("the middle is {:?}", picture.at(32, 32)))?;
    picture.expect(1, 1, BACKGROUND)?;
    ensure((2400..2750).contains(&picture.drawn()), || format!("{} pixels were drawn", picture.drawn()))?;
    picture.tell("compute-to-graphics")
}
