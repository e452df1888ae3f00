//! Lens distortion.

use rand::Rng;

use super::super::prepare::Sample;
use super::either_way;
use super::warp::warp;
use crate::recipe::Border;

/// Barrel or pincushion distortion.
pub(super) fn distort(sample: &Sample, limit: f32, shift: f32, border: Border, numbers: &mut impl Rng) -> Sample {
    let k = either_way(limit, numbers);
    let (right, down) = (either_way(shift, numbers), either_way(shift, numbers));
    through_lens(sample, k, (0.5 + down, 0.5 + right), border)
}

/// Applies a lens with this centre, (down, across) as shares of the sides: at a distance r from it, also in sides, a
/// pixel comes from `1 + k·r² + k·r⁴` times the distance. This is OpenCV's radial model with one coefficient for both
/// powers.
pub(super) fn through_lens(sample: &Sample, k: f32, center: (f32, f32), border: Border) -> Sample {
    let (height, width) = sample.image.dim();
    let (height, width) = (height as f32, width as f32);
    let (center_y, center_x) = (height * center.0, width * center.1);
    warp(sample, border, |row, places| {
        let down = row as f32 - center_y;
        for (column, (x, y)) in places.x.iter_mut().zip(places.y).enumerate() {
            let across = column as f32 - center_x;
            let square = (across / width).powi(2) + (down / height).powi(2);
            let more = k * square * (1.0 + square);
            // the pixel itself plus its displacement, so that k = 0 changes no bit
            *x = column as f32 + across * more;
            *y = row as f32 + down * more;
        }
    })
}
