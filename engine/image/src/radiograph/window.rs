//! Windows: from modality values to intensities in 0..=1 (DICOM PS3.3 C.11.2).

use ndarray::Array2;

use super::lut::Lut;

/// The file's VOI transform.
#[derive(Debug, Clone)]
pub(super) enum Voi {
    /// A lookup table.
    Lut(Lut),
    /// A window.
    Window(Window),
}

impl Voi {
    /// Intensities, (height, width), before any inversion.
    pub(super) fn apply(&self, values: &Array2<f32>) -> Array2<f32> {
        match self {
            // modality values are rounded to the table's integers
            Self::Lut(lut) => values.mapv(|value| lut.fraction(value.round() as i32)),
            Self::Window(window) => window.apply(values),
        }
    }
}

/// DICOM's window functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VoiLutFunction {
    /// `((x - (c - 0.5)) / (w - 1) + 0.5`, clipped. The default.
    Linear,
    /// `(x - c) / w + 0.5`, clipped.
    LinearExact,
    /// `1 / (1 + exp(-4 (x - c) / w))`.
    Sigmoid,
}

/// A window, in modality units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) center: f64,
    pub(super) width: f64,
    pub(super) function: VoiLutFunction,
}

impl Window {
    /// Intensities, (height, width), before any inversion.
    pub(super) fn apply(&self, values: &Array2<f32>) -> Array2<f32> {
        match self.function {
            VoiLutFunction::Linear => {
                let (low, high) = self.linear_bounds();
                values.mapv(|value| ramp(value.into(), low, high))
            }
            VoiLutFunction::LinearExact => {
                let half = self.width / 2.0;
                values.mapv(|value| ramp(value.into(), self.center - half, self.center + half))
            }
            VoiLutFunction::Sigmoid => values.mapv(|value| self.sigmoid(value.into())),
        }
    }

    /// The values where the linear function leaves 0 and reaches 1. A width of 1 is a step.
    fn linear_bounds(&self) -> (f64, f64) {
        let half = (self.width - 1.0).max(0.0) / 2.0;
        (self.center - 0.5 - half, self.center - 0.5 + half)
    }

    fn sigmoid(&self, value: f64) -> f32 {
        (1.0 / (1.0 + (-4.0 * (value - self.center) / self.width).exp())) as f32
    }
}

/// Intensities of a range of values: its ends become 0 and 1.
pub(super) fn span(values: &Array2<f32>, (low, high): (f32, f32)) -> Array2<f32> {
    if low == 0.0 {
        // From 0 there is no subtraction to round: single-precision division equals the double-precision one, rounded.
        return values.mapv(|value| from_zero(value, high));
    }
    values.mapv(|value| ramp(value.into(), low.into(), high.into()))
}

/// 0 up to `low`, 1 above `high`, linear between. In double precision, so that an 8-bit value `v` of 0..=255 becomes
/// the number nearest to `v / 255`.
fn ramp(value: f64, low: f64, high: f64) -> f32 {
    if value > high {
        1.0
    } else if value > low {
        ((value - low) / (high - low)) as f32
    } else {
        // also if the value is NaN
        0.0
    }
}

/// [`ramp`] from 0.
fn from_zero(value: f32, high: f32) -> f32 {
    if value > high {
        1.0
    } else if value > 0.0 {
        value / high
    } else {
        0.0
    }
}

/// The values at two percentiles, in percent, with linear interpolation as in numpy's `percentile`.
pub(super) fn percentiles(values: &Array2<f32>, low: f32, high: f32) -> (f32, f32) {
    let mut values: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let mut at = |percent| {
        percentile(values.len(), percent, |rank| {
            let (_, &mut below, above) = values.select_nth_unstable_by(rank, f32::total_cmp);
            (below, above.iter().copied().min_by(f32::total_cmp).unwrap_or(below))
        })
    };
    (at(low), at(high))
}

/// The percentile of so many values, at least one; `at` gives the value of a rank in ascending order, and the next.
pub(super) fn percentile(count: usize, percent: f32, at: impl FnOnce(usize) -> (f32, f32)) -> f32 {
    let rank = f64::from(percent.clamp(0.0, 100.0)) / 100.0 * (count - 1) as f64;
    let (below, next) = at(rank as usize);
    (f64::from(below) + f64::from(next - below) * rank.fract()) as f32
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn apply(function: VoiLutFunction, center: f64, width: f64, values: &[f32]) -> Vec<f32> {
        let values = Array2::from_shape_vec((1, values.len()), values.to_vec()).unwrap();
        Window { center, width, function }.apply(&values).into_iter().collect()
    }

    #[test]
    fn linear_is_the_standards_own_example() {
        // PS3.3 C.11.2.1.2.1: c = 2048, w = 4096 maps 0..=4095 onto the whole range.
        let shown = apply(VoiLutFunction::Linear, 2048.0, 4096.0, &[-1.0, 0.0, 1.0, 4094.0, 4095.0, 4096.0]);
        assert_eq!(shown, [0.0, 0.0, 1.0 / 4095.0, 4094.0 / 4095.0, 1.0, 1.0]);
        // c = 0, w = 100: -50 → 0, 49 → 1.
        assert_eq!(apply(VoiLutFunction::Linear, 0.0, 100.0, &[-50.0, -0.5, 49.0]), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn a_linear_window_of_width_1_is_a_step() {
        assert_eq!(apply(VoiLutFunction::Linear, 10.0, 1.0, &[9.0, 9.5, 10.0]), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn from_zero_is_the_ramp_in_double_precision() {
        for high in [255.0_f32, 1023.0, 4095.0, 65535.0, 76.245] {
            for value in (-3..=65_600).map(|value| value as f32).chain([f32::NAN, 0.1, 76.245]) {
                assert_eq!(from_zero(value, high), ramp(value.into(), 0.0, high.into()), "{value} of {high}");
            }
        }
    }

    #[test]
    fn linear_exact_and_sigmoid() {
        assert_eq!(apply(VoiLutFunction::LinearExact, 10.0, 4.0, &[8.0, 9.0, 10.0, 12.0]), [0.0, 0.25, 0.5, 1.0]);
        let shown = apply(VoiLutFunction::Sigmoid, 10.0, 4.0, &[10.0, 11.0, 9.0]);
        assert_eq!(shown[0], 0.5);
        assert!((shown[1] - 0.731_058_6).abs() < 1e-6 && (shown[2] - 0.268_941_4).abs() < 1e-6, "{shown:?}");
    }

    #[test]
    fn percentiles_as_numpy() {
        let values = array![[4.0_f32, 1.0, 3.0], [2.0, 5.0, 10.0]];
        // numpy.percentile([1, 2, 3, 4, 5, 10], [0, 10, 50, 99, 100])
        assert_eq!(percentiles(&values, 0.0, 100.0), (1.0, 10.0));
        assert_eq!(percentiles(&values, 10.0, 50.0), (1.5, 3.5));
        assert!((percentiles(&values, 0.0, 99.0).1 - 9.75).abs() < 1e-6);
    }

    #[test]
    fn a_flat_image_is_black_between_any_percentiles() {
        let flat = Array2::from_elem((2, 2), 7.0);
        assert_eq!(span(&flat, percentiles(&flat, 1.0, 99.0)), Array2::<f32>::zeros((2, 2)));
    }
}
