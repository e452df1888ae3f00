//! Images on their way: read in chunks, sent through the stages, concluded, handed over.
//!
//! `stream` runs a reader, a lane for each device and a finisher side by side; `chunk` decides which images travel
//! together; `trace` sends a chunk through the stages,
//! in their `order`, and concludes each of its images; `guarded` keeps a fault in one
//! image from ending the run.

pub mod chunk;
pub mod guarded;
mod order;
pub mod stream;
pub mod trace;
