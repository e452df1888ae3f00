//! Resizing by area: OpenCV's `INTER_AREA`, with its arithmetic at every ratio.
//!
//! If neither side grows, a pixel is the mean of what it covers, with partially covered pixels in proportion. If a side
//! grows, OpenCV uses another rule for both sides: a pixel lies between two source pixels, weighted by its share of
//! each, and a shrinking side also uses only those two. References: OpenCV's `computeResizeAreaTab` and the `area_mode`
//! of its linear resize, `modules/imgproc/src/resize.cpp`.

use std::ops::Range;

use multiversion::multiversion;
use ndarray::{Array2, ArrayView2};

use crate::Size;

/// Shares of a pixel up to this are dropped, as in OpenCV.
const LEAST_SHARE: f64 = 1e-3;
/// Weights are grouped and padded with zeros, so that the compiler processes a group at once.
const GROUP: usize = 4;

/// Resizes a plane like OpenCV's `cv2.resize(…, interpolation=cv2.INTER_AREA)` on 32-bit floats.
pub(super) fn resize(plane: ArrayView2<'_, f32>, size: Size) -> Array2<f32> {
    let (from, plane) = (Size::from(plane.dim()), plane.as_standard_layout());
    let pixels = plane.as_slice().expect("just laid out");
    rows_resized(from, size, |row, into| into.copy_from_slice(&pixels[row * from.width..(row + 1) * from.width]))
}

/// As [`resize`], of an image of size `from` of which `source` writes a row.
pub(super) fn rows_resized(from: Size, size: Size, mut source: impl FnMut(usize, &mut [f32])) -> Array2<f32> {
    let shrinks = size.height <= from.height && size.width <= from.width;
    let (rows, columns) = (Axis::new(from.height, size.height, shrinks), Axis::new(from.width, size.width, shrinks));
    let mut out = Array2::zeros(size);
    // Groups of weights may extend beyond the last column, with weight 0.
    let mut sums = vec![0.0; from.width + columns.widest()];
    // The last two rows: a place starts with the row, or the two, with which the place before ended.
    let mut kept = [(); 2].map(|()| (usize::MAX, vec![0.0; from.width]));
    for (mut target, taps) in out.rows_mut().into_iter().zip(&rows.taps) {
        for (number, &weight) in (taps.first..).zip(&rows.weights[taps.weights.clone()]) {
            let (held, row) = &mut kept[number % 2];
            if std::mem::replace(held, number) != number {
                source(number, row);
            }
            down(&mut sums[..from.width], row, weight, number == taps.first);
        }
        across(target.as_slice_mut().expect("rows of a new array are dense"), &sums, &columns);
    }
    out
}

/// The source pixels and weights of the places along one side of the result.
struct Axis {
    taps: Vec<Taps>,
    weights: Vec<f32>,
}

/// The source pixels of one place: from `first` on, each with its weight.
struct Taps {
    first: usize,
    weights: Range<usize>,
}

impl Axis {
    /// From a side of `from` pixels to one of `to`; `shrinks`: neither side grows.
    fn new(from: usize, to: usize, shrinks: bool) -> Self {
        // OpenCV divides twice, and the last bits decide on which side of a boundary a place falls.
        let inverse = to as f64 / from as f64;
        let scale = 1.0 / inverse;
        let mut axis = Self { taps: Vec::with_capacity(to), weights: Vec::new() };
        for place in 0..to {
            let (first, weights) = match (shrinks, from.is_multiple_of(to)) {
                (true, true) => (place * (from / to), vec![1.0 / (from / to) as f32; from / to]),
                (true, false) => covered(place, from, scale),
                (false, _) => between(place, from, scale, inverse),
            };
            axis.push(first, &weights);
        }
        axis
    }

    fn push(&mut self, first: usize, weights: &[f32]) {
        let start = self.weights.len();
        self.weights.extend(weights);
        self.taps.push(Taps { first, weights: start..self.weights.len() });
        let rest = weights.len().next_multiple_of(GROUP) - weights.len();
        self.weights.extend(std::iter::repeat_n(0.0, rest));
    }

    /// The largest number of pixels that a place reads, in whole groups.
    fn widest(&self) -> usize {
        self.taps.iter().map(|taps| taps.weights.len().next_multiple_of(GROUP)).max().unwrap_or(0)
    }
}

/// The pixels that a place covers, each with its covered share.
fn covered(place: usize, from: usize, scale: f64) -> (usize, Vec<f32>) {
    let start = place as f64 * scale;
    let end = start + scale;
    let width = scale.min(from as f64 - start);
    let last = (end.floor() as usize).min(from - 1);
    let whole = (start.ceil() as usize).min(last);
    let (before, after) = (whole as f64 - start, end - last as f64);
    let mut weights = Vec::with_capacity(last + 2 - whole);
    if before > LEAST_SHARE {
        weights.push((before / width) as f32);
    }
    let first = whole - weights.len();
    weights.extend(std::iter::repeat_n((1.0 / width) as f32, last - whole));
    if after > LEAST_SHARE {
        weights.push((after.min(1.0).min(width) / width) as f32);
    }
    (first, weights)
}

/// The two pixels between which a place lies.
fn between(place: usize, from: usize, scale: f64, inverse: f64) -> (usize, Vec<f32>) {
    let first = (place as f64 * scale).floor() as usize;
    if first + 1 >= from {
        return (from - 1, vec![1.0]);
    }
    let share = ((place + 1) as f64 - (first + 1) as f64 * inverse) as f32;
    let second = if share <= 0.0 { 0.0 } else { share - share.floor() };
    (first, vec![1.0 - second, second])
}

/// Adds a row to weighted sums, which the first row starts.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn down(sums: &mut [f32], row: &[f32], weight: f32, is_first: bool) {
    if is_first {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum = value * weight);
    } else {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value * weight);
    }
}

/// Weighted sums of neighbours in a row.
fn across(target: &mut [f32], row: &[f32], columns: &Axis) {
    for (value, taps) in target.iter_mut().zip(&columns.taps) {
        let count = taps.weights.len().next_multiple_of(GROUP);
        let weights = &columns.weights[taps.weights.start..taps.weights.start + count];
        let (weights, _) = weights.as_chunks::<GROUP>();
        let (pixels, _) = row[taps.first..taps.first + count].as_chunks::<GROUP>();
        let mut sums = [0.0; GROUP];
        for (pixels, weights) in pixels.iter().zip(weights) {
            for (sum, (pixel, weight)) in sums.iter_mut().zip(pixels.iter().zip(weights)) {
                *sum += pixel * weight;
            }
        }
        *value = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use serde::Deserialize;

    use super::*;

    /// A result of OpenCV; written by `tests/reference/area.py`.
    #[derive(Deserialize)]
    struct Case {
        from: Size,
        to: Size,
        millionths: Vec<i32>,
    }

    /// The reference's picture, in 0..=1.
    fn picture(size: Size) -> Array2<f32> {
        Array2::from_shape_fn(size, |(row, column)| {
            ((row * 7919 + column * 104_729 + row * column * 31) % 256) as f32 / 255.0
        })
    }

    #[test]
    fn agrees_with_opencv_at_every_ratio() {
        let cases: Vec<Case> = {
            let packed = flate2::read::GzDecoder::new(&include_bytes!("area.json.gz")[..]);
            serde_json::from_reader(packed).unwrap()
        };
        let mut wrong = Vec::new();
        for Case { from, to, millionths } in &cases {
            let values = millionths.iter().map(|&value| value as f32 / 1e6).collect();
            let expected = Array2::from_shape_vec(*to, values).unwrap();
            let found = resize(picture(*from).view(), *to);
            let off = (found - expected).fold(0.0_f32, |most, difference| most.max(difference.abs()));
            if off > 2e-6 {
                wrong.push(format!("{from} to {to}: {off}"));
            }
        }
        assert!(cases.len() > 40 && wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), cases.len());
    }

    #[test]
    fn a_pixel_is_the_mean_of_what_it_covers() {
        // 5 to 2: two whole pixels and half of the one between
        let row = array![[0.0, 2.0, 4.0, 6.0, 8.0]];
        assert_eq!(resize(row.view(), Size::new(1, 2)), array![[1.6, 6.4]]);
        assert_eq!(resize(row.t(), Size::new(2, 1)), array![[1.6], [6.4]]);
    }

    #[test]
    fn what_is_white_stays_white() {
        for (from, to) in [(9, 3), (224, 100), (1000, 7), (7, 1000), (1024, 320)] {
            let white = resize(Array2::ones((from, from)).view(), Size::new(to, to));
            assert!(white.iter().all(|value| (value - 1.0).abs() < 1e-5), "{from} to {to}");
        }
    }
}
