//! Steps of 8 bits: how far apart, and where zero lies.

use super::super::ranges::Range;

/// How a value is put in 8 bits: `step * (number - zero)`, numbers being 0..=255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// From one number to the next.
    pub step: f32,
    /// The number of 0, which is there exactly: padding is.
    pub zero: u8,
}

/// Weights in 8 bits, with a step for each output channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// -127..=127; 0 is 0.
    pub numbers: Vec<i8>,
    /// One a channel.
    pub steps: Vec<f32>,
}

impl Steps {
    /// The steps between the bounds that were seen on all images together. Narrower ones, between the means of each image's
    /// bounds, were tried on the demo's networks: the same mean Dice, but a lower lowest, and scores five times as far off.
    pub fn new(range: Range) -> Self {
        let (low, high) = (range.low.min(0.0), range.high.max(0.0));
        let step = (high - low) / 255.0;
        if !step.is_normal() {
            return Self { step: 1.0, zero: 0 };
        }
        Self { step, zero: (-low / step).round_ties_even().clamp(0.0, 255.0) as u8 }
    }
}

/// How many integers a bias may spread over: far finer than what it is added to, and far from the end of 32 bits.
const BIAS: f32 = 16_777_216.0;

/// Weights in steps of their own for each channel; `channel` tells a weight's, by its place. The steps are no finer than
/// what keeps `bias` within 32 bits, where there is one, in steps of `input` times those of the weights.
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
