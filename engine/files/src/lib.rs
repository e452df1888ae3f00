//! Files, read and written safely: regular files only, of bounded size, written completely or not at all.

#![deny(missing_docs)]

pub mod atomic;
pub mod bounded;
pub mod digest;
pub mod regular;
