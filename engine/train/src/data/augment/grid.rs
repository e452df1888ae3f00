//! Grid distortion.

use rand::Rng;

use super::super::prepare::Sample;
use super::either_way;
use super::warp::warp;
use crate::recipe::Border;

/// Moves the lines of a grid of `steps` cells per side. The outermost stay, so that nothing comes from outside:
/// albumentations' `normalized`.
pub(super) fn distort(sample: &Sample, steps: u32, limit: f32, numbers: &mut impl Rng) -> Sample {
    let (height, width) = sample.image.dim();
    let across = places(width, steps as usize, limit, numbers);
    let down = places(height, steps as usize, limit, numbers);
    warp(sample, Border::Reflect101, |row, places| {
        places.x.copy_from_slice(&across);
        places.y.fill(down[row]);
    })
}

/// The source of each pixel along a side.
fn places(side: usize, steps: usize, limit: f32, numbers: &mut impl Rng) -> Vec<f32> {
    let cells: Vec<f64> = (0..steps).map(|_| 1.0 + f64::from(either_way(limit, numbers))).collect();
    let total: f64 = cells.iter().sum();
    // grid lines from 0 to 1, after their shift
    let lines: Vec<f64> = std::iter::once(0.0)
        .chain(cells.iter().scan(0.0, |so_far, cell| {
            *so_far += cell / total;
            Some(*so_far)
        }))
        .collect();
    let last = side as f64 - 1.0;
    let place = |pixel: usize| {
        let at = pixel as f64 / last.max(1.0) * steps as f64;
        let cell = (at as usize).min(steps - 1);
        let (from, to) = (lines[cell], lines[cell + 1]);
        (last * (from + (to - from) * (at - cell as f64))) as f32
    };
    (0..side).map(place).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn lines_move_and_borders_stay() {
        let mut numbers = ChaCha8Rng::seed_from_u64(1);
        for (side, steps) in [(512, 5), (7, 64), (1, 3), (2, 1)] {
            let places = places(side, steps, 0.9, &mut numbers);
            assert!(places.is_sorted() && places[0] == 0.0, "{places:?}");
            assert!((places[side - 1] - (side as f32 - 1.0)).abs() < 1e-3, "{places:?}");
        }
        let moved = places(512, 5, 0.3, &mut numbers);
        let most = moved.iter().enumerate().map(|(pixel, place)| (place - pixel as f32).abs()).fold(0.0, f32::max);
        assert!(most > 5.0, "{most}");
    }
}
