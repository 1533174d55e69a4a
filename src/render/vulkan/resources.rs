//! Buffers and images.
