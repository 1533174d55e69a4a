//! How the C library's allocator gets memory.

/// Makes all threads allocate from one heap, and large blocks go back to the kernel when they are freed.
///
/// With a heap for each thread the C library counts processors in a file as soon as there are many, which a sealed
/// process cannot open; and each heap keeps pages of its own.
pub fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt sets two numbers of the allocator, under the allocator's own lock.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10);
    }
}
