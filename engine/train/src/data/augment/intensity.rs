//! Brightness, contrast, gamma. The mask stays as it is.

use rand::Rng;

use super::super::prepare::Sample;
use super::{between, either_way};

pub(super) fn brightness(mut sample: Sample, limit: f32, numbers: &mut impl Rng) -> Sample {
    let more = either_way(limit, numbers);
    sample.image.mapv_inplace(|intensity| (intensity + more).clamp(0.0, 1.0));
    sample
}

pub(super) fn contrast(mut sample: Sample, limit: f32, numbers: &mut impl Rng) -> Sample {
    let more = either_way(limit, numbers);
    let sum: f64 = sample.image.iter().map(|&intensity| f64::from(intensity)).sum();
    let mean = (sum / sample.image.len() as f64) as f32;
    sample.image.mapv_inplace(|intensity| (intensity + (intensity - mean) * more).clamp(0.0, 1.0));
    sample
}

pub(super) fn gamma(mut sample: Sample, range: [f32; 2], numbers: &mut impl Rng) -> Sample {
    let gamma = between(range[0], range[1], numbers);
    sample.image.mapv_inplace(|intensity| intensity.powf(gamma));
    sample
}
