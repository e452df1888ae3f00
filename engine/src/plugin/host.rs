//! A plugin instance, as the engine uses it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ndarray::{Array2, ArrayView2};

use super::call::{Calls, Instance, PlaneCall};
use super::child::program;
use super::own::Opened;
use super::process::Worker;
use super::{
    About, Context, Fault, LoadError, Origin, PluginError, PluginOptions, Role, Size, checks, exits, find, library,
    origin,
};
use crate::manifest::{Isolation, Step};
use crate::{Mask, digest};

/// An instance of a plugin with its parameters. Calls may come from several threads at once.
///
/// # Errors
/// Every call fails with [`PluginError::Call`], naming the plugin and the call, if the plugin reports an error or
/// crashes in a child process, if its result is invalid, if its input contains NaN or infinity (the plugin is then not
/// called), or if the plugin has another role. The caller adds the image.
pub struct Plugin {
    about: About,
    origin: Origin,
    /// The file with the code: the library, or the program.
    file: PathBuf,
    calls: Box<dyn Calls>,
    views: usize,
    sha256: OnceLock<String>,
}

impl Plugin {
    /// Finds, loads and creates the plugin of a manifest's step; `manifest_dir` is the manifest's folder.
    ///
    /// # Errors
    /// If no such plugin is found, if its library does not have the sha256 that the step declares (none of its code has
    /// run then) or is not a plugin of this ABI, or if it refuses its parameters.
    pub fn open(step: &Step, manifest_dir: &Path) -> Result<Self, PluginError> {
        Self::open_with(step, manifest_dir, &PluginOptions::default())
    }

    /// As [`Plugin::open`], with options.
    ///
    /// # Errors
    /// As [`Plugin::open`].
    pub fn open_with(step: &Step, manifest_dir: &Path, options: &PluginOptions) -> Result<Self, PluginError> {
        if let Some(Opened { about, calls }) = options.own.open(step)? {
            let origin = Origin::Program;
            let file = origin.file();
            return Self::new(about, origin, file, calls);
        }
        let origin = find::resolve(step, manifest_dir, options)?;
        let verified =
            origin.library().map(|path| library::verify(path, step.sha256.as_deref())).transpose()?.flatten();
        let plugin = match step.isolation {
            Isolation::None => Self::here(origin, step)?,
            Isolation::Process => Self::apart(origin, step, 1, options.worker.as_deref())?,
        };
        if !step.is_path() && plugin.about.name != step.plugin {
            let why = LoadError::OtherName { found: plugin.about.name };
            return Err(PluginError::Load { path: plugin.file, why });
        }
        if let Some(sum) = verified {
            // The receipt names the file that was checked, even if it changes later.
            let _ = plugin.sha256.set(sum);
        }
        Ok(plugin)
    }

    fn here(origin: Origin, step: &Step) -> Result<Self, PluginError> {
        exits::watch();
        let load = || origin.load(step.global_symbols);
        let loaded = exits::within(&origin.to_string(), "loading", load)
            .map_err(|why| PluginError::Load { path: origin.file(), why })?;
        exits::watch();
        let instance = Instance::create(&loaded, &params(step))
            .map_err(|message| PluginError::Refused { plugin: loaded.about.name.clone(), message })?;
        let file = origin.file();
        Self::new(loaded.about, origin, file, Box::new(instance))
    }

    /// In a child process, which makes every call on `threads` threads at once and compares the results.
    pub(super) fn apart(
        origin: Origin,
        step: &Step,
        threads: usize,
        worker: Option<&Path>,
    ) -> Result<Self, PluginError> {
        let program = program(&origin.file(), worker)?;
        let (about, worker) = Worker::open(program, &origin, step, params(step), threads)?;
        let file = worker.file();
        Self::new(about, origin, file, Box::new(worker))
    }

    fn new(about: About, origin: Origin, file: PathBuf, calls: Box<dyn Calls>) -> Result<Self, PluginError> {
        let mut plugin = Self { about, origin, file, calls, views: 0, sha256: OnceLock::new() };
        if plugin.role() == Role::Tta {
            let views = plugin.calls.views().and_then(checks::views);
            plugin.views = views.map_err(|why| plugin.failed("views", why))?;
        }
        Ok(plugin)
    }

    /// The content of the plugin's table.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The plugin's name in manifests.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// The plugin's own version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.about.version
    }

    /// The plugin's role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.about.role
    }

    /// Whether the result depends on [`Context::score`], which must then be exact.
    #[must_use]
    pub fn uses_score(&self) -> bool {
        self.about.uses_score
    }

    /// Where the plugin's code is.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The sha256, in hexadecimal, of the file with the plugin's code: its library, or the program of a built-in one.
    /// Computed once, at the first call, or when it was checked.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn sha256(&self) -> Result<&str, PluginError> {
        if let Some(sum) = self.sha256.get() {
            return Ok(sum);
        }
        let unread = |source| PluginError::Read { path: self.file.clone(), source };
        if self.origin.library().is_none() && self.file == self.origin.file() {
            return origin::program_sha256().map_err(unread);
        }
        let sum = digest::file(&self.file).map_err(unread)?;
        Ok(self.sha256.get_or_init(|| sum))
    }

    /// Prepares an image: the result has the same size, intensities in 0..=1.
    ///
    /// # Errors
    /// See [`Plugin`].
    pub fn prepare(&self, image: ArrayView2<'_, f32>) -> Result<Array2<f32>, PluginError> {
        self.call("prepare", Role::Prepare, || {
            checks::input("image", image)?;
            let out = self.calls.plane(PlaneCall::Prepare, image, image.dim().into())?;
            checks::image(out.view()).map(|()| out)
        })
    }

    /// The number of views, without the identity; 0 if the plugin has another role.
    #[must_use]
    pub fn views(&self) -> usize {
        self.views
    }

    /// The size of a view of an image of size `image`.
    ///
    /// # Errors
    /// See [`Plugin`].
    pub fn view_size(&self, view: usize, image: Size) -> Result<Size, PluginError> {
        self.call("view_size", Role::Tta, || self.checked_view_size(view, image))
    }

    /// View number `view` of an image, with intensities in 0..=1.
    ///
    /// # Errors
    /// See [`Plugin`].
    pub fn forward(&self, view: usize, image: ArrayView2<'_, f32>) -> Result<Array2<f32>, PluginError> {
        self.call("forward", Role::Tta, || {
            checks::input("image", image)?;
            let size = self.checked_view_size(view, image.dim().into())?;
            let out = self.calls.plane(PlaneCall::Forward(view), image, size)?;
            checks::image(out.view()).map(|()| out)
        })
    }

    /// Transforms a map of view number `view` back. `out` is the size of the image before [`Self::forward`], or the
    /// same fraction of it that `map` is of the view.
    ///
    /// # Errors
    /// See [`Plugin`].
    pub fn inverse(&self, view: usize, map: ArrayView2<'_, f32>, out: Size) -> Result<Array2<f32>, PluginError> {
        self.call("inverse", Role::Tta, || checks::input("map", map))?;
        self.inverse_of_finite(view, map, out)
    }

    /// As [`Self::inverse`], for a map that is known to be finite.
    pub(crate) fn inverse_of_finite(
        &self,
        view: usize,
        map: ArrayView2<'_, f32>,
        out: Size,
    ) -> Result<Array2<f32>, PluginError> {
        self.call("inverse", Role::Tta, || {
            self.checked_view(view)?;
            checks::possible("result", out)?;
            self.calls.plane(PlaneCall::Inverse(view), map, out)
        })
    }

    /// Computes the next mask from the map and the mask so far (`None` for the first step); all of one size.
    ///
    /// # Errors
    /// See [`Plugin`].
    pub fn postprocess(
        &self,
        context: &Context,
        map: ArrayView2<'_, f32>,
        mask: Option<&Mask>,
    ) -> Result<Mask, PluginError> {
        self.call("postprocess", Role::Postprocess, || checks::input("map", map))?;
        self.postprocess_again(context, map, mask)
    }

    /// As [`Self::postprocess`], for a map that the step before has had, and that is therefore finite.
    pub(crate) fn postprocess_again(
        &self,
        context: &Context,
        map: ArrayView2<'_, f32>,
        mask: Option<&Mask>,
    ) -> Result<Mask, PluginError> {
        self.call("postprocess", Role::Postprocess, || {
            let size = map.dim();
            if let Some(mask) = mask.map(|mask| mask.size().dim()).filter(|&mask| mask != size) {
                let text = format!("the mask is {mask:?}, the map {size:?}: expected the same (height, width)");
                return Err(Fault::Input(text));
            }
            self.calls.postprocess(context, map, mask.map(Mask::pixels)).map(Mask::from)
        })
    }

    fn checked_view(&self, view: usize) -> Result<(), Fault> {
        if view < self.views {
            Ok(())
        } else {
            Err(Fault::Input(format!("view {view} does not exist: there are {}", self.views)))
        }
    }

    fn checked_view_size(&self, view: usize, image: Size) -> Result<Size, Fault> {
        self.checked_view(view)?;
        checks::possible("image", image)?;
        checks::view_size(view, self.calls.view_size(view, image)?)
    }

    fn call<T>(
        &self,
        name: &'static str,
        role: Role,
        call: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, PluginError> {
        let result = if self.role() == role { call() } else { Err(Fault::Role(self.role())) };
        result.map_err(|why| self.failed(name, why))
    }

    fn failed(&self, call: &'static str, why: Fault) -> PluginError {
        PluginError::Call { plugin: self.about.name.clone(), call, why }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("about", &self.about).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// A step's parameters as the JSON text for the plugin.
fn params(step: &Step) -> String {
    serde_json::Value::Object(step.params.clone()).to_string()
}
