//! Cubic B-splines through all pixels: SciPy's `zoom(order=3, grid_mode=True, mode="nearest")`.
//!
//! A spline's coefficients come from a recursion along each axis, once forwards and once backwards; the edge pixel is
//! repeated before and behind, as SciPy does. All arithmetic is in double precision.

use ndarray::{Array2, ArrayView2, s};

use crate::Size;

/// How often SciPy repeats the edge pixel.
const EDGE: usize = 12;
/// The recursion's pole: sqrt(3) - 2.
const POLE: f64 = -0.267_949_192_431_122_7;

/// A plane at `size`. A spline overshoots at edges: the result is clipped to the range of the plane, as scikit-image's
/// `resize` does.
pub(super) fn spline(plane: ArrayView2<'_, f32>, size: Size) -> Array2<f32> {
    let (low, high) = plane.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let rows = rows_resized(&plane.mapv(f64::from), size.height);
    let columns = rows_resized(&rows.reversed_axes().as_standard_layout().into_owned(), size.width);
    columns.reversed_axes().mapv(|v| v as f32).mapv_into(|v| v.clamp(low, high)).as_standard_layout().into_owned()
}

/// Resizes the first axis to `to` rows.
fn rows_resized(plane: &Array2<f64>, to: usize) -> Array2<f64> {
    let from = plane.nrows();
    let coefficients = coefficients(plane);
    let mut out = Array2::zeros((to, plane.ncols()));
    for (place, mut row) in out.rows_mut().into_iter().enumerate() {
        let at = (place as f64 + 0.5) * from as f64 / to as f64 - 0.5 + EDGE as f64;
        let first = at.floor() as usize - 1;
        for (number, weight) in weights(at - at.floor()).into_iter().enumerate() {
            row.scaled_add(weight, &coefficients.row(first + number));
        }
    }
    out
}

/// The values of the four B-splines around a place, `t` behind the second.
fn weights(t: f64) -> [f64; 4] {
    let (cubed, squared) = (t.powi(3), t.powi(2));
    [
        (1.0 - t).powi(3) / 6.0,
        (3.0 * cubed - 6.0 * squared + 4.0) / 6.0,
        (-3.0 * cubed + 3.0 * squared + 3.0 * t + 1.0) / 6.0,
        cubed / 6.0,
    ]
}

/// The coefficients of the splines along the first axis, with `EDGE` rows before and behind.
fn coefficients(plane: &Array2<f64>) -> Array2<f64> {
    let last = plane.nrows() - 1;
    let mut rows = Array2::from_shape_fn((plane.nrows() + 2 * EDGE, plane.ncols()), |(row, column)| {
        6.0 * plane[(row.saturating_sub(EDGE).min(last), column)]
    });
    let end = rows.nrows() - 1;
    rows.row_mut(0).mapv_inplace(|v| v / (1.0 - POLE));
    for row in 1..=end {
        let (before, mut here) = rows.multi_slice_mut((s![row - 1, ..], s![row, ..]));
        here.scaled_add(POLE, &before);
    }
    rows.row_mut(end).mapv_inplace(|v| v * POLE / (POLE - 1.0));
    for row in (0..end).rev() {
        let (mut here, behind) = rows.multi_slice_mut((s![row, ..], s![row + 1, ..]));
        here.zip_mut_with(&behind, |here, &behind| *here = POLE * (behind - *here));
    }
    rows
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// scipy.ndimage.zoom([[0, 1, 0, 2], [3, 0, 1, 1], [0, 0, 5, 0]], (5 / 3, 6 / 4), order=3, mode="nearest",
    /// grid_mode=True), clipped to 0..=5; SciPy 1.17
    #[test]
    fn it_is_scipy_s() {
        let plane = array![[0.0f32, 1.0, 0.0, 2.0], [3.0, 0.0, 1.0, 1.0], [0.0, 0.0, 5.0, 0.0]];
        let found = spline(plane.view(), Size::new(5, 6));
        let expected: [[f32; 6]; 5] = [
            [0.0, 0.542558, 0.981967, 0.03924389, 0.8881216, 2.252661],
            [1.442839, 1.113077, 0.4232332, 0.0, 0.8352485, 1.838941],
            [3.252642, 1.399519, 0.0, 0.7642149, 1.181252, 0.9626335],
            [1.611851, 0.205395, 0.3949064, 3.272973, 2.332276, 0.0],
            [0.0, 0.0, 0.9391122, 5.0, 3.152928, 0.0],
        ];
        let far = found.iter().zip(expected.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-6, "{far}: {found}");
    }

    #[test]
    fn an_even_plane_stays_even_and_a_spline_does_not_overshoot() {
        let even = spline(Array2::from_elem((3, 1), 0.7).view(), Size::new(7, 2));
        assert!(even.iter().all(|&v| v == 0.7), "{even}");
        let step = Array2::from_shape_fn((1, 8), |(_, x)| if x < 4 { 0.0 } else { 1.0 });
        assert!(spline(step.view(), Size::new(3, 21)).iter().all(|v| (0.0..=1.0).contains(v)));
    }
}
