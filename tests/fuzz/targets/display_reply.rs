//! What a display may answer: any bytes, in any pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vgpu::wire::display::{REPLY_BYTES_MAX, decode_reply};

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some((_, taken))) = decode_reply(rest) {
        assert!(taken > 0 && taken <= REPLY_BYTES_MAX);
        rest = &rest[taken..];
    }
    // An incomplete reply is never longer than a complete one.
    if let Ok(None) = decode_reply(rest) {
        assert!(rest.len() < REPLY_BYTES_MAX);
    }
});
