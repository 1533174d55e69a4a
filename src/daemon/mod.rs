//! Composition root of the service for a whole host: keeps every vGPU as operators want it, and serves the API.
#![forbid(unsafe_code)]
