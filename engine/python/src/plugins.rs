//! Postprocessing plugins in Python.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use numpy::{PyReadonlyArray2, ToPyArray};
use pleura::plugin::{Context, OwnPlugin, OwnStep};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use serde_json::{Map, Value};

/// What is registered for a name: a class, which a step's parameters instantiate, or an object.
struct Registered(Py<PyAny>);

/// An object with `apply(map, mask, context)`.
struct Instance(Py<PyAny>);

/// Plugins by name, as the engine takes them.
pub fn registered(plugins: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<(String, Arc<dyn OwnPlugin>)>> {
    let entries = plugins.into_iter().flatten();
    entries
        .map(|(name, plugin)| Ok((name.extract()?, Arc::new(Registered(plugin.unbind())) as Arc<dyn OwnPlugin>)))
        .collect()
}

impl OwnPlugin for Registered {
    fn create(&self, params: &Map<String, Value>) -> Result<Box<dyn OwnStep>, String> {
        Python::attach(|py| self.instance(py, params).map_err(|error| told(py, &error)))
    }

    fn uses_score(&self) -> bool {
        Python::attach(|py| {
            let said = self.0.bind(py).getattr("uses_score").and_then(|said| said.is_truthy());
            said.unwrap_or(true)
        })
    }
}

impl Registered {
    fn instance(&self, py: Python<'_>, params: &Map<String, Value>) -> PyResult<Box<dyn OwnStep>> {
        let given = self.0.bind(py);
        let object = if given.is_instance_of::<PyType>() {
            let json = py.import("json")?;
            let keywords = json.call_method1("loads", (Value::Object(params.clone()).to_string(),))?;
            given.call((), Some(keywords.cast::<PyDict>()?))?
        } else if params.is_empty() {
            given.clone()
        } else {
            let text = "an object takes no `params`: register its class, which gets them as keywords";
            return Err(pyo3::exceptions::PyTypeError::new_err(text));
        };
        object.getattr("apply")?;
        Ok(Box::new(Instance(object.unbind())))
    }
}

impl OwnStep for Instance {
    fn apply(
        &self,
        context: &Context,
        map: ArrayView2<'_, f32>,
        mask: Option<ArrayView2<'_, bool>>,
    ) -> Result<Array2<bool>, String> {
        Python::attach(|py| {
            let call = || -> PyResult<Array2<bool>> {
                let mask = mask.map(|mask| mask.to_pyarray(py));
                let about = described(py, context)?;
                let made = self.0.bind(py).call_method1("apply", (map.to_pyarray(py), mask, about))?;
                let made = match made.extract::<PyReadonlyArray2<'_, bool>>() {
                    Ok(made) => made,
                    Err(_) => {
                        let kind = made.get_type().name()?.to_string();
                        let about = made.getattr("dtype").map_or(kind, |dtype| format!("an array of {dtype}"));
                        let text = format!("`apply` returned {about}, expected a boolean array of (height, width)");
                        return Err(pyo3::exceptions::PyTypeError::new_err(text));
                    }
                };
                Ok(made.as_array().to_owned())
            };
            call().map_err(|error| told(py, &error))
        })
    }
}

/// What a plugin may know of an image.
fn described<'py>(py: Python<'py>, context: &Context) -> PyResult<Bound<'py, PyAny>> {
    let about = PyDict::new(py);
    about.set_item("id", &context.image_id)?;
    about.set_item("original_size", (context.original_size.height, context.original_size.width))?;
    about.set_item("score", context.score)?;
    about.set_item("spacing", context.spacing)?;
    py.import("types")?.getattr("SimpleNamespace")?.call((), Some(&about))
}

/// An exception with the line that raised it.
fn told(py: Python<'_>, error: &PyErr) -> String {
    let line = error.traceback(py).and_then(|traceback| last_line(&traceback).ok().flatten());
    line.map_or_else(|| error.to_string(), |line| format!("{error} ({line})"))
}

fn last_line(traceback: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let frames = traceback.py().import("traceback")?.call_method1("extract_tb", (traceback,))?;
    let Some(last) = frames.try_iter()?.last().transpose()? else { return Ok(None) };
    Ok(Some(format!("{}:{}", last.getattr("filename")?, last.getattr("lineno")?)))
}
