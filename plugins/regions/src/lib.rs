//! What the stock postprocessing plugins share: connected components, holes, contours, and areas that name the size
//! at which they are counted. Not a plugin.

#![deny(missing_docs)]

mod area;
mod components;
mod contours;
mod crop;
mod holes;
mod hull;

pub use area::Area;
pub use components::{Components, Connectivity};
pub use contours::keep_contours;
pub use holes::fill_holes;
pub use hull::{Span, fill_hull, spans};

use pleura_plugin::{Error, Mask};

/// The mask of the step before, for a step that cannot be the first.
///
/// # Errors
/// Where there is none.
pub fn needed(mask: Option<Mask<'_>>) -> Result<Mask<'_>, Error> {
    mask.ok_or_else(|| "needs a mask: put `threshold` or `triplet` before it".into())
}

/// Checks that a parameter is a probability.
///
/// # Errors
/// Where it is not within 0..=1; the message names it.
pub fn probability(name: &str, value: f32) -> Result<f32, Error> {
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(format!("`{name}` is {value}, not within 0 to 1").into()) }
}

/// A mask from rows of `#` and `.`, for tests.
#[doc(hidden)]
#[must_use]
pub fn drawn(rows: &[&str]) -> ndarray::Array2<bool> {
    let size = (rows.len(), rows.first().map_or(0, |row| row.len()));
    ndarray::Array2::from_shape_fn(size, |(row, column)| rows[row].as_bytes()[column] == b'#')
}
