//! A bar that shows the scale of a picture.

use image::{Rgb, RgbImage};

use super::text::{self, Backing, Style};
use super::{CAPTION, GAP, SMALL_LINE};
use crate::Size;

/// The lengths of bars, in mm.
const LENGTHS: [f32; 6] = [100.0, 50.0, 20.0, 10.0, 5.0, 1.0];
const WHITE: Rgb<u8> = Rgb([255; 3]);
const BLACK: Rgb<u8> = Rgb([0; 3]);
/// The bar's thickness, in pixels.
const THICK: u32 = 4;

/// Draws a bar into the lower right corner of the first panel, of `size`, if the spacing of its pixels is known.
pub(super) fn draw(picture: &mut RgbImage, size: Size, spacing: Option<(f32, f32)>) {
    let Some((length, pixels)) = spacing.and_then(|(_, column)| bar(size.width, column)) else { return };
    let (right, bottom) = (GAP + size.width - 10, CAPTION + size.height - 10);
    let place = ((right - pixels) as u32, bottom as u32 - THICK);
    for (x, y) in (0..pixels as u32).flat_map(|x| (0..THICK).map(move |y| (x, y))) {
        let is_edge = x == 0 || x + 1 == pixels as u32 || y == 0 || y + 1 == THICK;
        picture.put_pixel(place.0 + x, place.1 + y, if is_edge { BLACK } else { WHITE });
    }
    let label = if length >= 10.0 { format!("{} cm", length / 10.0) } else { format!("{length} mm") };
    let style = Style { size: SMALL_LINE, color: WHITE, backing: Backing::Outline(BLACK) };
    let (width, height) = text::extent(&label, SMALL_LINE);
    text::draw(picture, &label, (right as i64 - i64::from(width), i64::from(place.1) - i64::from(height) - 3), &style);
}

/// The longest bar of a third of the width at most: its length in mm, and in pixels.
fn bar(width: usize, column: f32) -> Option<(f32, usize)> {
    let pixels = |length: f32| (length / column).round() as usize;
    let fits = |length: &f32| (8..=width / 3).contains(&pixels(*length)) && width > 40;
    LENGTHS.into_iter().find(fits).map(|length| (length, pixels(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_long_as_it_says() {
        assert_eq!(bar(384, 1.0), Some((100.0, 100)));
        assert_eq!(bar(384, 0.5), Some((50.0, 100)));
        assert_eq!(bar(384, 0.14), Some((10.0, 71)));
        assert_eq!(bar(384, 1000.0), None);
        let mut picture = RgbImage::new((2 * GAP + 384) as u32, (CAPTION + 384) as u32);
        draw(&mut picture, Size::new(384, 384), Some((0.5, 0.5)));
        let row = (CAPTION + 384 - 12) as u32;
        let white = (0..picture.width()).filter(|&x| picture.get_pixel(x, row) == &WHITE).count();
        assert_eq!(white, 98, "100 pixels with their rim are 5 cm");
        let blank = picture.clone();
        draw(&mut picture, Size::new(384, 384), None);
        assert_eq!(picture, blank);
    }
}
