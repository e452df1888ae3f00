//! Brightness, contrast, gamma. The mask is unchanged.

use rand::Rng;

use super::super::prepare::Sample;
use super::{between, either_way};
use crate::recipe::{BrightnessOf, ContrastAbout};

/// Adds a share of the range, or of the image's mean.
pub(super) fn brightness(sample: Sample, limit: f32, of: BrightnessOf, numbers: &mut impl Rng) -> Sample {
    let share = either_way(limit, numbers);
    let more = match of {
        BrightnessOf::Range => share,
        BrightnessOf::Mean => share * mean(&sample),
    };
    each(sample, |intensity| intensity + more)
}

/// Multiplies differences to the image's mean, or to black.
pub(super) fn contrast(sample: Sample, limit: f32, about: ContrastAbout, numbers: &mut impl Rng) -> Sample {
    let more = either_way(limit, numbers);
    let about = match about {
        ContrastAbout::Mean => mean(&sample),
        ContrastAbout::Zero => 0.0,
    };
    each(sample, |intensity| intensity + (intensity - about) * more)
}

/// Multiplies, and adds a share of the original mean.
pub(super) fn brightness_contrast(sample: Sample, brightness: f32, contrast: f32, numbers: &mut impl Rng) -> Sample {
    let (alpha, beta) = (either_way(contrast, numbers), either_way(brightness, numbers));
    multiplied_and_added(sample, alpha, beta)
}

/// `intensity · (1 + alpha) + beta · mean`.
pub(super) fn multiplied_and_added(sample: Sample, alpha: f32, beta: f32) -> Sample {
    let more = beta * mean(&sample);
    each(sample, |intensity| intensity + intensity * alpha + more)
}

/// Adds normally distributed noise.
pub(super) fn noise(mut sample: Sample, limit: f32, numbers: &mut impl Rng) -> Sample {
    let deviation = between(0.0, limit, numbers);
    for intensity in &mut sample.image {
        *intensity = (*intensity + deviation * normal(numbers)).clamp(0.0, 1.0);
    }
    sample
}

/// A number of the standard normal distribution, by Box and Muller.
fn normal(numbers: &mut impl Rng) -> f32 {
    // 0 has no logarithm
    let radius = (-2.0 * (1.0 - numbers.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * numbers.random::<f32>()).cos()
}

fn each(mut sample: Sample, change: impl Fn(f32) -> f32) -> Sample {
    sample.image.mapv_inplace(|intensity| change(intensity).clamp(0.0, 1.0));
    sample
}

fn mean(sample: &Sample) -> f32 {
    let sum: f64 = sample.image.iter().map(|&intensity| f64::from(intensity)).sum();
    (sum / sample.image.len() as f64) as f32
}

pub(super) fn gamma(mut sample: Sample, range: [f32; 2], numbers: &mut impl Rng) -> Sample {
    let gamma = between(range[0], range[1], numbers);
    sample.image.mapv_inplace(|intensity| intensity.powf(gamma));
    sample
}
