//! Submissions.

use std::path::PathBuf;

use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2};
use pleura::submission::{Score, read_ids};
use pleura::{Mask, Size};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::of_submission;
use crate::finding::Finding;

const FULL: (usize, usize) = (1024, 1024);

/// A submission: masks by image, in order.
#[pyclass(module = "pleura", name = "Submission")]
pub struct Submission {
    inner: pleura::submission::Submission,
}

#[pymethods]
impl Submission {
    /// An empty submission, whose masks have `size`, or each its own.
    #[new]
    #[pyo3(signature = (size = None))]
    fn new(size: Option<(usize, usize)>) -> Self {
        let inner = match size {
            Some(size) => pleura::submission::Submission::new(Size::from(size)),
            None => pleura::submission::Submission::any_size(),
        };
        Self { inner }
    }

    /// The submission of findings, in their order.
    #[staticmethod]
    fn from_findings(findings: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut inner = pleura::submission::Submission::any_size();
        for finding in findings.try_iter()? {
            let finding = finding?;
            let finding = finding.cast::<Finding>()?.get();
            inner
                .insert_runs(finding.id.clone(), finding.size, finding.runs.clone())
                .map_err(|error| of_submission(&error))?;
        }
        Ok(Self { inner })
    }

    /// Reads a CSV of masks of `size`.
    #[staticmethod]
    #[pyo3(signature = (path, size = FULL))]
    fn read(py: Python<'_>, path: PathBuf, size: (usize, usize)) -> PyResult<Self> {
        let read = py.detach(|| pleura::submission::Submission::read(path, Size::from(size)));
        read.map(|inner| Self { inner }).map_err(|error| of_submission(&error))
    }

    /// Adds an image, or replaces its mask.
    fn insert(&mut self, id: String, mask: PyReadonlyArray2<'_, bool>) -> PyResult<()> {
        let mask = Mask::from(mask.as_array().to_owned());
        self.inner.insert(id, &mask).map_err(|error| of_submission(&error))
    }

    /// Writes the CSV: in the order of a sample's ids if one is given, otherwise sorted by id, as `pleura predict` does.
    #[pyo3(signature = (path, sample = None))]
    fn write(&mut self, py: Python<'_>, path: PathBuf, sample: Option<PathBuf>) -> PyResult<()> {
        let inner = &mut self.inner;
        let written = py.detach(|| {
            match sample {
                Some(sample) => inner.order_like(&read_ids(sample)?)?,
                None => inner.sort(),
            }
            inner.write(path)
        });
        written.map_err(|error| of_submission(&error))
    }

    /// The ids, in order.
    #[getter]
    fn ids(&self) -> Vec<String> {
        self.inner.ids().map(str::to_owned).collect()
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    fn __contains__(&self, id: &str) -> bool {
        self.inner.contains(id)
    }

    /// The mask of an image, if all masks have one size.
    fn __getitem__<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyArray2<bool>>> {
        let mask = self.inner.mask(id).ok_or_else(|| PyKeyError::new_err(id.to_owned()))?;
        Ok(mask.into_pixels().into_pyarray(py))
    }

    fn __repr__(&self) -> String {
        format!("<pleura.Submission of {} images, {} marked>", self.inner.len(), self.inner.positives())
    }
}

/// Scores a submission's CSV against the truth's; both hold masks of `size`.
#[pyfunction]
#[pyo3(signature = (submission, truth, size = FULL, subset = false))]
pub fn score<'py>(
    py: Python<'py>,
    submission: PathBuf,
    truth: PathBuf,
    size: (usize, usize),
    subset: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let size = Size::from(size);
    let scored = py.detach(|| {
        let submission = pleura::submission::Submission::read_single(submission, size)?;
        submission.scores_of_file(truth)?.summary(subset)
    });
    described(py, &scored.map_err(|error| of_submission(&error))?)
}

fn described<'py>(py: Python<'py>, score: &Score) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    entry.set_item("images", score.images)?;
    entry.set_item("positives", score.positives)?;
    entry.set_item("mean_dice", score.mean_dice)?;
    entry.set_item("mean_iou", score.mean_iou)?;
    entry.set_item("mean_dice_positives", score.mean_dice_positives)?;
    entry.set_item("mean_iou_positives", score.mean_iou_positives)?;
    entry.set_item("sensitivity", score.sensitivity)?;
    entry.set_item("specificity", score.specificity)?;
    Ok(entry)
}
