//! Trains segmentation and classification networks in ONNX Runtime, and exports them as ONNX.
//!
//! A network is an ONNX model in inference form, made by [`nets`] or read from a file. From it and a
//! [recipe](recipe::Recipe), the training step (forward pass, loss, backward pass, optimiser) is written as standard
//! ONNX operators and run by ONNX Runtime; the export is the same network with the trained weights.

#![deny(missing_docs)]

#[cfg(test)]
#[macro_use]
#[path = "../../../tests/support/error_texts.rs"]
mod texts;

pub mod backward;
pub mod checkpoint;
pub mod curves;
pub mod data;
pub mod device;
#[cfg(test)]
mod error_texts;
pub mod files;
pub mod fit;
pub mod forward;
pub mod handover;
pub mod journal;
pub mod loss;
pub mod metrics;
pub mod nets;
pub mod ops;
pub mod out_of_fold;
pub mod progress;
pub mod recipe;
pub mod schedule;
pub mod stack;
pub mod step;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod weights;
