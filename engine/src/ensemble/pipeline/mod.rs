//! The pipeline of images: read in chunks, sent through the stages, concluded, handed to the caller.
//!
//! `stream` runs a reader, two lanes for each device and a finisher in parallel; `chunk` decides which images are
//! processed together; `trace` sends a chunk through the stages, in their `order`, and concludes each of its images;
//! `guarded` keeps a fault in one image from ending the run.

pub mod chunk;
pub mod guarded;
mod order;
pub mod stream;
pub mod trace;
