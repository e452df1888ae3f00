//! The journal of a training: a line of JSON for each epoch of each fold, in `metrics.jsonl`. Each line has a
//! [checksum], so that curves and metrics are not computed from a damaged one.
//!
//! An epoch's line is appended, and flushed to disk, *before* its checkpoint is saved. So whenever a training is
//! interrupted, the journal holds every epoch that the checkpoint knows, and perhaps one more, complete or in part:
//! [`Journal::resume`] cuts that off, and the file continues as if nothing had happened.

mod line;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use pleura::checksum::{self, ChecksumError};

use crate::checkpoint::Position;
use crate::files::{self, WriteError};

pub use line::Line;

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read.
    #[error("cannot read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A line that has changed since it was written.
    #[error(
        "`{path}`: line {line} is damaged; restore it from a copy, remove the line, or start over with \
         `--fresh`",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: ChecksumError,
    },
    /// A line that does not describe an epoch.
    #[error("`{path}`: line {line} is not an epoch; remove the line, or start over with `--fresh`", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A journal open for writing.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Creates a journal, replacing any file at `path`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        files::write(path, "")?;
        Self::open(path)
    }

    /// Continues a journal: cuts off every epoch of the fold that is yet to be trained, and an incomplete last line.
    /// Other folds keep theirs. A missing journal is created.
    ///
    /// `next` is the position from which the training continues, as in a checkpoint's state: an epoch that has already
    /// started is yet to be recorded.
    ///
    /// # Errors
    /// If it cannot be read or written, or a line before the last is not an epoch's.
    pub fn resume(path: &Path, next: Position) -> Result<Self, JournalError> {
        let text = text(path)?;
        let mut kept = String::new();
        for (number, row) in rows(&text) {
            let line = parse(path, number, row)?;
            if line.fold != next.fold || (line.phase, line.epoch) < (next.phase, next.epoch) {
                // the row as written: kept rows do not change by a byte
                kept.push_str(row);
                kept.push('\n');
            }
        }
        if kept != text || text.is_empty() {
            files::write(path, &kept)?;
        }
        Self::open(path)
    }

    /// Appends an epoch, and waits until it is on the disk.
    ///
    /// # Errors
    /// If it cannot be written; the journal is then unchanged, as far as possible.
    pub fn append(&mut self, line: &Line) -> Result<(), JournalError> {
        let text = checksum::seal(&serde_json::to_string(line).expect("a line is plain data"), "") + "\n";
        self.put(&text).map_err(|source| WriteError { path: self.path.clone(), source }.into())
    }

    /// Reads the epochs of a journal; empty if there is no file. An incomplete last line is skipped.
    ///
    /// # Errors
    /// If it cannot be read, or a line before the last is not an epoch's.
    pub fn read(path: &Path) -> Result<Vec<Line>, JournalError> {
        rows(&text(path)?).map(|(number, row)| parse(path, number, row)).collect()
    }

    /// The complete rows of a journal as written, each with its fold and without its line ending; empty if there is no
    /// file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn rows(path: &Path) -> Result<Vec<(u32, String)>, JournalError> {
        let row = |(number, row)| Ok((parse(path, number, row)?.fold, row.to_owned()));
        rows(&text(path)?).map(row).collect()
    }

    fn open(path: &Path) -> Result<Self, JournalError> {
        let file = pleura_files::regular::open_with(OpenOptions::new().append(true), path);
        let file = file.map_err(|source| WriteError { path: path.into(), source })?;
        Ok(Self { path: path.into(), file })
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // half a line must not become the start of the next; if this fails, too, resuming cuts it off
            let _ = self.file.set_len(before);
        }
        written
    }
}

fn text(path: &Path) -> Result<String, JournalError> {
    match pleura_files::regular::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|source| JournalError::Read { path: path.into(), source }),
    }
}

/// The complete lines with their numbers from 1. A last line that lacks only its line ending is complete, too.
fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let (finished, rest) = text.rsplit_once('\n').unwrap_or(("", text));
    let whole = rest.rfind('}').map(|end| &rest[..=end]).filter(|row| checksum::unseal(row, "").is_ok());
    let rows = finished.split('\n').chain(whole);
    rows.enumerate().map(|(i, row)| (i + 1, row)).filter(|(_, row)| !row.is_empty())
}

fn parse(path: &Path, line: usize, row: &str) -> Result<Line, JournalError> {
    let object = match checksum::unseal(row, "") {
        Ok(object) => object,
        // written before lines had a checksum
        Err(ChecksumError::Missing) => row.to_owned(),
        Err(source) => return Err(JournalError::Damaged { path: path.into(), line, source }),
    };
    serde_json::from_str(&object).map_err(|source| JournalError::Line { path: path.into(), line, source })
}
