//! One set of weights: a model that is opened on first use.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::compatibility;
use crate::Size;
use crate::manifest;
use crate::runtime::{Comparison, Loaded, Model, ModelError, SessionOptions};

/// How sessions are opened.
#[derive(Clone)]
pub struct Opener {
    pub runtime: &'static Loaded,
    /// One per device.
    pub sessions: Arc<[SessionOptions]>,
    /// Whether a model that a device refuses may run on the CPU.
    pub may_fall_back: bool,
    /// How results of other devices are compared with the CPU's.
    pub comparison: Comparison,
}

/// An ONNX file, shared by all members that name it.
pub struct Source {
    opener: Opener,
    path: PathBuf,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// One per device.
    models: Vec<OnceLock<Result<Arc<Model>, Arc<ModelError>>>>,
}

impl Source {
    pub fn new(opener: Opener, path: PathBuf, sha256: String) -> Self {
        let models = opener.sessions.iter().map(|_| OnceLock::new()).collect();
        Self { opener, path, sha256, models }
    }

    /// The ONNX file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How sessions are opened.
    #[cfg(feature = "optimize")]
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// The number of devices on which it may be opened.
    pub fn devices(&self) -> usize {
        self.models.len()
    }

    /// The session on a device, opened by the first call.
    pub fn model(&self, device: usize) -> Result<&Arc<Model>, Arc<ModelError>> {
        let Opener { runtime, sessions, may_fall_back, comparison } = &self.opener;
        let options = sessions[device];
        let open = || {
            let model = Model::open_or_fall_back(runtime, &self.path, options, *may_fall_back)?;
            Ok(model.compared(runtime, options, *comparison))
        };
        self.models[device].get_or_init(|| open().map(Arc::new).map_err(Arc::new)).as_ref().map_err(Arc::clone)
    }

    /// The sessions that have been opened.
    pub fn opened(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.models.iter().filter_map(|model| model.get()?.as_ref().ok())
    }
}

/// One of a member's sets of weights.
pub struct Weights {
    pub manifest: manifest::Snapshot,
    pub source: Arc<Source>,
    fits: OnceLock<Result<(), Arc<ModelError>>>,
}

impl Weights {
    pub fn new(manifest: manifest::Snapshot, source: Arc<Source>) -> Self {
        Self { manifest, source, fits: OnceLock::new() }
    }

    /// The session on a device, checked against the manifest; `views` holds the (height, width) of its inputs.
    pub fn model(
        &self,
        device: usize,
        member: &manifest::Member,
        views: &[Size],
    ) -> Result<&Arc<Model>, Arc<ModelError>> {
        let model = self.source.model(device)?;
        let check = || {
            let mut misfits = compatibility::member(member, model.inputs(), model.outputs());
            misfits.extend(views.iter().filter_map(|&view| compatibility::view(member, model.inputs(), view)));
            match misfits.into_iter().next() {
                None => Ok(()),
                Some(compatibility::Mismatch { key, message }) => {
                    Err(Arc::new(ModelError::Mismatch { path: model.path().into(), key, message }))
                }
            }
        };
        self.fits.get_or_init(check).as_ref().map(|()| model).map_err(Arc::clone)
    }

    /// The model's fixed batch size, if it is open and has one.
    pub fn fixed_batch(&self, member: &manifest::Member) -> Option<usize> {
        let model = self.source.opened().next()?;
        compatibility::fixed_batch(member, model.inputs(), model.outputs())
    }

    /// Whether the weights may predict an image of this fold: in an out-of-fold run, if they have not seen it.
    pub fn answers_for(&self, fold: Option<u32>) -> bool {
        match (self.manifest.fold, fold) {
            (Some(held_out), Some(fold)) => held_out == fold,
            _ => true,
        }
    }
}
