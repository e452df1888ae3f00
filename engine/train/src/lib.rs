//! Trains segmentation and classification networks in ONNX Runtime, and exports them as ONNX.
//!
//! A network is an ONNX model in inference form, made by [`nets`] or read from a file. From it and a
//! [recipe](recipe::Recipe), the training step (forward pass, loss, backward pass, optimiser) is written as standard
//! ONNX operators and run by ONNX Runtime; the export is the same network with the trained weights.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use pleura::radiograph::DecodeLimits;
//! use pleura::runtime::Device;
//! use pleura_train::fit::{self, Options, Watch};
//! use pleura_train::journal::Line;
//! use pleura_train::progress::Progress;
//!
//! /// Prints a line an epoch, and never stops a training.
//! struct Printer;
//!
//! impl Watch for Printer {
//!     fn step(&mut self, _: &Progress) {}
//!
//!     fn epoch(&mut self, line: &Line, is_best: bool) {
//!         println!("epoch {}{}", line.epoch + 1, if is_best { ", the best so far" } else { "" });
//!     }
//!
//!     fn note(&mut self, text: &str) {
//!         println!("{text}");
//!     }
//!
//!     fn stops(&self) -> bool {
//!         false
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recipe = Path::new("recipes/unet.toml");
//! let checked = fit::check(recipe)?;
//! assert!(checked.is_good(), "{:?}", checked.diagnostics);
//! let options = Options {
//!     out: Some("trained".into()),
//!     device: Device::Auto,
//!     threads: 0,
//!     onnxruntime: None,
//!     fresh: false,
//!     tensorboard: false,
//!     decode: DecodeLimits::default(),
//! };
//! // goes on where an earlier run stopped
//! let outcome = fit::train(recipe, &options, &mut Printer)?;
//! println!("Dice {:?} over {} images; the manifest is {:?}", outcome.dice, outcome.images, outcome.manifest);
//! # Ok(())
//! # }
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`recipe`] | the definition of a training, read and checked |
//! | [`data`] | images and masks, folds, augmentation, batches |
//! | [`nets`], [`weights`] | networks as ONNX models, and weights from PyTorch, safetensors and ONNX files |
//! | [`forward`], [`backward`], [`ops`], [`loss`], [`step`] | from an ONNX model to a training step of ONNX operators |
//! | [`recompute`] | gradient checkpointing: a step in less memory |
//! | [`fit`] | folds, phases and epochs; checkpoints, exports and the resulting manifest |
//! | [`stack`] | a model over the members' held-out scores |

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
pub mod recompute;
pub mod schedule;
pub mod stack;
pub mod step;
pub mod tensorboard;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod weights;
