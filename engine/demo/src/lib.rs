//! The data of `pleura demo`: synthetic radiographs of known truth, and the small networks that read them.
//!
//! [`Phantom`] draws a chest, some with a pneumothorax, and [`Phantom::write`] stores it as DICOM. [`committed`] holds
//! the ensemble of `ensembles/demo.toml`: two networks, each with the recipe of its training. [`training`] draws the
//! phantoms on which they were trained, which the demo never uses.

#![deny(missing_docs)]

mod anatomy;
mod canvas;
pub mod committed;
mod dicom;
mod phantom;
pub mod training;

pub use dicom::{Encoding, WriteError};
pub use phantom::Phantom;

/// The height and width of the demo's radiographs, in pixels.
pub const SIDE: usize = 1024;

/// The random numbers of a phantom: the same on every machine.
type Random = rand_chacha::ChaCha8Rng;
