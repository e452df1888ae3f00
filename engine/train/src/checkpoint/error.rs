//! What can be wrong with a checkpoint.

use std::io;
use std::path::{Path, PathBuf};

/// A checkpoint that cannot be written, read, or gone on from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be written; what was there before is as it was.
    #[error("cannot write checkpoint `{path}`", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A tensor that cannot be written.
    #[error("cannot write checkpoint `{path}`: tensor `{name}` {why}", path = path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A state that JSON does not bring back: some number of it is infinite or NaN.
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
        /// Why.
        source: io::Error,
    },
    /// The file is not what was written, or was never a checkpoint.
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
    /// The file is whole, but another version wrote it.
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
    /// The tensors are another network's.
    #[error(
        "checkpoint `{path}` belongs to a different network: {differences}; start over with `--fresh`, or write \
         elsewhere with `--out`",
        path = path.display()
    )]
    Network {
        /// The file.
        path: PathBuf,
        /// The first of them.
        differences: String,
    },
    /// The training was begun with another recipe.
    #[error(
        "checkpoint `{path}` belongs to a different recipe: {differences}; change it back, start over with `--fresh`, \
         or write elsewhere with `--out`",
        path = path.display()
    )]
    Recipe {
        /// The file.
        path: PathBuf,
        /// The first of them, by their keys.
        differences: String,
    },
    /// The images, what is true of them, or how they are divided is not what it was.
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
        /// The checkpoint's, from 0.
        found: u32,
        /// The one to be trained, from 0.
        expected: u32,
    },
}

impl CheckpointError {
    /// The same of the file that the temporary one stood for.
    pub(super) fn at(mut self, meant: &Path) -> Self {
        if let Self::Write { path, .. } | Self::Tensor { path, .. } | Self::State { path } = &mut self {
            *path = meant.into();
        }
        self
    }
}
