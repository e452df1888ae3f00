//! A two-stage, classify-then-segment ensemble engine for radiographs.
//!
//! An ensemble is a TOML [manifest](manifest::Manifest): a classifier stage decides whether there is anything to
//! segment, a segmentation stage runs only on what passes, and postprocessing plugins turn the merged probability map
//! into a mask. One image's way, in one direction:
//!
//! `file → Radiograph → (per member: prepare → TTA views → session → undo views) → merge → gate? → (same for
//! segmenters) → probability map → postprocess plugins → Mask → Finding → CSV row`

#![deny(missing_docs)]

mod chain;
#[cfg(feature = "report")]
pub mod chart;
pub mod check;
pub mod checksum;
pub mod ensemble;
pub mod file_name;
pub mod lint;
pub mod manifest;
#[cfg(feature = "optimize")]
pub mod optimize;
pub mod overlay;
pub mod plugin;
pub mod pool;
mod proportion;
#[cfg(feature = "report")]
pub mod report;
pub mod runtime;
mod shard;
pub mod submission;
#[cfg(feature = "tune")]
pub mod tune;

pub use chain::chain;
pub(crate) use pleura_files::bounded;
pub use pleura_files::{atomic, digest, regular};
pub(crate) use pleura_image::planes;
pub use pleura_image::{Mask, Radiograph, Size, mask_image, radiograph};
pub use pleura_onnx as onnx;
pub use shard::Shard;
