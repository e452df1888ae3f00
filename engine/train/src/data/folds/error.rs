//! Errors of folds.

use std::fmt;
use std::path::PathBuf;

use super::table::TableError;

/// Why images cannot be divided into folds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FoldsError {
    /// A CSV cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The CSV of folds omits images.
    #[error(
        "`{}` has no fold for {}: it was made from different data; use another file, or delete it to split again",
        path.display(), Abbreviated(ids)
    )]
    NoFold {
        /// The CSV.
        path: PathBuf,
        /// The images.
        ids: Vec<String>,
    },
    /// The CSV of patients omits images.
    #[error("`{}` has no `{column}` for {}", path.display(), Abbreviated(ids))]
    NoPatient {
        /// The CSV.
        path: PathBuf,
        /// The patients' column.
        column: String,
        /// The images.
        ids: Vec<String>,
    },
    /// A fold number out of range.
    #[error("`{}`: the `fold` of `{id}` is `{fold}`; expected 0 to {}", path.display(), count.saturating_sub(1))]
    Range {
        /// The CSV.
        path: PathBuf,
        /// The image.
        id: String,
        /// The CSV's value.
        fold: String,
        /// The number of folds.
        count: u32,
    },
    /// The recipe trains a fold that does not exist.
    #[error("`folds.train` has {fold}; expected 0 to {}, `fold0` being fold 1", count.saturating_sub(1))]
    Trained {
        /// The fold.
        fold: u32,
        /// The number of folds.
        count: u32,
    },
    /// More folds than images or patients.
    #[error(
        "{groups} {} cannot fill {count} folds: ask for fewer folds",
        if *patients { "patients" } else { "images" }
    )]
    Few {
        /// The number of images, or of patients if known.
        groups: usize,
        /// Whether patients are known.
        patients: bool,
        /// The number of folds.
        count: u32,
    },
    /// A fold without images.
    #[error("fold {} is empty: set a smaller `folds.count`, or split differently", fold + 1)]
    Empty {
        /// The fold.
        fold: u32,
    },
    /// All positives are held out at once.
    #[error(
        "without fold {} there is no positive image to train on: set a larger `folds.count`, or add positive images",
        fold + 1
    )]
    NoPositives {
        /// The fold.
        fold: u32,
    },
    /// The CSV cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The CSV.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// The first three of a list.
struct Abbreviated<'a>(&'a [String]);

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
