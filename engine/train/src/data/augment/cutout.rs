//! Black squares.

use ndarray::s;
use rand::Rng;

use super::super::prepare::Sample;

/// Blackens squares whose centres are anywhere in the image. The mask is unchanged.
pub(super) fn cut_out(mut sample: Sample, holes: u32, side: f32, numbers: &mut impl Rng) -> Sample {
    let (height, width) = sample.image.dim();
    let side = (side * height.min(width) as f32).round() as usize;
    for _ in 0..holes {
        let (row, column) = (numbers.random_range(0..height), numbers.random_range(0..width));
        let within = |centre: usize, end: usize| {
            let first = centre.saturating_sub(side / 2);
            first..(centre + side - side / 2).min(end)
        };
        sample.image.slice_mut(s![within(row, height), within(column, width)]).fill(0.0);
    }
    sample
}
