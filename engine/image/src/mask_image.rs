//! Masks as image files: white is marked, black is not.

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma};

use crate::Intensity;
use crate::radiograph::{self, DecodeLimits, RadiographError};
use crate::resize::shares;
use crate::{Mask, Radiograph, Size};

/// One half, less rounding: the mean of a half-marked area may come out slightly below it.
const HALF: f32 = 0.5 - 1e-5;

/// Why a file is not a mask.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaskImageError {
    /// The file is not an image, or is broken.
    #[error(transparent)]
    Radiograph(#[from] RadiographError),
    /// The marks are too dark: for example 0 and 1 instead of 0 and 255.
    #[error(
        "mask `{}` has no pixel above half of its range ({} at most, of {}): mark pixels with white, {}",
        path.display(), .brightest, .white, .white
    )]
    Dim {
        /// The file.
        path: PathBuf,
        /// Its largest value.
        brightest: f32,
        /// The largest value that its bits can hold.
        white: f32,
    },
    /// A DICOM file, which holds a radiograph.
    #[error("`{}`: expected a mask image (PNG or JPEG), found a DICOM file", path.display())]
    Dicom {
        /// The file.
        path: PathBuf,
    },
    /// An image with many greys, such as a radiograph.
    #[error(
        "`{}`: expected a mask, black and white, found {percent} % of its pixels neither of the two", path.display()
    )]
    Grey {
        /// The file.
        path: PathBuf,
        /// The percentage of its pixels that are between a tenth and nine tenths of its brightest.
        percent: u32,
    },
}

/// The largest share of pixels that may be neither black nor white, as at the borders of resized masks.
const MOST_GREY: f32 = 0.25;

/// Reads a mask at the image's own size, and the image's id: its file's stem. Pixels above half of the range are
/// marked.
///
/// # Errors
/// If the file cannot be read or decoded, or is not black and white; if nothing is marked although it is not all black,
/// because it would silently count as empty.
pub fn open(path: &Path) -> Result<(String, Mask), MaskImageError> {
    open_with(path, DecodeLimits::default())
}

/// As [`open`], within a memory limit.
///
/// # Errors
/// As [`open`], and if reading and decoding the file would take more than the limit.
pub fn open_with(path: &Path, limits: DecodeLimits) -> Result<(String, Mask), MaskImageError> {
    let bytes = radiograph::read_with(path, limits)?;
    if radiograph::is_dicom(&bytes) {
        return Err(MaskImageError::Dicom { path: path.into() });
    }
    let image = Radiograph::decode_with(&bytes, path, limits)?;
    let intensities = image.intensities(Intensity::Stored);
    // white may be a grey, as long as there is no other
    let white = intensities.fold(0.0_f32, |most, &intensity| most.max(intensity));
    let grey = intensities.iter().filter(|&&it| (0.1 * white..=0.9 * white).contains(&it) && white > 0.0).count();
    let share = grey as f32 / intensities.len() as f32;
    let mask = Mask::from(intensities.mapv(|intensity| intensity > 0.5));
    let brightest = image.values().fold(f32::MIN, |most, &value| most.max(value));
    if mask.is_empty() && brightest > image.range().0 && !image.is_inverted() {
        return Err(MaskImageError::Dim { path: path.into(), brightest, white: image.range().1 });
    }
    if share > MOST_GREY {
        return Err(MaskImageError::Grey { path: path.into(), percent: (100.0 * share).round() as u32 });
    }
    Ok((image.id().to_owned(), mask))
}

/// Resizes a mask to `size`: a pixel is marked if at least half of its area is. At its own size it is unchanged.
#[must_use]
pub fn resized(mask: &Mask, size: Size) -> Mask {
    if mask.size() == size {
        return mask.clone();
    }
    Mask::from(shares(mask, size).mapv(|share| share >= HALF))
}

/// The mask as an 8-bit image: 255 where it is marked, 0 elsewhere.
#[must_use]
pub fn picture(mask: &Mask) -> GrayImage {
    let Size { height, width } = mask.size();
    let pixels = mask.pixels();
    GrayImage::from_fn(width as u32, height as u32, |column, row| {
        Luma([if pixels[(row as usize, column as usize)] { 255 } else { 0 }])
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn mask(size: Size, mark: impl Fn(usize, usize) -> bool) -> Mask {
        Mask::from(Array2::from_shape_fn(size, |(row, column)| mark(row, column)))
    }

    #[test]
    fn half_of_an_area_is_enough_at_any_scale() {
        for factor in 1..=12 {
            // the upper half of each block, rounded up: at least half
            let enough = mask(Size::new(factor * 5, factor * 3), |row, _| row % factor < factor.div_ceil(2));
            assert_eq!(resized(&enough, Size::new(5, 3)).area(), 15, "1 in {factor}");
            // one row less, or nothing at all
            let less = mask(Size::new(factor * 5, factor * 3), |row, _| row % factor + 1 < factor.div_ceil(2));
            assert!(resized(&less, Size::new(5, 3)).is_empty(), "1 in {factor}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ID_1.2.png");
        for mark in [|row, column| (row * 7 + column * 3) % 5 < 2, |_, _| false, |_, _| true] {
            let mask = mask(Size::new(9, 6), mark);
            assert_eq!(resized(&mask, Size::new(9, 6)), mask);
            picture(&mask).save(&path).unwrap();
            assert_eq!(open(&path).unwrap(), ("ID_1.2".into(), mask));
        }
    }

    #[test]
    fn a_picture_with_many_greys_is_no_mask() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        GrayImage::from_fn(16, 16, |x, y| Luma([(x * 16 + y) as u8])).save(&path).unwrap();
        let message = open(&path).unwrap_err().to_string();
        assert!(
            message.ends_with("expected a mask, black and white, found 80 % of its pixels neither of the two"),
            "{message}"
        );
        // a border as left by resizing
        GrayImage::from_fn(16, 16, |x, _| Luma([[0, 128, 255][x.clamp(7, 9) as usize - 7]])).save(&path).unwrap();
        assert_eq!(open(&path).unwrap().1.area(), 8 * 16);
    }

    #[test]
    fn marks_that_are_not_white_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        GrayImage::from_pixel(3, 3, Luma([1])).save(&path).unwrap();
        let message = open(&path).unwrap_err().to_string();
        assert!(message.ends_with("(1 at most, of 255): mark pixels with white, 255"), "{message}");
    }
}
