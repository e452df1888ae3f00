//! The pipeline of images: read in chunks, sent through the stages, concluded, handed to the caller.
//!
//! `stream` runs a reader, two lanes for each device and a finisher in parallel; a `source` supplies the images, and
//! `chunk` groups them within the limits of the `plan`; `trace` sends a chunk through the stages, in their `order`, and
//! turns each image's results into a finding; `guarded` keeps a fault in one image from ending the run.

pub mod chunk;
pub mod guarded;
mod order;
mod plan;
mod source;
pub mod stream;
pub mod trace;
