//! How far two results are apart.

use ndarray::{ArrayD, Zip};

/// The largest difference of two outputs, in units of the largest number expected or 1, whichever is more; of class
/// labels, the share that differs. Infinite if the shapes differ, or one is a number where the other is none.
pub fn difference(found: &ArrayD<f32>, expected: &ArrayD<f32>, are_labels: bool) -> f32 {
    if found.shape() != expected.shape() {
        return f32::INFINITY;
    }
    if are_labels {
        let differ = found.iter().zip(expected).filter(|(found, expected)| found != expected).count();
        return differ as f32 / expected.len().max(1) as f32;
    }
    let scale = largest(expected).max(1.0);
    let mut most = 0.0_f32;
    Zip::from(found).and(expected).for_each(|&found, &expected| {
        let apart = match (found.is_finite(), expected.is_finite()) {
            (true, true) => (found - expected).abs() / scale,
            (false, false) => 0.0,
            _ => f32::INFINITY,
        };
        most = most.max(apart);
    });
    most
}

/// The largest finite magnitude; 0 if there is none.
pub fn largest(numbers: &ArrayD<f32>) -> f32 {
    numbers.iter().filter(|number| number.is_finite()).fold(0.0, |most, number| most.max(number.abs()))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn differences_are_in_units_of_the_largest_number() {
        let of = |found: [f32; 2], expected: [f32; 2]| {
            difference(&array![found[0], found[1]].into_dyn(), &array![expected[0], expected[1]].into_dyn(), false)
        };
        assert_eq!(of([0.25, 0.5], [0.25, 0.75]), 0.25);
        assert_eq!(of([-20.0, 5.0], [-20.0, 10.0]), 0.25);
        assert_eq!(of([f32::NAN, 1.0], [f32::NAN, 1.0]), 0.0);
        assert_eq!(of([f32::NAN, 1.0], [0.0, 1.0]), f32::INFINITY);
        assert_eq!(of([0.0, 1.0], [0.0, f32::INFINITY]), f32::INFINITY);
    }

    #[test]
    fn labels_count_and_shapes_must_agree() {
        let (found, expected) = (array![0.0, 7.0, 1.0, 1.0].into_dyn(), array![0.0, 2.0, 1.0, 1.0].into_dyn());
        assert_eq!(difference(&found, &expected, true), 0.25);
        assert_eq!(difference(&found, &array![[0.0, 2.0, 1.0, 1.0]].into_dyn(), true), f32::INFINITY);
    }
}
