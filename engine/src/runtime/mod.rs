//! ONNX Runtime: finding and loading it, devices, sessions.

pub mod find;
mod load;

pub use load::{Loaded, RuntimeError, load, loaded};
