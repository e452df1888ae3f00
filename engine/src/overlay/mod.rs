//! Pictures of a radiograph with masks drawn on it, side by side.
//!
//! Colours are of the Okabe–Ito palette, which colour-blind readers can distinguish: blue for the truth, orange for the
//! prediction.

use image::{Rgb, RgbImage};
use ndarray::{Array2, ArrayView2};

use self::text::{Backing, Style, fitted};
use crate::ensemble::Region;
use crate::submission::Runs;
use crate::{Mask, Size};

mod scale;
mod strip;
pub mod text;

pub use strip::strip;

/// The truth's colour.
const TRUTH: Rgb<u8> = Rgb([86, 180, 233]);
/// The prediction's colour.
const PREDICTED: Rgb<u8> = Rgb([230, 159, 0]);
const TEXT: Rgb<u8> = Rgb([235, 235, 235]);
const GROUND: Rgb<u8> = Rgb([18, 20, 24]);

/// The opacity of a mask's colour within its outline.
const FILL: f32 = 0.30;
/// The opacity of the colour at probability 1 of a map.
const MAP_FILL: f32 = 0.75;
/// How much the radiograph is darkened outside a box.
const OUTSIDE: f32 = 0.75;
/// Space between and around the panels, in pixels.
const GAP: usize = 12;
/// The caption's height, in pixels.
const CAPTION: usize = 44;
/// The height of a caption's line, in pixels.
const LINE: f32 = 24.0;
/// The same in a grid, whose tiles are narrow.
const SMALL_LINE: f32 = 18.0;

/// Masks whose size is not the picture's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error(
    "the {what} mask is {} × {} and the radiograph {} × {} (height × width)", mask.height, mask.width, image.height,
    image.width
)]
pub struct OverlayError {
    what: &'static str,
    mask: Size,
    image: Size,
}

/// One panel: the radiograph with a layer, and the caption above.
struct Panel<'a> {
    caption: String,
    layer: Layer<'a>,
}

/// The layer on the radiograph.
enum Layer<'a> {
    Nothing,
    Mask(&'a Mask, Rgb<u8>),
    /// Probabilities: the higher, the less of the radiograph is visible.
    Map(ArrayView2<'a, f32>),
    /// The outline of a box.
    Box(Region),
}

/// What captions tell besides the masks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct About {
    /// The spacing of the picture's pixels, (row, column) in mm: areas are then in cm², and a bar shows the scale.
    pub spacing: Option<(f32, f32)>,
    /// Bounds of the classifier stage's score, in 0..=1.
    pub score: Option<(f32, f32)>,
}

/// The radiograph, then the truth (if known), then the prediction, side by side with captions: the score, each mask's
/// area and, with a truth, the Dice coefficient.
///
/// `intensities` are in 0..=1, (height, width); each panel has this size, so reduce large images beforehand.
///
/// # Errors
/// If a mask has another size.
pub fn render(
    intensities: ArrayView2<'_, f32>,
    truth: Option<&Mask>,
    predicted: &Mask,
    about: About,
) -> Result<RgbImage, OverlayError> {
    let size = intensities.dim().into();
    for (what, mask) in truth.map(|mask| ("true", mask)).into_iter().chain([("predicted", predicted)]) {
        if mask.size() != size {
            return Err(OverlayError { what, mask: mask.size(), image: size });
        }
    }
    let told = |what: &str, mask: &Mask| caption(what, mask, about.spacing);
    let mut panels = vec![Panel { caption: radiograph_caption(about.score), layer: Layer::Nothing }];
    panels.extend(truth.map(|mask| Panel { caption: told("truth", mask), layer: Layer::Mask(mask, TRUTH) }));
    let dice =
        truth.map_or(String::new(), |truth| format!(", Dice {:.2}", Runs::from(truth).dice(&Runs::from(predicted))));
    let layer = Layer::Mask(predicted, PREDICTED);
    panels.push(Panel { caption: told("prediction", predicted) + &dice, layer });
    let mut picture = in_rows(intensities, &panels, panels.len());
    scale::draw(&mut picture, size, about.spacing);
    Ok(picture)
}

/// The radiograph alone, with the true mask tinted and outlined. `intensities` are as in [`render`].
pub fn tinted(intensities: ArrayView2<'_, f32>, truth: &Mask) -> Result<RgbImage, OverlayError> {
    let size = Size::from(intensities.dim());
    if truth.size() != size {
        return Err(OverlayError { what: "true", mask: truth.size(), image: size });
    }
    let mut picture = RgbImage::new(size.width as u32, size.height as u32);
    Layer::Mask(truth, TRUTH).draw(&mut picture, (0, 0), intensities);
    Ok(picture)
}

/// The radiograph alone, with a mask's outline in a colour (red, green, blue). `intensities` are as in [`render`].
///
/// # Errors
/// If the mask has another size than the radiograph.
pub fn outlined(intensities: ArrayView2<'_, f32>, mask: &Mask, color: [u8; 3]) -> Result<RgbImage, OverlayError> {
    let size = Size::from(intensities.dim());
    if mask.size() != size {
        return Err(OverlayError { what: "predicted", mask: mask.size(), image: size });
    }
    let mut picture = RgbImage::new(size.width as u32, size.height as u32);
    Layer::Nothing.draw(&mut picture, (0, 0), intensities);
    for (place, _) in outline(mask).indexed_iter().filter(|(_, edge)| **edge) {
        picture.put_pixel(place.1 as u32, place.0 as u32, Rgb(color));
    }
    Ok(picture)
}

/// A radiograph with its true mask, in a grid.
#[derive(Debug, Clone)]
pub struct Tile {
    /// Intensities in 0..=1, (height, width).
    pub intensities: Array2<f32>,
    /// The mask, of the same size.
    pub mask: Mask,
    /// The text above.
    pub caption: String,
}

/// Tiles in rows of `across`, each with its mask tinted and outlined and its caption above. The largest tile gives the
/// cells' size.
///
/// # Panics
/// If a mask has another size than its intensities.
#[must_use]
pub fn grid(tiles: &[Tile], across: usize) -> RgbImage {
    let across = across.max(1);
    let most =
        |side: fn((usize, usize)) -> usize| tiles.iter().map(|tile| side(tile.intensities.dim())).max().unwrap_or(0);
    let (rows, columns) = (most(|size| size.0), most(|size| size.1));
    let (width, height) = (GAP + across * (columns + GAP), tiles.len().div_ceil(across) * (CAPTION + rows + GAP));
    let mut picture = RgbImage::from_pixel(width as u32, height.max(1) as u32, GROUND);
    for (index, Tile { intensities, mask, caption }) in tiles.iter().enumerate() {
        assert_eq!(mask.size(), Size::from(intensities.dim()), "the mask of `{caption}`");
        let left = GAP + index % across * (columns + GAP);
        let top = CAPTION + index / across * (CAPTION + rows + GAP);
        write(&mut picture, caption, (left, top, columns), (SMALL_LINE, TRUTH));
        Layer::Mask(mask, TRUTH).draw(&mut picture, (left, top), intensities.view());
    }
    picture
}

/// A caption: the mask's name and its area, in cm² where the spacing of its pixels is known, else as a share.
fn caption(what: &str, mask: &Mask, spacing: Option<(f32, f32)>) -> String {
    let area = mask.area();
    match spacing {
        _ if area == 0 => format!("{what}: none"),
        Some((row, column)) => format!("{what}: {:.1} cm²", area as f64 * f64::from(row * column) / 100.0),
        None => format!("{what}: {:.2} %", 100.0 * area as f64 / mask.size().area() as f64),
    }
}

/// The caption of the radiograph, with its score if it is exact, or its bounds.
fn radiograph_caption(score: Option<(f32, f32)>) -> String {
    match score {
        Some((low, high)) if low == high => format!("radiograph, score {low:.2}"),
        Some((low, high)) => format!("radiograph, score {low:.2}–{high:.2}"),
        None => "radiograph".into(),
    }
}

/// Arranges panels in rows of `across`.
fn in_rows(intensities: ArrayView2<'_, f32>, panels: &[Panel<'_>], across: usize) -> RgbImage {
    let (rows, columns) = intensities.dim();
    let width = GAP + across * (columns + GAP);
    let height = panels.len().div_ceil(across) * (CAPTION + rows + GAP);
    let mut picture = RgbImage::from_pixel(width as u32, height as u32, GROUND);
    for (index, panel) in panels.iter().enumerate() {
        let left = GAP + index % across * (columns + GAP);
        let top = CAPTION + index / across * (CAPTION + rows + GAP);
        let color = if let Layer::Mask(_, color) = panel.layer { color } else { TEXT };
        write(&mut picture, &panel.caption, (left, top, columns), (LINE, color));
        panel.layer.draw(&mut picture, (left, top), intensities);
    }
    picture
}

/// Writes a caption above a panel at (left, top), cut at the panel's width, in lines of this height and colour.
fn write(
    picture: &mut RgbImage,
    caption: &str,
    (left, top, width): (usize, usize, usize),
    (size, color): (f32, Rgb<u8>),
) {
    let style = Style { size, color, backing: Backing::None };
    let y = top as i64 - (CAPTION as i64 + size as i64) / 2;
    text::draw(picture, &fitted(caption, size, width as u32), (left as i64, y), &style);
}

/// Maps a pixel's position and its grey value in 0..=255 to its colour.
type Paint<'a> = Box<dyn Fn((usize, usize), f32) -> Rgb<u8> + 'a>;

impl Layer<'_> {
    /// Draws a radiograph and the layer, with its upper left corner at (left, top).
    fn draw(&self, picture: &mut RgbImage, (left, top): (usize, usize), intensities: ArrayView2<'_, f32>) {
        let paint = self.paint();
        for ((row, column), &intensity) in intensities.indexed_iter() {
            let color = paint((row, column), intensity.clamp(0.0, 1.0) * 255.0);
            picture.put_pixel((left + column) as u32, (top + row) as u32, color);
        }
    }

    /// The colour function of the layer.
    fn paint(&self) -> Paint<'_> {
        let plain = |grey: f32| Rgb([grey.round() as u8; 3]);
        match *self {
            Self::Nothing => Box::new(move |_, grey| plain(grey)),
            Self::Mask(mask, color) => {
                let outline = outline(mask);
                Box::new(move |place, grey| match (outline[place], mask.pixels()[place]) {
                    (true, _) => color,
                    (_, true) => tint(grey, color, FILL),
                    _ => plain(grey),
                })
            }
            Self::Map(map) => Box::new(move |place, grey| tint(grey, PREDICTED, MAP_FILL * map[place].clamp(0.0, 1.0))),
            Self::Box(region) => Box::new(move |place, grey| {
                let within = |at: usize, start: usize, length: usize| (start..start + length).contains(&at);
                let inside = within(place.0, region.top, region.height) && within(place.1, region.left, region.width);
                if inside { plain(grey) } else { tint(grey, GROUND, OUTSIDE) }
            }),
        }
    }
}

/// Blends a grey value with a colour by a share.
fn tint(grey: f32, Rgb(color): Rgb<u8>, share: f32) -> Rgb<u8> {
    Rgb(color.map(|value| (grey * (1.0 - share) + f32::from(value) * share).round() as u8))
}

/// Marked pixels near an unmarked one: a line about a 400th of the picture wide.
fn outline(mask: &Mask) -> Array2<bool> {
    let pixels = mask.pixels();
    let (rows, columns) = pixels.dim();
    let reach = (rows.max(columns) / 400).max(1) as isize;
    let unmarked = |row: isize, column: isize| {
        let inside = (0..rows as isize).contains(&row) && (0..columns as isize).contains(&column);
        inside && !pixels[(row as usize, column as usize)]
    };
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let near = |step: isize| {
            let (row, column) = (row as isize, column as isize);
            [(row - step, column), (row + step, column), (row, column - step), (row, column + step)]
        };
        pixels[(row, column)] && (1..=reach).flat_map(near).any(|(row, column)| unmarked(row, column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(side: usize, marked: std::ops::Range<usize>) -> Mask {
        Mask::from(Array2::from_shape_fn((side, side), |(row, column)| {
            marked.contains(&row) && marked.contains(&column)
        }))
    }

    #[test]
    fn masks_are_outlined_and_tinted_in_their_own_panels() {
        let grey = Array2::from_elem((200, 200), 0.5);
        let picture =
            render(grey.view(), Some(&square(200, 50..150)), &square(200, 60..140), About::default()).unwrap();
        assert_eq!(picture.dimensions(), ((4 * GAP + 600) as u32, (CAPTION + 200 + GAP) as u32));
        let pixel = |panel: usize, row: usize, column: usize| {
            *picture.get_pixel((GAP + panel * (200 + GAP) + column) as u32, (CAPTION + row) as u32)
        };
        assert_eq!(pixel(0, 100, 100), Rgb([128; 3]));
        assert_eq!((pixel(1, 50, 100), pixel(2, 60, 100)), (TRUTH, PREDICTED));
        assert_eq!((pixel(1, 100, 100), pixel(2, 100, 100)), (tint(127.5, TRUTH, FILL), tint(127.5, PREDICTED, FILL)));
        assert_eq!((pixel(1, 10, 10), pixel(2, 55, 100)), (Rgb([128; 3]), Rgb([128; 3])));
    }

    #[test]
    fn one_that_is_tinted_is_the_panel_of_the_truth() {
        let grey = Array2::from_shape_fn((60, 40), |(row, column)| (row * column) as f32 / 2400.0);
        let truth = Mask::from(Array2::from_shape_fn((60, 40), |(row, column)| row > 20 && column < 30));
        let picture = render(grey.view(), Some(&truth), &truth, About::default()).unwrap();
        let panel = image::imageops::crop_imm(&picture, (2 * GAP + 40) as u32, CAPTION as u32, 40, 60).to_image();
        assert_eq!(tinted(grey.view(), &truth).unwrap(), panel);
        assert!(tinted(grey.view(), &Mask::empty(Size::new(40, 60))).is_err());
    }

    #[test]
    fn captions_tell_areas_and_scores() {
        let mask = square(200, 50..150);
        assert_eq!(caption("truth", &mask, Some((0.5, 0.4))), "truth: 20.0 cm²");
        assert_eq!(caption("truth", &mask, None), "truth: 25.00 %");
        assert_eq!(caption("truth", &Mask::empty(Size::new(2, 2)), Some((1.0, 1.0))), "truth: none");
        assert_eq!(radiograph_caption(Some((0.25, 0.25))), "radiograph, score 0.25");
        assert_eq!(radiograph_caption(Some((0.25, 0.5))), "radiograph, score 0.25–0.50");
        assert_eq!(radiograph_caption(None), "radiograph");
    }

    #[test]
    fn without_truth_there_are_two_panels() {
        let picture =
            render(Array2::zeros((64, 80)).view(), None, &Mask::empty(Size::new(64, 80)), About::default()).unwrap();
        assert_eq!(picture.width() as usize, 3 * GAP + 160);
    }

    #[test]
    fn a_mask_of_another_size_is_an_error() {
        let (other, own) = (Mask::empty(Size::new(8, 9)), Mask::empty(Size::new(8, 8)));
        let error = render(Array2::zeros((8, 8)).view(), Some(&other), &own, About::default()).unwrap_err();
        assert_eq!(error.to_string(), "the true mask is 8 × 9 and the radiograph 8 × 8 (height × width)");
    }
}
