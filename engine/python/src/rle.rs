//! Run lengths of the competition: relative, column by column.

use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2};
use pleura::submission::rle;
use pleura::{Mask, Size};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The run lengths of a mask of booleans, (height, width); `-1` if nothing is marked.
#[pyfunction]
pub fn rle_encode(py: Python<'_>, mask: PyReadonlyArray2<'_, bool>) -> String {
    let mask = Mask::from(mask.as_array().to_owned());
    py.detach(|| rle::encode(&mask))
}

/// The mask of run lengths, a boolean array of `shape` (height, width).
#[pyfunction]
pub fn rle_decode<'py>(py: Python<'py>, text: &str, shape: (usize, usize)) -> PyResult<Bound<'py, PyArray2<bool>>> {
    let decoded = py.detach(|| rle::decode(text, Size::from(shape)));
    let mask = decoded.map_err(|error| PyValueError::new_err(pleura::chain(&error)))?;
    Ok(mask.into_pixels().into_pyarray(py))
}
