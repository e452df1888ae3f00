//! Options for opening an ensemble.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Size;
use crate::digest;
use crate::ensemble::Ensemble;
use crate::ensemble::EnsembleError;
use crate::ensemble::member::cache::Form;
use crate::ensemble::member::prepare::MAX_SIDE;
use crate::ensemble::open;
use crate::manifest::{self, Exit, Folder, Manifest};
use crate::plugin::{OwnPlugin, PluginOptions};
use crate::runtime::Device;

/// Options for opening an ensemble; see [`Ensemble::options`].
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(crate) devices: Vec<Device>,
    pub(crate) threads: usize,
    pub(crate) batch: usize,
    pub(crate) memory: Option<usize>,
    pub(crate) device_memory: Option<usize>,
    pub(crate) verify_device: Option<usize>,
    pub(crate) onnxruntime: Option<PathBuf>,
    pub(crate) exit: Option<Exit>,
    pub(crate) keep_maps: bool,
    pub(crate) cache: Option<(PathBuf, Form)>,
    pub(crate) output_size: Option<Size>,
    pub(crate) folds: Option<HashMap<String, u32>>,
    pub(crate) allow_outside: bool,
    pub(crate) max_model_bytes: Option<u64>,
    pub(crate) plugins: PluginOptions,
}

impl Options {
    /// Where models run. Default: [`Device::Auto`].
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.devices = vec![device];
        self
    }

    /// Several devices, with a session of each model on each of them: images go to any free device, and results come
    /// back in order. [`Device::Cpu`] twice, with half the [`threads`](Self::threads) each, may suit a machine of many
    /// cores.
    #[must_use]
    pub fn devices(mut self, devices: &[Device]) -> Self {
        self.devices = devices.to_vec();
        self
    }

    /// Threads within an operator, and as many around the models: the engine has its own, and never waits for others.
    /// 0, the default: one per core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The maximum number of views per run of a model; 0, the default: 2 on the CPU and 8 on other devices. A model with a fixed
    /// batch gets that many, padded with zeros.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// The memory limit in bytes for all images in flight in [`Ensemble::predict_files`], without models; an image that
    /// needs more, decoding included, is an error before its pixels are decoded. Default: 128 MiB for each image of a
    /// batch and each device, with a few images always admitted, each up to [`DecodeLimits`].
    ///
    /// [`DecodeLimits`]: crate::radiograph::DecodeLimits
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// The memory limit in bytes of a session on a CUDA device, or of all models together on the CPU; on other devices, an
    /// error. Default: none. A batch that does not fit is halved.
    #[must_use]
    pub fn device_memory(mut self, bytes: usize) -> Self {
        self.device_memory = Some(bytes);
        self
    }

    /// How many inputs of each model (views and windows of images), on a device other than the CPU, are also computed
    /// by the CPU. A difference beyond the manifest's `runtime.tolerance` is an error of this image and all later ones.
    /// Default: 8; 0 compares nothing.
    #[must_use]
    pub fn verify_device(mut self, inputs: usize) -> Self {
        self.verify_device = Some(inputs);
        self
    }

    /// The ONNX Runtime library, instead of a search for one.
    #[must_use]
    pub fn onnxruntime(mut self, path: impl Into<PathBuf>) -> Self {
        self.onnxruntime = Some(path.into());
        self
    }

    /// Early exit, overriding the manifest.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = Some(exit);
        self
    }

    /// Keep the merged map in each finding. Segmentation then always runs fully, even if the gate is decided earlier.
    #[must_use]
    pub fn keep_maps(mut self, keep: bool) -> Self {
        self.keep_maps = keep;
        self
    }

    /// Keep networks' outputs in a folder, and run no network whose output is there. Models are then opened on first
    /// use, so their faults are found only then.
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>, form: Form) -> Self {
        self.cache = Some((folder.into(), form));
        self
    }

    /// Size at which maps are merged and masks made, whatever the manifest says: smaller ones are tried faster.
    #[must_use]
    pub fn output_size(mut self, size: Size) -> Self {
        self.output_size = Some(size);
        self
    }

    /// An out-of-fold run: the fold of each image, by id. Snapshots that name their fold predict only its images.
    #[must_use]
    pub fn folds(mut self, folds: HashMap<String, u32>) -> Self {
        self.folds = Some(folds);
        self
    }

    /// Whether the manifest may name files outside of its own folder: models, recipes, and plugins given as paths.
    /// Default: it may not, neither with `..` nor absolute paths nor through links.
    #[must_use]
    pub fn allow_outside(mut self, allow: bool) -> Self {
        self.allow_outside = allow;
        self
    }

    /// The size limit of a model in bytes, external data included. Default: 4 GiB. A larger one is refused before it is
    /// read.
    #[must_use]
    pub fn max_model_bytes(mut self, bytes: u64) -> Self {
        self.max_model_bytes = Some(bytes);
        self
    }

    /// Folders that are searched for plugin libraries by name, before those of `PLEURA_PLUGINS` and the manifest's.
    #[must_use]
    pub fn plugin_folders(mut self, folders: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        self.plugins.folders = folders.into_iter().map(Into::into).collect();
        self
    }

    /// The program that runs plugins with `isolation = "process"`: one that implements the verb `plugin-worker`, as
    /// `pleura` does. Default: the one that `PLEURA_WORKER` names, this program if it [is a
    /// worker](crate::plugin::this_program_is_a_worker), or a `pleura` beside it or on `PATH`.
    #[must_use]
    pub fn worker(mut self, program: impl Into<PathBuf>) -> Self {
        self.plugins.worker = Some(program.into());
        self
    }

    /// A postprocessing plugin of this program, for the manifest's steps of that name.
    #[must_use]
    pub fn plugin(mut self, name: impl Into<String>, plugin: Arc<dyn OwnPlugin>) -> Self {
        self.plugins.own.add(name.into(), plugin);
        self
    }

    /// Opens an ensemble from a manifest in memory; see [`Manifest::parse`]. `path` is where the manifest's file would
    /// be: errors name it, and models and plugins are searched for in its folder.
    ///
    /// # Errors
    /// As [`Options::open`].
    pub fn open_manifest(self, manifest: Manifest, path: impl AsRef<Path>) -> Result<Ensemble, EnsembleError> {
        self.check()?;
        let path = path.as_ref();
        open::open(manifest.checked(path)?, path, &self)
    }

    /// Reads the manifest, loads every model and plugin.
    ///
    /// # Errors
    /// If an option or the manifest is wrong, ONNX Runtime or the device is unavailable, or a model or plugin is
    /// missing, changed, or does not match the manifest.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Ensemble, EnsembleError> {
        self.check()?;
        let path = path.as_ref();
        let lint = manifest::lint(path)?;
        let folder = Folder::containing(path, self.allow_outside);
        for base in lint.extended() {
            let outside = |error| EnsembleError::Model {
                manifest: path.into(),
                field: "extends".into(),
                message: crate::chain(&error),
            };
            folder.resolve(base).map_err(outside)?;
        }
        let resolved_sha256 = lint.is_shorter().then(|| digest::bytes(lint.resolved()));
        Ok(Ensemble { resolved_sha256, ..open::open(lint.accept()?.0, path, &self)? })
    }

    fn check(&self) -> Result<(), EnsembleError> {
        let wrong = |option, message| Err(EnsembleError::Option { option, message });
        if let Some(size @ Size { height, width }) = self.output_size
            && !((1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width))
        {
            return wrong("output_size", format!("expected sides of 1 to {MAX_SIDE} pixels, found {size}"));
        }
        if self.device_memory == Some(0) {
            return wrong("device_memory", "no model runs in 0 bytes; leave it out for no limit".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_errors() {
        let cases = [
            (
                Options::default().output_size(Size::new(0, 5)),
                "option `output_size`: expected sides of 1 to 16384 pixels, found 0×5",
            ),
            (Options::default().output_size(Size::new(5, 1 << 32)), "found 5×4294967296"),
            (Options::default().device_memory(0), "option `device_memory`: "),
        ];
        for (options, expected) in cases {
            let message = options.open("no such file").err().unwrap().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
