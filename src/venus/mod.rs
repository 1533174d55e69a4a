//! The bytes of Venus, the protocol that Mesa's `libvulkan_virtio.so` speaks: decoded into C structures, and answered.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]
