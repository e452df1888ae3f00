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
mod ids;
mod read;
mod remarks;
mod score;
mod scores;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::path::Path;

use crate::{Mask, Size};
use ids::Ids;
use remarks::Remarks;

pub use check::{Options as CheckOptions, Problem, Report, check};
pub use convention::Convention;
pub use diff::{Change, Diff};
pub use error::{ColumnsError, RowError, SubmissionError};
pub use pleura_image::rle::{self, RleError, Runs};
pub use read::{MaskRow, Row, Rows, read_ids};
pub use score::{ImageScore, Score};
pub use scores::Scores;

/// The size of SIIM's masks.
pub const SIIM_SIZE: Size = Size::new(1024, 1024);

/// The error for a second row of an image. The first one's line is looked up only now, since files of millions of rows
/// have none.
fn twice(path: &Path, size: Size, id: &str, line: u64) -> SubmissionError {
    let mut rows = match Rows::open(path, size) {
        Ok(rows) => rows,
        Err(error) => return error,
    };
    let mut first = line;
    while let Some(row) = rows.next_row() {
        if let Some(row) = row.ok().filter(|row| row.id == id) {
            first = row.line;
            break;
        }
    }
    SubmissionError::Twice { path: path.to_owned(), line, id: id.to_owned(), first }
}

/// A mask for each image, in order.
#[derive(Clone, Default)]
pub struct Submission {
    /// `None`: each mask has its own size.
    size: Option<Size>,
    ids: Ids,
    /// The mask of each id.
    masks: Vec<Runs>,
}

/// The same masks by the same ids, in any order.
impl PartialEq for Submission {
    fn eq(&self, other: &Self) -> bool {
        let same = |(id, runs)| other.runs(id) == Some(runs);
        self.size == other.size && self.len() == other.len() && self.iter().all(same)
    }
}

impl Eq for Submission {}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Submission of {:?} ", self.size)?;
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Submission {
    /// No images; masks will be of `size`.
    #[must_use]
    pub fn new(size: Size) -> Self {
        Self { size: Some(size), ..Self::default() }
    }

    /// An empty submission in which each mask may have its own size, which the file does not state. For writing: only
    /// [`Runs`] can be read back.
    #[must_use]
    pub fn any_size() -> Self {
        Self::default()
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
        while let Some(row) = rows.next_mask() {
            let MaskRow { line, id, runs } = row?;
            if !submission.join(&id, runs) && single {
                return Err(twice(path, size, &id, line));
            }
        }
        rows.log_remarks();
        Ok(submission)
    }

    /// Adds an image, or adds to its mask; returns whether the image is new.
    fn join(&mut self, id: &str, runs: Runs) -> bool {
        let (place, is_new) = self.ids.insert(id);
        match self.masks.get_mut(place) {
            Some(so_far) => *so_far = so_far.union(&runs),
            None => self.masks.push(runs),
        }
        is_new
    }

    /// Adds an image, or replaces its mask.
    ///
    /// # Errors
    /// If the mask is not of the submission's size; if the id is empty, has blanks around it or holds control
    /// characters.
    pub fn insert(&mut self, id: impl AsRef<str>, mask: &Mask) -> Result<(), SubmissionError> {
        self.insert_runs(id, mask.size(), Runs::from(mask))
    }

    /// As [`insert`](Self::insert), of a mask of `size` whose runs are known.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); if runs exceed the size.
    pub fn insert_runs(&mut self, id: impl AsRef<str>, size: Size, runs: Runs) -> Result<(), SubmissionError> {
        let id = id.as_ref();
        if id.trim().is_empty() {
            return Err(SubmissionError::EmptyId);
        }
        if id.trim() != id || id.chars().any(char::is_control) {
            return Err(SubmissionError::Id { id: id.to_owned() });
        }
        if let Some(expected) = self.size.filter(|&expected| expected != size) {
            return Err(SubmissionError::Size { id: id.to_owned(), found: size, expected });
        }
        let end = runs.end();
        if let Some(size) = self.size.filter(|size| end > size.area()) {
            return Err(SubmissionError::Runs { id: id.to_owned(), end, size });
        }
        let (place, _) = self.ids.insert(id);
        match self.masks.get_mut(place) {
            Some(before) => *before = runs,
            None => self.masks.push(runs),
        }
        Ok(())
    }

    /// The mask of an image; also `None` if masks have individual sizes.
    #[must_use]
    pub fn mask(&self, id: &str) -> Option<Mask> {
        let size = self.size?;
        self.runs(id).map(|runs| runs.to_mask(size))
    }

    /// The runs of an image.
    #[must_use]
    pub fn runs(&self, id: &str) -> Option<&Runs> {
        self.ids.find(id).map(|place| &self.masks[place])
    }

    /// Ids with their runs, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Runs)> {
        self.ids.iter().zip(&self.masks)
    }

    /// Ids, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.ids.iter()
    }

    /// Whether there is a row for the image.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.ids.find(id).is_some()
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
        self.masks.iter().filter(|runs| !runs.is_empty()).count()
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
        let mut order: Vec<u32> = Vec::with_capacity(self.len());
        let mut placed = vec![false; self.len()];
        for place in ids.iter().filter_map(|id| self.ids.find(id.as_ref())) {
            if !std::mem::replace(&mut placed[place], true) {
                order.push(place as u32);
            }
        }
        if order.len() < self.len() {
            let extra = self.ids().zip(&placed).filter(|(_, placed)| !**placed).map(|(id, _)| id.to_owned());
            return Err(SubmissionError::Extra { ids: extra.collect() });
        }
        self.permute(&order);
        Ok(())
    }

    /// Sorts images by id.
    pub fn sort(&mut self) {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        // stable, as it is fast where parts are sorted already
        order.sort_by_key(|&place| self.ids.name(place as usize));
        self.permute(&order);
    }

    fn permute(&mut self, places: &[u32]) {
        if places.is_sorted() {
            return;
        }
        self.ids.permute(places);
        self.masks = places.iter().map(|&place| std::mem::take(&mut self.masks[place as usize])).collect();
    }
}
