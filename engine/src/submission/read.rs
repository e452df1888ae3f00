//! Reads submissions: `ImageId,EncodedPixels`, plain or compressed with gzip.
//!
//! Tolerates differences between the competition's files that lose nothing: blanks around names and values, CRLF, a
//! byte order mark, quotes, pandas' index. Everything else is an error with its line.

use std::path::Path;

use indexmap::IndexSet;

use super::fields::{Field, Fields};
use super::{Remarks, RleError, Runs, SubmissionError, columns};
use crate::Size;
use pleura_image::rle::text_reads_as_absolute;

/// A row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Counted from 1, the header included.
    pub line: u64,
    /// The image.
    pub id: String,
    /// Its mask, or one of its masks.
    pub runs: Result<Runs, RleError>,
}

/// An iterator over the rows of a file; after an error in a single row the next can still be read.
pub struct Rows {
    fields: Fields,
    size: Size,
    remarks: Remarks,
    /// Whether the file's run lengths can be read as absolute ones, once determined.
    absolute: Option<bool>,
}

impl Rows {
    /// Opens a file of masks of `size`, and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read, or has other columns.
    pub fn open(path: &Path, size: Size) -> Result<Self, SubmissionError> {
        let fields = Fields::open(path, columns::siim)?;
        Ok(Self { remarks: Remarks::new(&fields), fields, size, absolute: None })
    }

    /// Harmless oddities of the rows so far: a sentence each, with the file's name.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.remarks.sentences()
    }

    /// Logs the [remarks](Self::remarks) as warnings.
    pub fn log_remarks(&self) {
        self.remarks.log();
    }

    fn decode(&mut self, line: u64, text: &str, quoted_blank: bool) -> Result<Runs, RleError> {
        if quoted_blank {
            self.remarks.quoted(line);
            return Ok(Runs::default());
        }
        let decoded = Runs::decode(text, self.size);
        match &decoded {
            Ok(_) => self.remarks.relative(text, self.pixels()),
            Err(RleError::Blank { .. }) => return Err(RleError::Blank { absolute: self.is_absolute() }),
            Err(_) => {}
        }
        decoded
    }

    fn pixels(&self) -> usize {
        self.size.area()
    }

    /// Whether all masks with several runs can be read as absolute positions, and there is at least one: searches the
    /// whole file.
    fn is_absolute(&mut self) -> bool {
        let (path, pixels) = (self.fields.path(), self.pixels());
        *self.absolute.get_or_insert_with(|| {
            let Ok(fields) = Fields::open(path, columns::siim) else { return false };
            let texts = fields.filter_map(|field| Some(field.ok()?.text));
            let mut several = texts.filter(|text| text.split_ascii_whitespace().nth(3).is_some()).peekable();
            several.peek().is_some() && several.all(|text| text_reads_as_absolute(&text, pixels).is_some())
        })
    }
}

impl Iterator for Rows {
    type Item = Result<Row, SubmissionError>;

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.fields.next()?;
        Some(field.map(|Field { line, id, text, quoted_blank }| {
            let runs = self.decode(line, &text, quoted_blank);
            Row { line, id, runs }
        }))
    }
}

/// The ids of a file in the order in which they first appear, each once; masks are not parsed.
///
/// # Errors
/// If the file cannot be read, has other columns, or a row has no id.
pub fn read_ids(path: impl AsRef<Path>) -> Result<Vec<String>, SubmissionError> {
    ids(Fields::open(path.as_ref(), columns::siim)?)
}

pub(super) fn ids(fields: Fields) -> Result<Vec<String>, SubmissionError> {
    Remarks::new(&fields).log();
    let ids: Result<IndexSet<_>, _> = fields.map(|field| Ok(field?.id)).collect();
    Ok(ids?.into_iter().collect())
}
