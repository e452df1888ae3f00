//! Reads an image's id and size without decoding pixels.

use std::path::Path;

use super::error::RadiographError;
use super::{dicom, encoded, file, id, raster};
use crate::Size;

/// An image's id and size, from its file's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageHeader {
    /// As [`Radiograph::id`](super::Radiograph::id).
    pub id: String,
    /// Height and width in pixels.
    pub size: Size,
}

impl ImageHeader {
    /// Reads a DICOM, PNG or JPEG file's header. Whether its pixels can be decoded remains unknown.
    ///
    /// # Errors
    /// If the file cannot be read, is none of these, or has a header that no grey image has.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        let path = path.as_ref();
        let start = file::start(path)?;
        if raster::is_raster(&start)
            && let Ok(glance) = raster::glance(&start, path)
        {
            return Ok(glance);
        }
        // the header follows a long profile or data set
        Self::decode(&file::read(path)?, path)
    }

    /// As [`ImageHeader::open`], from a file's bytes. The path is not opened: it is as for
    /// [`Radiograph::decode`](super::Radiograph::decode).
    ///
    /// # Errors
    /// As [`ImageHeader::open`].
    pub fn decode(bytes: &[u8], path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        let path = path.as_ref();
        let glance = if raster::is_raster(bytes) {
            raster::glance(bytes, path)
        } else if encoded::is_dicom(bytes) {
            dicom::glance(bytes, path)
        } else {
            Err(RadiographError::Unrecognized { path: path.into(), empty: bytes.is_empty() })
        }?;
        id::check(path, &glance.id)?;
        Ok(glance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Radiograph;

    #[test]
    fn a_glance_agrees_with_the_radiograph() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.b.png");
        image::GrayImage::new(7, 5).save(&path).unwrap();
        let (glance, radiograph) = (ImageHeader::open(&path).unwrap(), Radiograph::open(&path).unwrap());
        assert_eq!((glance.id.as_str(), glance.size), (radiograph.id(), radiograph.size()));
        assert_eq!(glance, ImageHeader { id: "a.b".into(), size: Size::new(5, 7) });
    }

    #[test]
    fn what_is_no_image_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        for (bytes, reason) in [(&b""[..], "is empty"), (b"text", "is not a DICOM"), (b"\x89PNG\r\n\x1a\n", "(PNG): ")]
        {
            std::fs::write(&path, bytes).unwrap();
            let message = ImageHeader::open(&path).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }
}
