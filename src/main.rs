//! The `vgpu` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    vgpu::cli::main()
}
