//! The fields of a CSV of run lengths, as text: plain or compressed with gzip, row by row.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ReaderBuilder, StringRecord, Terminator};
use flate2::bufread::MultiGzDecoder;

use super::columns::{Class, Columns};
use super::{ColumnsError, RowError, SubmissionError};
use crate::regular;

const GZIP: [u8; 2] = [0x1F, 0x8B];
/// The maximum size of a row in bytes. A mask of 1024×1024 that changes at every pixel takes 2 MB.
const MAX_ROW: u64 = 64 << 20;
/// Bytes of finished rows that are kept before they are dropped together.
const SPENT: usize = 64 << 10;

/// The fields of a row.
#[derive(Debug)]
pub(super) struct Field<'a> {
    /// Counted from 1, the header included.
    pub line: u64,
    /// The image's id, followed by `_CLASS` if the class has its own column.
    pub id: Cow<'a, str>,
    /// The run lengths.
    pub text: &'a str,
    /// Whether the run lengths are an empty pair of quotes.
    pub quoted_blank: bool,
}

/// The rows of a file, one after the other.
pub(super) struct Fields {
    path: PathBuf,
    reader: csv::Reader<Rationed>,
    record: StringRecord,
    raw: Rc<RefCell<Raw>>,
    columns: Columns,
    /// Set when the stream breaks: reading on would repeat the error for ever.
    broken: bool,
}

impl Fields {
    /// Opens a file whose header `choose` accepts.
    pub fn open(
        path: &Path,
        choose: impl Fn(&[&str]) -> Result<Columns, ColumnsError>,
    ) -> Result<Self, SubmissionError> {
        let open = |source| SubmissionError::Open { path: path.to_owned(), source };
        let file = decompress(regular::open(path).map_err(open)?).map_err(open)?;
        // Rows end only at LF (fields are trimmed, of CR too), and the last one ends, too: so the reader is always on the line
        // after the row, from which its line is known. csv's own count goes wrong after blank lines.
        let raw = Rc::new(RefCell::new(Raw::default()));
        let file = Rationed { file: Box::new(file.chain(&b"\n"[..])), raw: Rc::clone(&raw) };
        // `flexible`, so that a row with a comma too many is reported like any other fault
        let mut reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).flexible(true).from_reader(file);
        let read = |source| SubmissionError::Read { path: path.to_owned(), source };
        let header: Vec<&str> = reader.headers().map_err(read)?.iter().map(str::trim).collect();
        let columns = choose(&header).map_err(|source| SubmissionError::Columns { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), reader, record: StringRecord::new(), raw, columns, broken: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the first column is pandas' index, and is skipped.
    pub fn has_index(&self) -> bool {
        self.columns.has_index
    }

    /// The next row, which is borrowed until the one after it; `None` at the end.
    pub fn next_field(&mut self) -> Option<Result<Field<'_>, SubmissionError>> {
        if self.broken {
            return None;
        }
        match self.read() {
            Ok(false) => None,
            Ok(true) => {
                let line = self.reader.position().line() - 1;
                Some(self.field(line).map_err(|source| SubmissionError::row(&self.path, line, source)))
            }
            Err(source) => {
                self.broken = true;
                Some(Err(SubmissionError::Read { path: self.path.clone(), source }))
            }
        }
    }

    fn read(&mut self) -> csv::Result<bool> {
        loop {
            self.raw.borrow_mut().begin(self.reader.position().byte());
            let read = self.reader.read_record(&mut self.record)?;
            if !read || !is_blank(&self.record) {
                return Ok(read);
            }
        }
    }

    fn field(&self, line: u64) -> Result<Field<'_>, RowError> {
        let (columns, record) = (&self.columns, &self.record);
        let of = |at: usize| record.get(at).unwrap_or_default().trim();
        if record.len() != columns.count {
            let index = usize::from(columns.has_index);
            return Err(RowError::Fields {
                expected: columns.count - index,
                found: record.len().saturating_sub(index),
            });
        }
        let (id, text) = (of(columns.id), of(columns.text));
        // the reader does not treat quotes after a blank as quotes
        let unquoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let text = unquoted.unwrap_or(text);
        if id.is_empty() {
            return Err(RowError::NoId);
        }
        let id = match columns.class {
            Class::None => id.into(),
            Class::InId if id.rsplit_once('_').is_some_and(|(name, class)| !name.is_empty() && !class.is_empty()) => {
                id.into()
            }
            Class::InId => return Err(RowError::NoClass { id: id.to_owned() }),
            Class::Column(at) if of(at).is_empty() => return Err(RowError::NoClass { id: id.to_owned() }),
            Class::Column(at) => format!("{id}_{}", of(at)).into(),
        };
        // the column of run lengths is the last one wherever quotes matter
        let is_quoted = || self.raw.borrow().ends_with_quotes(self.reader.position().byte());
        let quoted_blank = text.trim().is_empty() && (unquoted.is_some() || is_quoted());
        Ok(Field { line, id, text, quoted_blank })
    }
}

/// The bytes of the current row, and of what the reader has buffered beyond it.
#[derive(Default)]
struct Raw {
    bytes: Vec<u8>,
    /// The offset of the first of them in the file.
    start: u64,
    /// The offset of the row in the file.
    row: u64,
    /// The number of the row's bytes read from the file.
    taken: u64,
}

impl Raw {
    /// Starts a row; earlier bytes are dropped.
    fn begin(&mut self, at: u64) {
        (self.row, self.taken) = (at, 0);
        let spent = usize::try_from(at.saturating_sub(self.start)).unwrap_or_default().min(self.bytes.len());
        if spent > SPENT {
            self.bytes.drain(..spent);
            self.start += spent as u64;
        }
    }

    /// Whether the row, which ends before `end`, ends with a pair of quotes with only blanks in between.
    fn ends_with_quotes(&self, end: u64) -> bool {
        let place = |at: u64| usize::try_from(at.saturating_sub(self.start)).unwrap_or_default().min(self.bytes.len());
        let row = self.bytes.get(place(self.row)..place(end)).unwrap_or_default().trim_ascii_end();
        row.strip_suffix(b"\"").is_some_and(|row| row.trim_ascii_end().ends_with(b"\""))
    }
}

/// A file with a limit on each row: a row that never ends (an unclosed quote, a gzip of gigabytes) is an error, where
/// it would otherwise fill the memory.
struct Rationed {
    file: Box<dyn Read>,
    raw: Rc<RefCell<Raw>>,
}

impl Read for Rationed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut raw = self.raw.borrow_mut();
        let left = MAX_ROW - raw.taken;
        if left == 0 {
            let why = format!("a row has more than {MAX_ROW} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let len = self.file.read(&mut buffer[..most])?;
        raw.taken += len as u64;
        raw.bytes.extend_from_slice(&buffer[..len]);
        Ok(len)
    }
}

/// Whether a line consists of blanks; the reader already skips empty lines.
fn is_blank(record: &StringRecord) -> bool {
    record.len() == 1 && record[0].trim().is_empty()
}

/// Decompresses gzip if the file starts with its magic number, whatever its name.
fn decompress(file: File) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(file);
    let zipped = file.fill_buf()?.starts_with(&GZIP);
    Ok(if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}
