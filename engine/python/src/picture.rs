//! A finding's picture: the radiograph, and beside it the mask.

use std::io::Cursor;

use image::ImageFormat;
use pleura::manifest::{Intensity, Resize};
use pleura::{Mask, Size, ensemble, mask_image, overlay};

use crate::image::Source;

/// The longest side of a panel, in pixels.
const MOST: usize = 512;

/// The picture as PNG; `None` if the image can no longer be read.
pub fn draw(source: &Source, mask: &Mask, score: Option<(f32, f32)>) -> Option<Vec<u8>> {
    let radiograph = source.open().ok()?;
    let Size { height, width } = radiograph.size();
    let longest = height.max(width).max(1);
    let side = |length: usize| if longest > MOST { (length * MOST / longest).max(1) } else { length };
    let size = Size::new(side(height), side(width));
    let intensities = radiograph.intensities(Intensity::default());
    let small = ensemble::resize(intensities.view(), size, Resize::Area);
    let about = overlay::About { spacing: radiograph.spacing_at(size), score };
    let picture = overlay::render(small.view(), None, &mask_image::resized(mask, size), about).ok()?;
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).ok()?;
    Some(png.into_inner())
}
