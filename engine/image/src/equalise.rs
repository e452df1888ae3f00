//! Contrast-limited adaptive histogram equalisation on 8 bits, with OpenCV's arithmetic: same integers, same `f32`
//! operations in the same order. The step `clahe` and the training's augmentation share it.

use ndarray::{Array2, ArrayView2};

use crate::Size;

const VALUES: usize = 256;
/// Maps grey values to grey values.
type Table = [u8; VALUES];

/// Equalises tiles of the image, and interpolates between the four tables nearest to each pixel.
///
/// A grey value may have `clip_limit` times its even share of a tile; `tiles` is (down, across).
///
/// # Panics
/// If the image has no more rows or columns than there are tiles: tiles at the border are extended by mirroring.
#[must_use]
pub fn clahe(image: ArrayView2<'_, u8>, clip_limit: f64, tiles: (usize, usize)) -> Array2<u8> {
    let size @ Size { height, width } = image.dim().into();
    assert!(height > tiles.0 && width > tiles.1, "an image of {size} pixels is too small for {tiles:?} tiles");
    let tile = tile_size(size, tiles);
    let tables = Array2::from_shape_fn(tiles, |(down, across)| {
        let (top, left) = (down * tile.height, across * tile.width);
        table(histogram(image, (top, left), tile), tile.area(), clip_limit)
    });
    let columns: Vec<_> = (0..width).map(|column| between(column, tile.width, tiles.1)).collect();
    let mut out = Array2::zeros(size);
    for (row, (from, mut to)) in image.rows().into_iter().zip(out.rows_mut()).enumerate() {
        let (above, below, y) = between(row, tile.height, tiles.0);
        for ((&grey, out), &(left, right, x)) in from.iter().zip(&mut to).zip(&columns) {
            let at = |down: usize, across: usize| f32::from(tables[(down, across)][usize::from(grey)]);
            let upper = at(above, left) * (1.0 - x) + at(above, right) * x;
            let lower = at(below, left) * (1.0 - x) + at(below, right) * x;
            *out = (upper * (1.0 - y) + lower * y).round_ties_even() as u8;
        }
    }
    out
}

/// The size of a tile. If a side is not divisible, the image is extended on both: a divisible one by a pixel per tile.
fn tile_size(Size { height, width }: Size, (down, across): (usize, usize)) -> Size {
    if height.is_multiple_of(down) && width.is_multiple_of(across) {
        Size::new(height / down, width / across)
    } else {
        Size::new(height / down + 1, width / across + 1)
    }
}

/// Counts the grey values of a tile; beyond the border, the image is mirrored without its last pixel.
fn histogram(image: ArrayView2<'_, u8>, (top, left): (usize, usize), tile: Size) -> [u32; VALUES] {
    let mirrored = |index: usize, length: usize| if index < length { index } else { 2 * length - 2 - index };
    let mut counts = [0; VALUES];
    for row in (top..top + tile.height).map(|row| mirrored(row, image.nrows())) {
        let row = image.row(row);
        for column in left..left + tile.width {
            counts[usize::from(row[mirrored(column, row.len())])] += 1;
        }
    }
    counts
}

fn table(mut counts: [u32; VALUES], pixels: usize, clip_limit: f64) -> Table {
    let limit = ((clip_limit * pixels as f64 / VALUES as f64) as u32).max(1);
    let mut clipped = 0;
    for count in counts.iter_mut().filter(|count| **count > limit) {
        clipped += *count - limit;
        *count = limit;
    }
    spread(&mut counts, clipped);
    let scale = 255.0 / pixels as f32;
    let mut sum = 0;
    counts.map(|count| {
        sum += count;
        (sum as f32 * scale).round_ties_even() as u8
    })
}

/// Distributes the clipped counts evenly over all values, and the remainder over values at even distances.
fn spread(counts: &mut [u32; VALUES], clipped: u32) {
    let (share, rest) = (clipped / VALUES as u32, clipped as usize % VALUES);
    counts.iter_mut().for_each(|count| *count += share);
    // `rest` is less than `VALUES`, so that the step is at least 1
    if let Some(step) = VALUES.checked_div(rest) {
        counts.iter_mut().step_by(step).take(rest).for_each(|count| *count += 1);
    }
}

/// The two tiles between whose centres a pixel lies, and its distance from the first to the second, in 0..1.
fn between(pixel: usize, side: usize, tiles: usize) -> (usize, usize, f32) {
    let at = pixel as f32 * (1.0 / side as f32) - 0.5;
    let first = at.floor();
    let index = |tile: f32| (tile.max(0.0) as usize).min(tiles - 1);
    (index(first), index(first + 1.0), at - first)
}
