#![allow(missing_docs, clippy::unwrap_used)]
use std::sync::Arc;
use vgpu::render::venus::*;
use vgpu::render::vulkan::{Gpu, GpuOptions};
fn main() {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let path = std::env::var("S").unwrap();
    _ = std::fs::remove_file(&path);
    let gpu = Gpu::open(&GpuOptions { which: None }).unwrap();
    let ledger =
        vgpu::quota::Ledger::new(std::env::var("L").ok().and_then(|l| l.parse().ok()).unwrap_or(2 << 30));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let house = vgpu::transport::vtest::House {
        renderer: GpuRenderer::new(gpu, ledger.clone()),
        ledger,
        monitor: Monitor::new(),
        estate: Arc::new(Nobody),
        clients_max: 128,
    };
    vgpu::transport::vtest::serve(&vgpu::sandbox::Sealed::not_really(), &listener, house, vec![]).unwrap();
}
