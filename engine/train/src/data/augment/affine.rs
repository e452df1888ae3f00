//! Mirroring, shifting, scaling, rotating, cropping.

use ndarray::{Axis, s};
use pleura::Size;
use rand::Rng;

use super::super::prepare::Sample;
use super::warp::warp;
use super::{between, either_way};
use crate::recipe::Border;

/// Exchanges left and right.
pub(super) fn hflip(mut sample: Sample) -> Sample {
    // the rows themselves are reversed, so that the layout stays standard
    sample.image.axis_iter_mut(Axis(0)).for_each(|mut row| row.as_slice_mut().expect("planes are row-major").reverse());
    sample.mask.axis_iter_mut(Axis(0)).for_each(|mut row| row.as_slice_mut().expect("planes are row-major").reverse());
    sample
}

/// Exchanges top and bottom.
pub(super) fn vflip(mut sample: Sample) -> Sample {
    sample.image.invert_axis(Axis(0));
    sample.mask.invert_axis(Axis(0));
    laid_out(&sample)
}

/// Exchanges rows and columns.
pub(super) fn transpose(sample: &Sample) -> Sample {
    Sample {
        image: sample.image.t().as_standard_layout().into_owned(),
        mask: sample.mask.t().as_standard_layout().into_owned(),
    }
}

/// Turns by a random number of quarters.
pub(super) fn quarter_turns(mut sample: Sample, numbers: &mut impl Rng) -> Sample {
    for _ in 0..numbers.random_range(0..4) {
        sample = vflip(transpose(&sample));
    }
    sample
}

/// The same, row by row in memory.
fn laid_out(sample: &Sample) -> Sample {
    Sample {
        image: sample.image.as_standard_layout().into_owned(),
        mask: sample.mask.as_standard_layout().into_owned(),
    }
}

/// Shift, scale and rotation about the centre.
pub(super) fn shift_scale_rotate(
    sample: &Sample,
    [shift, scale, degrees]: [f32; 3],
    border: Border,
    numbers: &mut impl Rng,
) -> Sample {
    let size @ Size { height, width } = sample.image.dim().into();
    let turn = f64::from(either_way(degrees, numbers)).to_radians();
    let scale = 1.0 + f64::from(either_way(scale, numbers));
    let right = f64::from(either_way(shift, numbers)) * width as f64;
    let down = f64::from(either_way(shift, numbers)) * height as f64;
    Map::about(size, turn, scale, (down, right)).apply(sample, border)
}

/// An affine map from a pixel to its source: `x' = xx·x + xy·y + x0`, and `y'` likewise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Map {
    pub(super) xx: f64,
    pub(super) xy: f64,
    pub(super) x0: f64,
    pub(super) yx: f64,
    pub(super) yy: f64,
    pub(super) y0: f64,
}

impl Map {
    pub(super) const IDENTITY: Self = Self { xx: 1.0, xy: 0.0, x0: 0.0, yx: 0.0, yy: 1.0, y0: 0.0 };

    /// The map for an image of `size` rotated anticlockwise by radians, scaled, and shifted by (down, right) pixels.
    pub(super) fn about(size: Size, turn: f64, scale: f64, (down, right): (f64, f64)) -> Self {
        let (cy, cx) = ((size.height as f64 - 1.0) / 2.0, (size.width as f64 - 1.0) / 2.0);
        let (sin, cos) = (turn.sin() / scale, turn.cos() / scale);
        let (xx, xy, yx, yy) = (cos, -sin, sin, cos);
        let (from_y, from_x) = (cy + down, cx + right);
        Self { xx, xy, x0: cx - xx * from_x - xy * from_y, yx, yy, y0: cy - yx * from_x - yy * from_y }
    }

    /// (x', y') of (x, y).
    pub(super) fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (self.xx * x + self.xy * y + self.x0, self.yx * x + self.yy * y + self.y0)
    }

    pub(super) fn apply(&self, sample: &Sample, border: Border) -> Sample {
        warp(sample, border, |row, places| {
            let (x0, y0) = self.place(0.0, row as f64);
            for (column, (x, y)) in places.x.iter_mut().zip(places.y).enumerate() {
                *x = (x0 + self.xx * column as f64) as f32;
                *y = (y0 + self.yx * column as f64) as f32;
            }
        })
    }
}

/// A random part of size `part`, cut out as it is; an image that is no larger stays.
pub(super) fn cut(sample: &Sample, part: Size, numbers: &mut impl Rng) -> Sample {
    let (height, width) = sample.image.dim();
    let (high, wide) = (part.height.min(height), part.width.min(width));
    let (top, left) = (numbers.random_range(0..=height - high), numbers.random_range(0..=width - wide));
    let part = s![top..top + high, left..left + wide];
    Sample { image: sample.image.slice(part).to_owned(), mask: sample.mask.slice(part).to_owned() }
}

/// A random part of the sides, resized to the full size.
pub(super) fn crop(sample: &Sample, keep: [f32; 2], numbers: &mut impl Rng) -> Sample {
    let (height, width) = sample.image.dim();
    let keep = between(keep[0], keep[1], numbers);
    let top = between(0.0, (1.0 - keep) * height as f32, numbers);
    let left = between(0.0, (1.0 - keep) * width as f32, numbers);
    // at pixel centres, as the engine resizes; beyond the part, its border pixels are repeated
    let place = |from: f32, pixel: usize, side: usize| {
        let place = from + (pixel as f32 + 0.5) * keep - 0.5;
        place.clamp(0.0, side as f32 - 1.0)
    };
    warp(sample, Border::Reflect101, |row, places| {
        places.x.iter_mut().enumerate().for_each(|(column, x)| *x = place(left, column, width));
        places.y.fill(place(top, row, height));
    })
}
