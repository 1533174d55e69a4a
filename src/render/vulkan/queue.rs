//! Queues, and what is given to them.

mod submission;
