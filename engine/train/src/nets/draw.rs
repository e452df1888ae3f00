//! Random initial weights.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The distribution of a weight's numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Draw {
    /// A constant.
    Fill(f32),
    /// Uniform in this range.
    Uniform(f64, f64),
    /// A normal distribution of mean zero and this standard deviation.
    Normal(f64),
    /// The weights of a transposed convolution that upsamples bilinearly by this factor, each channel separately.
    Bilinear(usize),
}

/// The initialisation of convolutions and linear layers in a family of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// PyTorch's defaults.
    Torch,
    /// Kaiming normal by fan-out, biases uniform: torchvision's ResNet, timm's SENet.
    KaimingOut,
    /// Kaiming uniform by fan-in, biases zero: decoders of segmentation_models.pytorch.
    KaimingIn,
    /// Xavier uniform, biases zero: heads of segmentation_models.pytorch.
    Xavier,
    /// Normal by the fan-out of a group, biases zero: timm's EfficientNet, after TensorFlow's.
    Group,
    /// Kaiming normal by fan-in, biases zero: Ronneberger et al. (2015).
    He,
}

impl Scheme {
    /// For weights of this shape (out, in, …) with a number of groups.
    pub fn weight(self, shape: &[i64], groups: i64) -> Draw {
        let (fan_in, fan_out) = fans(shape);
        let even = |bound: f64| Draw::Uniform(-bound, bound);
        match self {
            Self::Torch => even((1.0 / fan_in).sqrt()),
            Self::KaimingOut => Draw::Normal((2.0 / fan_out).sqrt()),
            Self::KaimingIn => even((6.0 / fan_in).sqrt()),
            Self::Xavier => even((6.0 / (fan_in + fan_out)).sqrt()),
            Self::Group => Draw::Normal((2.0 * groups as f64 / fan_out).sqrt()),
            Self::He => Draw::Normal((2.0 / fan_in).sqrt()),
        }
    }

    /// For the bias that goes with weights of this shape.
    pub fn bias(self, shape: &[i64]) -> Draw {
        match self {
            Self::Torch | Self::KaimingOut => {
                let bound = (1.0 / fans(shape).0).sqrt();
                Draw::Uniform(-bound, bound)
            }
            Self::KaimingIn | Self::Xavier | Self::Group | Self::He => Draw::Fill(0.0),
        }
    }
}

/// (fan-in, fan-out) as PyTorch counts them: without regard to groups.
fn fans(shape: &[i64]) -> (f64, f64) {
    let field: i64 = shape[2..].iter().product();
    ((shape[1] * field) as f64, (shape[0] * field) as f64)
}

impl Draw {
    /// The numbers of the weight of this name and shape. Every name has its own random stream: another head changes
    /// nothing in the encoder.
    pub fn numbers(self, name: &str, shape: &[i64], seed: u64) -> Vec<f32> {
        let len = shape.iter().product::<i64>() as usize;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(hash(name));
        match self {
            Self::Fill(number) => vec![number; len],
            Self::Uniform(low, high) => (0..len).map(|_| (low + (high - low) * rng.random::<f64>()) as f32).collect(),
            Self::Normal(std) => (0..len.div_ceil(2)).flat_map(|_| pair(&mut rng, std)).take(len).collect(),
            Self::Bilinear(factor) => bilinear(factor, shape[1] as usize, len),
        }
    }
}

/// Two numbers of a normal distribution (Box & Muller, 1958).
fn pair(rng: &mut ChaCha8Rng, std: f64) -> [f32; 2] {
    // 1 - [0, 1) is never zero
    let radius = std * (-2.0 * libm::log(1.0 - rng.random::<f64>())).sqrt();
    let angle = std::f64::consts::TAU * rng.random::<f64>();
    [(radius * libm::cos(angle)) as f32, (radius * libm::sin(angle)) as f32]
}

/// (channels, channels, 2·factor, 2·factor), zero except for each channel's own square.
fn bilinear(factor: usize, channels: usize, len: usize) -> Vec<f32> {
    let side = 2 * factor;
    let tent = |at: usize| 1.0 - (at as f32 + 0.5 - factor as f32).abs() / factor as f32;
    let number = |index: usize| {
        let (row, column, pair) = (index / side % side, index % side, index / side / side);
        if pair / channels == pair % channels { tent(row) * tent(column) } else { 0.0 }
    };
    (0..len).map(number).collect()
}

/// FNV-1a.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [i64; 4] = [64, 32, 3, 3];

    fn moments(draw: Draw) -> (f64, f64, f64) {
        let numbers = draw.numbers("weight", &SHAPE, 7);
        let len = numbers.len() as f64;
        let mean = numbers.iter().map(|&it| f64::from(it)).sum::<f64>() / len;
        let variance = numbers.iter().map(|&it| (f64::from(it) - mean).powi(2)).sum::<f64>() / len;
        let most = numbers.iter().fold(0.0, |most: f64, &it| most.max(f64::from(it).abs()));
        (mean, variance.sqrt(), most)
    }

    #[test]
    fn weights_have_the_schemes_spread() {
        // The standard deviations and bounds of torch.nn.init for (64, 32, 3, 3).
        let cases = [
            (Scheme::Torch, 1.0 / (3.0 * 288.0_f64).sqrt(), Some(1.0 / 288.0_f64.sqrt())),
            (Scheme::KaimingOut, (2.0 / 576.0_f64).sqrt(), None),
            (Scheme::KaimingIn, (2.0 / 288.0_f64).sqrt(), Some((6.0 / 288.0_f64).sqrt())),
            (Scheme::Xavier, (2.0 / 864.0_f64).sqrt(), Some((6.0 / 864.0_f64).sqrt())),
            (Scheme::He, (2.0 / 288.0_f64).sqrt(), None),
        ];
        for (scheme, std, bound) in cases {
            let (mean, spread, most) = moments(scheme.weight(&SHAPE, 1));
            assert!(mean.abs() < 0.03 * std, "{scheme:?}: mean {mean}");
            assert!((spread / std - 1.0).abs() < 0.03, "{scheme:?}: {spread}, not {std}");
            assert!(bound.is_none_or(|bound| most <= bound && most > 0.99 * bound), "{scheme:?}: {most}");
        }
    }

    #[test]
    fn a_groups_fan_out_counts_its_own_outputs() {
        assert_eq!(Scheme::Group.weight(&[64, 1, 3, 3], 64), Draw::Normal((2.0 / 9.0_f64).sqrt()));
    }

    #[test]
    fn names_and_seeds_have_streams_of_their_own() {
        let draw = |name, seed| Draw::Normal(1.0).numbers(name, &[3, 3], seed);
        assert_eq!(draw("a", 1), draw("a", 1));
        assert_ne!(draw("a", 1), draw("b", 1));
        assert_ne!(draw("a", 1), draw("a", 2));
        assert_eq!(draw("a", 1).len(), 9);
    }

    #[test]
    fn bilinear_weights_keep_a_channel_to_itself() {
        let numbers = Draw::Bilinear(2).numbers("up", &[2, 2, 4, 4], 0);
        let row = [0.25, 0.75, 0.75, 0.25];
        let square: Vec<f32> = row.iter().flat_map(|y| row.map(|x| x * y)).collect();
        assert_eq!((&numbers[..16], &numbers[16..48], &numbers[48..]), (&square[..], &[0.0; 32][..], &square[..]));
    }
}
