//! What a program without a VM needs in its environment.

use std::path::Path;

use super::shell::quoted;
use super::text;

/// Variables by which Mesa's Vulkan driver finds a vGPU's socket, each with its value.
pub fn environment(socket: &Path) -> [(&'static str, String); 4] {
    [
        ("VN_DEBUG", "vtest".to_owned()),
        ("VTEST_SOCKET_NAME", text(socket)),
        // Of all drivers that the loader finds. Where its file is, and how it is called, differs from host to host.
        ("VK_LOADER_DRIVERS_SELECT", "*virtio*".to_owned()),
        // Mesa sleeps 0.16 ms and more whenever it waits for a fence by a word in memory. Asked, we tell it at once.
        ("VN_PERF", "no_fence_feedback".to_owned()),
    ]
}

/// Variables as a shell takes them.
pub fn exports(variables: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let line = |(name, value): (&str, String)| format!("export {name}={}", quoted(value));
    variables.into_iter().map(line).collect::<Vec<_>>().join("\n")
}
