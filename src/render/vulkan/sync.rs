//! Fences and semaphores.
