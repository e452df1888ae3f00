//! Radiographs, masks and operations on them, without configuration or networks.
//!
//! `file → Radiograph → intensities → resized plane` on one side, `mask ↔ runs ↔ run lengths` on the other.

#![deny(missing_docs)]

#[cfg(test)]
#[macro_use]
#[path = "../../../tests/support/error_texts.rs"]
mod texts;

pub mod equalise;
#[cfg(test)]
mod error_texts;
mod mask;
pub mod mask_image;
pub mod planes;
pub mod radiograph;
pub mod regions;
pub mod resize;
pub mod rle;

pub use mask::Mask;
pub use pleura_plugin::Size;
pub use radiograph::{Intensity, Radiograph};
pub use resize::Resize;
