//! Resizing with a few neighbours of each place, axis by axis, the edge repeated: as OpenCV and PyTorch do.

use ndarray::{Array2, ArrayView2, Axis};

use crate::Size;

/// The first of four neighbouring pixels, which may lie outside, and their weights.
type Taps = (isize, [f32; 4]);

/// Bicubic with a = -0.75, sampled at pixel centres: OpenCV's `INTER_CUBIC`.
pub(super) fn cubic(plane: ArrayView2<'_, f32>, size: Size) -> Array2<f32> {
    both(plane, size, |place, from, to| {
        let at = (place as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        (at.floor() as isize - 1, cubic_weights((at - at.floor()) as f32))
    })
}

/// Bilinear between the corners' centres: PyTorch's `bilinear` with `align_corners=True`.
pub(super) fn corners(plane: ArrayView2<'_, f32>, size: Size) -> Array2<f32> {
    both(plane, size, |place, from, to| {
        let at = if to > 1 { place as f64 * (from - 1) as f64 / (to - 1) as f64 } else { 0.0 };
        let share = (at - at.floor()) as f32;
        (at.floor() as isize, [1.0 - share, share, 0.0, 0.0])
    })
}

/// The weights of the four pixels around a place, `t` behind the second.
fn cubic_weights(t: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

fn both(plane: ArrayView2<'_, f32>, size: Size, taps: impl Fn(usize, usize, usize) -> Taps) -> Array2<f32> {
    let across = along(plane, Axis(1), size.width, &taps);
    along(across.view(), Axis(0), size.height, &taps)
}

/// Resizes one axis to `to` pixels.
fn along(plane: ArrayView2<'_, f32>, axis: Axis, to: usize, taps: impl Fn(usize, usize, usize) -> Taps) -> Array2<f32> {
    let from = plane.len_of(axis);
    let mut dim = plane.raw_dim();
    dim[axis.index()] = to;
    let mut out = Array2::zeros(dim);
    for (place, mut line) in out.axis_iter_mut(axis).enumerate() {
        let (first, weights) = taps(place, from, to);
        for (pixel, weight) in (first..).zip(weights).filter(|(_, weight)| *weight != 0.0) {
            let pixel = pixel.clamp(0, from as isize - 1).unsigned_abs();
            line.scaled_add(weight, &plane.index_axis(axis, pixel));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn near(found: &Array2<f32>, expected: &[f32]) -> bool {
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    /// cv2.resize(numpy.array([[0, 1, 4, 9]], "f"), (8, 1), interpolation=cv2.INTER_CUBIC), and to (3, 1); then
    /// numpy.arange(35, dtype="f").reshape(5, 7) ** 2 % 13 to (4, 9)
    #[test]
    fn cubic_is_opencvs() {
        let row = array![[0.0, 1.0, 4.0, 9.0]];
        let eight =
            [-0.105_468_75, 0.121_093_75, 0.457_031_25, 1.609_375, 2.828_125, 5.449_218_8, 7.972_656_3, 9.527_344];
        assert!(near(&cubic(row.view(), Size::new(1, 8)), &eight));
        assert!(near(&cubic(row.t(), Size::new(3, 1)), &[0.091_435_25, 2.125, 8.334_491]));
        let plane = Array2::from_shape_fn((5, 7), |(y, x)| ((7 * y + x).pow(2) % 13) as f32);
        let found = cubic(plane.view(), Size::new(9, 4));
        assert!(near(&found.row(0).to_owned().insert_axis(Axis(0)), &[-0.961_717, 4.977_48, 2.854_063_3, 12.438_28]));
        assert!(near(&found.row(8).to_owned().insert_axis(Axis(0)), &[5.979_078, 2.984_953, 11.205_379, 12.358_665]));
    }

    /// By its definition: the first and the last pixel stay where they are, and the others lie evenly between.
    #[test]
    fn corners_stay_corners() {
        let row = array![[0.0, 1.0, 4.0, 9.0]];
        assert!(near(&corners(row.view(), Size::new(1, 7)), &[0.0, 0.5, 1.0, 2.5, 4.0, 6.5, 9.0]));
        assert!(near(&corners(row.t(), Size::new(3, 1)), &[0.0, 2.5, 9.0]));
        assert!(near(&corners(row.view(), Size::new(2, 1)), &[0.0, 0.0]));
    }
}
