//! Running box filters over rows and columns: the cost does not depend on their size.

use ndarray::Array2;

use super::warp::mirrored;

/// A box of `2·radius + 1` pixels, with an additional pixel of weight `edge`, in 0..1, at each end. Beyond its border,
/// the image is mirrored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kernel {
    radius: usize,
    edge: f64,
}

impl Kernel {
    pub(super) fn new(radius: usize) -> Self {
        Self { radius, edge: 0.0 }
    }

    /// The box with a given variance: Gwosdek et al.'s extended box (2011).
    fn of_variance(variance: f64) -> Self {
        let radius = (0.5 * ((12.0 * variance + 1.0).sqrt() - 1.0)).floor();
        let (short, beyond) = (variance - radius * (radius + 1.0) / 3.0, (radius + 1.0).powi(2) - variance);
        Self { radius: radius as usize, edge: (2.0 * radius + 1.0) * short / (2.0 * beyond) }
    }

    fn share(self) -> f64 {
        1.0 / (2.0 * self.radius as f64 + 1.0 + 2.0 * self.edge)
    }
}

/// Approximates a Gaussian with a standard deviation in pixels by three boxes of the same total variance; its peak is
/// at most a tenth lower.
pub(super) fn gaussian(plane: &mut Array2<f32>, sigma: f32) {
    let kernel = Kernel::of_variance(f64::from(sigma).powi(2) / 3.0);
    for _ in 0..3 {
        mean(plane, kernel);
    }
}

/// The mean over a box around each pixel.
pub(super) fn mean(plane: &mut Array2<f32>, kernel: Kernel) {
    along_rows(plane, kernel);
    along_columns(plane, kernel);
}

fn along_rows(plane: &mut Array2<f32>, kernel: Kernel) {
    let width = plane.ncols();
    let (reach, share) = (kernel.radius + 1, kernel.share());
    // pixel 0 is at index `reach`
    let places: Vec<usize> = (0..width + 2 * reach).map(|at| mirrored(at as isize - reach as isize, width)).collect();
    let mut padded = vec![0.0_f64; places.len()];
    for mut row in plane.rows_mut() {
        for (padded, &place) in padded.iter_mut().zip(&places) {
            *padded = row[place].into();
        }
        let mut sum: f64 = padded[..2 * reach - 1].iter().sum();
        for (column, pixel) in row.iter_mut().enumerate() {
            let (first, last) = (padded[column], padded[column + 2 * reach]);
            // from the previous box to this one: a pixel enters at its end, one leaves at its start
            sum += padded[column + 2 * reach - 1] - first;
            *pixel = ((sum + kernel.edge * (first + last)) * share) as f32;
        }
    }
}

fn along_columns(plane: &mut Array2<f32>, kernel: Kernel) {
    let (from, (height, width)) = (plane.clone(), plane.dim());
    let (reach, share) = (kernel.radius as isize + 1, kernel.share());
    let row = |at: isize| from.row(mirrored(at, height)).to_slice().expect("planes are row-major");
    let mut sums = vec![0.0_f64; width];
    for at in -reach..reach - 1 {
        sums.iter_mut().zip(row(at)).for_each(|(sum, &pixel)| *sum += f64::from(pixel));
    }
    for (at, mut out) in plane.rows_mut().into_iter().enumerate() {
        let at = at as isize;
        let ends = row(at - reach).iter().zip(row(at + reach - 1)).zip(row(at + reach));
        for ((sum, out), ((&first, &new), &last)) in sums.iter_mut().zip(&mut out).zip(ends) {
            let (first, last) = (f64::from(first), f64::from(last));
            *sum += f64::from(new) - first;
            *out = ((*sum + kernel.edge * (first + last)) * share) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_has_its_variance() {
        for variance in [0.01, 0.3, 0.7, 2.0, 3.5, 12.0, 400.0] {
            let kernel = Kernel::of_variance(variance);
            let radius = kernel.radius as f64;
            let inner: f64 = (1..=kernel.radius).map(|at| 2.0 * (at as f64).powi(2)).sum();
            let found = (inner + 2.0 * kernel.edge * (radius + 1.0).powi(2)) * kernel.share();
            assert!((0.0..1.0).contains(&kernel.edge), "{kernel:?}");
            assert!((found - variance).abs() < 1e-9 * variance.max(1.0), "{found} for {variance}");
        }
    }

    #[test]
    fn a_point_becomes_a_bell() {
        let sigma = 3.0_f32;
        let mut plane = Array2::zeros((41, 41));
        plane[(20, 20)] = 1.0;
        gaussian(&mut plane, sigma);
        let bell =
            |distance: f32| (-distance / (2.0 * sigma * sigma)).exp() / (2.0 * std::f32::consts::PI * sigma * sigma);
        for ((row, column), &found) in plane.indexed_iter() {
            let expected = bell((row as f32 - 20.0).powi(2) + (column as f32 - 20.0).powi(2));
            assert!((found - expected).abs() < 0.1 * bell(0.0), "{found} for {expected} at {row}, {column}");
        }
    }

    #[test]
    fn boxes_are_means_of_what_the_mirrors_show() {
        let plane = Array2::from_shape_fn((6, 9), |(row, column)| ((row * 31 + column * 17) % 11) as f32);
        for radius in [1, 2, 7] {
            let mut found = plane.clone();
            mean(&mut found, Kernel::new(radius));
            let reach = radius as isize;
            let expected = Array2::from_shape_fn(plane.dim(), |(row, column)| {
                let around = (-reach..=reach).flat_map(|down| (-reach..=reach).map(move |across| (down, across)));
                let sum: f32 = around
                    .map(|(down, across)| {
                        plane[(mirrored(row as isize + down, 6), mirrored(column as isize + across, 9))]
                    })
                    .sum();
                sum / (2 * radius + 1).pow(2) as f32
            });
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "radius {radius}");
        }
    }
}
