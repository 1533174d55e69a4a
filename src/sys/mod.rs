//! All `unsafe` code of ours: calls to the operating system that no crate of ours wraps safely.
#![allow(unsafe_code)]

mod descriptors;

pub use descriptors::{DESCRIPTORS_MAX, receive_with_descriptors};
