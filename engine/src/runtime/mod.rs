//! ONNX Runtime: finding and loading it, devices, sessions.

mod arena;
mod assignment;
mod binding;
mod cuda;
mod device;
mod device_options;
pub mod find;
mod folding;
mod load;
mod model;
mod model_error;
mod pages;
mod place;
mod port;
mod probe;
pub mod provider;
pub mod record;
mod session;
mod verify;
mod whole;

pub use assignment::left_to_the_cpu;
pub use device::{Device, Placement};
#[cfg(test)]
pub(crate) use load::for_tests;
pub use load::{Loaded, RuntimeError, adopt, load, loaded};
pub use model::Model;
pub use model_error::ModelError;
pub use pages::keep_freed_memory;
pub use place::{DeviceError, place};
pub use port::{Element, Port};
pub use probe::{probe, probe_answer, probe_with};
pub use provider::Provider;
pub use session::{SessionOptions, mixed_session, session};
pub use verify::{Comparison, Difference, Verified};
