//! Errors of a search.

use std::path::PathBuf;

use crate::ensemble::ImageError;
use crate::manifest::ManifestError;
use crate::plugin::PluginError;

/// Why a search cannot run, or its result cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// The manifest is invalid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A `--grid` that cannot be read.
    #[error("grid `{text}`: {fault}; write `KEY=FROM:TO:STEP`, `KEY=VALUE` or `KEY=VALUE,VALUE`")]
    Axis {
        /// The text given.
        text: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A key that cannot be searched.
    #[error("cannot search `{key}`: {fault}")]
    Key {
        /// The key.
        key: String,
        /// The reason, and what to do.
        fault: String,
    },
    /// The system refuses to start the engine's threads.
    #[error("cannot start a search")]
    Threads(#[source] std::io::Error),
    /// The manifest has no number that can be searched.
    #[error("the manifest has no value to search: name one with `--grid KEY=FROM:TO:STEP`")]
    NoKnob,
    /// More points than a search can handle.
    #[error("{what}, more than {most}: give a key fewer values, or a fixed one (`--grid KEY=VALUE`)")]
    TooMany {
        /// The number, and what is counted.
        what: String,
        /// The maximum.
        most: usize,
    },
    /// A plugin cannot be opened, or accepts none of a knob's values.
    #[error("at `postprocess[{step}]`")]
    Plugin {
        /// The step's index, from 0.
        step: usize,
        /// The cause.
        source: Box<PluginError>,
    },
    /// An image that cannot be predicted.
    #[error("image `{id}`")]
    Image {
        /// The image.
        id: String,
        /// The cause.
        source: Box<ImageError>,
    },
    /// An image that the truth lacks.
    #[error("the truth has no row for image `{id}`: add one (`-1` for an empty mask), or leave the image out")]
    NoTruth {
        /// The image.
        id: String,
    },
    /// Two images with the same id.
    #[error("two images have the id `{id}`")]
    Twice {
        /// The id.
        id: String,
    },
    /// A plugin differs from the stock plugin of its name.
    #[error("a plugin with a stock plugin's name behaves differently: running its steps at every point")]
    NotStock,
    /// Too few images to choose by.
    #[error("{0}")]
    TooFew(String),
    /// Weights that cannot be searched.
    #[error("the weights of the {stage} stage cannot be searched: {why}")]
    Weights {
        /// `classifier` or `segmenter`.
        stage: &'static str,
        /// The reason.
        why: String,
    },
    /// Scores that cannot be calibrated.
    #[error("the scores cannot be calibrated: {0}")]
    Calibration(String),
    /// A manifest that cannot be edited or written.
    #[error("cannot write `{}`: {message}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        message: String,
    },
    /// The watcher stopped the search.
    #[error("the search was stopped")]
    Stopped,
    /// The cached maps cannot be written to or read from the temporary file.
    #[error("cannot keep maps in a temporary file")]
    Spill(#[from] std::io::Error),
}

impl TuneError {
    pub(super) fn no_score() -> Self {
        Self::TooFew("no point of the grid has a score".into())
    }
}
