//! Bilinear between the nearest pixels, row by row, with the arithmetic of `fast_image_resize`: in double precision,
//! across and then down, rounded to single in between. Rows come from the caller and go to it, so that neither image
//! need exist as a whole.

use multiversion::multiversion;
use ndarray::{Array2, ArrayView2};

use crate::Size;

/// A resize between two sizes.
pub struct Linear {
    from: Size,
    to: Size,
    rows: Vec<Taps>,
    columns: Columns,
}

/// How a row is resized. The first two are written so that the compiler vectorises them.
enum Columns {
    /// Each pixel is the mean of two.
    Halved,
    /// Each pixel between the ends lies a quarter from one and three quarters from another.
    Doubled,
    /// The pixels of each place.
    Any(Vec<Taps>),
}

/// The two source pixels of a place, and their weights. One pixel alone counts as two halves, which add up to it exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Taps {
    first: usize,
    second: usize,
    weights: [f64; 2],
}

impl Linear {
    /// From one size to another. `None` if a side is 0, or if rounding gives some place three pixels.
    #[must_use]
    pub fn new(from: Size, to: Size) -> Option<Self> {
        let has_pixels = from.area() > 0 && to.area() > 0;
        let (rows, columns) = (taps(from.height, to.height), taps(from.width, to.width));
        Some(Self { from, to, rows: rows.filter(|_| has_pixels)?, columns: Columns::new(columns?) })
    }

    /// Resizes: `source` writes a row of the image, and `sink` gets each row of the result, from top to bottom. Each row
    /// of the image is asked for at most once, in order.
    pub fn run(&self, mut source: impl FnMut(usize, &mut [f32]), mut sink: impl FnMut(usize, &[f32])) {
        let mut row = vec![0.0; self.from.width];
        let mut across = |number: usize, into: &mut [f32]| {
            if self.from.width == self.to.width {
                return source(number, into);
            }
            source(number, &mut row);
            match &self.columns {
                Columns::Halved => halve_row(&row, into),
                Columns::Doubled => double_row(&row, into),
                Columns::Any(taps) => resize_row(&row, taps, into),
            }
        };
        let mut kept = [vec![0.0; self.to.width], vec![0.0; self.to.width]];
        let mut numbers = [usize::MAX; 2];
        let mut out = vec![0.0; self.to.width];
        for (place, taps) in self.rows.iter().enumerate() {
            // the first row is often the second one of before
            if numbers[1] == taps.first {
                kept.swap(0, 1);
                numbers.swap(0, 1);
            }
            for (slot, wanted) in [taps.first, taps.second].into_iter().enumerate() {
                if numbers[slot] != wanted && !(slot == 1 && wanted == numbers[0]) {
                    across(wanted, &mut kept[slot]);
                    numbers[slot] = wanted;
                }
            }
            if taps.second == taps.first {
                sink(place, &kept[0]);
            } else {
                weighted(&kept[0], &kept[1], taps.weights, &mut out);
                sink(place, &out);
            }
        }
    }
}

impl Linear {
    /// The resized image as a whole; `source` as in [`Linear::run`].
    #[must_use]
    pub fn plane(&self, source: impl FnMut(usize, &mut [f32])) -> Array2<f32> {
        let mut pixels = Vec::with_capacity(self.to.area());
        self.run(source, |_, row| pixels.extend_from_slice(row));
        Array2::from_shape_vec(self.to, pixels).expect("each row of the result is given once")
    }
}

impl Columns {
    fn new(taps: Vec<Taps>) -> Self {
        let halved = |place: usize| Taps { first: 2 * place, second: 2 * place + 1, weights: [0.5; 2] };
        let doubled = |place: usize| {
            let first = (place - 1) / 2;
            let weights = if place % 2 == 1 { [0.75, 0.25] } else { [0.25, 0.75] };
            Taps { first, second: first + 1, weights }
        };
        let between = 1..taps.len().saturating_sub(1);
        if taps.iter().enumerate().all(|(place, taps)| *taps == halved(place)) {
            Self::Halved
        } else if taps.len() > 2
            && taps.len().is_multiple_of(2)
            && between.into_iter().all(|place| taps[place] == doubled(place))
        {
            Self::Doubled
        } else {
            Self::Any(taps)
        }
    }
}

/// Resizes a plane; `None` as [`Linear::new`].
pub(super) fn resize(plane: ArrayView2<'_, f32>, size: Size) -> Option<Array2<f32>> {
    let linear = Linear::new(plane.dim().into(), size)?;
    let plane = plane.as_standard_layout();
    let pixels = plane.as_slice()?;
    let width = plane.ncols();
    Some(linear.plane(|row, into| into.copy_from_slice(&pixels[row * width..(row + 1) * width])))
}

/// The source pixels of each place along a side, with normalized weights.
fn taps(from: usize, to: usize) -> Option<Vec<Taps>> {
    let scale = from as f64 / to as f64;
    let place = |place: usize| {
        let center = (place as f64 + 0.5) * scale;
        let first = (center - 1.0).floor().max(0.0) as usize;
        let end = (center + 1.0).ceil().min(from as f64) as usize;
        let weight = |pixel: usize| (1.0 - (pixel as f64 - (center - 0.5)).abs()).max(0.0);
        let total = (first..end).fold(0.0, |sum, pixel| sum + weight(pixel));
        let mut weighing = (first..end).filter(|&pixel| weight(pixel) != 0.0);
        let one = weighing.next()?;
        let share = |pixel| weight(pixel) / total;
        match (weighing.next(), weighing.next()) {
            (None, _) => Some(Taps { first: one, second: one, weights: [0.5; 2] }),
            (Some(other), None) => Some(Taps { first: one, second: other, weights: [share(one), share(other)] }),
            _ => None,
        }
    };
    (0..to).map(place).collect()
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn halve_row(row: &[f32], into: &mut [f32]) {
    for (pixel, &[first, second]) in into.iter_mut().zip(row.as_chunks().0) {
        *pixel = (f64::from(first) * 0.5 + f64::from(second) * 0.5) as f32;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn double_row(row: &[f32], into: &mut [f32]) {
    let ([start, between @ .., end], [left, .., right]) = (into, row) else { return };
    (*start, *end) = (*left, *right);
    for ([near, far], (&first, &second)) in between.as_chunks_mut().0.iter_mut().zip(row.iter().zip(&row[1..])) {
        let (first, second) = (f64::from(first), f64::from(second));
        (*near, *far) = ((first * 0.75 + second * 0.25) as f32, (first * 0.25 + second * 0.75) as f32);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn resize_row(row: &[f32], taps: &[Taps], into: &mut [f32]) {
    for (pixel, taps) in into.iter_mut().zip(taps) {
        let sum = f64::from(row[taps.first]) * taps.weights[0] + f64::from(row[taps.second]) * taps.weights[1];
        *pixel = sum as f32;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn weighted(first: &[f32], second: &[f32], weights: [f64; 2], into: &mut [f32]) {
    for (pixel, (&first, &second)) in into.iter_mut().zip(first.iter().zip(second)) {
        *pixel = (f64::from(first) * weights[0] + f64::from(second) * weights[1]) as f32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::library;
    use super::*;
    use crate::Resize;

    fn noise(size: (usize, usize), seed: u32) -> Array2<f32> {
        Array2::from_shape_fn(size, |(row, column)| {
            let bits = (row as u32).wrapping_mul(2_654_435_761) ^ (column as u32).wrapping_mul(40_503) ^ seed;
            bits.wrapping_mul(2_246_822_519) as f32 / u32::MAX as f32
        })
    }

    /// Whether both give the same bits; `None` if the library alone can.
    fn agree(plane: &Array2<f32>, to: Size) -> Option<bool> {
        let ours = resize(plane.view(), to)?;
        let theirs = library(plane.view(), to, Resize::Linear);
        Some(ours.mapv(f32::to_bits) == theirs.mapv(f32::to_bits))
    }

    proptest! {
        #[test]
        fn equal_to_the_library_bit_for_bit(
            from in (1_usize..70, 1_usize..70), to in (1_usize..90, 1_usize..90), seed in any::<u32>(),
        ) {
            if from != to {
                prop_assert_ne!(agree(&noise(from, seed), to.into()), Some(false));
            }
        }
    }

    #[test]
    fn twice_and_half_are_equal_to_the_library_too() {
        for side in 1..40 {
            for (from, to) in
                [((side, 2 * side), (7, side)), ((5, side), (9, 2 * side)), ((side, side), (2 * side, 2 * side))]
            {
                assert_eq!(agree(&noise(from, 9), to.into()), Some(true), "{from:?} to {to:?}");
            }
        }
        let columns = |from, to| Linear::new(Size::new(1, from), Size::new(1, to)).unwrap().columns;
        assert!(matches!(columns(8, 4), Columns::Halved) && matches!(columns(4, 8), Columns::Doubled));
        assert!(matches!(columns(4, 9), Columns::Any(_)) && matches!(columns(1, 2), Columns::Any(_)));
    }

    #[test]
    fn common_sizes_have_two_pixels_a_place() {
        for (from, to) in [(1024, 512), (512, 1024), (256, 1024), (1024, 768), (320, 1024), (2500, 512), (512, 3000)] {
            assert!(Linear::new(Size::new(from, from), Size::new(to, to)).is_some(), "{from} to {to}");
        }
        assert!(Linear::new(Size::new(0, 4), Size::new(4, 4)).is_none());
        assert!(Linear::new(Size::new(4, 4), Size::new(4, 0)).is_none());
    }

    #[test]
    fn each_row_is_asked_for_once() {
        for (from, to) in [(8, 3), (3, 8), (5, 5), (9, 4), (4, 9)] {
            let (mut asked, mut given) = (Vec::new(), 0);
            let linear = Linear::new(Size::new(from, 2), Size::new(to, 3)).unwrap();
            linear.run(|row, _| asked.push(row), |_, _| given += 1);
            assert!(asked.is_sorted_by(|a, b| a < b) && given == to, "{from} to {to}: {asked:?}");
        }
    }
}
