//! The result for one image.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use numpy::{IntoPyArray, PyArray2, PyArrayMethods};
use pleura::ensemble::{Agreement, Decision, Outcome, Region, Runs as Ran};
use pleura::submission::Runs;
use pleura::{Mask, Size};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::ensemble::Ensemble;
use crate::errors::kinds::PleuraError;
use crate::image::Source;
use crate::picture;

/// The result for one image. Its arrays are read-only.
#[pyclass(module = "pleura", name = "Finding", frozen)]
pub struct Finding {
    /// The image's id in a submission.
    #[pyo3(get)]
    pub id: String,
    /// The image's file, if it was one.
    #[pyo3(get)]
    path: Option<PathBuf>,
    /// The stage that decided: `classifier-gate`, `segmenter-gate` or `postprocess`.
    #[pyo3(get)]
    decision: &'static str,
    /// The lowest and the highest score that the classifiers which ran allow; None without classifiers.
    #[pyo3(get)]
    score_bounds: Option<(f32, f32)>,
    /// The lowest and the highest calibrated probability that the image is positive; None without a calibration.
    #[pyo3(get)]
    calibrated_bounds: Option<(f32, f32)>,
    /// Why people should read the image first; empty if it is not referred.
    #[pyo3(get)]
    reasons: Vec<String>,
    agreement: Agreement,
    /// The score of each classifier that ran, by name.
    #[pyo3(get)]
    classifiers: Vec<(String, f32)>,
    /// The marked area after each postprocessing step, in pixels.
    #[pyo3(get)]
    areas: Vec<usize>,
    steps: Arc<[String]>,
    /// The spacing of the mask's pixels, (row, column) in mm; None if the image states none.
    #[pyo3(get)]
    spacing: Option<(f32, f32)>,
    /// The line of `--findings`, written when it is asked for.
    json: OnceLock<String>,
    /// What ran; None for a finding that was pickled, which has its line.
    ran: Option<Ran>,
    crop: Option<Region>,
    pub runs: Runs,
    pub size: Size,
    mask: Py<PyArray2<bool>>,
    map: Option<Py<PyArray2<f32>>>,
    origin: Option<(Py<Ensemble>, Source)>,
    /// Seconds that the engine took, for benches; None if it ran beside others.
    #[pyo3(get, name = "_engine_seconds")]
    pub took: Option<f64>,
}

impl Finding {
    /// From the engine's. The arrays move into NumPy, without a copy.
    pub fn new(py: Python<'_>, finding: pleura::ensemble::Finding, ensemble: Py<Ensemble>, source: Source) -> Self {
        let path = match &source {
            Source::File(path) => Some(path.clone()),
            _ => None,
        };
        let pleura::ensemble::Finding { id, mask, decision, score, map, classifiers, areas, crop, .. } = finding;
        let pleura::ensemble::Finding { calibrated, agreement, reasons, steps, spacing, runs: ran, .. } = finding;
        let (runs, size) = (Runs::from(&mask), mask.size());
        Self {
            id,
            path,
            decision: words(decision),
            score_bounds: score,
            calibrated_bounds: calibrated,
            reasons,
            agreement,
            classifiers,
            areas,
            steps,
            spacing,
            json: OnceLock::new(),
            ran: Some(ran),
            crop,
            runs,
            size,
            mask: frozen(mask.into_pixels().into_pyarray(py)),
            map: map.map(|map| frozen(map.into_pyarray(py))),
            origin: Some((ensemble, source)),
            took: None,
        }
    }

    /// The line of `--findings`.
    fn line(&self, py: Python<'_>) -> String {
        let found = pleura::ensemble::Finding {
            id: self.id.clone(),
            mask: Mask::from(self.mask.bind(py).readonly().as_array().to_owned()),
            decision: decision(self.decision).unwrap_or(Decision::Postprocess),
            score: self.score_bounds,
            calibrated: self.calibrated_bounds,
            agreement: self.agreement,
            reasons: self.reasons.clone(),
            map: None,
            runs: self.ran.unwrap_or_default(),
            classifiers: self.classifiers.clone(),
            areas: self.areas.clone(),
            steps: Arc::clone(&self.steps),
            spacing: self.spacing,
            crop: self.crop,
        };
        let origin = self.origin.as_ref().and_then(|(ensemble, _)| ensemble.get().origin());
        found.to_json(self.path.as_deref(), origin)
    }

    /// The radiograph and the ensemble, as long as they are known.
    fn origin(&self) -> PyResult<&(Py<Ensemble>, Source)> {
        self.origin.as_ref().ok_or_else(|| {
            PleuraError::new_err("a finding that was pickled has no ensemble any more: predict the image again")
        })
    }
}

fn words(decision: Decision) -> &'static str {
    match decision {
        Decision::ClassifierGate => "classifier-gate",
        Decision::SegmenterGate => "segmenter-gate",
        _ => "postprocess",
    }
}

/// The decision that is called so.
fn decision(name: &str) -> Option<Decision> {
    [Decision::ClassifierGate, Decision::SegmenterGate, Decision::Postprocess].into_iter().find(|it| words(*it) == name)
}

/// An array that cannot be written to: other findings and pictures of it count on its content.
fn frozen<T: numpy::Element>(array: Bound<'_, PyArray2<T>>) -> Py<PyArray2<T>> {
    array.readwrite().make_nonwriteable();
    array.unbind()
}

#[pymethods]
impl Finding {
    /// The mask, a boolean array of (height, width).
    #[getter]
    fn mask(&self, py: Python<'_>) -> Py<PyArray2<bool>> {
        self.mask.clone_ref(py)
    }

    /// The merged map of probabilities, an array of (height, width) in 0..1; None for an image that a gate stopped.
    #[getter]
    fn probability(&self, py: Python<'_>) -> PyResult<Option<Py<PyArray2<f32>>>> {
        let is_kept = self.origin.as_ref().is_none_or(|(ensemble, _)| ensemble.get().keeps_maps());
        match &self.map {
            Some(map) => Ok(Some(map.clone_ref(py))),
            None if is_kept => Ok(None),
            None => Err(PleuraError::new_err("maps are not kept: open the ensemble with `maps=True`")),
        }
    }

    /// The score in 0..1; None without classifiers, or if early exit left it open: see `score_bounds`.
    #[getter]
    fn score(&self) -> Option<f32> {
        self.score_bounds.filter(|(low, high)| low == high).map(|(low, _)| low)
    }

    /// The calibrated probability that the image is positive, in 0..1; None without a calibration, or if early exit left
    /// it open: see `calibrated_bounds`.
    #[getter]
    fn calibrated(&self) -> Option<f32> {
        self.calibrated_bounds.filter(|(low, high)| low == high).map(|(low, _)| low)
    }

    /// `positive`, `negative`, or `refer` for an image that people should read first: see `reasons`.
    #[getter]
    fn outcome(&self) -> &'static str {
        Outcome::new(&self.reasons, self.runs.is_empty()).name()
    }

    /// How far the members agree: `score_spread`, the highest score of a classifier minus the lowest, and `dice`, the
    /// mean Dice over all pairs of the segmenters' own masks; each None if fewer than two ran.
    #[getter]
    fn agreement<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let agreement = PyDict::new(py);
        agreement.set_item("score_spread", self.agreement.score_spread)?;
        agreement.set_item("dice", self.agreement.dice)?;
        Ok(agreement)
    }

    /// The names of the postprocessing steps, one for each of `areas`.
    #[getter]
    fn steps(&self) -> Vec<String> {
        if self.areas.is_empty() { Vec::new() } else { self.steps.to_vec() }
    }

    /// Whether anything is marked.
    #[getter]
    fn positive(&self) -> bool {
        !self.runs.is_empty()
    }

    /// The number of marked pixels.
    #[getter]
    fn area(&self) -> usize {
        self.runs.area()
    }

    /// The mask's run lengths, as a submission has them; `-1` if nothing is marked.
    #[getter]
    fn rle(&self) -> String {
        self.runs.encode()
    }

    /// The crop stage's box, (top, left, height, width) in pixels of the image; None without a crop stage.
    #[getter]
    fn crop(&self) -> Option<(usize, usize, usize, usize)> {
        self.crop.map(|crop| (crop.top, crop.left, crop.height, crop.width))
    }

    /// The finding as a line of `--findings`, a JSON object.
    fn to_json(&self, py: Python<'_>) -> &str {
        self.json.get_or_init(|| self.line(py))
    }

    /// What each member, view and step contributed: see `Ensemble.explain`.
    fn explain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (ensemble, source) = self.origin()?;
        ensemble.get().explained(py, source)
    }

    /// The radiograph with the mask's outline, as PNG.
    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some((_, source)) = &self.origin else { return Ok(None) };
        let mask = Mask::from(self.mask.bind(py).readonly().as_array().to_owned());
        let drawn = py.detach(|| picture::draw(source, &mask, self.score_bounds));
        // a file that has gone since has no picture; the text of the finding is shown without
        Ok(drawn.map(|png| PyBytes::new(py, &png)))
    }

    fn __repr__(&self) -> String {
        let score = match (self.score(), self.score_bounds) {
            (Some(score), _) => format!(", score {score:.4}"),
            (None, Some((low, high))) => format!(", score {low:.4} to {high:.4}"),
            (None, None) => String::new(),
        };
        format!("<pleura.Finding {}: {} pixels of {}{score}, by {}>", self.id, self.area(), self.size, self.decision)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let restore = py.import("pleura._pleura")?.getattr("_restored")?;
        let map = self.map.as_ref().map(|map| map.clone_ref(py));
        let about = (&self.id, self.path.clone(), self.decision, self.score_bounds, self.classifiers.clone());
        let Agreement { score_spread, dice } = self.agreement;
        let trust =
            (self.calibrated_bounds, score_spread, dice, self.reasons.clone(), self.steps.to_vec(), self.spacing);
        let rest = (self.areas.clone(), self.to_json(py), self.mask.clone_ref(py), map);
        Ok((restore, (about, trust, rest).into_pyobject(py)?))
    }
}

type Rest = (Vec<usize>, String, Py<PyArray2<bool>>, Option<Py<PyArray2<f32>>>);
type Trust = (Option<(f32, f32)>, Option<f32>, Option<f32>, Vec<String>, Vec<String>, Option<(f32, f32)>);
type About = (String, Option<PathBuf>, String, Option<(f32, f32)>, Vec<(String, f32)>);

/// A finding that was pickled.
#[pyfunction]
#[pyo3(name = "_restored")]
pub fn restored(py: Python<'_>, about: About, trust: Trust, rest: Rest) -> PyResult<Finding> {
    let (id, path, decision, score_bounds, classifiers) = about;
    let (calibrated_bounds, score_spread, dice, reasons, steps, spacing) = trust;
    let (areas, json, mask, map) = rest;
    let decision = self::decision(&decision)
        .map(words)
        .ok_or_else(|| PleuraError::new_err(format!("unknown decision `{decision}`")))?;
    let pixels = Mask::from(mask.bind(py).readonly().as_array().to_owned());
    let (runs, size) = (Runs::from(&pixels), pixels.size());
    let mask = frozen(mask.into_bound(py));
    let map = map.map(|map| frozen(map.into_bound(py)));
    Ok(Finding {
        id,
        path,
        decision,
        score_bounds,
        calibrated_bounds,
        reasons,
        agreement: Agreement { score_spread, dice },
        classifiers,
        areas,
        steps: steps.into(),
        spacing,
        json: OnceLock::from(json),
        ran: None,
        crop: None,
        runs,
        size,
        mask,
        map,
        origin: None,
        took: None,
    })
}
