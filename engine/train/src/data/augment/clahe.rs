//! Contrast-limited adaptive histogram equalisation. The mask is unchanged.

use rand::Rng;

use super::super::prepare::Sample;
use super::between;

/// As in the plugin `clahe`, on 8 bits.
pub(super) fn clahe(mut sample: Sample, clip: f32, tiles: u32, numbers: &mut impl Rng) -> Sample {
    let clip = between(1.0, clip, numbers);
    let grey = sample.image.mapv(to_8_bits);
    let tiles = (tiles as usize, tiles as usize);
    sample.image = pleura_image::equalise::clahe(grey.view(), clip.into(), tiles).mapv(from_8_bits);
    sample
}

pub(super) fn to_8_bits(intensity: f32) -> u8 {
    (intensity * 255.0).round_ties_even() as u8
}

pub(super) fn from_8_bits(grey: u8) -> f32 {
    f32::from(grey) / 255.0
}
