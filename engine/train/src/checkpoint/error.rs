//! Errors of checkpoints.

use std::io;
use std::path::{Path, PathBuf};

/// Why a checkpoint cannot be written, read, or continued from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be written; an existing one is unchanged.
    #[error("cannot write checkpoint `{path}`", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A tensor cannot be written.
    #[error("cannot write checkpoint `{path}`: tensor `{name}` {why}", path = path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A state that does not survive JSON: some number in it is infinite or NaN.
    #[error("cannot write checkpoint `{path}`: a number of its state is infinite or NaN", path = path.display())]
    State {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read checkpoint `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has changed since it was written, or was never a checkpoint.
    #[error(
        "checkpoint `{path}` is damaged: {why}; restore it from a copy, or start over with `--fresh`",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file is intact, but another version wrote it.
    #[error(
        "checkpoint `{path}` was written by a different version of pleura: {why}; continue with that version, or start \
         over with `--fresh`",
        path = path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// What cannot be read.
        why: String,
    },
    /// The tensors belong to another network.
    #[error(
        "checkpoint `{path}` belongs to a different network: {differences}; start over with `--fresh`, or write \
         elsewhere with `--out`",
        path = path.display()
    )]
    Network {
        /// The file.
        path: PathBuf,
        /// The first differences.
        differences: String,
    },
    /// The training was started with another recipe.
    #[error(
        "checkpoint `{path}` belongs to a different recipe: {differences}; change it back, start over with `--fresh`, \
         or write elsewhere with `--out`",
        path = path.display()
    )]
    Recipe {
        /// The file.
        path: PathBuf,
        /// The first differences, by key.
        differences: String,
    },
    /// The images, their truth, or their folds have changed.
    #[error(
        "checkpoint `{path}` belongs to different images, masks or folds; put them back, start over with `--fresh`, or \
         write elsewhere with `--out`",
        path = path.display()
    )]
    Data {
        /// The file.
        path: PathBuf,
    },
    /// The training held out another fold.
    #[error("checkpoint `{}` belongs to fold {}, expected fold {}", path.display(), found + 1, expected + 1)]
    Fold {
        /// The file.
        path: PathBuf,
        /// The checkpoint's fold, from 0.
        found: u32,
        /// The fold to be trained, from 0.
        expected: u32,
    },
}

impl CheckpointError {
    /// The same error, naming the file that the temporary one stood for.
    pub(super) fn at(mut self, meant: &Path) -> Self {
        if let Self::Write { path, .. } | Self::Tensor { path, .. } | Self::State { path } = &mut self {
            *path = meant.into();
        }
        self
    }
}
