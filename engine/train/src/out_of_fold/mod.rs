//! Out-of-fold predictions: each image is predicted by the network that has not seen it.
//!
//! Two files, each written completely or not at all: `oof.csv` (`ImageId,fold,label,score,dice`) for choosing
//! thresholds and for stacking, and `oof-submission.csv`, for `pleura score`. Folds add to them one after the other,
//! and a resumed training reads the predictions of earlier folds.

mod files;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use indexmap::map::Entry;
use pleura::submission::Runs;

pub use files::{PREDICTIONS, SUBMISSION, Scored, scores};

/// The prediction for an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The fold that held the image out, from 0.
    pub fold: u32,
    /// Whether its true mask is not empty.
    pub label: bool,
    /// The probability that it is positive, if the network has a score.
    pub score: Option<f32>,
    /// The predicted mask, if the network has a map.
    pub found: Option<Found>,
}

/// The predicted mask of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Pixels whose probability is above a half, at the image's own size.
    pub mask: Runs,
    /// Dice's coefficient with the truth, at the size it was computed at.
    pub dice: f64,
}

/// Why predictions cannot be added, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutOfFoldError {
    /// An image that more than one fold held out.
    #[error(
        "image `{id}` was held out by fold {} and again by fold {} (`fold` {first} and {second} in files)",
        first + 1,
        second + 1
    )]
    Twice {
        /// The image.
        id: String,
        /// The earlier fold.
        first: u32,
        /// The later fold.
        second: u32,
    },
    /// An image without an id.
    #[error("an image's id is empty")]
    EmptyId,
    /// The predictions cannot be read.
    #[error("cannot read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// The reader's reason.
        source: csv::Error,
    },
    /// A row with an invalid value.
    #[error("`{path}`: image `{id}` {what}", path = path.display())]
    Row {
        /// The file.
        path: std::path::PathBuf,
        /// The image.
        id: String,
        /// What is wrong.
        what: String,
    },
    /// An image with a Dice in one file, but without a mask in the other.
    #[error(
        "`{path}` has no mask for image `{id}`: delete it and `{PREDICTIONS}` beside it, and predict the folds again",
        path = path.display()
    )]
    NoMask {
        /// The file.
        path: std::path::PathBuf,
        /// The image.
        id: String,
    },
    /// The masks cannot be read.
    #[error(transparent)]
    Submission(#[from] pleura::submission::SubmissionError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] crate::files::WriteError),
}

/// The predictions of all folds so far, in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutOfFold(IndexMap<String, Prediction>);

impl OutOfFold {
    /// Adds the prediction for an image.
    ///
    /// # Errors
    /// If the image already has one, or its id is empty.
    pub fn add(&mut self, id: impl Into<String>, prediction: Prediction) -> Result<(), OutOfFoldError> {
        let id = id.into();
        if id.trim().is_empty() {
            return Err(OutOfFoldError::EmptyId);
        }
        match self.0.entry(id) {
            Entry::Occupied(there) => {
                Err(OutOfFoldError::Twice { id: there.key().clone(), first: there.get().fold, second: prediction.fold })
            }
            Entry::Vacant(free) => {
                free.insert(prediction);
                Ok(())
            }
        }
    }

    /// Removes a fold's predictions, so that it can be predicted again.
    pub fn forget(&mut self, fold: u32) {
        self.0.retain(|_, prediction| prediction.fold != fold);
    }

    /// Sorts predictions by the given order of folds; folds that are not named come last.
    pub fn order(&mut self, folds: &[u32]) {
        let place = |fold: u32| folds.iter().position(|&other| other == fold).unwrap_or(folds.len());
        // stable: within a fold the order is kept
        self.0.sort_by(|_, one, _, other| place(one.fold).cmp(&place(other.fold)));
    }

    /// Whether there are predictions of a fold.
    #[must_use]
    pub fn has(&self, fold: u32) -> bool {
        self.0.values().any(|prediction| prediction.fold == fold)
    }

    /// Ids with their predictions, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Prediction)> {
        self.0.iter().map(|(id, prediction)| (id.as_str(), prediction))
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for OutOfFold {
    type Item = (String, Prediction);
    type IntoIter = indexmap::map::IntoIter<String, Prediction>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
