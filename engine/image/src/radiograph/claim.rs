//! Estimates the memory for decoding a file from its first bytes, so that files that fit the memory together are
//! decoded in parallel. The limit within which each is decoded does not depend on it.

use std::path::Path;

use memchr::memmem;

use super::raster;
use pleura_files::bounded;

/// Bytes of a file that are read.
const START: u64 = 1 << 16;
/// Bytes that decoders take per sample of a DICOM file, including the grey value: the maximum over the decoders in
/// `cost`, for an image with the usual tiles and code-blocks.
const SAMPLE: u64 = 16;

/// The bytes that reading and decoding a file takes at its peak; `None` if its first bytes do not say.
pub fn estimate(path: &Path) -> Option<u64> {
    let bytes = bounded::size(path).ok()?;
    claimed(&bounded::start(path, START).ok()?, bytes)
}

/// As [`estimate`], for a file that is in memory.
#[must_use]
pub fn estimate_of(bytes: &[u8]) -> Option<u64> {
    claimed(&bytes[..bytes.len().min(START as usize)], bytes.len() as u64)
}

/// The estimate from a file's first bytes, and its length.
fn claimed(start: &[u8], bytes: u64) -> Option<u64> {
    let decoding = match raster::claimed(start) {
        Some(bytes) => bytes,
        None => SAMPLE * dicom_samples(start)?,
    };
    Some(decoding + 3 * bytes)
}

/// Samples of a DICOM image: the largest number that the bytes can mean, including in sequences.
fn dicom_samples(start: &[u8]) -> Option<u64> {
    // Rows, Columns and SamplesPerPixel are 16-bit numbers, 8 bytes after the start of their tag with and without a VR
    let largest = |element: u8| {
        let tag = [0x28, 0, element, 0];
        let value = |at: usize| start.get(at + 8..at + 10).map(|two| u64::from(u16::from_le_bytes([two[0], two[1]])));
        memmem::find_iter(start, &tag).filter_map(value).max()
    };
    Some(largest(0x10)? * largest(0x11)? * largest(0x02)?.min(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dicom_samples_in_either_encoding() {
        let explicit = b"\x28\0\x02\0US\x02\0\x01\0\x28\0\x10\0US\x02\0\0\x08\x28\0\x11\0US\x02\0\0\x04";
        assert_eq!(dicom_samples(explicit), Some(2048 * 1024));
        let implicit = b"\x28\0\x02\0\x02\0\0\0\x03\0\x28\0\x10\0\x02\0\0\0\x02\0\x28\0\x11\0\x02\0\0\0\x05\0";
        assert_eq!(dicom_samples(implicit), Some(30));
        assert_eq!(dicom_samples(&explicit[..20]), None);
    }

    #[test]
    fn a_file_of_no_known_kind_has_no_estimate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        image::GrayImage::new(1000, 500).save(&path).unwrap();
        assert!((2_000_000..8_000_000).contains(&estimate(&path).unwrap()));
        assert_eq!(estimate_of(&std::fs::read(&path).unwrap()), estimate(&path));
        std::fs::write(&path, "text").unwrap();
        assert_eq!(estimate(&path), None);
        assert_eq!(estimate(folder.path()), None);
    }
}
