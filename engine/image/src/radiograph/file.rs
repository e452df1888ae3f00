//! Reads a whole image file, if it can be one.

use std::io;
use std::path::Path;

use super::error::RadiographError;
use super::limits::DecodeLimits;
use pleura_files::bounded::{self, BoundedError};

/// The maximum size of an image file: the largest image allowed, in three samples of 16 bits, and as many bytes again.
const MAX_BYTES: u64 = 3 << 30;
/// Bytes that are read for a header.
const START: u64 = 1 << 16;

/// The bytes of a file.
///
/// # Errors
/// If it cannot be read, is not a regular file (a pipe may never start, and a device never end), or is larger than any
/// image.
pub fn read(path: &Path) -> Result<Vec<u8>, RadiographError> {
    read_with(path, DecodeLimits::new(MAX_BYTES))
}

/// The first bytes of a file, at most `START`.
///
/// # Errors
/// If it cannot be read or is not a regular file.
pub(super) fn start(path: &Path) -> Result<Vec<u8>, RadiographError> {
    bounded::start(path, START).map_err(|error| refused(path, error))
}

/// As [`read`], for a file that may not be larger than the limit, either.
///
/// # Errors
/// As [`read`].
pub fn read_with(path: &Path, limits: DecodeLimits) -> Result<Vec<u8>, RadiographError> {
    bounded::read(path, limits.bytes().min(MAX_BYTES)).map_err(|error| match error {
        BoundedError::TooLarge { bytes } if bytes <= MAX_BYTES => {
            RadiographError::Memory { path: path.into(), over: limits.exceeded(bytes) }
        }
        error => refused(path, error),
    })
}

fn refused(path: &Path, error: BoundedError) -> RadiographError {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    let source = match error {
        BoundedError::Io(source) => source,
        BoundedError::TooLarge { bytes } => {
            invalid(format!("the file has {bytes} bytes, more than the limit of {MAX_BYTES}"))
        }
    };
    RadiographError::Read { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_no_image_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.dcm");
        let cause = |path: &Path| std::error::Error::source(&read(path).unwrap_err()).unwrap().to_string();
        assert_eq!(cause(folder.path()), "expected a regular file, found a folder");
        // A sparse file: it occupies no disk space.
        std::fs::File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert_eq!(cause(&path), "the file has 3221225473 bytes, more than the limit of 3221225472");
        assert!(cause(&folder.path().join("none")).contains("No such file"));
    }
}
