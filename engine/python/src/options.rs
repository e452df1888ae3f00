//! The options of an ensemble, as Python names them; an ensemble is opened again with them elsewhere.

use std::collections::HashMap;
use std::path::PathBuf;

use pleura::ensemble::{Form, Options};
use pleura::manifest::Exit;
use pleura::runtime::Device;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The arguments of `Ensemble`.
#[derive(Debug, Clone)]
pub struct Given {
    pub device: Vec<String>,
    pub threads: usize,
    pub batch: usize,
    pub memory: Option<usize>,
    pub device_memory: Option<usize>,
    pub verify_device: Option<usize>,
    pub onnxruntime: Option<PathBuf>,
    pub exit: Option<String>,
    pub maps: bool,
    pub allow_outside: bool,
    pub plugin_folders: Vec<PathBuf>,
    pub cache: Option<PathBuf>,
    pub cache_form: String,
    pub folds: Option<HashMap<String, u32>>,
    pub size: Option<(usize, usize)>,
}

impl Given {
    /// As the engine takes them.
    ///
    /// # Errors
    /// If a device or an exit is none that the engine knows.
    pub fn options(&self, program: Option<PathBuf>, onnxruntime: Option<PathBuf>) -> PyResult<Options> {
        let wrong = |error: String| PyValueError::new_err(error);
        let device = |name: &String| name.parse().map_err(|error| wrong(format!("device: {error}")));
        let devices: Vec<Device> = self.device.iter().map(device).collect::<PyResult<_>>()?;
        let mut options = pleura::ensemble::Ensemble::options()
            .devices(&devices)
            .threads(self.threads)
            .batch(self.batch)
            .keep_maps(self.maps)
            .allow_outside(self.allow_outside)
            .plugin_folders(&self.plugin_folders);
        if let Some(bytes) = self.memory {
            options = options.memory(bytes);
        }
        if let Some(bytes) = self.device_memory {
            options = options.device_memory(bytes);
        }
        if let Some(inputs) = self.verify_device {
            options = options.verify_device(inputs);
        }
        match self.exit.as_deref() {
            None => {}
            Some("exact") => options = options.exit(Exit::Exact),
            Some("full") => options = options.exit(Exit::Full),
            Some(other) => return Err(wrong(format!("exit: expected \"exact\" or \"full\", found \"{other}\""))),
        }
        if let Some(folder) = &self.cache {
            options = options.cache(folder, form(&self.cache_form).map_err(wrong)?);
        }
        if let Some(folds) = &self.folds {
            options = options.folds(folds.clone());
        }
        if let Some(size) = self.size {
            options = options.output_size(size.into());
        }
        if let Some(library) = self.onnxruntime.clone().or(onnxruntime) {
            options = options.onnxruntime(library);
        }
        Ok(match program {
            Some(program) => {
                pleura::runtime::probe_with(program.clone());
                options.worker(program)
            }
            None => options,
        })
    }

    /// As keyword arguments.
    pub fn keywords<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let keywords = PyDict::new(py);
        keywords.set_item("device", &self.device)?;
        keywords.set_item("threads", self.threads)?;
        keywords.set_item("batch", self.batch)?;
        keywords.set_item("memory", self.memory)?;
        keywords.set_item("device_memory", self.device_memory)?;
        keywords.set_item("verify_device", self.verify_device)?;
        keywords.set_item("onnxruntime", self.onnxruntime.clone())?;
        keywords.set_item("exit", self.exit.as_deref())?;
        keywords.set_item("maps", self.maps)?;
        keywords.set_item("allow_outside", self.allow_outside)?;
        keywords.set_item("plugin_folders", self.plugin_folders.clone())?;
        keywords.set_item("cache", self.cache.clone())?;
        keywords.set_item("cache_form", &self.cache_form)?;
        keywords.set_item("folds", self.folds.clone())?;
        keywords.set_item("size", self.size)?;
        Ok(keywords)
    }
}

fn form(name: &str) -> Result<Form, String> {
    match name {
        "exact" => Ok(Form::Exact),
        "steps16" => Ok(Form::Steps16),
        "steps8" => Ok(Form::Steps8),
        _ => Err(format!("cache_form: expected \"exact\", \"steps16\" or \"steps8\", found \"{name}\"")),
    }
}
