//! Radiographs, masks and what is computed of them; no configuration and no networks.

#![deny(missing_docs)]

pub mod equalise;
pub mod regions;
