//! Checks that several steps share.

use pleura_plugin::{Error, Mask};

/// The mask of the previous step, for a step that cannot be the first.
///
/// # Errors
/// If there is none.
pub fn needed(mask: Option<Mask<'_>>) -> Result<Mask<'_>, Error> {
    mask.ok_or_else(|| "needs a mask: put `threshold` or `triplet` before it".into())
}

/// Checks that a parameter is a probability.
///
/// # Errors
/// If it is not within 0..=1; the message names it.
pub fn probability(name: &str, value: f32) -> Result<f32, Error> {
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(format!("`{name}` is {value}, expected 0 to 1").into()) }
}
