//! An open ensemble.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use pleura::ensemble::Origin;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::{kinds, of_ensemble, of_image};
use crate::explain;
use crate::files::Findings;
use crate::finding::Finding;
use crate::image::{About, Source};
use crate::options::Given;
use crate::plugins;

/// An ensemble, opened from its manifest. Several threads may use it at once.
#[pyclass(module = "pleura", name = "Ensemble", frozen)]
pub struct Ensemble {
    inner: Arc<pleura::ensemble::Ensemble>,
    given: Given,
    /// The Python plugins, by name.
    plugins: Option<Py<PyDict>>,
    /// What findings say of their run, found when it is asked for; None if a file cannot be read any more.
    origin: OnceLock<Option<Origin>>,
    /// The process that opened it: ONNX Runtime's threads do not survive a fork.
    process: u32,
}

impl Ensemble {
    pub fn keeps_maps(&self) -> bool {
        self.given.maps
    }

    /// The engine's ensemble.
    ///
    /// # Errors
    /// In a process that was forked from the one that opened it.
    pub fn engine(&self) -> PyResult<Arc<pleura::ensemble::Ensemble>> {
        if self.process == std::process::id() {
            return Ok(Arc::clone(&self.inner));
        }
        Err(kinds::ForkError::new_err(
            "this ensemble was opened before the process was forked, and its threads are gone: open it in the child, or \
             start processes with `multiprocessing.get_context(\"spawn\")`",
        ))
    }

    /// The manifest, models and plugins, by hash.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.get_or_init(|| self.inner.origin().ok()).as_ref()
    }

    /// What each member, view and step contributed.
    pub fn explained<'py>(&self, py: Python<'py>, source: &Source) -> PyResult<Bound<'py, PyDict>> {
        let engine = self.engine()?;
        let explained = py.detach(|| engine.explain(&*source.open()?));
        let explained = explained.map_err(|error| of_image(py, &source.name(), &error))?;
        explain::described(py, explained)
    }
}

#[pymethods]
impl Ensemble {
    #[new]
    #[pyo3(signature = (
        manifest, *, device = None, threads = 0, batch = 0, memory = None, device_memory = None, verify_device = None,
        onnxruntime = None,
        exit = None, maps = false, allow_outside = false, plugin_folders = None, cache = None,
        cache_form = "exact".to_owned(), folds = None, size = None, plugins = None, _found = None,
        _program = None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn new(
        py: Python<'_>,
        manifest: PathBuf,
        device: Option<Vec<String>>,
        threads: usize,
        batch: usize,
        memory: Option<usize>,
        device_memory: Option<usize>,
        verify_device: Option<usize>,
        onnxruntime: Option<PathBuf>,
        exit: Option<String>,
        maps: bool,
        allow_outside: bool,
        plugin_folders: Option<Vec<PathBuf>>,
        cache: Option<PathBuf>,
        cache_form: String,
        folds: Option<HashMap<String, u32>>,
        size: Option<(usize, usize)>,
        plugins: Option<Bound<'_, PyDict>>,
        _found: Option<PathBuf>,
        _program: Option<PathBuf>,
    ) -> PyResult<Self> {
        let given = Given {
            device: device.unwrap_or_else(|| vec!["auto".to_owned()]),
            threads,
            batch,
            memory,
            device_memory,
            verify_device,
            onnxruntime,
            exit,
            maps,
            allow_outside,
            plugin_folders: plugin_folders.unwrap_or_default(),
            cache,
            cache_form,
            folds,
            size,
        };
        let mut options = given.options(_program, _found)?;
        for (name, plugin) in plugins::registered(plugins.as_ref())? {
            options = options.plugin(name, plugin);
        }
        let opened = py.detach(|| options.open(&manifest));
        let inner = Arc::new(opened.map_err(|error| of_ensemble(py, &error))?);
        Ok(Self {
            inner,
            given,
            plugins: plugins.map(Bound::unbind),
            origin: OnceLock::new(),
            process: std::process::id(),
        })
    }

    /// Runs one image: a path, a file's bytes, a pydicom Dataset, or an array of (height, width), whose values of black
    /// and white are `range`, and whose id is `id`.
    #[pyo3(signature = (image, *, id = None, range = None, inverted = false, spacing = None))]
    fn predict(
        slf: Bound<'_, Self>,
        image: &Bound<'_, PyAny>,
        id: Option<String>,
        range: Option<(f32, f32)>,
        inverted: bool,
        spacing: Option<(f32, f32)>,
    ) -> PyResult<Finding> {
        let (py, engine) = (slf.py(), slf.get().engine()?);
        let source = Source::of(image, About { id, range, inverted, spacing })?;
        let begun = Instant::now();
        let found = py.detach(|| engine.predict(&*source.open()?));
        let took = begun.elapsed();
        let found = found.map_err(|error| of_image(py, &source.name(), &error))?;
        py.check_signals()?;
        let mut finding = Finding::new(py, found, slf.unbind(), source);
        finding.took = Some(took.as_secs_f64());
        Ok(finding)
    }

    /// Runs files, with decoding, models and postprocessing side by side; iterates over findings in their order.
    #[pyo3(signature = (paths, *, errors = "raise"))]
    fn _predict_files(slf: Bound<'_, Self>, paths: Vec<PathBuf>, errors: &str) -> PyResult<Findings> {
        let engine = slf.get().engine()?;
        Findings::start(slf.unbind(), engine, paths, errors)
    }

    /// What each member, view and step contributed to an image's result. Early exit is off here.
    #[pyo3(signature = (image, *, id = None, range = None, inverted = false, spacing = None))]
    fn explain<'py>(
        &self,
        image: &Bound<'py, PyAny>,
        id: Option<String>,
        range: Option<(f32, f32)>,
        inverted: bool,
        spacing: Option<(f32, f32)>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let source = Source::of(image, About { id, range, inverted, spacing })?;
        self.explained(image.py(), &source)
    }

    /// The ensemble's name.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.manifest().name
    }

    /// The manifest's path.
    #[getter]
    fn path(&self) -> PathBuf {
        self.inner.path().to_path_buf()
    }

    /// The device on which models run.
    #[getter]
    fn device(&self) -> String {
        self.inner.placement().device.to_string()
    }

    /// The fold of each image, by id, if it was opened with one.
    #[getter]
    fn folds(&self) -> Option<HashMap<String, u32>> {
        self.given.folds.clone()
    }

    /// The number of threads within an operator.
    #[getter]
    fn threads(&self) -> usize {
        self.inner.threads()
    }

    fn __repr__(&self) -> String {
        format!("<pleura.Ensemble {} on {}>", self.inner.path().display(), self.device())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let open = py.import("pleura")?.getattr("_opened")?;
        let path = std::path::absolute(self.inner.path())?;
        let options = self.given.keywords(py)?;
        options.set_item("plugins", self.plugins.as_ref().map(|plugins| plugins.clone_ref(py)))?;
        Ok((open, (path, options).into_pyobject(py)?))
    }
}
