//! Reads whole files that are regular and not too large.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::regular;

/// Why a file is not read.
#[derive(Debug)]
pub enum BoundedError {
    /// It does not exist, is not a regular file, or cannot be read.
    Io(io::Error),
    /// It is larger than allowed.
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
    },
}

/// The size of a regular file in bytes.
///
/// # Errors
/// If it does not exist, or is not a regular file.
pub fn size(path: &Path) -> Result<u64, BoundedError> {
    let found = fs::metadata(path).map_err(BoundedError::Io)?;
    regular::ensure_regular(&found).map_err(BoundedError::Io)?;
    Ok(found.len())
}

/// The bytes of a regular file of at most `most` bytes; a larger one is refused before any of it is read.
///
/// # Errors
/// If it does not exist, is not a regular file, is larger, or cannot be read.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, BoundedError> {
    let bytes = size(path)?;
    if bytes > most {
        return Err(BoundedError::TooLarge { bytes });
    }
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0) + 1);
    // The file may have grown in the meantime.
    let read = regular::open(path).and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut content));
    match read.map_err(BoundedError::Io)? as u64 {
        bytes if bytes > most => Err(BoundedError::TooLarge { bytes }),
        _ => Ok(content),
    }
}

/// The first bytes of a regular file, at most `most`.
///
/// # Errors
/// If it does not exist, is not a regular file, or cannot be read.
pub fn start(path: &Path, most: u64) -> Result<Vec<u8>, BoundedError> {
    let mut content = Vec::new();
    let read = regular::open(path).and_then(|file| file.take(most).read_to_end(&mut content));
    read.map_err(BoundedError::Io).map(|_| content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_file_or_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(matches!(read(&path, 4), Err(BoundedError::TooLarge { bytes: 5 })));
        // A sparse file: it occupies no disk space.
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path, 1 << 30), Err(BoundedError::TooLarge { bytes: 0x100_0000_0000 })));
        assert!(matches!(read(folder.path(), 9), Err(BoundedError::Io(_))));
        assert!(matches!(read(&folder.path().join("none"), 9), Err(BoundedError::Io(_))));
        #[cfg(unix)]
        assert!(matches!(read(Path::new("/dev/zero"), 9), Err(BoundedError::Io(_))));
    }
}
