//! A two-stage, classify-then-segment ensemble engine for radiographs.
//!
//! An ensemble is a TOML [manifest](manifest::Manifest): a classifier stage decides whether there is anything to
//! segment, a segmentation stage runs only on what passes, and postprocessing plugins turn the merged probability map
//! into a mask. The path of an image, in one direction:
//!
//! `file → Radiograph → (per member: prepare → TTA views → session → undo views) → merge → gate? → (same for
//! segmenters) → probability map → postprocess plugins → Mask → Finding → CSV row`
//!
//! # One image
//!
//! ```no_run
//! use pleura::{Radiograph, ensemble::Ensemble};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ensemble = Ensemble::open("ensembles/demo.toml")?;
//! let finding = ensemble.predict(&Radiograph::open("chest.dcm")?)?;
//! println!("{}: {} marked pixels", finding.id, finding.mask.area());
//! # Ok(())
//! # }
//! ```
//!
//! # Many images, and a submission
//!
//! [`Ensemble::predict_files`](ensemble::Ensemble::predict_files) decodes, infers and postprocesses in parallel, within
//! the limit of [`Options::memory`](ensemble::Options::memory), and returns findings in the order of the files;
//! [`predict_stream`](ensemble::Ensemble::predict_stream) does the same for radiographs from an iterator. An image that
//! fails has its own error, and does not affect the others.
//!
//! ```no_run
//! use pleura::ensemble::Ensemble;
//! use pleura::radiograph;
//! use pleura::runtime::Device;
//! use pleura::submission::Submission;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ensemble = Ensemble::options().device(Device::Cpu).threads(4).memory(2 << 30).open("ensembles/demo.toml")?;
//! let mut submission = Submission::any_size();
//! ensemble.predict_files(&radiograph::find(&["images"])?, |path, finding, _| {
//!     match finding {
//!         Ok(finding) => submission.insert(finding.id, &finding.mask),
//!         Err(error) => {
//!             eprintln!("skipped {}: {}", path.display(), pleura::chain(&error));
//!             Ok(())
//!         }
//!     }
//! })?;
//! submission.write("submission.csv")?;
//! # Ok(())
//! # }
//! ```
//!
//! # In memory
//!
//! A manifest and an image need not be files. Models and plugins are looked up in the folder of the manifest's nominal
//! path:
//!
//! ```no_run
//! use pleura::Radiograph;
//! use pleura::ensemble::{Ensemble, EnsembleError};
//! use pleura::manifest::Manifest;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = r#"
//!     schema = 1
//!     name = "one network"
//!     postprocess = [{ plugin = "threshold", params = { above = 0.5 } }]
//!
//!     [[segmenter.members]]
//!     name = "unet"
//!     model = "unet.onnx"
//!     input = { name = "image", size = [512, 512], channels = 1 }
//!     map = { output = "map", values = "logits" }
//! "#;
//! let path = std::path::Path::new("models/ensemble.toml");
//! let ensemble = match Ensemble::options().open_manifest(Manifest::parse(text, path)?, path) {
//!     Err(EnsembleError::ModelMissing { path, .. }) => panic!("train {} first", path.display()),
//!     opened => opened?,
//! };
//! let pixels = ndarray::Array2::from_elem((1024, 1024), 0.5);
//! let finding = ensemble.predict(&Radiograph::from_values("case-7", pixels, (0.0, 1.0))?)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | [`manifest`] | the definition of an ensemble, read and checked |
//! | [`ensemble`] | an open ensemble: predictions, findings, explanations |
//! | [`radiograph`], [`mask_image`] | images, from files or from memory |
//! | [`submission`] | CSVs of run lengths: read, written, checked, scored, compared |
//! | [`plugin`] | loads plugins; write them with the crate `pleura-plugin` |
//! | [`runtime`] | ONNX Runtime: found, loaded, and its devices |
//! | [`models`], [`mod@import`] | what an ONNX file is, and manifests of what other tools wrote |
//! | [`check`], `report`, `tune`, `optimize` | tools for an ensemble, the last three behind features of the same names |
//!
//! Errors are typed by module, and hold their cause in [`source`](std::error::Error::source): [`chain`] prints both.
//! Logs go to `tracing`; events of an image are within a span `image` with its `id`.

#![deny(missing_docs)]

#[cfg(test)]
#[macro_use]
#[path = "../../tests/support/error_texts.rs"]
mod texts;

mod chain;
#[cfg(feature = "report")]
pub mod chart;
pub mod check;
pub mod checksum;
pub mod ensemble;
#[cfg(test)]
mod error_texts;
mod exit_status;
pub mod file_name;
pub mod import;
pub mod lint;
pub mod manifest;
pub mod models;
#[cfg(feature = "optimize")]
pub mod optimize;
pub mod overlay;
pub mod plugin;
pub mod pool;
mod proportion;
#[cfg(feature = "report")]
mod reliability;
#[cfg(feature = "report")]
pub mod report;
pub mod runtime;
mod shard;
pub mod submission;
#[cfg(feature = "tune")]
pub mod tune;

pub use chain::chain;
pub(crate) use pleura_files::bounded;
pub(crate) use pleura_files::{atomic, digest, regular};
pub(crate) use pleura_image::planes;
pub use pleura_image::{Mask, Radiograph, Size, mask_image, radiograph};
pub use pleura_onnx as onnx;
pub use shard::Shard;
