//! The daemon's API and the operators' verbs, before a manager that lives in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod clients;
mod document;
mod golden;
mod http;
mod manager;
mod refusals;
mod requests;
mod verbs;
mod vmm;
