//! An image's own values, by which it is normalized.

use crate::manifest::Normalize;

/// What normalizes an image: `(v - offset) / divisor`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Own {
    /// The mean, or the lowest value.
    pub offset: f32,
    /// The standard deviation, or the span of values; never 0.
    pub divisor: f32,
}

/// The least divisor, as in nnU-Net.
const LEAST: f64 = 1e-8;

impl Own {
    /// No change.
    pub const NONE: Self = Self { offset: 0.0, divisor: 1.0 };

    /// Measures pixels; of none, there is no change.
    pub fn measured(how: Normalize, pixels: impl Iterator<Item = f32> + Clone) -> Self {
        let count = pixels.clone().count() as f64;
        if count == 0.0 {
            return Self::NONE;
        }
        match how {
            Normalize::None => Self::NONE,
            Normalize::ZScore { .. } => {
                let mean = pixels.clone().map(f64::from).sum::<f64>() / count;
                let variance = pixels.map(|v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
                Self { offset: mean as f32, divisor: variance.sqrt().max(LEAST) as f32 }
            }
            Normalize::MinMax { .. } => {
                let (low, high) = pixels.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
                Self { offset: low, divisor: (high - low).max(LEAST as f32) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Measured;

    #[test]
    fn an_even_image_has_a_divisor() {
        let of = Measured::Image;
        for how in [Normalize::ZScore { of }, Normalize::MinMax { of }] {
            let own = Own::measured(how, [0.1; 3].into_iter());
            assert!(own.divisor > 0.0 && (0.1 - own.offset) / own.divisor == 0.0, "{own:?}");
            assert_eq!(Own::measured(how, std::iter::empty()), Own::NONE);
        }
    }
}
