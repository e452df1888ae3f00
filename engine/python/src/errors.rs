//! The engine's errors as Python's exceptions.

use std::error::Error;
use std::path::Path;

use pleura::ensemble::EnsembleError;
use pleura::lint::{Diagnostic, DocumentError, Severity};
use pleura::tune::TuneError;
use pleura_train::fit::TrainError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// The exceptions.
#[allow(missing_docs, reason = "their text is what Python shows")]
pub mod kinds {
    use pyo3::create_exception;
    use pyo3::exceptions::PyException;

    create_exception!(pleura, PleuraError, PyException, "What the engine refuses; `str(error)` says what to do.");
    create_exception!(
        pleura,
        ManifestError,
        PleuraError,
        "A manifest that cannot be used. `problems` has a dictionary for each: `file`, `line`, `column`, `field`, \
         `message`, `hint` and `severity`; `file`, `line` and `hint` are those of the first."
    );
    create_exception!(pleura, RuntimeMissingError, PleuraError, "ONNX Runtime is missing, or cannot be loaded.");
    create_exception!(pleura, DeviceError, PleuraError, "The device is unavailable.");
    create_exception!(pleura, ModelError, PleuraError, "A model is missing, changed, or does not match the manifest.");
    create_exception!(pleura, PluginError, PleuraError, "A plugin is missing, or rejects its parameters.");
    create_exception!(
        pleura,
        ImageError,
        PleuraError,
        "An image that cannot be read, or on which the ensemble fails; `image` is its path or id."
    );
    create_exception!(pleura, SubmissionError, PleuraError, "A submission that cannot be read, written or scored.");
    create_exception!(
        pleura,
        RecipeError,
        PleuraError,
        "A recipe that cannot be used; its attributes are those of `ManifestError`."
    );
    create_exception!(pleura, TrainingError, PleuraError, "What ends a training; earlier results are kept.");
    create_exception!(pleura, TuneError, PleuraError, "A search that cannot run, or whose result cannot be written.");
    create_exception!(pleura, ForkError, PleuraError, "An ensemble that a parent process has opened.");
}

/// Adds the exceptions to the module.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    for (name, kind) in [
        ("PleuraError", py.get_type::<kinds::PleuraError>()),
        ("ManifestError", py.get_type::<kinds::ManifestError>()),
        ("RuntimeMissingError", py.get_type::<kinds::RuntimeMissingError>()),
        ("DeviceError", py.get_type::<kinds::DeviceError>()),
        ("ModelError", py.get_type::<kinds::ModelError>()),
        ("PluginError", py.get_type::<kinds::PluginError>()),
        ("ImageError", py.get_type::<kinds::ImageError>()),
        ("SubmissionError", py.get_type::<kinds::SubmissionError>()),
        ("RecipeError", py.get_type::<kinds::RecipeError>()),
        ("TrainingError", py.get_type::<kinds::TrainingError>()),
        ("TuneError", py.get_type::<kinds::TuneError>()),
        ("ForkError", py.get_type::<kinds::ForkError>()),
    ] {
        module.add(name, kind)?;
    }
    Ok(())
}

/// An error of opening an ensemble.
pub fn of_ensemble(py: Python<'_>, error: &EnsembleError) -> PyErr {
    let text = pleura::chain(error);
    match error {
        EnsembleError::Manifest(error) => of_document(py, error),
        EnsembleError::Runtime(_) => missing_runtime(&text),
        EnsembleError::Device(_) => kinds::DeviceError::new_err(text),
        EnsembleError::Plugin { .. } => kinds::PluginError::new_err(text),
        EnsembleError::Load(_)
        | EnsembleError::Model { .. }
        | EnsembleError::ModelMissing { .. }
        | EnsembleError::ModelChanged { .. } => kinds::ModelError::new_err(text),
        _ => kinds::PleuraError::new_err(text),
    }
}

fn missing_runtime(text: &str) -> PyErr {
    let hint = "install it with `pip install \"pleura[cpu]\"`, or `\"pleura[cuda]\"` for a GPU";
    kinds::RuntimeMissingError::new_err(format!("{text}; {hint}"))
}

/// An error of a search.
pub fn of_tuning(py: Python<'_>, error: &TuneError) -> PyErr {
    match error {
        TuneError::Manifest(error) => of_document(py, error),
        TuneError::Plugin { .. } => kinds::PluginError::new_err(pleura::chain(error)),
        _ => kinds::TuneError::new_err(pleura::chain(error)),
    }
}

/// An error of a training.
pub fn of_training(py: Python<'_>, error: &TrainError) -> PyErr {
    let text = pleura::chain(error);
    match error {
        TrainError::Recipe(error) => annotated(py, kinds::RecipeError::new_err(text), error),
        TrainError::Runtime(_) => missing_runtime(&text),
        TrainError::Placement(_) => kinds::DeviceError::new_err(text),
        TrainError::Postprocess(_) => kinds::PluginError::new_err(text),
        TrainError::Model(_)
        | TrainError::Weights(_)
        | TrainError::FoldedNorms { .. }
        | TrainError::NoOutput { .. }
        | TrainError::Step { .. } => kinds::ModelError::new_err(text),
        _ => kinds::TrainingError::new_err(text),
    }
}

/// An error of a manifest, with its problems as attributes.
pub fn of_document(py: Python<'_>, error: &DocumentError) -> PyErr {
    annotated(py, kinds::ManifestError::new_err(pleura::chain(error)), error)
}

fn annotated(py: Python<'_>, raised: PyErr, error: &DocumentError) -> PyErr {
    // setting an attribute of a new exception cannot fail; if it did, the message would still say everything
    let _ = annotate(py, &raised, error.diagnostics());
    raised
}

fn annotate(py: Python<'_>, raised: &PyErr, problems: &[Diagnostic]) -> PyResult<()> {
    let value = raised.value(py);
    let list = PyList::empty(py);
    for problem in problems {
        list.append(described(py, problem)?)?;
    }
    let first = problems.first();
    value.setattr("problems", list)?;
    value.setattr("file", first.map(|problem| problem.path.clone()))?;
    value.setattr("line", first.map(|problem| problem.line))?;
    value.setattr("hint", first.and_then(|problem| problem.hint.clone()))
}

fn described<'py>(py: Python<'py>, problem: &Diagnostic) -> PyResult<Bound<'py, PyDict>> {
    let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
    let entry = PyDict::new(py);
    entry.set_item("file", problem.path.clone())?;
    entry.set_item("line", problem.line)?;
    entry.set_item("column", problem.column)?;
    entry.set_item("field", &problem.field)?;
    entry.set_item("message", &problem.message)?;
    entry.set_item("hint", problem.hint.as_deref())?;
    entry.set_item("severity", severity)?;
    Ok(entry)
}

/// An error of one image, which is named by its path or id.
pub fn of_image(py: Python<'_>, image: &Path, error: &dyn Error) -> PyErr {
    let raised = kinds::ImageError::new_err(pleura::chain(error));
    let _ = raised.value(py).setattr("image", image.to_path_buf());
    raised
}

/// An error of a submission.
pub fn of_submission(error: &dyn Error) -> PyErr {
    kinds::SubmissionError::new_err(pleura::chain(error))
}
