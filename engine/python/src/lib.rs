//! The engine as a Python module, `pleura._pleura`. What people import is `python/pleura`, with types in `_pleura.pyi`.

mod data;
mod ensemble;
mod errors;
mod explain;
mod files;
mod finding;
mod image;
mod options;
mod picture;
mod plugins;
mod reporting;
mod rle;
mod submission;
mod training;
mod tuning;

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
    module.add_function(wrap_pyfunction!(submission::score, module)?)?;
    module.add_function(wrap_pyfunction!(tuning::_tune, module)?)?;
    module.add_function(wrap_pyfunction!(reporting::_report, module)?)?;
    module.add_function(wrap_pyfunction!(training::_train, module)?)?;
    module.add_function(wrap_pyfunction!(data::_find, module)?)?;
    module.add_function(wrap_pyfunction!(data::_read, module)?)?;
    module.add_function(wrap_pyfunction!(data::_tags, module)?)?;
    module.add_function(wrap_pyfunction!(data::_folds, module)?)
}
