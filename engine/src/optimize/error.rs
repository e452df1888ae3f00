//! Errors of making variants.

use std::path::PathBuf;
use std::sync::Arc;

use crate::ensemble::{EnsembleError, ImageError};
use crate::onnx::OnnxError;
use crate::runtime::ModelError;
use crate::submission::SubmissionError;

/// Why a variant cannot be made or compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizeError {
    /// The ensemble, or its variant, cannot be opened.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// A model cannot be read or written.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A model does not open or run.
    #[error(transparent)]
    Model(#[from] Arc<ModelError>),
    /// An image that was predicted cannot be prepared.
    #[error("image `{id}`")]
    Image {
        /// The image.
        id: String,
        /// The cause.
        source: Box<ImageError>,
    },
    /// Masks cannot be compared.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// The manifest cannot be rewritten.
    #[error("cannot rewrite manifest `{}`: {message}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The reason.
        message: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {what} `{}`", path.display())]
    File {
        /// `read`, `write`, `copy`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl From<ModelError> for OptimizeError {
    fn from(error: ModelError) -> Self {
        Self::Model(Arc::new(error))
    }
}

impl OptimizeError {
    pub(super) fn file(what: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
