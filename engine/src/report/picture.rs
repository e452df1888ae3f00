//! Radiographs, reduced for embedding in a page.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::Picture;
use crate::ensemble::resize;
use crate::manifest::{Intensity, Resize};
use crate::{Radiograph, Size};

/// The longer side, in pixels.
const SIDE: usize = 384;
/// JPEG's quality: in a page, 75 to 85 cannot be distinguished from more.
const QUALITY: u8 = 80;

impl Picture {
    /// The whole radiograph with its own window, its longer side at most 384 pixels.
    #[must_use]
    pub fn from_radiograph(radiograph: &Radiograph) -> Self {
        let intensities = radiograph.intensities(Intensity::Window);
        let size = within(radiograph.size(), SIDE);
        let small = resize(intensities.view(), size, Resize::Area);
        let grey: Vec<u8> = small.iter().map(|intensity| (intensity.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY)
            .write_image(&grey, size.width as u32, size.height as u32, ExtendedColorType::L8)
            .expect("a grey picture of at most 384 pixels a side can be encoded into memory");
        Self::Jpeg { bytes, size }
    }
}

/// The size with its longer side reduced to `most`, in proportion; a smaller one is unchanged.
fn within(Size { height, width }: Size, most: usize) -> Size {
    let longer = height.max(width);
    let side = |side: usize| if longer <= most { side } else { ((side * most + longer / 2) / longer).max(1) };
    Size::new(side(height), side(width))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

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
        let picture = Picture::from_radiograph(&Radiograph::from_values("a", values, (0.0, 255.0)).unwrap());
        let Picture::Jpeg { bytes, size } = picture else { panic!("{picture:?}") };
        let read = image::load_from_memory(&bytes).unwrap().to_luma8();
        assert_eq!((size, read.dimensions()), (Size::new(192, 384), (384, 192)));
        let near = |x: u32, level: u8| read.get_pixel(x, 96).0[0].abs_diff(level) <= 3;
        assert!(near(50, 50) && near(330, 200), "{:?} {:?}", read.get_pixel(50, 96), read.get_pixel(330, 96));
    }
}
