//! The score over two knobs.

use ndarray::Array2;

use super::grid::Grid;
use crate::report::HeatMap;

/// The score over two different knobs, by their indices in the grid, around a point; `scores` are those of
/// [`Tuned`](super::Tuned), and NaN where a plugin refuses the point.
///
/// # Panics
/// If there are no such knobs, or the scores belong to another grid.
#[must_use]
pub fn heat_map(grid: &Grid, scores: &[f64], (x, y): (usize, usize), point: usize) -> HeatMap {
    let places = grid.places(point);
    let (across, upwards) = (&grid.knobs[x], &grid.knobs[y]);
    let dice = Array2::from_shape_fn((upwards.values.len(), across.values.len()), |(row, column)| {
        let mut there = places.clone();
        (there[y], there[x]) = (row, column);
        scores[grid.point(&there)]
    });
    HeatMap {
        x_name: across.key.clone(),
        x: across.values.clone(),
        y_name: upwards.key.clone(),
        y: upwards.values.clone(),
        dice,
        chosen: (places[x], places[y]),
    }
}
