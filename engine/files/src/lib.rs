//! Files, read and written with care: regular ones only, no larger than is expected, whole or not at all.

#![deny(missing_docs)]

pub mod atomic;
pub mod bounded;
pub mod digest;
pub mod regular;
