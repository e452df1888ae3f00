//! ONNX Runtime: finding and loading it, devices, sessions.

mod cuda;
pub mod find;
mod load;

pub use load::{Loaded, RuntimeError, load, loaded};
