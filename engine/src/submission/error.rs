//! Errors of submissions.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Convention, RleError};
use crate::Size;

/// Why a submission cannot be read, compared or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmissionError {
    /// The file cannot be opened.
    #[error("cannot open `{path}`", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file ends unexpectedly, is not valid gzip, or is not UTF-8.
    #[error("cannot read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reader's reason.
        source: csv::Error,
    },
    /// The first line names other columns.
    #[error("`{path}`: line 1", path = path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// The expected and found columns.
        source: ColumnsError,
    },
    /// A second row of an image in a file with one row per image.
    #[error("`{path}`: line {line}: `{id}` already has a row, line {first}: expected one row per image, its masks \
             merged", path = path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The later row's line.
        line: u64,
        /// The image.
        id: String,
        /// The earlier row's line.
        first: u64,
    },
    /// An id without the class that its convention requires.
    #[error("expected an id NAME_CLASS, as {} has it, found `{id}`", convention.title())]
    NoClass {
        /// The id.
        id: String,
        /// The convention.
        convention: Convention,
    },
    /// A row without a valid mask.
    #[error("`{path}`: line {line}", path = path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong with it.
        source: RowError,
    },
    /// A mask of another size than the submission's.
    #[error("the mask of `{id}` is {found}, expected {expected} as in the submission")]
    Size {
        /// The image.
        id: String,
        /// Size of the mask.
        found: Size,
        /// Size of the submission.
        expected: Size,
    },
    /// Submissions of two sizes cannot be compared.
    #[error("masks of {left} cannot be compared with masks of {right}")]
    Sizes {
        /// Size of the one.
        left: Size,
        /// Size of the other.
        right: Size,
    },
    /// An image without an id.
    #[error("an image's id is empty")]
    EmptyId,
    /// An id that would not survive a round trip through a CSV file.
    #[error("the id {id:?} begins or ends with a blank, or holds a control character")]
    Id {
        /// The id.
        id: String,
    },
    /// Runs that exceed the submission's size.
    #[error("the runs of `{id}` end at pixel {end}, past {size}")]
    Runs {
        /// The image.
        id: String,
        /// One past the last marked pixel.
        end: usize,
        /// Size of the submission.
        size: Size,
    },
    /// Masks with individual, unknown sizes.
    #[error("masks without a common size cannot be scored: open or create the submission with a size")]
    Unsized,
    /// Missing ids.
    #[error("missing ids, {} in all: {}", ids.len(), Abbreviated(ids))]
    Missing {
        /// All of them.
        ids: Vec<String>,
    },
    /// Unexpected ids.
    #[error("unexpected ids, {} in all: {}", ids.len(), Abbreviated(ids))]
    Extra {
        /// All of them.
        ids: Vec<String>,
    },
    /// There is nothing to score.
    #[error("no images to score")]
    Nothing,
    /// The file cannot be written.
    #[error("cannot write `{path}`", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl SubmissionError {
    pub(super) fn row(path: &Path, line: u64, source: RowError) -> Self {
        Self::Row { path: path.to_owned(), line, source }
    }
}

/// Unexpected columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the columns `{expected}`, found `{found}`{}", hint.as_ref().map_or(String::new(), |hint| format!("; {hint}")))]
pub struct ColumnsError {
    /// The header of such a file.
    pub expected: &'static str,
    /// The file's first line.
    pub found: String,
    /// What the columns seem to be, and what to do about it.
    pub hint: Option<String>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// Too many or too few commas.
    #[error("expected {expected} fields{}, found {found}", if *expected == 2 { " (id, run lengths)" } else { "" })]
    Fields {
        /// The number of the header's fields, without pandas' index.
        expected: usize,
        /// The number of the row's fields.
        found: usize,
    },
    /// The class that the columns require is missing.
    #[error("`{id}` has no class")]
    NoClass {
        /// The image.
        id: String,
    },
    /// The id is empty.
    #[error("the image's id is empty")]
    NoId,
    /// The run lengths are wrong.
    #[error(transparent)]
    Rle(#[from] RleError),
}

/// The first three of a list.
pub(super) struct Abbreviated<'a>(pub &'a [String]);

impl fmt::Display for Abbreviated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some: Vec<_> = self.0.iter().take(3).map(|id| format!("`{id}`")).collect();
        f.write_str(&some.join(", "))?;
        match self.0.len().saturating_sub(3) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
