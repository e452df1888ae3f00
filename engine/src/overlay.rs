//! Pictures of a radiograph with masks on it, side by side, for people to look at.
//!
//! Colours are of the Okabe–Ito palette, which colour-blind readers tell apart: blue for the truth, orange for the
//! prediction.

use image::{Rgb, RgbImage};
use ndarray::{Array2, ArrayView2};

use crate::Mask;
use crate::submission::Runs;

/// The truth's colour.
const TRUTH: Rgb<u8> = Rgb([86, 180, 233]);
/// The prediction's colour.
const PREDICTED: Rgb<u8> = Rgb([230, 159, 0]);
const TEXT: Rgb<u8> = Rgb([235, 235, 235]);
const GROUND: Rgb<u8> = Rgb([18, 20, 24]);

/// How much of a mask's colour covers the radiograph within its outline.
const FILL: f32 = 0.30;
/// Space between and around the panels, in pixels.
const GAP: usize = 12;
/// The caption's height, in pixels.
const CAPTION: usize = 44;
/// How many pixels a dot of a letter measures.
const DOT: usize = 3;

/// Masks of another size than the picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error("the {what} mask is {} × {} and the radiograph {} × {} (height × width)", mask.0, mask.1, image.0, image.1)]
pub struct OverlayError {
    what: &'static str,
    mask: (usize, usize),
    image: (usize, usize),
}

/// One panel: a mask in its colour (or none) and the caption above.
struct Panel<'a> {
    caption: String,
    mask: Option<(&'a Mask, Rgb<u8>)>,
}

/// The radiograph, then (where known) the truth, then the prediction, side by side with captions.
///
/// `intensities` are in 0..=1, (height, width); each panel is as large, so shrink beforehand what is too large to look
/// at. Masks of another size are an error. With a truth, the last caption tells the Dice coefficient.
pub fn render(
    intensities: ArrayView2<'_, f32>,
    truth: Option<&Mask>,
    predicted: &Mask,
) -> Result<RgbImage, OverlayError> {
    let size = intensities.dim();
    for (what, mask) in truth.map(|mask| ("true", mask)).into_iter().chain([("predicted", predicted)]) {
        if mask.size() != size {
            return Err(OverlayError { what, mask: mask.size(), image: size });
        }
    }
    let mut panels = vec![Panel { caption: "radiograph".into(), mask: None }];
    panels.extend(truth.map(|mask| Panel { caption: told("truth", mask), mask: Some((mask, TRUTH)) }));
    let score =
        truth.map_or(String::new(), |truth| format!("  dice {:.2}", Runs::from(truth).dice(&Runs::from(predicted))));
    panels.push(Panel { caption: told("prediction", predicted) + &score, mask: Some((predicted, PREDICTED)) });
    Ok(side_by_side(intensities, &panels))
}

/// The radiograph alone, with the true mask on it: tinted within, and outlined. `intensities` are as in [`render`].
pub fn tinted(intensities: ArrayView2<'_, f32>, truth: &Mask) -> Result<RgbImage, OverlayError> {
    let (rows, columns) = intensities.dim();
    if truth.size() != (rows, columns) {
        return Err(OverlayError { what: "true", mask: truth.size(), image: (rows, columns) });
    }
    let mut picture = RgbImage::new(columns as u32, rows as u32);
    paint(&mut picture, (0, 0), intensities, Some((truth, TRUTH)));
    Ok(picture)
}

/// A caption: what the mask is and, where nothing is marked, that.
fn told(what: &str, mask: &Mask) -> String {
    if mask.is_empty() { format!("{what}: none") } else { what.to_owned() }
}

fn side_by_side(intensities: ArrayView2<'_, f32>, panels: &[Panel<'_>]) -> RgbImage {
    let (rows, columns) = intensities.dim();
    let width = GAP + panels.len() * (columns + GAP);
    let mut picture = RgbImage::from_pixel(width as u32, (CAPTION + rows + GAP) as u32, GROUND);
    for (index, panel) in panels.iter().enumerate() {
        let left = GAP + index * (columns + GAP);
        let color = panel.mask.map_or(TEXT, |(_, color)| color);
        write(&mut picture, &panel.caption, (left, (CAPTION - 7 * DOT) / 2), color, left + columns);
        paint(&mut picture, (left, CAPTION), intensities, panel.mask);
    }
    picture
}

/// Paints a radiograph with its upper left corner at (left, top), and a mask in its colour.
fn paint(
    picture: &mut RgbImage,
    (left, top): (usize, usize),
    intensities: ArrayView2<'_, f32>,
    mask: Option<(&Mask, Rgb<u8>)>,
) {
    let outline = mask.map(|(mask, _)| outline(mask));
    for ((row, column), &intensity) in intensities.indexed_iter() {
        let grey = intensity.clamp(0.0, 1.0) * 255.0;
        let color = match (mask, &outline) {
            (Some((_, color)), Some(outline)) if outline[(row, column)] => color,
            (Some((mask, color)), _) if mask.pixels()[(row, column)] => tint(grey, color),
            _ => Rgb([grey.round() as u8; 3]),
        };
        picture.put_pixel((left + column) as u32, (top + row) as u32, color);
    }
}

/// A grey value under a thin layer of colour.
fn tint(grey: f32, Rgb(color): Rgb<u8>) -> Rgb<u8> {
    Rgb(color.map(|value| (grey * (1.0 - FILL) + f32::from(value) * FILL).round() as u8))
}

/// Marked pixels near one that is not marked: a line about a 400th of the picture wide.
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

/// Draws text with its upper left corner at (x, y); what would run past `end` is left out.
fn write(picture: &mut RgbImage, text: &str, (x, y): (usize, usize), color: Rgb<u8>, end: usize) {
    for (index, letter) in text.chars().enumerate() {
        let left = x + index * 6 * DOT;
        if left + 5 * DOT > end {
            return;
        }
        // these two reach below the line
        let y = if matches!(letter, 'g' | 'p') { y + 2 * DOT } else { y };
        for (row, bits) in glyph(letter).into_iter().enumerate() {
            for column in (0..5).filter(|column| bits & (16 >> column) != 0) {
                for (dx, dy) in (0..DOT).flat_map(|dx| (0..DOT).map(move |dy| (dx, dy))) {
                    picture.put_pixel((left + column * DOT + dx) as u32, (y + row * DOT + dy) as u32, color);
                }
            }
        }
    }
}

/// A letter as seven rows of five dots, the leftmost being 16; unknown ones are blank.
fn glyph(letter: char) -> [u8; 7] {
    match letter {
        'a' => [0, 0, 14, 1, 15, 17, 15],
        'c' => [0, 0, 14, 16, 16, 17, 14],
        'd' => [1, 1, 13, 19, 17, 17, 15],
        'e' => [0, 0, 14, 17, 31, 16, 14],
        'g' => [15, 17, 17, 17, 15, 1, 14],
        'h' => [16, 16, 22, 25, 17, 17, 17],
        'i' => [4, 0, 12, 4, 4, 4, 14],
        'n' => [0, 0, 22, 25, 17, 17, 17],
        'o' => [0, 0, 14, 17, 17, 17, 14],
        'p' => [30, 17, 17, 17, 30, 16, 16],
        'r' => [0, 0, 22, 25, 16, 16, 16],
        't' => [8, 8, 28, 8, 8, 9, 6],
        'u' => [0, 0, 17, 17, 17, 19, 13],
        '0' => [14, 17, 19, 21, 25, 17, 14],
        '1' => [4, 12, 4, 4, 4, 4, 14],
        '2' => [14, 17, 1, 2, 4, 8, 31],
        '3' => [31, 2, 4, 2, 1, 17, 14],
        '4' => [2, 6, 10, 18, 31, 2, 2],
        '5' => [31, 16, 30, 1, 1, 17, 14],
        '6' => [6, 8, 16, 30, 17, 17, 14],
        '7' => [31, 1, 2, 4, 8, 8, 8],
        '8' => [14, 17, 17, 14, 17, 17, 14],
        '9' => [14, 17, 17, 15, 1, 2, 12],
        '.' => [0, 0, 0, 0, 0, 12, 12],
        ':' => [0, 12, 12, 0, 12, 12, 0],
        _ => [0; 7],
    }
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
        let picture = render(grey.view(), Some(&square(200, 50..150)), &square(200, 60..140)).unwrap();
        assert_eq!(picture.dimensions(), ((4 * GAP + 600) as u32, (CAPTION + 200 + GAP) as u32));
        let pixel = |panel: usize, row: usize, column: usize| {
            *picture.get_pixel((GAP + panel * (200 + GAP) + column) as u32, (CAPTION + row) as u32)
        };
        assert_eq!(pixel(0, 100, 100), Rgb([128; 3]));
        assert_eq!((pixel(1, 50, 100), pixel(2, 60, 100)), (TRUTH, PREDICTED));
        assert_eq!((pixel(1, 100, 100), pixel(2, 100, 100)), (tint(127.5, TRUTH), tint(127.5, PREDICTED)));
        assert_eq!((pixel(1, 10, 10), pixel(2, 55, 100)), (Rgb([128; 3]), Rgb([128; 3])));
    }

    #[test]
    fn one_that_is_tinted_is_the_panel_of_the_truth() {
        let grey = Array2::from_shape_fn((60, 40), |(row, column)| (row * column) as f32 / 2400.0);
        let truth = Mask::from(Array2::from_shape_fn((60, 40), |(row, column)| row > 20 && column < 30));
        let picture = render(grey.view(), Some(&truth), &truth).unwrap();
        let panel = image::imageops::crop_imm(&picture, (2 * GAP + 40) as u32, CAPTION as u32, 40, 60).to_image();
        assert_eq!(tinted(grey.view(), &truth).unwrap(), panel);
        assert!(tinted(grey.view(), &Mask::empty((40, 60))).is_err());
    }

    #[test]
    fn without_truth_there_are_two_panels() {
        let picture = render(Array2::zeros((64, 80)).view(), None, &Mask::empty((64, 80))).unwrap();
        assert_eq!(picture.width() as usize, 3 * GAP + 160);
    }

    #[test]
    fn a_mask_of_another_size_is_an_error() {
        let error = render(Array2::zeros((8, 8)).view(), Some(&Mask::empty((8, 9))), &Mask::empty((8, 8))).unwrap_err();
        assert_eq!(error.to_string(), "the true mask is 8 × 9 and the radiograph 8 × 8 (height × width)");
    }

    #[test]
    fn every_letter_of_the_captions_can_be_drawn() {
        for letter in "radiograph truth: none prediction: none dice 0.123456789".chars().filter(|&l| l != ' ') {
            assert_ne!(glyph(letter), [0; 7], "{letter}");
        }
    }
}
