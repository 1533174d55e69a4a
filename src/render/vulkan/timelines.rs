//! Timelines of rings.
