//! Findings of many files, as an iterator.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pleura::ensemble::{Ensemble as Engine, Finding as Found, ImageError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::ensemble::Ensemble;
use crate::errors::of_image;
use crate::finding::Finding;
use crate::image::Source;

/// Findings that wait for Python.
const AHEAD: usize = 4;

/// How often Ctrl-C is looked for.
const TICK: Duration = Duration::from_millis(100);

/// What happens to an image that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Errors {
    Raise,
    Skip,
    Return,
}

/// Nobody waits for findings any more.
struct Gone;

/// A file, and what was found in it.
type Outcome = (PathBuf, Result<Found, ImageError>);

/// The findings of files, in their order. Dropping it ends the run.
#[pyclass(module = "pleura", name = "Findings", frozen)]
pub struct Findings {
    ensemble: Py<Ensemble>,
    results: Mutex<Receiver<Outcome>>,
    errors: Errors,
    count: usize,
}

impl Findings {
    /// Starts the run on a thread of its own.
    ///
    /// # Errors
    /// If `errors` is none of the three words, or the system refuses a thread.
    pub fn start(ensemble: Py<Ensemble>, engine: Arc<Engine>, paths: Vec<PathBuf>, errors: &str) -> PyResult<Self> {
        let errors = match errors {
            "raise" => Errors::Raise,
            "skip" => Errors::Skip,
            "return" => Errors::Return,
            other => {
                let text = format!("errors: expected \"raise\", \"skip\" or \"return\", found \"{other}\"");
                return Err(PyValueError::new_err(text));
            }
        };
        let (sender, results) = sync_channel(AHEAD);
        let count = paths.len();
        let run = move || {
            // a receiver that is gone ends the run
            let _ = engine
                .predict_files(&paths, |path, found, _| sender.send((path.to_path_buf(), found)).map_err(|_| Gone));
        };
        std::thread::Builder::new().name("findings".into()).spawn(run)?;
        Ok(Self { ensemble, results: Mutex::new(results), errors, count })
    }

    /// The next result; `None` at the end.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Outcome>> {
        loop {
            let received = py.detach(|| self.results.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(TICK));
            match received {
                Ok(result) => return Ok(Some(result)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            }
        }
    }
}

#[pymethods]
impl Findings {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// The number of files.
    fn __length_hint__(&self) -> usize {
        self.count
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        while let Some((path, found)) = self.next(py)? {
            py.check_signals()?;
            match found {
                Ok(found) => {
                    let finding = Finding::new(py, found, self.ensemble.clone_ref(py), Source::File(path));
                    return Ok(Some(Bound::new(py, finding)?.into_any()));
                }
                Err(error) => {
                    let raised = of_image(py, &path, &error);
                    match self.errors {
                        Errors::Raise => return Err(raised),
                        Errors::Return => return Ok(Some(raised.value(py).clone().into_any())),
                        Errors::Skip => {
                            let warn = py.import("warnings")?.getattr("warn")?;
                            warn.call1((format!("skipped {}: {}", path.display(), pleura::chain(&error)),))?;
                        }
                    }
                }
            }
        }
        Ok(None)
    }
}
