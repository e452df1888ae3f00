//! What `pleura demo` runs on: made-up radiographs of known truth, and small networks that read them.
//!
//! [`Phantom`] draws a chest, some with a pneumothorax, and [`Phantom::write`] stores it as DICOM. [`DESIGNS`] are the
//! networks of `ensembles/demo.toml`: filters at several scales with perceptrons on top, [`fit`] on phantoms that the
//! demo never shows. `cargo run --release -p pleura-demo --example make_models` writes them anew.

#![deny(missing_docs)]

mod anatomy;
mod arrays;
mod canvas;
pub mod committed;
mod dicom;
mod filters;
mod fit;
mod graph;
mod network;
mod perceptron;
mod phantom;

pub use dicom::{Encoding, WriteError};
pub use fit::{FIT_SEED, fit};
pub use network::{Answer, DESIGNS, Design, Network};
pub use perceptron::Perceptron;
pub use phantom::Phantom;

/// The height and width of the demo's radiographs, in pixels.
pub const SIDE: usize = 1024;

/// The random numbers of a phantom: the same on every machine.
type Random = rand_chacha::ChaCha8Rng;
