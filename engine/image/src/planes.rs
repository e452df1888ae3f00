//! Passes over planes of numbers, written so that the compiler vectorises them.
//!
//! Results are the same on every processor: wider vectors only process more pixels at once, and nothing is fused or
//! reordered.

use std::mem::MaybeUninit;

use multiversion::multiversion;
use ndarray::{Array2, ArrayBase, ArrayView1, ArrayView2, Data, Dimension};

/// Pixels processed at once: enough for several of the widest vectors.
const LANES: usize = 64;
/// Pixels that fit the nearest cache.
const PIECE: usize = 2048;

/// A plane with its rows one after the other in memory.
#[must_use]
pub fn by_rows<T: Clone>(plane: Array2<T>) -> Array2<T> {
    if plane.is_standard_layout() { plane } else { plane.as_standard_layout().into_owned() }
}

/// Logits to probabilities, each within 4 units in the last place of `1 / (1 + exp(-x))`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
pub fn sigmoid(logits: &mut [f32]) {
    for x in logits {
        *x = logistic(*x);
    }
}

/// As [`sigmoid`], of one plane into another of the same length. Returns whether all logits are finite.
///
/// # Panics
/// If the lengths differ.
pub fn sigmoid_into(logits: &[f32], probabilities: &mut [MaybeUninit<f32>]) -> bool {
    assert_eq!(logits.len(), probabilities.len(), "one probability for each logit");
    // pieces small enough to be read twice from the nearest cache
    let pieces = logits.chunks(PIECE).zip(probabilities.chunks_mut(PIECE));
    pieces.fold(true, |finite, (logits, probabilities)| {
        sigmoids(logits, probabilities);
        finite & all_finite(logits)
    })
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn sigmoids(logits: &[f32], probabilities: &mut [MaybeUninit<f32>]) {
    for (logit, probability) in logits.iter().zip(probabilities) {
        probability.write(logistic(*logit));
    }
}

#[inline(always)] // compiled separately for each vector width
fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Limits numbers to 0..=1, and returns the highest of them, as [`highest`] does.
pub fn clamp_to_highest(numbers: &mut [f32]) -> f32 {
    numbers.chunks_mut(PIECE).fold(0.0, |highest, piece| {
        clamp(piece);
        highest.max(self::highest(&ArrayView1::from(&*piece)))
    })
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn clamp(numbers: &mut [f32]) {
    numbers.iter_mut().for_each(|number| *number = number.clamp(0.0, 1.0));
}

/// `e` to the power of `x`, clamped so that it is neither infinite nor subnormal: reduced to `2^n e^r`, with Cephes'
/// polynomial for `e^r`.
#[inline(always)] // compiled separately for each vector width
fn exp(x: f32) -> f32 {
    // Adding it rounds to a whole number, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first exact in products with whole numbers.
    const LN_2: (f32, f32) = (355.0 / 512.0, -2.121_944_4e-4);
    const POLYNOMIAL: [f32; 6] = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2.0 - n * LN_2.1;
    let p = POLYNOMIAL.iter().fold(0.0, |sum, c| sum * r + c);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000));
    (p * r * r + r + 1.0) * power
}

/// The highest of the numbers, at least 0; NaN is ignored.
pub fn highest<D: Dimension>(plane: &ArrayBase<impl Data<Elem = f32>, D>) -> f32 {
    let Some(numbers) = plane.as_slice_memory_order() else { return plane.iter().copied().fold(0.0, f32::max) };
    let mut lanes = [0.0_f32; LANES];
    let chunks = numbers.chunks_exact(LANES);
    let rest = chunks.remainder().iter().copied().fold(0.0, f32::max);
    for chunk in chunks {
        for (lane, &number) in lanes.iter_mut().zip(chunk) {
            *lane = if number > *lane { number } else { *lane };
        }
    }
    lanes.into_iter().fold(rest, f32::max)
}

/// The lowest and the highest of the numbers, of which none is NaN; of none, the largest number and its negative.
pub fn range<D: Dimension>(plane: &ArrayBase<impl Data<Elem = f32>, D>) -> (f32, f32) {
    let both = |(low, high): (f32, f32), &number: &f32| (low.min(number), high.max(number));
    let Some(numbers) = plane.as_slice_memory_order() else { return plane.iter().fold((f32::MAX, f32::MIN), both) };
    let (mut low, mut high) = ([f32::MAX; LANES], [f32::MIN; LANES]);
    let chunks = numbers.chunks_exact(LANES);
    let rest = chunks.remainder().iter().fold((f32::MAX, f32::MIN), both);
    for chunk in chunks {
        for (lane, &number) in chunk.iter().enumerate() {
            low[lane] = if number < low[lane] { number } else { low[lane] };
            high[lane] = if number > high[lane] { number } else { high[lane] };
        }
    }
    let low = low.into_iter().fold(rest.0, f32::min);
    (low, high.into_iter().fold(rest.1, f32::max))
}

/// The number of values that are infinite or NaN.
pub fn not_finite<D: Dimension>(plane: &ArrayBase<impl Data<Elem = f32>, D>) -> usize {
    // The count matters only if there is one.
    if plane.as_slice_memory_order().is_some_and(all_finite) {
        return 0;
    }
    plane.iter().filter(|number| !number.is_finite()).count()
}

/// A copy with its rows one after the other in memory, or `None` if a value is infinite or NaN. Each row is looked at
/// while it is in the cache.
pub fn copied_if_finite(plane: ArrayView2<'_, f32>) -> Option<Array2<f32>> {
    let mut copy = Vec::with_capacity(plane.len());
    for row in plane.rows() {
        let begin = copy.len();
        match row.as_slice() {
            Some(row) => copy.extend_from_slice(row),
            None => copy.extend(row.iter()),
        }
        if !all_finite(&copy[begin..]) {
            return None;
        }
    }
    Array2::from_shape_vec(plane.dim(), copy).ok()
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq", "x86_64+avx+avx2"))]
fn all_finite(numbers: &[f32]) -> bool {
    // in the bits, as whole numbers: those of infinity and NaN are the largest
    let most = numbers.iter().fold(0, |most, number| (number.to_bits() & 0x7FFF_FFFF).max(most));
    most < f32::INFINITY.to_bits()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array, s};

    use super::*;

    fn sigmoid_of(x: f32) -> f32 {
        let mut logits = [x];
        sigmoid(&mut logits);
        logits[0]
    }

    #[test]
    fn sigmoids_are_those_of_double_precision() {
        let mut worst = 0.0_f64;
        for step in -4_400_000..=4_400_000 {
            let x = step as f32 * 2e-5;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            let unit = f64::from((exact as f32).next_up() - exact as f32);
            worst = worst.max((f64::from(sigmoid_of(x)) - exact).abs() / unit);
        }
        assert!(worst < 4.0, "{worst} units in the last place");
    }

    #[test]
    fn sigmoids_at_the_ends() {
        assert_eq!((sigmoid_of(0.0), sigmoid_of(200.0), sigmoid_of(f32::MAX)), (0.5, 1.0, 1.0));
        let least = sigmoid_of(-f32::MAX);
        assert!((0.0..1e-38).contains(&least));
        assert!(sigmoid_of(f32::NAN).is_nan());
    }

    #[test]
    fn the_same_for_one_number_and_for_many() {
        let logits: Vec<f32> = (0..1000).map(|i| (i as f32 - 500.0) / 17.0).collect();
        let mut many = logits.clone();
        sigmoid(&mut many);
        assert_eq!(many, logits.iter().copied().map(sigmoid_of).collect::<Vec<_>>());
        for wrong in [None, Some(f32::NAN), Some(f32::NEG_INFINITY)] {
            let logits: Vec<f32> = logits.iter().copied().chain(wrong).collect();
            let mut into = vec![MaybeUninit::uninit(); logits.len()];
            assert_eq!(sigmoid_into(&logits, &mut into), wrong.is_none());
            // SAFETY: all are written.
            let into: Vec<u32> = into.into_iter().map(|p| unsafe { p.assume_init() }.to_bits()).collect();
            assert_eq!(into, logits.into_iter().map(|logit| sigmoid_of(logit).to_bits()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_highest_is_found_wherever_it_is() {
        for place in [0, 1, 63, 64, 127, 129] {
            let mut plane = Array1::from_elem(130, 0.25_f32);
            plane[place] = 0.75;
            assert_eq!(highest(&plane), 0.75, "{place}");
        }
        assert_eq!(highest(&array![[-1.0_f32, f32::NAN]]), 0.0);
        let plane = array![[0.1_f32, 0.9], [0.2, 0.8]];
        assert_eq!(highest(&plane.slice(s![.., 0])), 0.2);
    }

    #[test]
    fn limits_come_before_the_highest() {
        for (numbers, highest) in [(vec![0.25; 5000], 0.25), (vec![-1.0; 3], 0.0), (vec![], 0.0)] {
            let mut limited = numbers.clone();
            assert_eq!(clamp_to_highest(&mut limited), highest);
            assert!(limited.iter().zip(numbers).all(|(limited, number)| *limited == number.max(0.0)));
        }
        let mut numbers = vec![0.5; 5000];
        numbers[4099] = 1.5;
        assert_eq!((clamp_to_highest(&mut numbers), numbers[4099]), (1.0, 1.0));
    }

    #[test]
    fn a_range_has_both_ends() {
        for place in [0, 1, 63, 64, 127, 129] {
            let mut plane = Array1::from_elem(130, 0.25_f32);
            (plane[place], plane[129 - place]) = (0.75, -0.5);
            assert_eq!(range(&plane), (-0.5, 0.75), "{place}");
        }
        let plane = array![[0.1_f32, 0.9], [0.2, 0.8]];
        assert_eq!(range(&plane.slice(s![.., 0])), (0.1, 0.2));
    }

    #[test]
    fn a_copy_is_the_plane_or_nothing() {
        let plane = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(copied_if_finite(plane.view()).as_ref(), Some(&plane));
        let other = copied_if_finite(plane.t()).unwrap();
        assert!(other.is_standard_layout() && other == plane.t());
        for fault in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut plane = plane.clone();
            plane[(1, 2)] = fault;
            assert_eq!(copied_if_finite(plane.view()), None);
            assert_eq!(copied_if_finite(plane.t()), None);
            assert!(copied_if_finite(plane.slice(s![.., ..2])).is_some());
        }
    }

    #[test]
    fn what_is_not_finite_is_counted() {
        assert_eq!(not_finite(&array![[0.0_f32, 1.0]]), 0);
        let plane = array![[f32::NAN, 1.0], [f32::INFINITY, f32::NEG_INFINITY]];
        assert_eq!(not_finite(&plane), 3);
        assert_eq!(not_finite(&plane.slice(s![.., 1])), 1);
    }
}
