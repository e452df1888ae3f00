//! Blurs. The mask is unchanged.

use ndarray::Array2;
use rand::Rng;

use super::super::prepare::Sample;
use super::smooth::{self, Kernel};
use super::warp::mirrored;

/// The mean over a square of a random odd side.
pub(super) fn mean(mut sample: Sample, limit: u32, numbers: &mut impl Rng) -> Sample {
    smooth::mean(&mut sample.image, Kernel::new(radius(limit, numbers)));
    sample
}

/// The mean along a line of a random odd length, in a random direction.
pub(super) fn motion(mut sample: Sample, limit: u32, numbers: &mut impl Rng) -> Sample {
    let radius = radius(limit, numbers) as i32;
    let (sin, cos) = (numbers.random::<f32>() * std::f32::consts::PI).sin_cos();
    let line: Vec<_> = (-radius..=radius).map(|at| at as f32).map(|at| (at * sin, at * cos)).collect();
    let line: Vec<_> = line.iter().map(|(down, across)| (down.round() as isize, across.round() as isize)).collect();
    sample.image = along(&sample.image, &line, radius as usize);
    sample
}

/// The mean over a list of pixels, each (down, across) up to `reach` from its target pixel.
fn along(image: &Array2<f32>, line: &[(isize, isize)], reach: usize) -> Array2<f32> {
    let (height, width) = image.dim();
    let reach = reach as isize;
    let columns: Vec<_> = (-reach..width as isize + reach).map(|column| mirrored(column, width)).collect();
    let mut padded = Array2::zeros((height, columns.len()));
    for (mut to, from) in padded.rows_mut().into_iter().zip(image.rows()) {
        to.iter_mut().zip(&columns).for_each(|(to, &column)| *to = from[column]);
    }
    let share = 1.0 / line.len() as f32;
    let mut out = Array2::zeros((height, width));
    for (row, mut out) in out.rows_mut().into_iter().enumerate() {
        for &(down, across) in line {
            let from = padded.row(mirrored(row as isize + down, height)).to_slice().expect("padded is row-major");
            let from = &from[(reach + across) as usize..][..width];
            out.iter_mut().zip(from).for_each(|(out, from): (&mut f32, &f32)| *out += from * share);
        }
        // by rounding, the shares of a white line may add up to slightly more than 1
        out.mapv_inplace(|intensity| intensity.min(1.0));
    }
    out
}

/// Half of an odd side from 3 to `limit`, rounded down.
pub(super) fn radius(limit: u32, numbers: &mut impl Rng) -> usize {
    numbers.random_range(1..=(limit.max(3) as usize - 1) / 2)
}
