//! Reads an image's file whole, if it can be one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::RadiographError;

/// The most bytes that an image's file may have: the largest image allowed, in three samples of 16 bits, and as much
/// again.
const MAX_BYTES: u64 = 3 << 30;

/// The bytes of a file.
///
/// # Errors
/// Where it cannot be read, is no plain file (a pipe may never begin, and a device never end), or is larger than any
/// image.
pub fn read(path: &Path) -> Result<Vec<u8>, RadiographError> {
    read_up_to(path, MAX_BYTES)
}

fn read_up_to(path: &Path, most: u64) -> Result<Vec<u8>, RadiographError> {
    let failed = |source| RadiographError::Read { path: path.into(), source };
    let refused = |why: String| failed(io::Error::new(io::ErrorKind::InvalidInput, why));
    let about = std::fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(refused("it is no plain file".to_owned()));
    }
    if about.len() > most {
        return Err(refused(format!("it has {} bytes, and no image has more than {most}", about.len())));
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    // The file may have grown since.
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(refused(format!("it grew beyond {most} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_no_image_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.dcm");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read_up_to(&path, 5).unwrap(), b"12345");
        let cause = |error: RadiographError| std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause(read_up_to(&path, 4).unwrap_err()), "it has 5 bytes, and no image has more than 4");
        assert_eq!(cause(read(folder.path()).unwrap_err()), "it is no plain file");
        // A hole: no byte of it is on the disk.
        File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(cause(read(&path).unwrap_err()).contains("no image has more than"));
        assert!(cause(read(&folder.path().join("none")).unwrap_err()).contains("No such file"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_that_never_ends_is_not_read() {
        assert!(read(Path::new("/dev/zero")).is_err());
    }
}
