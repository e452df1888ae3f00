//! Where models run, and the time that it takes.

pub mod clock;
pub mod slot;
