//! Augmentation of training images. Image and mask are transformed together.
//!
//! Geometric transforms look up the source of each pixel: bilinearly in the image, the nearest pixel in the mask.
//! Parameters mean what albumentations documents for the transform of the same name, if it has one; the
//! [recipe](crate::recipe::Transform) states differences.

mod affine;
mod blur;
mod clahe;
mod cutout;
mod elastic;
mod grid;
mod intensity;
mod median;
mod optical;
mod smooth;
#[cfg(test)]
mod tests;
mod warp;

use pleura::Size;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::draw::{Draw, Purpose};
use super::error::DataError;
use super::prepare::Sample;
use crate::recipe::{Augment, Transform};

/// Augments an image as a recipe declares, in order: each with its probability, one of several with equal probability.
///
/// `position` is the image's index in the epoch; with `draw`, it determines all random choices.
#[must_use]
pub fn augment(list: &[Augment], mut sample: Sample, draw: Draw, position: usize) -> Sample {
    let mut numbers = draw.numbers(Purpose::Augment(position));
    for Augment { p, one_of } in list {
        if numbers.random::<f32>() < *p
            && let Some(&transform) = one_of.choose(&mut numbers)
        {
            sample = apply(transform, sample, &mut numbers);
        }
    }
    sample
}

/// A random part of size `part` of an augmented image, at its own scale: `position` is the image's place in
/// the epoch.
#[must_use]
pub fn cut(sample: &Sample, part: Size, draw: Draw, position: usize) -> Sample {
    affine::cut(sample, part, &mut draw.numbers(Purpose::Crop(position)))
}

/// Whether images of `size` can be changed so.
///
/// # Errors
/// If an image is too small for CLAHE's tiles, or is not square where sides are exchanged.
pub fn check(list: &[Augment], size: Size) -> Result<(), DataError> {
    for transform in list.iter().flat_map(|augment| &augment.one_of) {
        match *transform {
            Transform::Clahe { tiles, .. } if size.height.min(size.width) <= tiles as usize => {
                return Err(DataError::Tiles { size, tiles });
            }
            Transform::Transpose {} | Transform::QuarterTurns {} if size.height != size.width => {
                return Err(DataError::NotSquare { size });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Applies one transform, with random parameters.
fn apply(transform: Transform, sample: Sample, numbers: &mut impl Rng) -> Sample {
    use Transform as T;
    match transform {
        T::Hflip {} => affine::hflip(sample),
        T::Vflip {} => affine::vflip(sample),
        T::Transpose {} => affine::transpose(&sample),
        T::QuarterTurns {} => affine::quarter_turns(sample, numbers),
        T::Noise { limit } => intensity::noise(sample, limit, numbers),
        T::Cutout { holes, side } => cutout::cut_out(sample, holes, side, numbers),
        T::ShiftScaleRotate { shift, scale, degrees, border } => {
            affine::shift_scale_rotate(&sample, [shift, scale, degrees], border, numbers)
        }
        T::Crop { keep } => affine::crop(&sample, keep, numbers),
        T::Elastic { alpha, sigma, affine, border } => {
            elastic::elastic(&sample, [alpha, sigma, affine], border, numbers)
        }
        T::GridDistortion { steps, limit } => grid::distort(&sample, steps, limit, numbers),
        T::OpticalDistortion { limit, shift, border } => optical::distort(&sample, limit, shift, border, numbers),
        T::Brightness { limit, of } => intensity::brightness(sample, limit, of, numbers),
        T::Contrast { limit, about } => intensity::contrast(sample, limit, about, numbers),
        T::BrightnessContrast { brightness, contrast } => {
            intensity::brightness_contrast(sample, brightness, contrast, numbers)
        }
        T::Gamma { range } => intensity::gamma(sample, range, numbers),
        T::Blur { limit } => blur::mean(sample, limit, numbers),
        T::MotionBlur { limit } => blur::motion(sample, limit, numbers),
        T::Median { limit } => median::median(sample, limit, numbers),
        T::Clahe { clip, tiles } => clahe::clahe(sample, clip, tiles, numbers),
    }
}

/// A uniform random number from `low` to `high`.
fn between(low: f32, high: f32, numbers: &mut impl Rng) -> f32 {
    low + (high - low) * numbers.random::<f32>()
}

/// A uniform random number from `-limit` to `limit`.
fn either_way(limit: f32, numbers: &mut impl Rng) -> f32 {
    limit * (2.0 * numbers.random::<f32>() - 1.0)
}
