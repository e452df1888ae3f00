//! From grey planes to a model's input: `(intensity * scale - mean) / std`, in its channels and layout.

use std::mem::MaybeUninit;

use multiversion::multiversion;
use ndarray::{Array4, ArrayView2, Axis, Slice, Zip};
use rayon::prelude::*;

use super::own::Own;
use crate::manifest::{Input, Layout, Normalize, Unit};

/// What a network sees of an image, (height, width) of intensities.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    pub pixels: ArrayView2<'a, f32>,
    /// The file's values of black and white.
    pub range: (f32, f32),
    /// The values that normalize it; `None`: those of these pixels.
    pub own: Option<Own>,
}

/// Fills a batch from planes of one size, (height, width) each; it is padded with zeros to `len` images.
///
/// # Panics
/// If planes differ in size, or there are more than `len` of them.
#[must_use]
pub fn batch(planes: &[ArrayView2<'_, f32>], len: usize, input: &Input) -> Array4<f32> {
    let planes: Vec<_> = planes.iter().map(|&pixels| Plane { pixels, range: (0.0, 1.0), own: None }).collect();
    batch_of(&planes, len, input)
}

/// As [`batch`], for an input in the units of files.
pub fn batch_of(planes: &[Plane<'_>], len: usize, input: &Input) -> Array4<f32> {
    let (height, width) = planes.first().map_or((0, 0), |plane| plane.pixels.dim());
    let channels = input.channels as usize;
    let shape = match input.layout {
        Layout::Nchw => (len, channels, height, width),
        Layout::Nhwc => (len, height, width, channels),
    };
    let mut tensor = Array4::uninit(shape);
    let channel_axis = Axis(if input.layout == Layout::Nchw { 0 } else { 2 });
    tensor.axis_iter_mut(Axis(0)).into_par_iter().zip(planes).for_each(|(mut image, plane)| {
        let pixels = plane.pixels;
        let own = plane.own.unwrap_or_else(|| Own::measured(input.normalize, pixels.iter().copied()));
        let (gain, black) = unit(input, plane.range);
        for (channel, mut target) in image.axis_iter_mut(channel_axis).enumerate() {
            let (mean, std) = mean_and_std(channel, input);
            let number = Number { own, gain, black, scale: input.scale, mean, std };
            for (mut target, pixels) in target.rows_mut().into_iter().zip(pixels.rows()) {
                match (target.as_slice_mut(), pixels.as_slice()) {
                    (Some(target), Some(pixels)) => number.fill(target, pixels),
                    _ => Zip::from(&mut target).and(pixels).for_each(|t, &v| {
                        t.write(number.of(v));
                    }),
                }
            }
        }
    });
    tensor.slice_axis_mut(Axis(0), Slice::from(planes.len()..)).fill(MaybeUninit::new(0.0));
    // SAFETY: the images of all planes are written, and so is the padding.
    unsafe { tensor.assume_init() }
}

/// From an intensity to the number that a network gets.
#[derive(Clone, Copy)]
struct Number {
    own: Own,
    gain: f32,
    black: f32,
    scale: f32,
    mean: f32,
    std: f32,
}

impl Number {
    #[inline(always)] // compiled separately for each vector width
    fn of(self, intensity: f32) -> f32 {
        let Self { own, gain, black, scale, mean, std } = self;
        (((intensity - own.offset) / own.divisor * gain + black) * scale - mean) / std
    }

    /// Writes the numbers of pixels side by side.
    fn fill(self, target: &mut [MaybeUninit<f32>], pixels: &[f32]) {
        // most inputs need one step of the three, whose others change nothing
        let plain = self.own == Own::NONE && (self.gain, self.black, self.scale) == (1.0, 0.0, 1.0);
        if plain { standardised(target, pixels, self.mean, self.std) } else { numbered(target, pixels, self) }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn standardised(target: &mut [MaybeUninit<f32>], pixels: &[f32], mean: f32, std: f32) {
    for (target, &pixel) in target.iter_mut().zip(pixels) {
        // no negative zero, as after the addition of 0
        target.write((pixel + 0.0 - mean) / std);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx+avx2"))]
fn numbered(target: &mut [MaybeUninit<f32>], pixels: &[f32], number: Number) {
    for (target, &pixel) in target.iter_mut().zip(pixels) {
        target.write(number.of(pixel));
    }
}

/// What a channel of the input is for an intensity.
pub fn normalised(intensity: f32, channel: usize, input: &Input) -> f32 {
    let (mean, std) = mean_and_std(channel, input);
    (intensity * input.scale - mean) / std
}

fn mean_and_std(channel: usize, input: &Input) -> (f32, f32) {
    (value(&input.mean, channel, 0.0), value(&input.std, channel, 1.0))
}

/// The intensity that becomes 0 in the first channel of an image with these values of black and white.
pub fn zero(input: &Input, range: (f32, f32), own: Own) -> f32 {
    let (gain, black) = unit(input, range);
    let (mean, _) = mean_and_std(0, input);
    (mean / input.scale - black) / gain * own.divisor + own.offset
}

/// From an intensity to the input's unit: a gain, and the number of black.
fn unit(input: &Input, (low, high): (f32, f32)) -> (f32, f32) {
    // an image that is normalized by its own values has no unit
    let in_units = input.unit == Unit::Stored && input.normalize == Normalize::None;
    if in_units { (high - low, low) } else { (1.0, 0.0) }
}

/// One number for all channels, or one per channel; `default` if there is none.
fn value(values: &[f32], channel: usize, default: f32) -> f32 {
    values.get(channel).or_else(|| values.first()).copied().unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::manifest::{Fit, Measured, Resize};

    fn input(layout: Layout) -> Input {
        Input {
            name: "image".into(),
            size: [1, 2],
            channels: 3,
            layout,
            scale: 2.0,
            mean: vec![0.0, 1.0, 0.0],
            std: vec![0.5],
            resize: Resize::Linear,
            fit: Fit::Stretch,
            normalize: Normalize::None,
            unit: Unit::Intensity,
        }
    }

    #[test]
    fn planes_are_scaled_shifted_and_laid_out() {
        let plane = array![[0.5, 1.0]];
        let nchw = batch(&[plane.view()], 2, &input(Layout::Nchw));
        assert_eq!(nchw.dim(), (2, 3, 1, 2));
        assert_eq!(nchw.iter().copied().collect::<Vec<_>>()[..6], [2.0, 4.0, 0.0, 2.0, 2.0, 4.0]);
        assert!(nchw.index_axis(Axis(0), 1).iter().all(|&v| v == 0.0));
        let nhwc = batch(&[plane.view()], 1, &input(Layout::Nhwc));
        assert_eq!(nhwc.permuted_axes([0, 3, 1, 2]), batch(&[plane.view()], 1, &input(Layout::Nchw)));
    }

    #[test]
    fn an_image_may_be_in_the_units_of_its_file() {
        let pixels = array![[0.0, 0.25]];
        let input = Input {
            unit: Unit::Stored,
            channels: 1,
            scale: 1.0,
            mean: vec![1024.0],
            std: vec![],
            ..input(Layout::Nchw)
        };
        let planes = [(0.0, 4096.0), (-1024.0, 1024.0)].map(|range| Plane { pixels: pixels.view(), range, own: None });
        assert_eq!(batch_of(&planes, 2, &input).into_raw_vec_and_offset().0, [-1024.0, 0.0, -2048.0, -1536.0]);
    }

    #[test]
    fn each_image_is_normalized_by_itself() {
        let planes = [array![[0.25, 0.75]], array![[0.1, 0.1]]];
        let planes: Vec<_> = planes.iter().map(|plane| plane.view()).collect();
        let own = |normalize| {
            let numbers = (1.0, vec![], vec![]);
            let (scale, mean, std) = numbers;
            let input = Input { normalize, channels: 1, scale, mean, std, ..input(Layout::Nchw) };
            batch(&planes, 2, &input).iter().copied().collect::<Vec<_>>()
        };
        assert_eq!(own(Normalize::ZScore { of: Measured::Input }), [-1.0, 1.0, 0.0, 0.0]);
        assert_eq!(own(Normalize::MinMax { of: Measured::Input }), [0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn some_intensity_becomes_0() {
        let input = Input { channels: 1, scale: 2.0, mean: vec![0.5], std: vec![0.25], ..input(Layout::Nchw) };
        assert_eq!(zero(&input, (0.0, 255.0), Own::NONE), 0.25);
        let input = Input { unit: Unit::Stored, scale: 1.0, mean: vec![0.0], ..input };
        assert_eq!(zero(&input, (-1024.0, 1024.0), Own::NONE), 0.5);
        let input = Input { normalize: Normalize::ZScore { of: Measured::Image }, ..input };
        assert_eq!(zero(&input, (0.0, 255.0), Own { offset: 0.3, divisor: 0.1 }), 0.3);
    }
}
