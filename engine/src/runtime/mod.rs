//! ONNX Runtime: finding and loading it, devices, sessions.

mod cuda;
pub mod find;
mod load;

pub use load::{Loaded, RuntimeError, load, loaded};

/// The oldest ONNX Runtime that serves is 1.`MINOR_VERSION`.
pub use ort::MINOR_VERSION;
