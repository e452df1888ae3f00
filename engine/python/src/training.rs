//! Training by a recipe.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pleura::radiograph::DecodeLimits;
use pleura_train::fit::{self, Options, Outcome, TrainError, Watch};
use pleura_train::journal::Line;
use pleura_train::progress::Progress;
use pleura_train::{recipe, stack};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use crate::errors::of_training;

/// How often Ctrl-C is looked for, and progress is told.
const TICK: Duration = Duration::from_millis(100);

/// Trains by a recipe. `told(kind, content)` gets `epoch` and `step` with a dictionary, and `note` with a text; it
/// returns False to stop. Returns the result as a dictionary; None if `told` stopped it.
#[pyfunction]
#[pyo3(signature = (recipe, *, out, device, threads, onnxruntime, fold, fresh, tensorboard, told))]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
pub fn _train<'py>(
    py: Python<'py>,
    recipe: PathBuf,
    out: Option<PathBuf>,
    device: &str,
    threads: usize,
    onnxruntime: Option<PathBuf>,
    fold: Option<u32>,
    fresh: bool,
    tensorboard: bool,
    told: Py<PyAny>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let device = device.parse().map_err(|error| PyValueError::new_err(format!("device: {error}")))?;
    let options = Options { out, device, threads, onnxruntime, fresh, tensorboard, decode: DecodeLimits::default() };
    if recipe::stack::is_stack(&recipe) {
        if fold.is_some() {
            return Err(PyValueError::new_err("fold: a stacking model trains all folds at once; leave it out"));
        }
        return stacked(py, &recipe, &options, &told).map(Some);
    }
    let folder = fit::outputs(&recipe, options.out.as_deref()).map_or_else(PathBuf::new, |(folder, _)| folder);
    let mut watch = Teller { told, looked: Instant::now(), end: None };
    let trained = py.detach(|| match fold {
        Some(fold) => fit::train_fold(&recipe, fold, &options, &mut watch),
        None => fit::train(&recipe, &options, &mut watch),
    });
    match (trained, watch.end) {
        (_, Some(End::Raised(error))) => Err(error),
        (Err(TrainError::Interrupted { .. }), Some(End::Asked)) => Ok(None),
        (Ok(outcome), _) => described(py, &outcome, &folder).map(Some),
        (Err(error), _) => Err(of_training(py, &error)),
    }
}

/// Why a training ends early.
enum End {
    /// A callback raised, or Ctrl-C was pressed.
    Raised(PyErr),
    /// A callback returned False.
    Asked,
}

/// Tells Python what happens.
struct Teller {
    told: Py<PyAny>,
    looked: Instant,
    end: Option<End>,
}

impl Teller {
    fn tell(&mut self, kind: &str, content: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>) {
        if self.end.is_some() {
            return;
        }
        let told = Python::attach(|py| {
            py.check_signals()?;
            let answer = self.told.bind(py).call1((kind, content(py)?))?;
            Ok(answer.cast::<PyBool>().is_ok_and(|answer| !answer.is_true()))
        });
        self.end = match told {
            Ok(false) => None,
            Ok(true) => Some(End::Asked),
            Err(error) => Some(End::Raised(error)),
        };
    }
}

impl Watch for Teller {
    fn step(&mut self, progress: &Progress) {
        if self.looked.elapsed() < TICK {
            return;
        }
        self.looked = Instant::now();
        self.tell("step", |py| described_step(py, progress).map(|it| it.into_any().unbind()));
    }

    fn epoch(&mut self, line: &Line, is_best: bool) {
        self.tell("epoch", |py| described_epoch(py, line, is_best).map(|it| it.into_any().unbind()));
    }

    fn note(&mut self, text: &str) {
        self.tell("note", |py| Ok(text.into_pyobject(py)?.into_any().unbind()));
    }

    fn stops(&self) -> bool {
        self.end.is_some()
    }
}

fn described_epoch<'py>(py: Python<'py>, line: &Line, is_best: bool) -> PyResult<Bound<'py, PyDict>> {
    let Line { fold, phase, epoch, step, lr, loss, terms, images_per_second, seconds, .. } = line;
    let entry = PyDict::new(py);
    entry.set_item("fold", fold)?;
    entry.set_item("phase", phase)?;
    entry.set_item("epoch", epoch)?;
    entry.set_item("step", step)?;
    entry.set_item("lr", lr)?;
    entry.set_item("loss", loss)?;
    let losses = PyDict::new(py);
    terms.iter().try_for_each(|(name, loss)| losses.set_item(name, loss))?;
    entry.set_item("terms", losses)?;
    entry.set_item("validation_loss", line.validation_loss)?;
    entry.set_item("dice", line.dice)?;
    entry.set_item("dice_positives", line.dice_positives)?;
    entry.set_item("iou", line.iou)?;
    entry.set_item("auc", line.auc)?;
    entry.set_item("images_per_second", images_per_second)?;
    entry.set_item("seconds", seconds)?;
    entry.set_item("is_best", is_best)?;
    Ok(entry)
}

fn described_step<'py>(py: Python<'py>, progress: &Progress) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    for (name, at) in [("fold", progress.fold), ("phase", progress.phase), ("epoch", progress.epoch)] {
        entry.set_item(name, at.0.saturating_sub(1))?;
    }
    entry.set_item("step", progress.step.0)?;
    entry.set_item("steps", progress.step.1)?;
    entry.set_item("loss", progress.loss)?;
    entry.set_item("images_per_second", progress.images_per_second)?;
    entry.set_item("text", progress.to_string())?;
    Ok(entry)
}

fn described<'py>(py: Python<'py>, outcome: &Outcome, folder: &Path) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    let models: Vec<PathBuf> = outcome.models.iter().map(|model| folder.join(&model.trained.model)).collect();
    entry.set_item("models", models)?;
    entry.set_item("manifest", outcome.manifest.clone())?;
    entry.set_item("images", outcome.images)?;
    entry.set_item("dice", outcome.dice)?;
    entry.set_item("dice_positives", outcome.dice_positives)?;
    entry.set_item("auc", outcome.auc)?;
    Ok(entry)
}

/// Trains a stacking model. It takes seconds, and cannot be stopped.
fn stacked<'py>(py: Python<'py>, recipe: &Path, options: &Options, told: &Py<PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let mut notes = Vec::new();
    let trained = py.detach(|| stack::train(recipe, options, &mut |note| notes.push(note.to_owned())));
    notes.into_iter().try_for_each(|note| told.call1(py, ("note", note)).map(drop))?;
    let trained = trained.map_err(|error| crate::errors::kinds::TrainingError::new_err(pleura::chain(&error)))?;
    let entry = PyDict::new(py);
    entry.set_item("models", [trained.model])?;
    entry.set_item("manifest", trained.merge)?;
    entry.set_item("images", trained.images)?;
    entry.set_item("dice", py.None())?;
    entry.set_item("dice_positives", py.None())?;
    entry.set_item("auc", trained.stack.auc)?;
    Ok(entry)
}
