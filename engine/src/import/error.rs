//! Why an import fails.

use std::io;
use std::path::{Path, PathBuf};

use crate::lint::DocumentError;
use crate::onnx::OnnxError;

/// Why an import fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A description cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A description is not what its source writes.
    #[error("`{}` is not {expected}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// The first fault.
        message: String,
    },
    /// A manifest cannot say it.
    #[error("`{}`, at `{field}`: {message}", path.display())]
    Field {
        /// The description.
        path: PathBuf,
        /// The key.
        field: String,
        /// What cannot be said, and what to do.
        message: String,
    },
    /// The network itself cannot be read, or does not fit its description.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A network does not fit its description.
    #[error("`{}`: {message}", path.display())]
    Network {
        /// The ONNX file.
        path: PathBuf,
        /// What does not fit, and what to do.
        message: String,
    },
    /// The manifest is there already.
    #[error("`{}` exists; import into another folder, or delete it", .0.display())]
    Exists(PathBuf),
    /// The manifest or a model cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The manifest that was made is not valid; a bug.
    #[error("the manifest that was made is not valid; please report it")]
    Manifest(#[from] Box<DocumentError>),
}

impl ImportError {
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.into(), source }
    }

    pub(super) fn field(path: &Path, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Field { path: path.into(), field: field.into(), message: message.into() }
    }
}
