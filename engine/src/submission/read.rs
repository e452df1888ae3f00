//! Reads submissions: `ImageId,EncodedPixels`, plain or compressed with gzip.
//!
//! Tolerates differences between the competition's files that lose nothing: blanks around names and values, CRLF, a
//! byte order mark, quotes, pandas' index. Everything else is an error with its line.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::fields::{Field, Fields};
use super::ids::Ids;
use super::{Remarks, RleError, Runs, SubmissionError, columns};
use crate::Size;
use pleura_image::rle::text_reads_as_absolute;

/// A row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Counted from 1, the header included.
    pub line: u64,
    /// The image.
    pub id: Cow<'a, str>,
    /// Its mask, or one of its masks.
    pub runs: Result<Runs, RleError>,
}

/// A row with a valid mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskRow<'a> {
    /// Counted from 1, the header included.
    pub line: u64,
    /// The image.
    pub id: Cow<'a, str>,
    /// Its mask, or one of its masks.
    pub runs: Runs,
}

/// The rows of a file, one after the other; after an error in a single row the next can still be read.
pub struct Rows {
    fields: Fields,
    decoder: Decoder,
}

impl Rows {
    /// Opens a file of masks of `size`, and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read, or has other columns.
    pub fn open(path: &Path, size: Size) -> Result<Self, SubmissionError> {
        let fields = Fields::open(path, columns::siim)?;
        let decoder = Decoder { path: path.to_owned(), size, remarks: Remarks::new(&fields), absolute: None };
        Ok(Self { fields, decoder })
    }

    /// The next row, which is borrowed until the one after it; `None` at the end.
    ///
    /// # Errors
    /// If the file cannot be read further, or the row has no id or a wrong number of fields; wrong run lengths are the
    /// row's own.
    pub fn next_row(&mut self) -> Option<Result<Row<'_>, SubmissionError>> {
        Some(self.fields.next_field()?.map(|field| self.decoder.row(field)))
    }

    /// As [`next_row`](Self::next_row), where wrong run lengths are an error, too.
    ///
    /// # Errors
    /// If the file cannot be read further, or the row is not a mask of its image.
    pub fn next_mask(&mut self) -> Option<Result<MaskRow<'_>, SubmissionError>> {
        let Self { fields, decoder } = self;
        Some(fields.next_field()?.and_then(|field| {
            let Row { line, id, runs } = decoder.row(field);
            let runs = runs.map_err(|source| SubmissionError::row(&decoder.path, line, source.into()))?;
            Ok(MaskRow { line, id, runs })
        }))
    }

    /// Harmless oddities of the rows so far: a sentence each, with the file's name.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.decoder.remarks.sentences()
    }

    /// Logs the [remarks](Self::remarks) as warnings.
    pub fn log_remarks(&self) {
        self.decoder.remarks.log();
    }
}

/// Makes masks of a file's texts.
struct Decoder {
    path: PathBuf,
    size: Size,
    remarks: Remarks,
    /// Whether the file's run lengths can be read as absolute ones, once determined.
    absolute: Option<bool>,
}

impl Decoder {
    fn row<'a>(&mut self, Field { line, id, text, quoted_blank }: Field<'a>) -> Row<'a> {
        Row { line, id, runs: self.decode(line, text, quoted_blank) }
    }

    fn decode(&mut self, line: u64, text: &str, quoted_blank: bool) -> Result<Runs, RleError> {
        if quoted_blank {
            self.remarks.quoted(line);
            return Ok(Runs::default());
        }
        let decoded = Runs::decode(text, self.size);
        match &decoded {
            Ok(_) => self.remarks.relative(text, self.size.area()),
            Err(RleError::Blank { .. }) => return Err(RleError::Blank { absolute: self.is_absolute() }),
            Err(_) => {}
        }
        decoded
    }

    fn is_absolute(&mut self) -> bool {
        let (path, pixels) = (&self.path, self.size.area());
        *self.absolute.get_or_insert_with(|| is_absolute(path, pixels))
    }
}

/// Whether all masks with several runs can be read as absolute positions, and there is at least one: searches the whole
/// file.
fn is_absolute(path: &Path, pixels: usize) -> bool {
    let Ok(mut fields) = Fields::open(path, columns::siim) else { return false };
    let mut any = false;
    while let Some(field) = fields.next_field() {
        let Ok(Field { text, .. }) = field else { continue };
        if text.split_ascii_whitespace().nth(3).is_some() {
            any = true;
            if text_reads_as_absolute(text, pixels).is_none() {
                return false;
            }
        }
    }
    any
}

/// The ids of a file in the order in which they first appear, each once; masks are not parsed.
///
/// # Errors
/// If the file cannot be read, has other columns, or a row has no id.
pub fn read_ids(path: impl AsRef<Path>) -> Result<Vec<String>, SubmissionError> {
    ids(Fields::open(path.as_ref(), columns::siim)?)
}

pub(super) fn ids(mut fields: Fields) -> Result<Vec<String>, SubmissionError> {
    let mut ids = Ids::default();
    each_id(&mut fields, |id| _ = ids.insert(id))?;
    Ok(ids.iter().map(str::to_owned).collect())
}

/// Calls back with each row's id.
pub(super) fn each_id(fields: &mut Fields, mut of: impl FnMut(&str)) -> Result<(), SubmissionError> {
    Remarks::new(fields).log();
    while let Some(field) = fields.next_field() {
        of(&field?.id);
    }
    Ok(())
}
