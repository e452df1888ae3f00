//! A sliding window: where windows lie on an image, and how their maps are weighted.

use half::f16;
use ndarray::{Array1, Array2, ArrayView2, s};

use super::decimal;
use super::map::Map;
use crate::Size;
use crate::manifest::{self, Convention, Weighting};

/// A Gaussian's standard deviation, as a share of the window's side.
const SIGMA: f64 = 0.125;
/// The least weight of MONAI.
const LEAST: f32 = 1e-3;

/// The windows of an image, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// Size of each.
    size: Size,
}

impl Windows {
    /// The windows of a size on an image that is nowhere smaller.
    pub fn new(image: Size, size: Size, how: &manifest::Windows) -> Self {
        let starts = |image, side| starts(image, side, decimal(how.overlap), how.convention);
        Self { rows: starts(image.height, size.height), columns: starts(image.width, size.width), size }
    }

    /// How many there are, at least one.
    pub fn count(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// A window of the image.
    pub fn cut<'a>(&self, image: ArrayView2<'a, f32>, number: usize) -> ArrayView2<'a, f32> {
        let (top, left) = self.at(number);
        image.slice_move(s![top..top + self.size.height, left..left + self.size.width])
    }

    /// The row and the column of a window's first pixel.
    fn at(&self, number: usize) -> (usize, usize) {
        (self.rows[number / self.columns.len()], self.columns[number % self.columns.len()])
    }
}

/// Where windows begin along a side.
fn starts(image: usize, side: usize, overlap: f64, convention: Convention) -> Vec<usize> {
    let rest = image - side;
    let step = side as f64 * (1.0 - overlap);
    match convention {
        Convention::NnUnet => {
            let gaps = (rest as f64 / step).ceil() as usize;
            let start = |number| (rest as f64 / gaps as f64 * number as f64).round_ties_even() as usize;
            if gaps == 0 { vec![0] } else { (0..=gaps).map(start).collect() }
        }
        Convention::Monai => {
            let step = (step as usize).max(1);
            (0..=rest.div_ceil(step)).map(|number| (number * step).min(rest)).collect()
        }
    }
}

/// The weights of a window's pixels, (height, width).
pub fn weights(size: Size, how: &manifest::Windows) -> Array2<f32> {
    let shape = (size.height, size.width);
    match (how.weighting, how.convention) {
        (Weighting::Constant, _) => Array2::ones(shape),
        (Weighting::Gaussian, Convention::NnUnet) => {
            // The centre is a pixel, and all is rounded to half precision.
            let line = |side: usize| gaussian(side, (side / 2) as f64);
            let (rows, columns) = (line(size.height), line(size.width));
            let weights =
                Array2::from_shape_fn(shape, |(y, x)| f16::from_f32((10.0 * rows[y] * columns[x]) as f32).to_f32());
            let least = weights.iter().copied().filter(|&weight| weight > 0.0).fold(f32::MAX, f32::min);
            weights.mapv_into(|weight| weight.max(least))
        }
        (Weighting::Gaussian, Convention::Monai) => {
            let line = |side: usize| gaussian(side, (side - 1) as f64 / 2.0).mapv(|weight| weight as f32);
            let (rows, columns) = (line(size.height), line(size.width));
            Array2::from_shape_fn(shape, |(y, x)| (rows[y] * columns[x]).max(LEAST))
        }
    }
}

fn gaussian(side: usize, center: f64) -> Array1<f64> {
    let sigma = side as f64 * SIGMA;
    Array1::from_shape_fn(side, |place| (-0.5 * ((place as f64 - center) / sigma).powi(2)).exp())
}

/// The maps of an image's windows as one, while they come in.
pub struct Blend {
    sum: Map,
    weights: Array2<f32>,
    added: usize,
}

impl Blend {
    /// Of nothing yet, for maps like this one, on an image of a size.
    pub fn new(like: &Map, image: Size) -> Self {
        Self { sum: like.zeros(image), weights: Array2::zeros(image), added: 0 }
    }

    /// Adds the map of a window, of the window's size. Returns the whole map after the last one.
    ///
    /// # Errors
    /// If the model's map has other classes than that of the first window.
    pub fn add(&mut self, part: &Map, windows: &Windows, number: usize, weights: &Array2<f32>) -> Result<bool, String> {
        let (top, left) = windows.at(number);
        let Size { height, width } = windows.size;
        let place = s![top..top + height, left..left + width];
        self.sum.zip_with(part, |sum, part| {
            ndarray::Zip::from(sum.slice_mut(place)).and(part).and(weights).for_each(|sum, &p, &w| *sum += p * w);
        })?;
        let mut target = self.weights.slice_mut(place);
        target += weights;
        self.added += 1;
        Ok(self.added == windows.count())
    }

    /// The weighted mean.
    pub fn mean(mut self) -> Map {
        self.sum.each_mut(|plane| *plane /= &self.weights);
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn how(overlap: f32, convention: Convention) -> manifest::Windows {
        let (weighting, resized, spacing, border) = (Weighting::Gaussian, None, None, None);
        manifest::Windows { overlap, weighting, convention, resized, spacing, border }
    }

    #[test]
    fn windows_of_nnunet_are_spread_evenly() {
        // nnunetv2.inference.sliding_window_prediction.compute_steps_for_sliding_window, 2.8.1
        let starts = |image, side, overlap| starts(image, side, overlap, Convention::NnUnet);
        assert_eq!(starts(110, 64, 0.5), [0, 23, 46]);
        assert_eq!(starts(128, 128, 0.5), [0]);
        assert_eq!(starts(129, 128, 0.5), [0, 1]);
        assert_eq!(starts(70, 32, 0.5), [0, 13, 25, 38]);
        // of two halves the even one
        assert_eq!(starts(69, 64, 0.96), [0, 2, 5]);
    }

    #[test]
    fn windows_of_monai_step_and_end_at_the_edge() {
        // monai.data.utils.dense_patch_slices, 1.5
        let starts = |image, side, overlap| starts(image, side, overlap, Convention::Monai);
        assert_eq!(starts(110, 64, 0.25), [0, 46]);
        assert_eq!(starts(111, 64, 0.25), [0, 47]);
        assert_eq!(starts(113, 64, 0.25), [0, 48, 49]);
        assert_eq!(starts(64, 64, 0.25), [0]);
        assert_eq!(starts(66, 64, decimal(0.99)), [0, 1, 2]);
    }

    #[test]
    fn an_even_map_stays_even_under_any_weights() {
        let (image, size) = (Size::new(9, 11), Size::new(4, 5));
        for convention in [Convention::NnUnet, Convention::Monai] {
            let how = how(0.5, convention);
            let (windows, weights) = (Windows::new(image, size, &how), weights(size, &how));
            let part = Map::Probabilities(Array2::from_elem((4, 5), 0.25));
            let mut blend = Blend::new(&part, image);
            let whole = (0..windows.count()).filter(|&number| blend.add(&part, &windows, number, &weights).unwrap());
            assert_eq!(whole.collect::<Vec<_>>(), [windows.count() - 1]);
            let Map::Probabilities(mean) = blend.mean() else { panic!("a map of another form") };
            assert!(mean.iter().all(|p| (p - 0.25).abs() < 1e-6), "{mean}");
        }
    }

    #[test]
    fn weights_are_largest_in_the_middle() {
        let nnunet = weights(Size::new(4, 4), &how(0.5, Convention::NnUnet));
        assert_eq!((nnunet[(2, 2)], nnunet[(2, 1)]), (10.0, 1.353_515_6));
        let monai = weights(Size::new(4, 4), &how(0.5, Convention::Monai));
        assert_eq!(monai[(1, 1)], monai[(2, 2)]);
        assert_eq!(monai[(0, 0)], LEAST);
    }
}
