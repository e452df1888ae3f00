//! What keeps a search from being made.

use std::path::PathBuf;

use crate::ensemble::ImageError;
use crate::manifest::ManifestError;
use crate::plugin::PluginError;

/// A search that cannot be made, or whose result cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// The manifest is not right.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A `--grid` that cannot be read.
    #[error("grid `{text}`: {fault}; write `KEY=FROM:TO:STEP`, `KEY=VALUE` or `KEY=VALUE,VALUE`")]
    Axis {
        /// What was written.
        text: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A key that cannot be searched.
    #[error("cannot search `{key}`: {fault}")]
    Key {
        /// The key.
        key: String,
        /// Why, and what to do.
        fault: String,
    },
    /// The system refuses the engine's threads.
    #[error("cannot start a search")]
    Threads(#[source] std::io::Error),
    /// Nothing in the manifest that could be searched.
    #[error("the manifest has no value to search: name one with `--grid KEY=FROM:TO:STEP`")]
    NoKnob,
    /// More points than can be gone through.
    #[error("{what}, more than {most}: give a key fewer values, or a fixed one (`--grid KEY=VALUE`)")]
    TooMany {
        /// How many of what.
        what: String,
        /// The most there may be.
        most: usize,
    },
    /// A plugin that cannot be had, or takes none of a knob's values.
    #[error("at `postprocess[{step}]`")]
    Plugin {
        /// The step, from 0.
        step: usize,
        /// Why.
        source: Box<PluginError>,
    },
    /// An image that has no answer.
    #[error("image `{id}`")]
    Image {
        /// The image.
        id: String,
        /// Why.
        source: Box<ImageError>,
    },
    /// An image that the truth does not know.
    #[error("the truth has no row for image `{id}`: add one (`-1` for an empty mask), or leave the image out")]
    NoTruth {
        /// The image.
        id: String,
    },
    /// Two images of one id.
    #[error("two images have the id `{id}`")]
    Twice {
        /// The id.
        id: String,
    },
    /// A plugin that does not do what the stock plugin of its name does.
    #[error("a plugin with a stock plugin's name behaves differently: running its steps at every point")]
    NotStock,
    /// Too little to choose by.
    #[error("{0}")]
    TooFew(String),
    /// Weights that cannot be searched.
    #[error("the weights of the {stage} stage cannot be searched: {why}")]
    Weights {
        /// `classifier` or `segmenter`.
        stage: &'static str,
        /// Why.
        why: String,
    },
    /// A manifest that cannot be edited or written.
    #[error("cannot write `{}`: {message}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// What is kept of the maps cannot be spilled or read back.
    #[error("cannot keep maps in a temporary file")]
    Spill(#[from] std::io::Error),
}

impl TuneError {
    pub(super) fn no_score() -> Self {
        Self::TooFew("no point of the grid has a score".into())
    }
}
