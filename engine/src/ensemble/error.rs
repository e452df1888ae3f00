//! Errors of an ensemble as a whole, and of one image.

use std::fmt;
use std::path::PathBuf;

use crate::manifest::ManifestError;
use crate::plugin::PluginError;
use crate::radiograph::RadiographError;
use crate::runtime::{DeviceError, ModelError, RuntimeError};

/// Why an ensemble cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnsembleError {
    /// The manifest is invalid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// ONNX Runtime is unavailable.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// An invalid choice of [`Options`](crate::ensemble::Options).
    #[error("option `{option}`: {message}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The system refuses to start the engine's threads.
    #[error("cannot open an ensemble")]
    Threads(#[source] std::io::Error),
    /// The device is unavailable.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A model does not load.
    #[error(transparent)]
    Load(#[from] std::sync::Arc<ModelError>),
    /// The cache folder cannot be used.
    #[error("cannot use the cache `{folder}`", folder = folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A plugin cannot be opened.
    #[error("in manifest `{manifest}`, at `{field}`")]
    Plugin {
        /// The manifest.
        manifest: PathBuf,
        /// The key that names the plugin.
        field: String,
        /// The cause.
        source: Box<PluginError>,
    },
    /// A model's file does not exist.
    #[error("in manifest `{manifest}`, at `{field}`: cannot read `{path}`: there is no such file", path = path.display())]
    ModelMissing {
        /// The manifest.
        manifest: PathBuf,
        /// The key that names the model.
        field: String,
        /// The model's file.
        path: PathBuf,
    },
    /// A model's file does not have the `sha256` that the manifest declares.
    #[error(
        "in manifest `{manifest}`, at `{field}`: `{path}` has changed: expected sha256 {declared}, found {found}",
        path = path.display()
    )]
    ModelChanged {
        /// The manifest.
        manifest: PathBuf,
        /// The key that declares the hash.
        field: String,
        /// The model's file.
        path: PathBuf,
        /// The SHA-256 of the file, in lowercase hexadecimal.
        found: String,
        /// The declared SHA-256.
        declared: String,
    },
    /// A model does not match the manifest.
    #[error("in manifest `{manifest}`, at `{field}`: {message}")]
    Model {
        /// The manifest.
        manifest: PathBuf,
        /// The key that does not match.
        field: String,
        /// What does not match, and what to do.
        message: String,
    },
}

/// The step in which an image failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A prepare plugin.
    Prepare,
    /// A view, forward or back.
    Tta,
    /// A postprocessing plugin; the first is step 1.
    Postprocess(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepare => f.write_str("prepare"),
            Self::Tta => f.write_str("tta"),
            Self::Postprocess(number) => write!(f, "postprocess step {number}"),
        }
    }
}

/// Why an image has no finding. It is skipped and reported; other images are not affected.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file gives no radiograph.
    #[error(transparent)]
    Radiograph(std::sync::Arc<RadiographError>),
    /// A plugin failed.
    #[error("in {step}")]
    Plugin {
        /// The step.
        step: Step,
        /// The cause.
        source: std::sync::Arc<PluginError>,
    },
    /// A model failed.
    #[error("member `{member}`")]
    Model {
        /// The member.
        member: String,
        /// The cause.
        source: std::sync::Arc<ModelError>,
    },
    /// A model's output contradicts the manifest.
    #[error("member `{member}`, output `{output}`: {message}")]
    Output {
        /// The member.
        member: String,
        /// The output.
        output: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A plugin failed on a member's own map.
    #[error("member `{member}`")]
    Member {
        /// The member.
        member: String,
        /// The cause.
        source: Box<ImageError>,
    },
    /// The crop stage found nothing.
    #[error("the crop stage found nothing above {above}, and the manifest has `otherwise = \"skip\"`")]
    NoCrop {
        /// The probability that no pixel exceeds.
        above: f32,
    },
    /// The image is too long to be brought to a network's input.
    #[error("has {size} pixels: with the member's `input.fit` it would have {inner}, more than 16384 a side")]
    TooLong {
        /// The size of what the network sees of it.
        size: crate::Size,
        /// The size that it would have.
        inner: crate::Size,
    },
    /// The manifest's `accepts` excludes the image.
    #[error("the ensemble is not for such images: {reason} (`accepts` in the manifest)")]
    NotAccepted {
        /// What is not accepted, as a fragment.
        reason: String,
    },
    /// The manifest wants pixels of a size in millimetres, and the file does not say what its pixels have.
    #[error("states no pixel spacing, and the member's `input.fit.spacing` needs one")]
    NoSpacing,
    /// In an out-of-fold run, all of a member's sets of weights have seen the image.
    #[error("member `{member}` has no snapshot with `fold = {fold}`, the image's fold")]
    NoFold {
        /// The member.
        member: String,
        /// The image's fold.
        fold: u32,
    },
    /// In an out-of-fold run, the image has no fold.
    #[error("the list of folds does not have its id")]
    Unfolded,
    /// The system refuses the threads of [`Ensemble::predict_files`](crate::ensemble::Ensemble::predict_files); no
    /// image is predicted.
    #[error("cannot start the engine's threads: allow more processes, or more memory for their stacks")]
    Threads(#[source] std::sync::Arc<std::io::Error>),
    /// There is currently not enough memory for the image.
    #[error("needs {} MiB of memory to run through the ensemble, which the system cannot allocate", bytes.div_ceil(1 << 20))]
    Memory {
        /// About the number of bytes that it needs, without its pixels.
        bytes: usize,
    },
    /// The engine, or a library below it, panicked: a bug. The image has no finding, other images continue.
    #[error("the engine panicked: {message}; please report it")]
    Panic {
        /// The panic's message.
        message: String,
    },
    /// Postprocessing has no step that makes a mask.
    #[error("postprocessing made no mask: make `threshold` or `triplet` the first step")]
    NoMask,
}

impl ImageError {
    pub(crate) fn plugin(step: Step, source: PluginError) -> Self {
        Self::Plugin { step, source: std::sync::Arc::new(source) }
    }
}

impl From<RadiographError> for ImageError {
    fn from(error: RadiographError) -> Self {
        Self::Radiograph(std::sync::Arc::new(error))
    }
}
