//! Mutually exclusive classes: softmax over the channels of an output.
//!
//! The probability of a class is the sigmoid of its log-odds, `z[c] - ln(sum of exp(z[k]) over the other k)`, which
//! neither overflows nor loses small probabilities, for any numbers.

use ndarray::{Array2, ArrayView1, ArrayView3, Axis, Zip};

/// The log-odds of a class, from the numbers of all classes, at least two.
pub(super) fn log_odds(numbers: ArrayView1<'_, f32>, class: usize) -> f32 {
    let others = numbers.iter().enumerate().filter(|(other, _)| *other != class);
    let (highest, sum) = others.fold((f32::MIN, 0.0), |known, (_, &number)| with(known, number));
    minus(numbers[class], highest, sum)
}

/// The log-odds of a class at each pixel of (C, h, w).
pub(super) fn log_odds_map(numbers: ArrayView3<'_, f32>, class: usize) -> Array2<f32> {
    log_odds_of_planes(numbers.axis_iter(Axis(0)).map(|plane| plane.to_owned()), class)
}

/// The log-odds of a class at each pixel of planes of one size, one per class. Only one plane is needed at a time.
pub(super) fn log_odds_of_planes(planes: impl Iterator<Item = Array2<f32>>, class: usize) -> Array2<f32> {
    let mut wanted = Array2::default((0, 0));
    let mut others: Option<(Array2<f32>, Array2<f32>)> = None;
    for (place, plane) in planes.enumerate() {
        if place == class {
            wanted = plane;
        } else if let Some((highest, sums)) = &mut others {
            Zip::from(highest).and(sums).and(&plane).for_each(|highest, sum, &number| {
                (*highest, *sum) = with((*highest, *sum), number);
            });
        } else {
            let ones = Array2::ones(plane.dim());
            others = Some((plane, ones));
        }
    }
    if let Some((highest, sums)) = &others {
        Zip::from(&mut wanted)
            .and(highest)
            .and(sums)
            .for_each(|odds, &highest, &sum| *odds = minus(*odds, highest, sum));
    }
    wanted
}

/// Adds an exponential to a sum: `sum · exp(highest)` grows by `exp(number)`.
fn with((highest, sum): (f32, f32), number: f32) -> (f32, f32) {
    let smaller = (-(number - highest).abs()).exp();
    if number > highest { (number, sum * smaller + 1.0) } else { (highest, sum + smaller) }
}

/// The log-odds of a number against that sum. For numbers far apart the difference may be infinite: a sigmoid can
/// handle that, but a resize cannot.
fn minus(number: f32, highest: f32, sum: f32) -> f32 {
    (number - highest - sum.ln()).clamp(f32::MIN, f32::MAX)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array3, array};

    use super::super::probability::sigmoid;
    use super::*;

    /// Softmax by its definition, in double precision.
    fn softmax(numbers: &[f32], class: usize) -> f64 {
        let highest = f64::from(numbers.iter().copied().fold(f32::MIN, f32::max));
        let exp = |number: &f32| (f64::from(*number) - highest).exp();
        exp(&numbers[class]) / numbers.iter().map(exp).sum::<f64>()
    }

    #[test]
    fn their_sigmoid_is_the_softmax() {
        let cases: [&[f32]; 7] = [
            &[3.0, -1.0],
            &[0.0, 0.0, 0.0],
            &[1.0, 2.0, 3.0, 4.0],
            &[1000.0, 1001.0],
            &[-1000.0, -1002.0, -1001.0],
            &[80.0, -5.0, 3.0],
            &[3e38, -3e38, 0.0],
        ];
        for numbers in cases {
            for class in 0..numbers.len() {
                let odds = log_odds(Array1::from(numbers.to_vec()).view(), class);
                let (found, expected) = (f64::from(sigmoid(odds)), softmax(numbers, class));
                assert!(
                    (found - expected).abs() <= 2e-5 * expected + 1e-38,
                    "{numbers:?}, {class}: {found}, {expected}"
                );
            }
        }
    }

    #[test]
    fn a_map_is_taken_pixel_by_pixel() {
        for channels in [2, 3] {
            let numbers =
                Array3::from_shape_fn((channels, 2, 3), |(c, y, x)| ((c * 7 + y * 5 + x * 3) % 11) as f32 - 4.0);
            for class in 0..channels {
                let map = log_odds_map(numbers.view(), class);
                for ((y, x), odds) in map.indexed_iter() {
                    let expected = log_odds(numbers.slice(ndarray::s![.., y, x]), class);
                    assert!((odds - expected).abs() < 1e-5, "{channels} {class}");
                }
            }
        }
        assert_eq!(log_odds_map(array![[[3.0]], [[-1.0]]].view(), 1), array![[-4.0]]);
    }
}
