//! Submissions: a mask for each image, in the competition's CSV format.
//!
//! `ImageId,EncodedPixels`, one row per image, `-1` for an image without a mask; otherwise run lengths in SIIM's
//! [relative form](rle). Masks are kept as [`Runs`], a few hundred bytes each, and become pixels on demand.
//!
//! ```
//! use pleura::{Mask, Size, submission::Submission};
//!
//! let size = Size::new(1024, 1024);
//! let mut submission = Submission::new(size);
//! submission.insert("ID_0011fe81e", &Mask::empty(size))?;
//! assert_eq!(submission.len(), 1);
//! # Ok::<(), pleura::submission::SubmissionError>(())
//! ```

mod check;
mod columns;
mod convention;
#[cfg(test)]
mod convention_tests;
mod diff;
mod error;
mod fields;
mod read;
mod remarks;
mod score;
#[cfg(test)]
mod tests;
mod write;

use std::path::Path;

use indexmap::IndexMap;
use indexmap::map::{Entry, OccupiedEntry};

use crate::{Mask, Size};
use remarks::Remarks;

pub use check::{Options as CheckOptions, Problem, Report, check};
pub use convention::Convention;
pub use diff::{Change, Diff};
pub use error::{ColumnsError, RowError, SubmissionError};
pub use pleura_image::rle::{self, RleError, Runs};
pub use read::{Row, Rows, read_ids};
pub use score::{ImageScore, Score};

/// The size of SIIM's masks.
pub const SIIM_SIZE: Size = Size::new(1024, 1024);

fn add(mut image: OccupiedEntry<'_, String, Runs>, runs: &Runs) {
    *image.get_mut() = image.get().union(runs);
}

/// The error for a second row of an image. The first one's line is looked up only now, since files of millions of rows
/// have none.
fn twice(path: &Path, size: Size, id: &str, line: u64) -> SubmissionError {
    let rows = match Rows::open(path, size) {
        Ok(rows) => rows,
        Err(error) => return error,
    };
    let first = rows.filter_map(Result::ok).find(|row| row.id == id).map_or(line, |row| row.line);
    SubmissionError::Twice { path: path.to_owned(), line, id: id.to_owned(), first }
}

/// A mask for each image, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// `None`: each mask has its own size.
    size: Option<Size>,
    masks: IndexMap<String, Runs>,
}

impl Submission {
    /// No images; masks will be of `size`.
    #[must_use]
    pub fn new(size: Size) -> Self {
        Self { size: Some(size), masks: IndexMap::new() }
    }

    /// An empty submission in which each mask may have its own size, which the file does not state. For writing: only
    /// [`Runs`] can be read back.
    #[must_use]
    pub fn any_size() -> Self {
        Self { size: None, masks: IndexMap::new() }
    }

    /// Reads a CSV file, plain or compressed with gzip; several rows of an id are OR-ed.
    ///
    /// Ids keep the order in which they first appear. `size` is that of every mask.
    ///
    /// # Errors
    /// If the file cannot be read, has other columns, or a row is not a mask of this size.
    pub fn read(path: impl AsRef<Path>, size: Size) -> Result<Self, SubmissionError> {
        Self::read_rows(path.as_ref(), size, false)
    }

    /// As [`read`](Self::read), for a submission, which has one row per image; a truth may have several.
    ///
    /// # Errors
    /// As [`read`](Self::read); if an image has several rows.
    pub fn read_single(path: impl AsRef<Path>, size: Size) -> Result<Self, SubmissionError> {
        Self::read_rows(path.as_ref(), size, true)
    }

    fn read_rows(path: &Path, size: Size, single: bool) -> Result<Self, SubmissionError> {
        let mut submission = Self::new(size);
        let mut rows = Rows::open(path, size)?;
        for row in rows.by_ref() {
            let Row { line, id, runs } = row?;
            let runs = runs.map_err(|source| SubmissionError::row(path, line, source.into()))?;
            match submission.masks.entry(id) {
                Entry::Vacant(image) => {
                    image.insert(runs);
                }
                Entry::Occupied(image) if single => return Err(twice(path, size, image.key(), line)),
                Entry::Occupied(image) => add(image, &runs),
            }
        }
        rows.log_remarks();
        Ok(submission)
    }

    /// Adds an image, or adds to its mask.
    fn join(&mut self, id: String, runs: Runs) {
        match self.masks.entry(id) {
            Entry::Vacant(image) => {
                image.insert(runs);
            }
            Entry::Occupied(image) => add(image, &runs),
        }
    }

    /// Adds an image, or replaces its mask.
    ///
    /// # Errors
    /// If the mask is not of the submission's size; if the id is empty, has blanks around it or holds control
    /// characters.
    pub fn insert(&mut self, id: impl Into<String>, mask: &Mask) -> Result<(), SubmissionError> {
        self.insert_runs(id, mask.size(), Runs::from(mask))
    }

    /// As [`insert`](Self::insert), of a mask of `size` whose runs are known.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); if runs exceed the size.
    pub fn insert_runs(&mut self, id: impl Into<String>, size: Size, runs: Runs) -> Result<(), SubmissionError> {
        let id = id.into();
        if id.trim().is_empty() {
            return Err(SubmissionError::EmptyId);
        }
        if id.trim() != id || id.chars().any(char::is_control) {
            return Err(SubmissionError::Id { id });
        }
        if let Some(expected) = self.size.filter(|&expected| expected != size) {
            return Err(SubmissionError::Size { id, found: size, expected });
        }
        let end = runs.ranges().last().map_or(0, |run| run.1);
        if let Some(size) = self.size.filter(|size| end > size.area()) {
            return Err(SubmissionError::Runs { id, end, size });
        }
        self.masks.insert(id, runs);
        Ok(())
    }

    /// The mask of an image; also `None` if masks have individual sizes.
    #[must_use]
    pub fn mask(&self, id: &str) -> Option<Mask> {
        let size = self.size?;
        self.masks.get(id).map(|runs| runs.to_mask(size))
    }

    /// The runs of an image.
    #[must_use]
    pub fn runs(&self, id: &str) -> Option<&Runs> {
        self.masks.get(id)
    }

    /// Ids with their runs, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Runs)> {
        self.masks.iter().map(|(id, runs)| (id.as_str(), runs))
    }

    /// Ids, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.masks.keys().map(String::as_str)
    }

    /// Whether there is a row for the image.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.masks.contains_key(id)
    }

    /// Size of every mask; `None` where each has its own.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        self.size
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.masks.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty()
    }

    /// The number of images with a non-empty mask.
    #[must_use]
    pub fn positives(&self) -> usize {
        self.masks.values().filter(|runs| !runs.is_empty()).count()
    }

    /// Sorts images in the order of `ids`, a sample's (see [`read_ids`]).
    ///
    /// # Errors
    /// If the sample and the submission do not have the same ids; the order is then unchanged.
    pub fn order_like<S: AsRef<str>>(&mut self, ids: &[S]) -> Result<(), SubmissionError> {
        let missing: Vec<_> = ids.iter().map(S::as_ref).filter(|id| !self.contains(id)).map(str::to_owned).collect();
        if !missing.is_empty() {
            return Err(SubmissionError::Missing { ids: missing });
        }
        let place: IndexMap<&str, ()> = ids.iter().map(|id| (id.as_ref(), ())).collect();
        let extra: Vec<_> = self.ids().filter(|id| !place.contains_key(id)).map(str::to_owned).collect();
        if !extra.is_empty() {
            return Err(SubmissionError::Extra { ids: extra });
        }
        self.masks.sort_by_cached_key(|id, _| place.get_index_of(id.as_str()));
        Ok(())
    }

    /// Sorts images by id.
    pub fn sort(&mut self) {
        self.masks.sort_unstable_keys();
    }
}
