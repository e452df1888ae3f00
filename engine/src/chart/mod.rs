//! Pieces of charts: self-contained SVG, drawn by hand.
//!
//! Colours are Okabe and Ito's, which people tell apart whatever their sight.

mod axis;
mod svg;

pub use axis::Axis;
pub use svg::{bar, escaped, head, picture, put, rule, text, upright};

/// Okabe and Ito's colours, but for the yellow, which is faint on white.
pub const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
