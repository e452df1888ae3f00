//! A two-stage, classify-then-segment ensemble engine for radiographs.
//!
//! An ensemble is a TOML [manifest](manifest::Manifest): a classifier stage decides whether there is anything to
//! segment, a segmentation stage runs only on what passes, and postprocessing plugins turn the merged probability map
//! into a mask. One image's way, in one direction:
//!
//! `file → Radiograph → (per member: prepare → TTA views → session → undo views) → merge → gate? → (same for
//! segmenters) → probability map → postprocess plugins → Mask → Finding → CSV row`

#![deny(missing_docs)]

pub mod atomic;
mod bounded;
mod chain;
pub mod chart;
pub mod check;
pub mod checksum;
pub mod digest;
pub mod ensemble;
pub mod file_name;
pub mod lint;
pub mod manifest;
mod mask;
pub mod mask_image;
pub mod onnx;
pub mod optimize;
pub mod overlay;
mod planes;
pub mod plugin;
pub mod pool;
mod proportion;
pub mod radiograph;
pub mod regular;
pub mod report;
pub mod runtime;
mod shard;
pub mod submission;
pub mod tune;

pub use chain::chain;
pub use mask::Mask;
pub use radiograph::Radiograph;
pub use shard::Shard;
