//! Medians. The mask is unchanged.

use image::GrayImage;
use imageproc::filter::median_filter;
use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;

use super::super::prepare::Sample;
use super::blur::radius;
use super::clahe::{from_8_bits, to_8_bits};

/// The median over a square of a random odd side; border pixels are replicated beyond the image. Over 3 × 3 the median is
/// an input intensity, over larger squares it is rounded to 8 bits.
pub(super) fn median(mut sample: Sample, limit: u32, numbers: &mut impl Rng) -> Sample {
    sample.image = match radius(limit, numbers) {
        1 => of_nine(sample.image.view()),
        radius => of_more(&sample.image, radius as u32),
    };
    sample
}

/// Sorts each column of three; the median is then that of the largest low, the middle middle and the smallest high one.
fn of_nine(image: ArrayView2<'_, f32>) -> Array2<f32> {
    let (height, width) = image.dim();
    let row = |at: usize| image.row(at).to_slice().expect("planes are row-major");
    let mut columns = vec![[0.0_f32; 3]; width];
    let mut out = Array2::zeros((height, width));
    for (at, mut out) in out.axis_iter_mut(Axis(0)).enumerate() {
        let three = row(at.saturating_sub(1)).iter().zip(row(at)).zip(row((at + 1).min(height - 1)));
        for (column, ((&above, &here), &below)) in columns.iter_mut().zip(three) {
            *column = sorted(above, here, below);
        }
        for (at, out) in out.iter_mut().enumerate() {
            let (a, b, c) = (columns[at.saturating_sub(1)], columns[at], columns[(at + 1).min(width - 1)]);
            let low = a[0].max(b[0]).max(c[0]);
            let high = a[2].min(b[2]).min(c[2]);
            *out = sorted(low, sorted(a[1], b[1], c[1])[1], high)[1];
        }
    }
    out
}

fn sorted(a: f32, b: f32, c: f32) -> [f32; 3] {
    let (low, high) = (a.min(b), a.max(b));
    [low.min(c), low.max(high.min(c)), high.max(c)]
}

fn of_more(image: &Array2<f32>, radius: u32) -> Array2<f32> {
    let (height, width) = image.dim();
    let grey: Vec<u8> = image.iter().map(|&intensity| to_8_bits(intensity)).collect();
    let grey = GrayImage::from_raw(width as u32, height as u32, grey).expect("one value a pixel");
    let grey = median_filter(&grey, radius, radius).into_raw();
    Array2::from_shape_vec((height, width), grey).expect("one value a pixel").mapv(from_8_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        for (height, width) in [(1, 1), (1, 4), (5, 2), (23, 31)] {
            let grey = |row: usize, column: usize| ((row * 7919 + column * 104_729 + row * column * 31) % 251) as u8;
            let image = Array2::from_shape_fn((height, width), |(row, column)| from_8_bits(grey(row, column)));
            assert_eq!(of_nine(image.view()), of_more(&image, 1), "{height}×{width}");
        }
    }
}
