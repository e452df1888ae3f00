//! Reads an image's file whole, if it can be one.

use std::io;
use std::path::Path;

use super::error::RadiographError;
use crate::bounded::{self, BoundedError};

/// The most bytes that an image's file may have: the largest image allowed, in three samples of 16 bits, and as much
/// again.
const MAX_BYTES: u64 = 3 << 30;

/// The bytes of a file.
///
/// # Errors
/// Where it cannot be read, is no plain file (a pipe may never begin, and a device never end), or is larger than any
/// image.
pub fn read(path: &Path) -> Result<Vec<u8>, RadiographError> {
    bounded::read(path, MAX_BYTES).map_err(|error| {
        let refused = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let source = match error {
            BoundedError::Io(source) => source,
            BoundedError::TooLarge { bytes } => {
                refused(format!("it has {bytes} bytes, and no image has more than {MAX_BYTES}"))
            }
        };
        RadiographError::Read { path: path.into(), source }
    })
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
        // A hole: no byte of it is on the disk.
        std::fs::File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert_eq!(cause(&path), "it has 3221225473 bytes, and no image has more than 3221225472");
        assert!(cause(&folder.path().join("none")).contains("No such file"));
    }
}
