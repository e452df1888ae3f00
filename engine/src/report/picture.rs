//! Radiographs, reduced for embedding in a page.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};
use ndarray::Array2;

use super::Picture;
use super::error::MapError;
use crate::ensemble::resize;
use crate::manifest::{Intensity, Resize};
use crate::{Radiograph, Size, regular};

/// The longer side of pictures by default, in pixels.
pub const SIDE: usize = 384;
/// The longer side of maps, in pixels: networks see little more.
const MAP_SIDE: usize = 256;
/// JPEG's quality: in a page, 75 to 85 cannot be distinguished from more.
const QUALITY: u8 = 80;

impl Picture {
    /// The whole radiograph with its own window, its longer side at most `side` pixels; [`SIDE`] is the default of pages.
    #[must_use]
    pub fn from_radiograph(radiograph: &Radiograph, side: usize) -> Self {
        let intensities = radiograph.intensities(Intensity::Window);
        let size = within(radiograph.size(), side);
        let small = resize(intensities.view(), size, Resize::Area);
        let grey: Vec<u8> = small.iter().map(|intensity| (intensity.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY)
            .write_image(&grey, size.width as u32, size.height as u32, ExtendedColorType::L8)
            .expect("a grey picture can be encoded into memory");
        Self::Jpeg { bytes, size }
    }
}

/// A map as `predict --maps` writes it, reduced, as a PNG file of 8 bits.
///
/// # Errors
/// If the file cannot be read, or is no such picture.
pub(super) fn map(path: &Path) -> Result<Vec<u8>, MapError> {
    let bytes = regular::read(path).map_err(|source| MapError::Read { path: path.into(), source })?;
    let picture = image::load_from_memory_with_format(&bytes, ImageFormat::Png);
    let picture = picture.map_err(|error| MapError::Picture { path: path.into(), message: error.to_string() })?;
    let DynamicImage::ImageLuma16(picture) = picture else {
        let message = format!("expected a grey picture of 16 bits, found {:?}", picture.color());
        return Err(MapError::Picture { path: path.into(), message });
    };
    let (width, height) = picture.dimensions();
    let size = (height as usize, width as usize);
    let values = Array2::from_shape_fn(size, |(row, column)| {
        f32::from(picture.get_pixel(column as u32, row as u32).0[0]) / f32::from(u16::MAX)
    });
    let small = resize(values.view(), within(size.into(), MAP_SIDE), Resize::Area);
    let (rows, columns) = small.dim();
    let grey: Vec<u8> = small.iter().map(|probability| (probability * 255.0).round() as u8).collect();
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(&grey, columns as u32, rows as u32, ExtendedColorType::L8)
        .expect("a grey picture can be encoded into memory");
    Ok(png)
}

/// The size with its longer side reduced to `most`, in proportion; a smaller one is unchanged.
fn within(Size { height, width }: Size, most: usize) -> Size {
    let longer = height.max(width);
    let side = |side: usize| if longer <= most { side } else { ((side * most + longer / 2) / longer).max(1) };
    Size::new(side(height), side(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_kept() {
        let cases =
            [((1024, 1024), (384, 384)), ((2000, 1500), (384, 288)), ((3, 2000), (1, 384)), ((90, 60), (90, 60))];
        for (size, expected) in cases {
            assert_eq!(within(size.into(), 384), expected.into(), "{size:?}");
        }
    }

    #[test]
    fn a_radiograph_becomes_a_small_jpeg_that_looks_like_it() {
        // dark on the left, bright on the right
        let values = Array2::from_shape_fn((400, 800), |(_, column)| if column < 400 { 50.0 } else { 200.0 });
        let picture = Picture::from_radiograph(&Radiograph::from_values("a", values, (0.0, 255.0)).unwrap(), 384);
        let Picture::Jpeg { bytes, size } = picture else { panic!("{picture:?}") };
        let read = image::load_from_memory(&bytes).unwrap().to_luma8();
        assert_eq!((size, read.dimensions()), (Size::new(192, 384), (384, 192)));
        let near = |x: u32, level: u8| read.get_pixel(x, 96).0[0].abs_diff(level) <= 3;
        assert!(near(50, 50) && near(330, 200), "{:?} {:?}", read.get_pixel(50, 96), read.get_pixel(330, 96));
    }
}
