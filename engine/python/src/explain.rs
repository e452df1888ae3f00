//! An explanation as Python's dictionaries.

use numpy::IntoPyArray;
use pleura::ensemble::{Explanation, StageExplained};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// `crop`, `classifier` and `segmenter` (or None), and the `masks` after each step.
pub fn described<'py>(py: Python<'py>, explanation: Explanation) -> PyResult<Bound<'py, PyDict>> {
    let Explanation { finding, crop, classifier, segmenter, masks } = explanation;
    let entry = PyDict::new(py);
    entry.set_item("id", finding.id)?;
    entry.set_item("score", finding.score)?;
    entry.set_item("areas", finding.areas)?;
    for (name, stage) in [("crop", crop), ("classifier", classifier), ("segmenter", segmenter)] {
        entry.set_item(name, stage.map(|stage| described_stage(py, stage)).transpose()?)?;
    }
    let masks = masks.into_iter().map(|mask| mask.into_pixels().into_pyarray(py));
    entry.set_item("masks", PyList::new(py, masks)?)?;
    Ok(entry)
}

fn described_stage(py: Python<'_>, stage: StageExplained) -> PyResult<Bound<'_, PyDict>> {
    let entry = PyDict::new(py);
    entry.set_item("score", stage.score)?;
    entry.set_item("map", stage.map.map(|map| map.into_pyarray(py)))?;
    entry.set_item("passed", stage.passed)?;
    let gate = stage.readings.into_iter().map(|reading| (reading.test, reading.value, reading.passed));
    entry.set_item("gate", gate.collect::<Vec<_>>())?;
    let members = PyList::empty(py);
    for member in stage.members {
        let about = PyDict::new(py);
        about.set_item("name", member.name)?;
        about.set_item("weight", member.weight)?;
        about.set_item("views", member.views)?;
        about.set_item("models", member.models)?;
        about.set_item("score", member.answer.score)?;
        about.set_item("map", member.answer.map.map(|map| map.into_pyarray(py)))?;
        members.append(about)?;
    }
    entry.set_item("members", members)?;
    Ok(entry)
}
