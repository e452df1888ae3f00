//! Writes submissions, completely or not at all.

use std::io::{BufWriter, Write};
use std::path::Path;

use csv::{Terminator, WriterBuilder};

use super::convention::no_class;
use super::{Convention, Submission, SubmissionError};
use crate::atomic;

impl Submission {
    /// Writes the CSV: a header, then one row per image in the submission's order, lines ending in LF.
    ///
    /// It is written to a temporary file in the same folder, which is then renamed: a reader of `path` finds either the
    /// old file or the whole new one.
    ///
    /// # Errors
    /// If the file cannot be written; `path` is then unchanged.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), SubmissionError> {
        self.write_as(path, Convention::Siim)
    }

    /// Writes the CSV of a convention, as [`write`](Self::write) does; if it has classes, ids are `NAME_CLASS`.
    ///
    /// # Errors
    /// If the file cannot be written, or an id does not end with a class; `path` is then unchanged.
    pub fn write_as(&self, path: impl AsRef<Path>, convention: Convention) -> Result<(), SubmissionError> {
        let path = path.as_ref();
        if let Some(id) = self.ids().find(|id| convention.has_classes() && convention.split(id).is_none()) {
            return Err(no_class(id, convention));
        }
        let written = || -> std::io::Result<()> {
            let temporary = atomic::beside(path)?;
            self.rows(BufWriter::new(temporary.as_file()), convention)?;
            atomic::place(temporary, path)
        };
        written().map_err(|source| SubmissionError::Write { path: path.to_owned(), source })
    }

    /// Writes the CSV to a stream.
    ///
    /// # Errors
    /// If the stream fails.
    pub fn write_to(&self, out: impl Write) -> std::io::Result<()> {
        self.rows(out, Convention::Siim)
    }

    fn rows(&self, out: impl Write, convention: Convention) -> std::io::Result<()> {
        let mut writer = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out);
        writer.write_record(convention.columns().split(',')).map_err(io_error)?;
        for (id, runs) in self.iter() {
            let text = convention.encode(runs);
            match convention.split(id).filter(|_| convention == Convention::SeverstalColumn) {
                Some((name, class)) => writer.write_record([name, class, &text]).map_err(io_error)?,
                None => writer.write_record([id, &text]).map_err(io_error)?,
            }
        }
        writer.flush()
    }
}

/// The system's own error: wrapped in another one, a full disk would not be recognised.
fn io_error(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}
