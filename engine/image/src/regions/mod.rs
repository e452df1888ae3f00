//! Regions of masks: connected components, holes, contours, hulls, and areas with the size at which they are counted.

mod area;
mod components;
mod contours;
mod crop;
mod holes;
mod hull;
mod labels;
mod runs;

pub use area::Area;
pub use components::{Components, Connectivity};
pub use contours::keep_contours;
pub use holes::fill_holes;
pub use hull::{Span, fill_hull, spans};

/// A mask from rows of `#` and `.`, for tests.
#[doc(hidden)]
#[must_use]
pub fn drawn(rows: &[&str]) -> ndarray::Array2<bool> {
    let size = (rows.len(), rows.first().map_or(0, |row| row.len()));
    ndarray::Array2::from_shape_fn(size, |(row, column)| rows[row].as_bytes()[column] == b'#')
}
