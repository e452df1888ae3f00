//! Mutually exclusive classes: softmax over the channels of an output.
//!
//! The probability of some classes is the sigmoid of their log-odds, `ln(sum of exp(z) over them) - ln(sum of exp(z) over
//! the others)`, which neither overflows nor loses small probabilities, for any numbers.

use ndarray::{Array2, ArrayView3, Axis, Zip};

use crate::manifest::{Against, Join, Pick};

/// The log-odds of the picked classes, from the numbers of all classes.
pub(super) fn log_odds(numbers: &[f32], pick: &Pick) -> f32 {
    log_odds_of_planes(numbers.iter().map(|&number| Array2::from_elem((1, 1), number)), pick)[(0, 0)]
}

/// The log-odds of the picked classes at each pixel of (C, h, w).
pub(super) fn log_odds_map(numbers: ArrayView3<'_, f32>, pick: &Pick) -> Array2<f32> {
    log_odds_of_planes(numbers.axis_iter(Axis(0)).map(|plane| plane.to_owned()), pick)
}

/// The log-odds of the picked classes at each pixel of planes of one size, one per class. Only one plane is needed at a
/// time.
///
/// # Panics
/// If no plane is picked.
pub(super) fn log_odds_of_planes(planes: impl Iterator<Item = Array2<f32>>, pick: &Pick) -> Array2<f32> {
    let (mut inside, mut outside) = (None, None);
    let others = |sum: &mut Option<Sum>, plane| match pick.against {
        Against::All => add(sum, plane),
        Against::Likeliest => compete(sum, plane),
    };
    for (class, mut plane) in planes.enumerate() {
        if !pick.channels.contains(&class) {
            others(&mut outside, plane);
        } else if let (Some(Sum { highest, .. }), Join::Max) = (&mut inside, pick.join) {
            // at each pixel, the likelier class is inside, and the other one of those that it competes with
            Zip::from(highest).and(&mut plane).for_each(|highest, number| {
                if *number > *highest {
                    std::mem::swap(highest, number);
                }
            });
            others(&mut outside, plane);
        } else {
            add(&mut inside, plane);
        }
    }
    let mut odds = against(inside.expect("a class is picked"), outside);
    if pick.complement {
        odds.mapv_inplace(|odds| -odds);
    }
    odds
}

/// Sums of exponentials, `sum · exp(highest)` at each pixel.
struct Sum {
    highest: Array2<f32>,
    /// `None`: 1 everywhere.
    sums: Option<Array2<f32>>,
}

/// Keeps the highest numbers alone.
fn compete(sum: &mut Option<Sum>, plane: Array2<f32>) {
    match sum {
        None => *sum = Some(Sum { highest: plane, sums: None }),
        Some(Sum { highest, .. }) => highest.zip_mut_with(&plane, |highest, &number| *highest = highest.max(number)),
    }
}

/// Adds the exponentials of a plane.
fn add(sum: &mut Option<Sum>, plane: Array2<f32>) {
    match sum {
        None => *sum = Some(Sum { highest: plane, sums: None }),
        Some(Sum { highest, sums }) => {
            let sums = sums.get_or_insert_with(|| Array2::ones(plane.dim()));
            Zip::from(highest).and(sums).and(&plane).for_each(|highest, sum, &number| {
                (*highest, *sum) = with((*highest, *sum), number);
            });
        }
    }
}

/// The logarithm of the quotient of two sums. For numbers far apart it may be infinite: a sigmoid can handle that, but a
/// resize cannot.
fn against(inside: Sum, outside: Option<Sum>) -> Array2<f32> {
    let mut odds = inside.highest;
    let Some(outside) = outside else { return odds.mapv_into(|_| f32::MAX) };
    odds -= &outside.highest;
    for (sums, sign) in [(outside.sums, -1.0), (inside.sums, 1.0)] {
        if let Some(sums) = sums {
            odds.zip_mut_with(&sums, |odds, sum| *odds += sign * sum.ln());
        }
    }
    odds.mapv_into(|odds| odds.clamp(f32::MIN, f32::MAX))
}

/// Adds an exponential to a sum: `sum · exp(highest)` grows by `exp(number)`.
fn with((highest, sum): (f32, f32), number: f32) -> (f32, f32) {
    let smaller = (-(number - highest).abs()).exp();
    if number > highest { (number, sum * smaller + 1.0) } else { (highest, sum + smaller) }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::super::probability::sigmoid;
    use super::*;

    fn pick(channels: &[usize], join: Join, complement: bool) -> Pick {
        Pick { channels: channels.to_vec(), join, against: Against::All, complement }
    }

    fn one(class: usize) -> Pick {
        pick(&[class], Join::Max, false)
    }

    /// Softmax by its definition, in double precision, then joined.
    fn softmax(numbers: &[f32], pick: &Pick) -> f64 {
        let highest = f64::from(numbers.iter().copied().fold(f32::MIN, f32::max));
        let exp = |number: &f32| (f64::from(*number) - highest).exp();
        let all = numbers.iter().map(exp).sum::<f64>();
        let each = pick.channels.iter().map(|&class| exp(&numbers[class]) / all);
        let joined = match pick.join {
            Join::Sum => each.sum(),
            Join::Max => each.fold(0.0, f64::max),
        };
        if pick.complement { 1.0 - joined } else { joined }
    }

    const CASES: [&[f32]; 7] = [
        &[3.0, -1.0],
        &[0.0, 0.0, 0.0],
        &[1.0, 2.0, 3.0, 4.0],
        &[1000.0, 1001.0],
        &[-1000.0, -1002.0, -1001.0],
        &[80.0, -5.0, 3.0],
        &[3e38, -3e38, 0.0],
    ];

    #[test]
    fn their_sigmoid_is_the_softmax() {
        for numbers in CASES {
            for class in 0..numbers.len() {
                let odds = log_odds(numbers, &one(class));
                let (found, expected) = (f64::from(sigmoid(odds)), softmax(numbers, &one(class)));
                assert!(
                    (found - expected).abs() <= 2e-5 * expected + 1e-38,
                    "{numbers:?}, {class}: {found}, {expected}"
                );
            }
        }
    }

    #[test]
    fn several_classes_are_summed_or_compete_and_may_be_what_is_not_wanted() {
        for numbers in CASES.into_iter().filter(|numbers| numbers.len() > 2) {
            for channels in [&[0, 1][..], &[1, 2], &[2, 0]] {
                for (join, complement) in [(Join::Sum, false), (Join::Max, false), (Join::Sum, true), (Join::Max, true)]
                {
                    let pick = pick(channels, join, complement);
                    let (found, expected) = (f64::from(sigmoid(log_odds(numbers, &pick))), softmax(numbers, &pick));
                    assert!((found - expected).abs() < 2e-6, "{numbers:?} {pick:?}: {found}, {expected}");
                }
            }
        }
        let [found, rest] = [false, true].map(|complement| log_odds(&[3.0, -1.0], &pick(&[0], Join::Max, complement)));
        assert_eq!((found, rest), (4.0, -4.0));
    }

    #[test]
    fn against_the_likeliest_other_an_argmax_is_above_half() {
        for numbers in CASES {
            let highest = numbers.iter().copied().fold(f32::MIN, f32::max);
            for class in 0..numbers.len() {
                let odds = log_odds(numbers, &Pick { against: Against::Likeliest, ..one(class) });
                let others = numbers.iter().enumerate().filter(|(other, _)| *other != class).map(|(_, number)| *number);
                assert_eq!(odds > 0.0, numbers[class] == highest && others.clone().all(|other| other < highest));
                assert_eq!(odds, (numbers[class] - others.fold(f32::MIN, f32::max)).clamp(f32::MIN, f32::MAX));
            }
        }
    }

    #[test]
    fn a_map_is_taken_pixel_by_pixel() {
        for channels in [2, 3] {
            let numbers =
                Array3::from_shape_fn((channels, 2, 3), |(c, y, x)| ((c * 7 + y * 5 + x * 3) % 11) as f32 - 4.0);
            for class in 0..channels {
                let map = log_odds_map(numbers.view(), &one(class));
                for ((y, x), odds) in map.indexed_iter() {
                    let expected = log_odds(&numbers.slice(ndarray::s![.., y, x]).to_vec(), &one(class));
                    assert!((odds - expected).abs() < 1e-5, "{channels} {class}");
                }
            }
        }
        assert_eq!(log_odds_map(array![[[3.0]], [[-1.0]]].view(), &one(1)), array![[-4.0]]);
    }
}
