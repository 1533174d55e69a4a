//! Memory of devices: charged, imported where guests map it, zero when they first see it.

mod types;
