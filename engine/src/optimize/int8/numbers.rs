//! Quantisation steps: their size, and the position of zero.

use super::super::ranges::Range;

/// The quantisation of a value: `step * (number - zero)`, with numbers in 0..=255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// The distance between adjacent numbers.
    pub step: f32,
    /// The number that stands for 0, which must be exact because padding is 0.
    pub zero: u8,
}

/// Weights in 8 bits, with a step for each output channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// In -127..=127; 0 stands for 0.
    pub numbers: Vec<i8>,
    /// One per channel.
    pub steps: Vec<f32>,
}

impl Steps {
    /// The steps between the bounds over all images together. Narrower ones, between the means of each image's bounds,
    /// were tried on the demo's networks: the same mean Dice, but a lower minimum, and scores five times as far off.
    pub fn new(range: Range) -> Self {
        let (low, high) = (range.low.min(0.0), range.high.max(0.0));
        let step = (high - low) / 255.0;
        if !step.is_normal() {
            return Self { step: 1.0, zero: 0 };
        }
        Self { step, zero: (-low / step).round_ties_even().clamp(0.0, 255.0) as u8 }
    }
}

/// The number of integers over which a bias may spread: far finer than what it is added to, and far below 32 bits.
const BIAS: f32 = 16_777_216.0;

/// Weights with steps for each channel; `channel` maps a weight's index to its channel. The steps are coarse enough to
/// keep `bias` within 32 bits, if there is one, in steps of `input` times those of the weights.
pub fn weights(
    numbers: &[f32],
    channels: usize,
    channel: impl Fn(usize) -> usize,
    bias: Option<(&[f32], f32)>,
) -> Weights {
    let mut most = vec![0.0_f32; channels];
    for (place, number) in numbers.iter().enumerate() {
        let most = &mut most[channel(place)];
        *most = most.max(number.abs());
    }
    let steps: Vec<f32> = most
        .iter()
        .enumerate()
        .map(|(channel, most)| {
            let least = bias.map_or(0.0, |(bias, input)| bias[channel].abs() / (input * BIAS));
            let step = (most / 127.0).max(least);
            if step.is_normal() { step } else { 1.0 }
        })
        .collect();
    let near =
        |(place, number): (usize, &f32)| (number / steps[channel(place)]).round_ties_even().clamp(-127.0, 127.0) as i8;
    Weights { numbers: numbers.iter().enumerate().map(near).collect(), steps }
}

/// A bias in 32 bits: in steps of the input's times each channel's.
pub fn bias(numbers: &[f32], input: f32, steps: &[f32]) -> (Vec<i32>, Vec<f32>) {
    let steps: Vec<f32> = steps.iter().map(|step| step * input).collect();
    let near = |(number, step): (&f32, &f32)| (f64::from(*number) / f64::from(*step)).round_ties_even() as i32;
    (numbers.iter().zip(&steps).map(near).collect(), steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: f32, high: f32) -> Range {
        Range { low, high }
    }

    #[test]
    fn steps_span_the_range_and_hold_zero() {
        let table = [
            ((0.0, 2.55), (0.01, 0)),
            ((-1.28, 1.27), (0.01, 128)),
            ((0.5, 2.55), (0.01, 0)),
            ((-2.55, -0.5), (0.01, 255)),
            ((0.0, 0.0), (1.0, 0)),
        ];
        for ((low, high), (step, zero)) in table {
            let steps = Steps::new(range(low, high));
            assert!((steps.step - step).abs() < 1e-7 && steps.zero == zero, "{low}..{high}: {steps:?}");
        }
    }

    #[test]
    fn each_channel_has_its_own_steps() {
        let found = weights(&[1.27, -0.5, 127.0, 64.4], 2, |place| place / 2, None);
        assert_eq!(found, Weights { numbers: vec![127, -50, 127, 64], steps: vec![0.01, 1.0] });
    }

    #[test]
    fn a_bias_stays_within_32_bits() {
        // the second channel's weights are all 0, as after a normalisation that has switched it off
        let (numbers, given, input) = ([0.0127, 0.0, 0.0, 0.0], [3.0, 1000.0], 0.5);
        let found = weights(&numbers, 2, |place| place / 2, Some((&given, input)));
        let (inside, steps) = bias(&given, input, &found.steps);
        for ((number, step), given) in inside.iter().zip(&steps).zip(given) {
            assert!(
                number.abs() <= 1 << 24 && (*number as f32 * step - given).abs() < given * 1e-6,
                "{number} × {step}"
            );
        }
        assert_eq!(found.numbers, [127, 0, 0, 0]);
    }
}
