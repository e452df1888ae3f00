//! Text on pictures, in DejaVu Sans.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use pleura::overlay::text::{Backing, Style, draw, extent};
//!
//! let mut picture = RgbImage::from_pixel(200, 40, Rgb([255; 3]));
//! let style = Style { size: 20.0, color: Rgb([255, 255, 0]), backing: Backing::Outline(Rgb([0; 3])) };
//! let (width, height) = extent("area 12.3 cm²", style.size);
//! draw(&mut picture, "area 12.3 cm²", (200 - width as i64 - 4, 40 - height as i64), &style);
//! ```

use std::borrow::Cow;
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, PxScaleFont, ScaleFont, point};
use image::{GenericImage, Pixel};

static FONT: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(dejavu::sans::regular()).expect("the embedded font is TrueType"));

/// How text is drawn, on pictures whose pixels are `P`: [`Rgb`](image::Rgb) or [`Luma`](image::Luma), 8 bits a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style<P> {
    /// The height of a line in pixels, from the top of the highest letter to the bottom of the lowest.
    pub size: f32,
    /// The letters' colour.
    pub color: P,
    /// What keeps letters legible on any picture.
    pub backing: Backing<P>,
}

/// What is drawn below letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing<P> {
    /// Nothing: for letters on a plain ground.
    None,
    /// A rim around each letter, a tenth of the line's height wide: the picture stays visible.
    Outline(P),
    /// A filled box, a fifth of the line's height larger than the text on its left and right.
    Box(P),
}

/// Width and height in pixels of a line of text, without its backing.
#[must_use]
pub fn extent(text: &str, size: f32) -> (u32, u32) {
    let width = glyphs(text, size).last().map_or(0.0, |(x, id)| x + scaled(size).h_advance(id));
    (width.ceil() as u32, size.max(0.0).ceil() as u32)
}

/// The text, or as much of its start as fits into `width` pixels with an ellipsis.
#[must_use]
pub fn fitted(text: &str, size: f32, width: u32) -> Cow<'_, str> {
    if extent(text, size).0 <= width {
        return text.into();
    }
    let ends = text.char_indices().rev().map(|(end, _)| format!("{}…", text[..end].trim_end()));
    ends.into_iter().find(|text| extent(text, size).0 <= width).unwrap_or_default().into()
}

/// Draws one line of text with its upper left corner at (x, y), in pixels; what lies outside the picture is left out.
/// Control characters, line breaks among them, are not drawn; characters that the font lacks are drawn as a box.
pub fn draw<I>(picture: &mut I, text: &str, (x, y): (i64, i64), style: &Style<I::Pixel>)
where
    I: GenericImage,
    I::Pixel: Pixel<Subpixel = u8>,
{
    let rim = (style.size / 10.0).max(1.0);
    let letters = Coverage::new(text, style.size, rim.ceil() as usize);
    let origin = (x - letters.margin as i64, y - letters.margin as i64);
    match style.backing {
        Backing::None => {}
        Backing::Outline(color) => letters.widened(rim).lay(picture, origin, color),
        Backing::Box(color) => {
            let ((width, height), wider) = (extent(text, style.size), (style.size / 5.0).ceil() as i64);
            let full = Coverage::full(width as usize + 2 * wider as usize, height as usize);
            full.lay(picture, (x - wider, y), color);
        }
    }
    letters.lay(picture, origin, style.color);
}

fn scaled(size: f32) -> PxScaleFont<&'static FontRef<'static>> {
    FONT.as_scaled(PxScale::from(size.max(0.0)))
}

/// The glyphs of a text, each with its left end in pixels from the text's.
fn glyphs(text: &str, size: f32) -> impl Iterator<Item = (f32, GlyphId)> {
    let font = scaled(size);
    let (mut end, mut last) = (0.0, None);
    text.chars().filter(|letter| !letter.is_control()).map(move |letter| {
        let id = font.glyph_id(letter);
        let start = end + last.map_or(0.0, |last| font.kern(last, id));
        (end, last) = (start + font.h_advance(id), Some(id));
        (start, id)
    })
}

/// How much of each pixel a drawing covers, in 0..=1, row by row.
struct Coverage {
    width: usize,
    margin: usize,
    shares: Vec<f32>,
}

impl Coverage {
    /// A text's letters, with a margin on all sides.
    fn new(text: &str, size: f32, margin: usize) -> Self {
        let (width, height) = extent(text, size);
        let (width, height) = (width as usize + 2 * margin, height as usize + 2 * margin);
        let mut coverage = Self { width, margin, shares: vec![0.0; width * height] };
        let font = scaled(size);
        for (start, id) in glyphs(text, size) {
            let place = point(start + margin as f32, font.ascent() + margin as f32);
            let Some(outline) = FONT.outline_glyph(id.with_scale_and_position(font.scale(), place)) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, share| {
                let place = (corner.x as i64 + i64::from(x), corner.y as i64 + i64::from(y));
                coverage.share(place).into_iter().for_each(|cell| *cell = (*cell + share).min(1.0));
            });
        }
        coverage
    }

    fn full(width: usize, height: usize) -> Self {
        Self { width, margin: 0, shares: vec![1.0; width * height] }
    }

    /// A pixel's share, unless it lies outside.
    fn share(&mut self, (x, y): (i64, i64)) -> Option<&mut f32> {
        let x = usize::try_from(x).ok().filter(|x| *x < self.width)?;
        self.shares.get_mut(usize::try_from(y).ok()? * self.width + x)
    }

    /// Each pixel's largest share within this many pixels.
    fn widened(&self, reach: f32) -> Self {
        let whole = reach.ceil() as i64;
        let disc = (-whole..=whole).flat_map(|dy| (-whole..=whole).map(move |dx| (dx, dy)));
        let disc: Vec<_> = disc.filter(|&(dx, dy)| ((dx * dx + dy * dy) as f32) <= reach * reach + 0.5).collect();
        let mut wide = Self { width: self.width, margin: self.margin, shares: vec![0.0; self.shares.len()] };
        for (index, &share) in self.shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let (x, y) = ((index % self.width) as i64, (index / self.width) as i64);
            for &(dx, dy) in &disc {
                wide.share((x + dx, y + dy)).into_iter().for_each(|cell| *cell = cell.max(share));
            }
        }
        wide
    }

    /// Blends a colour into a picture by the shares, the upper left corner at (x, y).
    fn lay<I>(&self, picture: &mut I, (left, top): (i64, i64), color: I::Pixel)
    where
        I: GenericImage,
        I::Pixel: Pixel<Subpixel = u8>,
    {
        for (index, &share) in self.shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let (x, y) = (left + (index % self.width) as i64, top + (index / self.width) as i64);
            let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { continue };
            if picture.in_bounds(x, y) {
                let mix = |old: u8, new: u8| (f32::from(old) * (1.0 - share) + f32::from(new) * share).round() as u8;
                let mixed = picture.get_pixel(x, y).map2(&color, mix);
                picture.put_pixel(x, y, mixed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    const TEXT: &str = "Q: probability 0.95 > 12 cm²";

    fn style<P>(color: P, backing: Backing<P>) -> Style<P> {
        Style { size: 20.0, color, backing }
    }

    /// White pixels' bounds: (left, top, right, bottom), the last two included.
    fn bounds(picture: &GrayImage) -> (u32, u32, u32, u32) {
        let lit = || picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] > 60).map(|(x, y, _)| (x, y));
        let (xs, ys) = (lit().map(|(x, _)| x), lit().map(|(_, y)| y));
        (xs.clone().min().unwrap(), ys.clone().min().unwrap(), xs.max().unwrap(), ys.max().unwrap())
    }

    #[test]
    fn text_is_as_large_as_measured() {
        for size in [11.0, 20.0, 48.5] {
            let (width, height) = extent(TEXT, size);
            let mut picture = GrayImage::new(width + 20, height + 20);
            draw(&mut picture, TEXT, (10, 10), &Style { size, ..style(Luma([255]), Backing::None) });
            let (left, top, right, bottom) = bounds(&picture);
            let near = size as u32 / 8 + 2;
            assert!((9..=10 + near).contains(&left) && (10..=10 + 2 * near).contains(&top), "{size}: {left} {top}");
            assert!(right < 10 + width + 1 && right + 2 * near > 10 + width, "{size}: {right} of {width}");
            assert!(bottom < 10 + height && bottom + 2 * near > 10 + height, "{size}: {bottom} of {height}");
        }
    }

    #[test]
    fn every_printable_letter_of_latin_1_differs_from_the_missing_one() {
        let missing = FONT.glyph_id('\u{f0000}');
        let printable = (' '..='~').chain('¡'..='ÿ').chain("–—…≥≤→×²·".chars());
        printable.for_each(|letter| assert_ne!(FONT.glyph_id(letter), missing, "{letter}"));
    }

    #[test]
    fn backings_keep_white_letters_legible_on_white() {
        let dark = |backing| {
            let mut picture = RgbImage::from_pixel(400, 40, Rgb([255; 3]));
            draw(&mut picture, TEXT, (20, 10), &style(Rgb([255; 3]), backing));
            picture.pixels().filter(|pixel| pixel.0[0] < 100).count()
        };
        let (none, outline, full) =
            (dark(Backing::None), dark(Backing::Outline(Rgb([0; 3]))), dark(Backing::Box(Rgb([0; 3]))));
        assert!(none == 0 && outline > 500 && full > outline, "{none} {outline} {full}");
    }

    #[test]
    fn grey_and_colour_are_drawn_alike_and_pictures_end_where_they_end() {
        let (mut grey, mut colour) = (GrayImage::new(50, 30), RgbImage::new(50, 30));
        for place in [(-10, -5), (30, 20), (1000, 1000), (-5000, 3)] {
            draw(&mut grey, TEXT, place, &style(Luma([200]), Backing::Outline(Luma([30]))));
            draw(&mut colour, TEXT, place, &style(Rgb([200; 3]), Backing::Outline(Rgb([30; 3]))));
        }
        assert!(grey.pixels().zip(colour.pixels()).all(|(grey, colour)| colour.0 == [grey.0[0]; 3]));
        assert!(grey.pixels().any(|pixel| pixel.0[0] == 200));
    }

    #[test]
    fn long_text_ends_in_an_ellipsis_within_its_width() {
        assert_eq!(fitted(TEXT, 20.0, 1000), TEXT);
        let cut = fitted(TEXT, 20.0, 100);
        assert!(cut.starts_with("Q: p") && cut.ends_with('…') && extent(&cut, 20.0).0 <= 100, "{cut}");
        assert_eq!((fitted(TEXT, 20.0, 3), extent("", 20.0)), ("".into(), (0, 20)));
    }

    #[test]
    fn line_breaks_are_not_drawn() {
        assert_eq!(extent("a\n\u{7}b", 20.0), extent("ab", 20.0));
    }
}
