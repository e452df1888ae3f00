//! The search of a manifest's numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use pleura::ensemble::ImageError;
use pleura::manifest::Calibration;
use pleura::manifest::{self, WrittenOut};
use pleura::submission::Submission;
use pleura::tune::{
    self, Axis, Calibrated, Choice, Choose, Collected, Evaluator, Found, Grid, Metric, Number, Quality, Space, Watch,
};
use pleura::{Size, chain};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::ensemble::Ensemble;
use crate::errors::{of_submission, of_tuning};

/// Searches the numbers of an ensemble's manifest. `told(path, error)` is called for each image, `error` being a text or
/// None. Returns the result as a dictionary.
#[pyfunction]
#[pyo3(signature = (ensemble, images, truth, *, grid, truth_size, folds, nested, metric, center, weights, calibrate, out, told))]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
pub fn _tune<'py>(
    py: Python<'py>,
    ensemble: &Bound<'py, Ensemble>,
    images: Vec<PathBuf>,
    truth: PathBuf,
    grid: Vec<String>,
    truth_size: (usize, usize),
    folds: Option<HashMap<String, u32>>,
    nested: usize,
    metric: &str,
    center: bool,
    weights: bool,
    calibrate: Option<&str>,
    out: Option<PathBuf>,
    told: Py<PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let engine = ensemble.get().engine()?;
    let metric = match metric {
        "dice" => Metric::Dice,
        "dice-positives" => Metric::DicePositives,
        other => {
            let text = format!("metric: expected \"dice\" or \"dice-positives\", found \"{other}\"");
            return Err(PyValueError::new_err(text));
        }
    };
    let calibrate = calibrate.map(str::parse).transpose();
    let calibrate =
        calibrate.map_err(|fault: String| PyValueError::new_err(format!("calibrate: {}", fault.replace('`', "\""))))?;
    let how = if center { Choose::Centre } else { Choose::Maximum };
    let path = engine.path();
    let size = Size::from(truth_size);
    let truth = py.detach(|| Submission::read(truth, size)).map_err(|error| of_submission(&error))?;
    let watch = Teller { told, raised: Mutex::default(), stopped: AtomicBool::new(false) };
    let failed = |error| of_tuning(py, &error);
    let axes = grid.iter().map(|text| text.parse()).collect::<Result<Vec<Axis>, _>>().map_err(failed)?;
    let WrittenOut { text, .. } =
        manifest::written_out(path).map_err(|error| crate::errors::of_document(py, &error))?;
    if let Some(out) = &out {
        tune::check_folder(path, out).map_err(failed)?;
    }
    let searched = py.detach(|| {
        let folder = path.parent().unwrap_or(Path::new(""));
        let space = Space::open(Grid::new(&text, path, &axes)?, folder)?;
        let judge = Evaluator { ensemble: &engine, truth: &truth, size };
        let collected = Collected::collect(&judge, space, &images, weights, &watch)?;
        let (count, skipped) = (collected.images.len(), collected.skipped);
        let found = collected.search(folder, Choice { metric, how, folds: folds.as_ref(), nested, calibrate })?;
        let changes = found.changes();
        if let Some(out) = &out {
            tune::write(out, &found.applied(&text, path)?)?;
        }
        Ok((found, changes, count, skipped))
    });
    if let Some(error) = watch.raised.into_inner().unwrap_or_default() {
        return Err(error);
    }
    let (found, changes, count, skipped) = searched.map_err(failed)?;
    let entry = described(py, &found, changes)?;
    entry.set_item("images", count)?;
    entry.set_item("skipped", skipped)?;
    Ok(entry)
}

/// Tells Python of each image, from the threads that answer them.
struct Teller {
    told: Py<PyAny>,
    raised: Mutex<Option<PyErr>>,
    stopped: AtomicBool,
}

impl Watch for Teller {
    fn begins(&self, _: bool) {}

    fn file(&self, file: &Path, error: Option<&ImageError>) {
        if self.stopped.load(Relaxed) {
            return;
        }
        let error = error.map(|error| chain(error));
        let told = Python::attach(|py| {
            py.check_signals()?;
            self.told.call1(py, (file, error)).map(drop)
        });
        if let Err(error) = told {
            self.stopped.store(true, Relaxed);
            self.raised.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn stops(&self) -> bool {
        self.stopped.load(Relaxed)
    }
}

fn described<'py>(py: Python<'py>, found: &Found, changes: Vec<(String, Number)>) -> PyResult<Bound<'py, PyDict>> {
    let (grid, tuned) = (found.space.grid(), &found.tuned);
    let entry = PyDict::new(py);
    entry.set_item("current", tuned.current)?;
    entry.set_item("best", tuned.best.score)?;
    entry.set_item("nested", tuned.nested.score)?;
    entry.set_item("gain", tuned.nested.gain.mean)?;
    entry.set_item("gain_interval", tuned.nested.gain.bounds)?;
    let values = PyDict::new(py);
    for (knob, value) in grid.knobs.iter().zip(grid.values(tuned.best.point)) {
        values.set_item(&knob.key, number(py, knob.number(value))?)?;
    }
    entry.set_item("values", values)?;
    let changed = PyDict::new(py);
    for (key, value) in changes {
        changed.set_item(key, number(py, value)?)?;
    }
    entry.set_item("changes", changed)?;
    let folds = PyList::empty(py);
    for fold in &tuned.nested.folds {
        let about = PyDict::new(py);
        about.set_item("fold", fold.name)?;
        about.set_item("images", fold.images)?;
        about.set_item("current", fold.current)?;
        about.set_item("score", fold.score)?;
        folds.append(about)?;
    }
    entry.set_item("folds", folds)?;
    entry.set_item("calibration", found.calibrated.as_ref().map(|it| calibration(py, it)).transpose()?)?;
    let further: Vec<&str> = tuned.edges.iter().map(|edge| edge.further.as_str()).collect();
    entry.set_item("further", further)?;
    Ok(entry)
}

fn calibration<'py>(py: Python<'py>, found: &Calibrated) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    match &found.calibration {
        Calibration::Temperature { temperature } => {
            entry.set_item("kind", "temperature")?;
            entry.set_item("temperature", temperature)?;
        }
        Calibration::Isotonic { scores, probabilities } => {
            entry.set_item("kind", "isotonic")?;
            entry.set_item("scores", scores)?;
            entry.set_item("probabilities", probabilities)?;
        }
    }
    for (name, Quality { ece, brier }) in [("before", found.before), ("nested", found.nested)] {
        let quality = PyDict::new(py);
        quality.set_item("ece", ece)?;
        quality.set_item("brier", brier)?;
        entry.set_item(name, quality)?;
    }
    Ok(entry)
}

fn number(py: Python<'_>, number: Number) -> PyResult<Bound<'_, PyAny>> {
    Ok(match number {
        Number::Whole(number) => number.into_pyobject(py)?.into_any(),
        Number::Real(number) => number.into_pyobject(py)?.into_any(),
    })
}
