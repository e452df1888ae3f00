//! Building blocks of charts: self-contained SVG, written by hand.
//!
//! Colours are Okabe and Ito's, which remain distinguishable in all kinds of colour vision.

mod axis;
mod svg;

pub use axis::Axis;
pub use svg::{bar, escaped, head, picture, put, rule, text, upright};

/// Okabe and Ito's colours, without the yellow, which is faint on white.
pub const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
