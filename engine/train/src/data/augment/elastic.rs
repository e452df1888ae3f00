//! Elastic deformation, after Simard et al. (2003).

use ndarray::Array2;
use pleura::Size;
use rand::Rng;

use super::super::prepare::Sample;
use super::affine::Map;
use super::either_way;
use super::smooth::gaussian;
use super::warp::warp;
use crate::recipe::Border;

/// Smoothly displaces each pixel by up to `alpha` pixels, after a random affine map.
pub(super) fn elastic(
    sample: &Sample,
    [alpha, sigma, affine]: [f32; 3],
    border: Border,
    numbers: &mut impl Rng,
) -> Sample {
    let size = sample.image.dim().into();
    let map = random_map(size, affine, numbers);
    let (across, down) = (displacements(size, sigma, numbers), displacements(size, sigma, numbers));
    warp(sample, border, |row, places| {
        let moved = across.row(row).into_iter().zip(down.row(row)).enumerate();
        for ((column, (&across, &down)), (x, y)) in moved.zip(places.x.iter_mut().zip(places.y)) {
            let (across, down) = (f64::from(alpha * across), f64::from(alpha * down));
            let place = map.place(column as f64 + across, row as f64 + down);
            (*x, *y) = (place.0 as f32, place.1 as f32);
        }
    })
}

/// Noise between -1 and 1, smoothed.
fn displacements(size: Size, sigma: f32, numbers: &mut impl Rng) -> Array2<f32> {
    let mut noise = Array2::from_shape_simple_fn(size, || either_way(1.0, numbers));
    gaussian(&mut noise, sigma);
    noise
}

/// The map under which three corners of a square, a third of the shorter side from the centre, move by up to `limit`
/// pixels along each axis.
fn random_map(size: Size, limit: f32, numbers: &mut impl Rng) -> Map {
    if limit == 0.0 {
        return Map::IDENTITY;
    }
    let (cy, cx) = ((size.height / 2) as f64, (size.width / 2) as f64);
    let reach = (size.height.min(size.width) / 3) as f64;
    let corners = [(cx + reach, cy + reach), (cx + reach, cy - reach), (cx - reach, cy - reach)];
    loop {
        let moved = corners
            .map(|(x, y)| (x + f64::from(either_way(limit, numbers)), y + f64::from(either_way(limit, numbers))));
        // three points on a line, which practically never happens: draw again
        if let Some(map) = through(moved, corners) {
            return map;
        }
    }
}

/// The map that takes three points to three others.
fn through(from: [(f64, f64); 3], to: [(f64, f64); 3]) -> Option<Map> {
    let sides = |p: [(f64, f64); 3]| (p[1].0 - p[0].0, p[1].1 - p[0].1, p[2].0 - p[0].0, p[2].1 - p[0].1);
    let ((ax, ay, bx, by), (cx, cy, dx, dy)) = (sides(from), sides(to));
    let area = ax * by - bx * ay;
    if area.abs() < 1e-9 {
        return None;
    }
    let (xx, xy) = ((cx * by - dx * ay) / area, (dx * ax - cx * bx) / area);
    let (yx, yy) = ((cy * by - dy * ay) / area, (dy * ax - cy * bx) / area);
    let (x0, y0) = (to[0].0 - xx * from[0].0 - xy * from[0].1, to[0].1 - yx * from[0].0 - yy * from[0].1);
    Some(Map { xx, xy, x0, yx, yy, y0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_points_make_a_map() {
        let (from, to) = ([(1.0, 2.0), (4.0, 0.0), (3.0, 9.0)], [(0.0, 1.0), (-2.0, 5.0), (7.0, 7.0)]);
        let map = through(from, to).unwrap();
        for ((x, y), (u, v)) in from.into_iter().zip(to) {
            let (found_u, found_v) = map.place(x, y);
            assert!((found_u - u).abs() < 1e-9 && (found_v - v).abs() < 1e-9);
        }
        assert_eq!(through([(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)], to), None);
    }
}
