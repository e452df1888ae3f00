//! Where models run, and what time that takes.

pub mod clock;
pub mod slot;
