//! The `vgpu` program.

fn main() {}
