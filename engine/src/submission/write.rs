//! Writes submissions: all of a file or nothing of it.

use std::io::{BufWriter, Write};
use std::path::Path;

use csv::{Terminator, WriterBuilder};

use super::read::COLUMNS;
use super::{Submission, SubmissionError};
use crate::atomic;

impl Submission {
    /// Writes the CSV: a header, then one row an image in the submission's order, lines ending in LF.
    ///
    /// It is written to a temporary file in the same folder, which then takes the name: whoever reads `path` finds
    /// the old file or the whole new one.
    ///
    /// # Errors
    /// Where the file cannot be written; `path` is then as it was.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), SubmissionError> {
        let path = path.as_ref();
        self.write_and_rename(path).map_err(|source| SubmissionError::Write { path: path.to_owned(), source })
    }

    /// Writes the CSV to a stream.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn write_to(&self, out: impl Write) -> std::io::Result<()> {
        let mut writer = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out);
        writer.write_record(COLUMNS)?;
        for (id, runs) in self.iter() {
            writer.write_record([id, &runs.encode()])?;
        }
        writer.flush()
    }

    fn write_and_rename(&self, path: &Path) -> std::io::Result<()> {
        let temporary = atomic::beside(path)?;
        self.write_to(BufWriter::new(temporary.as_file()))?;
        atomic::place(temporary, path)
    }
}
