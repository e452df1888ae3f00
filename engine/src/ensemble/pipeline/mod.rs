//! The pipeline of images: read in chunks, sent through the stages, concluded, handed to the caller.
//!
//! `stream` runs a reader, two lanes for each device and a finisher side by side; a `source` gives the images, and
//! `chunk` decides by the `plan` which of them travel together; `trace` sends a chunk through the stages, in their
//! `order`, and concludes each of its images; `guarded` keeps a fault in one image from ending the run.

pub mod chunk;
pub mod guarded;
mod order;
mod plan;
mod source;
pub mod stream;
pub mod trace;
