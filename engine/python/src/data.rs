//! Reads and divides collections, as the engine does.

use std::path::PathBuf;

use numpy::{IntoPyArray, PyArray2};
use pleura::manifest::Intensity;
use pleura::radiograph::{self, Tags};
use pleura::{Radiograph, Size};
use pleura_train::data::folds::{self, Subject};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{kinds::PleuraError, of_image, of_submission};

/// The image files that inputs name: files, folders, globs.
#[pyfunction]
pub fn _find(py: Python<'_>, inputs: Vec<PathBuf>) -> PyResult<Vec<PathBuf>> {
    let found = py.detach(|| radiograph::search_with(&inputs, std::io::empty()));
    found.map(|found| found.images).map_err(|error| PleuraError::new_err(pleura::chain(&error)))
}

/// A file's id, intensities of (height, width), spacing and remarks. `window`: by the file's window, otherwise the range
/// of its stored bits.
#[pyfunction]
pub fn _read<'py>(py: Python<'py>, path: PathBuf, window: bool) -> PyResult<Bound<'py, PyDict>> {
    let opened = py.detach(|| {
        let radiograph = Radiograph::open(&path)?;
        let intensities = radiograph.intensities(if window { Intensity::Window } else { Intensity::Stored });
        Ok((radiograph, intensities))
    });
    let (radiograph, intensities) =
        opened.map_err(|error: pleura::radiograph::RadiographError| of_image(py, &path, &error))?;
    let entry = PyDict::new(py);
    entry.set_item("id", radiograph.id())?;
    let pixels: Bound<'py, PyArray2<f32>> = intensities.into_pyarray(py);
    entry.set_item("pixels", pixels)?;
    entry.set_item("spacing", radiograph.spacing())?;
    entry.set_item("has_window", radiograph.has_window())?;
    entry.set_item("remarks", radiograph.remarks().to_vec())?;
    Ok(entry)
}

/// A file's tags; None for those that it lacks.
#[pyfunction]
pub fn _tags<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyDict>> {
    let tags = py.detach(|| Tags::open(&path)).map_err(|error| of_image(py, &path, &error))?;
    let years = tags.years();
    let Tags { id, patient_id, patient_name, sex, age, view, modality, body_part, size, .. } = tags;
    let entry = PyDict::new(py);
    entry.set_item("id", id)?;
    entry.set_item("patient_id", patient_id)?;
    entry.set_item("patient_name", patient_name)?;
    entry.set_item("sex", sex)?;
    entry.set_item("age", age)?;
    entry.set_item("years", years)?;
    entry.set_item("view", view)?;
    entry.set_item("modality", modality)?;
    entry.set_item("body_part", body_part)?;
    entry.set_item("size", size.map(|Size { height, width }| (height, width)))?;
    entry.set_item("bits_stored", tags.bits_stored)?;
    entry.set_item("photometric", tags.photometric)?;
    entry.set_item("transfer_syntax", tags.syntax.map(|(uid, _)| uid))?;
    entry.set_item("spacing", tags.spacing)?;
    entry.set_item("window", tags.window)?;
    entry.set_item("frames", tags.frames)?;
    Ok(entry)
}

/// The fold of each id of a truth, balanced by positives and area; images of one patient are in one fold.
#[pyfunction]
pub fn _folds(
    py: Python<'_>,
    truth: PathBuf,
    count: u32,
    seed: u64,
    patients: Option<Vec<(String, String)>>,
    truth_size: (usize, usize),
) -> PyResult<Vec<(String, u32)>> {
    if !(2..=100).contains(&count) {
        return Err(PyValueError::new_err(format!("folds: expected 2 to 100, found {count}")));
    }
    let (ids, subjects) = py.detach(|| subjects(&truth, Size::from(truth_size)))?;
    let patients = patients.map(|list| {
        let of: std::collections::HashMap<_, _> = list.into_iter().collect();
        let each = ids.iter().map(|id| of.get(id).cloned().ok_or(id)).collect::<Result<Vec<String>, &String>>();
        each.map_err(|id| PyValueError::new_err(format!("patients: image `{id}` of the truth has none")))
    });
    let patients = patients.transpose()?.map(|list| folds::number(list.iter().map(String::as_str)));
    let divided = folds::divide(&subjects, patients.as_deref(), count, seed);
    let divided = divided.map_err(|error| PleuraError::new_err(pleura::chain(&error)))?;
    Ok(ids.into_iter().zip(divided).collect())
}

/// The ids of a truth, in the order of its rows, with the area of each.
fn subjects(truth: &PathBuf, size: Size) -> PyResult<(Vec<String>, Vec<Subject>)> {
    let read = pleura::submission::Submission::read(truth, size).map_err(|error| of_submission(&error))?;
    let ids: Vec<String> = read.ids().map(str::to_owned).collect();
    let area = |id: &String| read.runs(id).map_or(0, pleura::submission::Runs::area);
    let subject = |id| Subject { positive: area(id) > 0, area: area(id) as u64 };
    let subjects = ids.iter().map(subject).collect();
    Ok((ids, subjects))
}
