//! Reads submissions: `ImageId,EncodedPixels`, plain or compressed with gzip.
//!
//! Forgiving where files of the competition differ and nothing is lost: blanks around names and values, CRLF, a byte
//! order mark, quotes. Everything else is an error with its line.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ReaderBuilder, StringRecord, Terminator, Trim};
use flate2::bufread::MultiGzDecoder;
use indexmap::IndexSet;

use super::{RleError, RowError, Runs, SubmissionError};
use crate::regular;

pub(super) const COLUMNS: [&str; 2] = ["ImageId", "EncodedPixels"];
const GZIP: [u8; 2] = [0x1F, 0x8B];
/// The most bytes of a row. A mask of 1024×1024 that changes with every pixel has 2 MB.
const MAX_ROW: u64 = 64 << 20;

/// A row as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Counted from 1, the header included.
    pub line: u64,
    /// The image.
    pub id: String,
    /// Its mask, or one of its masks.
    pub runs: Result<Runs, RleError>,
}

/// The rows of a file, one by one; after an error of a single row the next can still be read.
pub struct Rows {
    fields: Fields,
    size: (usize, usize),
}

impl Rows {
    /// Opens a file of masks of (height, width) = `size`, and reads its header.
    ///
    /// # Errors
    /// Where the file cannot be read, or has other columns.
    pub fn open(path: &Path, size: (usize, usize)) -> Result<Self, SubmissionError> {
        Ok(Self { fields: Fields::open(path)?, size })
    }
}

impl Iterator for Rows {
    type Item = Result<Row, SubmissionError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.fields.next()?;
        let size = self.size;
        Some(row.map(|(line, id, text)| Row { line, id, runs: Runs::decode(&text, size) }))
    }
}

/// The ids of a file in the order in which they first appear, each once; the masks are not looked at.
///
/// # Errors
/// Where the file cannot be read, has other columns, or a row has no id.
pub fn read_ids(path: impl AsRef<Path>) -> Result<Vec<String>, SubmissionError> {
    let ids: Result<IndexSet<_>, _> = Fields::open(path.as_ref())?.map(|row| Ok(row?.1)).collect();
    Ok(ids?.into_iter().collect())
}

/// Line, id and run lengths of each row, as text.
struct Fields {
    path: PathBuf,
    reader: csv::Reader<Rationed>,
    /// How many bytes may still be read for the row at hand.
    ration: Rc<Cell<u64>>,
    /// Reading on after the stream broke would repeat the error for ever.
    broken: bool,
}

impl Fields {
    fn open(path: &Path) -> Result<Self, SubmissionError> {
        let open = |source| SubmissionError::Open { path: path.to_owned(), source };
        let file = decompress(regular::open(path).map_err(open)?).map_err(open)?;
        // Rows end at LF alone (trimming takes CR), and the last one ends too: so the reader always stands on the
        // line after the row, and that is how its line is known. csv's own count goes wrong after blank lines.
        let ration = Rc::new(Cell::new(MAX_ROW));
        let file = Rationed { file: Box::new(file.chain(&b"\n"[..])), left: Rc::clone(&ration) };
        // `flexible`, so that a row with a comma too many is reported like any other fault
        let mut reader =
            ReaderBuilder::new().terminator(Terminator::Any(b'\n')).trim(Trim::All).flexible(true).from_reader(file);
        let read = |source| SubmissionError::Read { path: path.to_owned(), source };
        let header = reader.headers().map_err(read)?;
        if *header != COLUMNS[..] {
            let found = header.iter().collect::<Vec<_>>().join(",").chars().take(80).collect();
            return Err(SubmissionError::Columns { path: path.to_owned(), found });
        }
        Ok(Self { path: path.to_owned(), reader, ration, broken: false })
    }
}

impl Iterator for Fields {
    type Item = Result<(u64, String, String), SubmissionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let mut record = StringRecord::new();
        self.ration.set(MAX_ROW);
        let mut read = self.reader.read_record(&mut record);
        while matches!(read, Ok(true)) && is_blank(&record) {
            self.ration.set(MAX_ROW);
            read = self.reader.read_record(&mut record);
        }
        match read {
            Ok(false) => None,
            Ok(true) => {
                let line = self.reader.position().line() - 1;
                Some(fields(&record, line).map_err(|source| SubmissionError::row(&self.path, line, source)))
            }
            Err(source) => {
                self.broken = true;
                Some(Err(SubmissionError::Read { path: self.path.clone(), source }))
            }
        }
    }
}

/// A file of which each row has its ration: a row that never ends (a quote that nobody closes, a gzip of gigabytes) is an
/// error, where it would fill the memory.
struct Rationed {
    file: Box<dyn Read>,
    left: Rc<Cell<u64>>,
}

impl Read for Rationed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            let why = format!("a row has more than {MAX_ROW} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let len = self.file.read(&mut buffer[..most])?;
        self.left.set(left - len as u64);
        Ok(len)
    }
}

/// A line of blanks; lines of nothing at all are left out by the reader.
fn is_blank(record: &StringRecord) -> bool {
    record.len() == 1 && record[0].is_empty()
}

fn fields(record: &StringRecord, line: u64) -> Result<(u64, String, String), RowError> {
    let (2, Some(id), Some(text)) = (record.len(), record.get(0), record.get(1)) else {
        return Err(RowError::Fields(record.len()));
    };
    if id.is_empty() { Err(RowError::NoId) } else { Ok((line, id.to_owned(), text.to_owned())) }
}

/// Undoes gzip where the file starts with its magic number, whatever the file is called.
fn decompress(file: File) -> std::io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(file);
    let zipped = file.fill_buf()?.starts_with(&GZIP);
    Ok(if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}
