//! A guest that is nothing but a virtio-gpu driver: it draws the test pattern on the first head and rests.
//!
//! It starts by the PVH boot protocol and stays in protected mode without pages, so VMMs without firmware boot it, and
//! KVM that only emulates too. It is built for `i586-unknown-linux-gnu`, which has no instructions beyond the first
//! ones, by `scripts/tiny-guest`.
#![cfg_attr(target_arch = "x86", no_std, no_main)]

#[cfg(target_arch = "x86")]
extern crate alloc;
#[cfg(target_arch = "x86")]
mod machine;
#[cfg(target_arch = "x86")]
mod memory;
#[cfg(target_arch = "x86")]
#[path = "../../pattern.rs"]
#[allow(dead_code, reason = "it draws no pointer")]
mod pattern;
#[cfg(target_arch = "x86")]
mod pci;
#[cfg(target_arch = "x86")]
mod runtime;
#[cfg(target_arch = "x86")]
mod window;

#[cfg(target_arch = "x86")]
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    match draw() {
        Ok((width, height)) => machine::say(format_args!("drew {width}x{height}\n")),
        Err(reason) => machine::say(format_args!("failed: {reason}\n")),
    }
    machine::rest()
}

#[cfg(target_arch = "x86")]
fn draw() -> Result<(u32, u32), alloc::string::String> {
    use alloc::format;
    use virtio_drivers::device::gpu::VirtIOGpu;

    let transport = window::Window::of(pci::gpu()?)?;
    let mut gpu =
        VirtIOGpu::<memory::Identity, _>::new(transport).map_err(|error| format!("start: {error}"))?;
    let (width, height) = gpu.resolution().map_err(|error| format!("resolution: {error}"))?;
    let pixels = gpu.setup_framebuffer().map_err(|error| format!("framebuffer: {error}"))?;
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    for (bytes, (x, y)) in pixels.chunks_exact_mut(4).zip(places) {
        bytes.copy_from_slice(&(0xff00_0000 | pattern::pixel(x, y, 1)).to_le_bytes());
    }
    gpu.flush().map_err(|error| format!("flush: {error}"))?;
    // The device is to stay as it is.
    core::mem::forget(gpu);
    Ok((width, height))
}

/// It is no program of a host's.
#[cfg(not(target_arch = "x86"))]
fn main() {}
