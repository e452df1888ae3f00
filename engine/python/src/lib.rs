//! The engine as a Python module, `pleura._pleura`. What people import is `python/pleura`, with types in `_pleura.pyi`.

mod ensemble;
mod errors;
mod explain;
mod files;
mod finding;
mod image;
mod options;
mod picture;
mod plugins;
mod rle;
mod submission;

use pyo3::prelude::*;

#[pymodule]
fn _pleura(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::add(module)?;
    module.add_class::<ensemble::Ensemble>()?;
    module.add_class::<files::Findings>()?;
    module.add_class::<finding::Finding>()?;
    module.add_class::<submission::Submission>()?;
    module.add_function(wrap_pyfunction!(finding::restored, module)?)?;
    module.add_function(wrap_pyfunction!(rle::rle_encode, module)?)?;
    module.add_function(wrap_pyfunction!(rle::rle_decode, module)?)?;
    module.add_function(wrap_pyfunction!(submission::score, module)?)
}
