//! A record of the files that `pleura runtime install` wrote into a folder, for checking them later.
//!
//! One line per file: its SHA-256, its length in bytes, its modification time (in nanoseconds since 1970), its name.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::digest;

/// The record's file.
const RECORD: &str = "files.txt";

/// A file as it was written.
#[derive(Debug, PartialEq, Eq)]
struct Recorded {
    sha256: String,
    bytes: u64,
    changed: u128,
}

/// An installation that is not as it was recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There is no record.
    #[error("it has no record of its files")]
    NoRecord,
    /// The record itself is damaged.
    #[error("`{RECORD}` is damaged")]
    Record,
    /// A file is missing or cannot be read.
    #[error("cannot read `{file}`")]
    Read {
        /// The file's name.
        file: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is not the one that was written.
    #[error("`{file}` is damaged: expected {expected}, found {found}")]
    Changed {
        /// The file's name.
        file: String,
        /// Its length or SHA-256 when it was written.
        expected: String,
        /// The same now, a length as a bare number.
        found: String,
    },
}

/// Records the files of a folder, all of which must not change afterwards.
///
/// # Errors
/// If a file cannot be read, or the record cannot be written.
pub fn write(folder: &Path) -> io::Result<()> {
    let mut lines = String::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, metadata) = (entry.file_name(), entry.metadata()?);
        if let Some(name) = name.to_str().filter(|name| metadata.is_file() && *name != RECORD) {
            let sha256 = digest::file(&entry.path())?;
            lines += &format!("{sha256} {} {} {name}\n", metadata.len(), changed(&metadata));
        }
    }
    fs::write(folder.join(RECORD), lines)
}

/// Checks every file of a folder against its record, digest by digest.
///
/// # Errors
/// The first missing or different file; [`RecordError::NoRecord`] if there is no record.
pub fn check(folder: &Path) -> Result<(), RecordError> {
    let record = read(folder)?.ok_or(RecordError::NoRecord)?;
    record.iter().try_for_each(|(name, recorded)| {
        is_as_long(folder, name, recorded)?;
        has_digest(folder, name, recorded)
    })
}

/// Checks the lengths of a folder's files, and the digest of `library` if it was modified since it was recorded. A
/// folder without a record passes.
///
/// # Errors
/// The first missing or different file.
pub fn check_quickly(folder: &Path, library: &str) -> Result<(), RecordError> {
    let Some(record) = read(folder)? else { return Ok(()) };
    record.iter().try_for_each(|(name, recorded)| {
        let metadata = is_as_long(folder, name, recorded)?;
        if name == library && changed(&metadata) != recorded.changed {
            has_digest(folder, name, recorded)?;
        }
        Ok(())
    })
}

fn is_as_long(folder: &Path, name: &str, recorded: &Recorded) -> Result<Metadata, RecordError> {
    let metadata = fs::metadata(folder.join(name)).map_err(|source| unread(name, source))?;
    if metadata.len() == recorded.bytes {
        return Ok(metadata);
    }
    let (expected, found) = (format!("{} bytes", recorded.bytes), metadata.len().to_string());
    Err(RecordError::Changed { file: name.into(), expected, found })
}

fn has_digest(folder: &Path, name: &str, recorded: &Recorded) -> Result<(), RecordError> {
    let found = digest::file(&folder.join(name)).map_err(|source| unread(name, source))?;
    if found == recorded.sha256 {
        return Ok(());
    }
    Err(RecordError::Changed { file: name.into(), expected: format!("sha256 {}", recorded.sha256), found })
}

fn unread(name: &str, source: io::Error) -> RecordError {
    RecordError::Read { file: name.into(), source }
}

/// The record by file name; `None` if there is no record.
fn read(folder: &Path) -> Result<Option<BTreeMap<String, Recorded>>, RecordError> {
    let text = match fs::read_to_string(folder.join(RECORD)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unread(RECORD, source)),
    };
    let lines = text.lines().map(|line| parse(line).ok_or(RecordError::Record));
    lines.collect::<Result<_, _>>().map(Some)
}

fn parse(line: &str) -> Option<(String, Recorded)> {
    let mut fields = line.splitn(4, ' ');
    let sha256 = fields.next()?.to_owned();
    let (bytes, changed) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((fields.next()?.to_owned(), Recorded { sha256, bytes, changed }))
}

/// A file's modification time; 0 if the system does not provide it, so that the digest decides.
fn changed(metadata: &Metadata) -> u128 {
    let time = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.map_or(0, |time| time.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lib a.so"), "library").unwrap();
        fs::write(folder.path().join("other.so"), "other").unwrap();
        write(folder.path()).unwrap();
        folder
    }

    #[test]
    fn what_stays_as_it_was_passes() {
        let folder = recorded();
        check(folder.path()).unwrap();
        check_quickly(folder.path(), "lib a.so").unwrap();
    }

    #[test]
    fn what_is_shorter_or_missing_is_found_by_either_check() {
        for harm in [|path: &Path| fs::write(path, "lib").unwrap(), |path: &Path| fs::remove_file(path).unwrap()] {
            let folder = recorded();
            harm(&folder.path().join("other.so"));
            for result in [check(folder.path()), check_quickly(folder.path(), "lib a.so")] {
                assert!(result.unwrap_err().to_string().contains("`other.so`"));
            }
        }
    }

    #[test]
    fn other_bytes_of_the_same_length_are_found_in_the_library_and_elsewhere_by_the_full_check() {
        let folder = recorded();
        let change = |name| {
            let path = folder.path().join(name);
            let text = fs::read_to_string(&path).unwrap().replace(['a', 'h'], "X");
            fs::write(&path, text).unwrap();
            // a clock of low resolution might not show the change
            fs::File::open(&path).unwrap().set_modified(UNIX_EPOCH).unwrap();
        };
        change("other.so");
        check_quickly(folder.path(), "lib a.so").unwrap();
        assert!(check(folder.path()).unwrap_err().to_string().contains("`other.so` is damaged: expected sha256"));
        change("lib a.so");
        assert!(check_quickly(folder.path(), "lib a.so").unwrap_err().to_string().contains("`lib a.so` is damaged"));
    }

    #[test]
    fn a_folder_without_a_record_is_not_known_to_be_whole() {
        let folder = tempfile::tempdir().unwrap();
        check_quickly(folder.path(), "lib.so").unwrap();
        assert!(check(folder.path()).unwrap_err().to_string().contains("no record"));
        fs::write(folder.path().join(RECORD), "torn").unwrap();
        assert!(check_quickly(folder.path(), "lib.so").unwrap_err().to_string().contains("is damaged"));
    }
}
