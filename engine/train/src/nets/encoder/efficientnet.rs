//! EfficientNet (Tan & Le, 2019), by timm's names, as in two packages: timm's `efficientnet_b0`, which is
//! segmentation_models.pytorch's `timm-efficientnet-b0`, has symmetric padding; the latter's `efficientnet-b0` has
//! TensorFlow's padding and batch norms.
//!
//! The last convolution of the published network (timm's `conv_head` and `bn2`), which no decoder uses, is left out:
//! files of weights have its keys, this network does not.

use super::super::blocks::excite;
use super::super::draw::Scheme;
use super::super::layer::Conv;
use super::super::net::{Net, Norm, Scope, Tensor};
use super::{Features, dilate};

/// A variant: its width and depth relative to B0.
pub struct Variant {
    width: f64,
    depth: f64,
    form: Form,
}

/// The package's form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Timm,
    /// timm's, without squeeze and excitation, and with ReLU6 instead of swish.
    Lite,
    /// segmentation_models.pytorch's, whose padding is that of an image of this side, whatever the image's own.
    Smp {
        side: i64,
    },
}

impl Variant {
    const fn timm(width: f64, depth: f64) -> Self {
        Self { width, depth, form: Form::Timm }
    }

    const fn smp(width: f64, depth: f64, side: i64) -> Self {
        Self { width, depth, form: Form::Smp { side } }
    }
}

pub const B0: Variant = Variant::timm(1.0, 1.0);
pub const B1: Variant = Variant::timm(1.0, 1.1);
pub const B2: Variant = Variant::timm(1.1, 1.2);
pub const B3: Variant = Variant::timm(1.2, 1.4);
pub const B4: Variant = Variant::timm(1.4, 1.8);
pub const B5: Variant = Variant::timm(1.6, 2.2);
pub const LITE0: Variant = Variant { width: 1.0, depth: 1.0, form: Form::Lite };
pub const SMP: [Variant; 8] = [
    Variant::smp(1.0, 1.0, 224),
    Variant::smp(1.0, 1.1, 240),
    Variant::smp(1.1, 1.2, 260),
    Variant::smp(1.2, 1.4, 300),
    Variant::smp(1.4, 1.8, 380),
    Variant::smp(1.6, 2.2, 456),
    Variant::smp(1.8, 2.6, 528),
    Variant::smp(2.0, 3.1, 600),
];

/// A stage of B0.
struct Stage {
    repeats: i64,
    kernel: i64,
    expand: i64,
    channels: i64,
    /// The stride relative to the image.
    own: i64,
    /// Whether the first block halves the size.
    halves: bool,
    /// Whether its result is one of the encoder's features.
    feature: bool,
}

const STAGES: [Stage; 7] = [
    Stage { repeats: 1, kernel: 3, expand: 1, channels: 16, own: 2, halves: false, feature: false },
    Stage { repeats: 2, kernel: 3, expand: 6, channels: 24, own: 4, halves: true, feature: true },
    Stage { repeats: 2, kernel: 5, expand: 6, channels: 40, own: 8, halves: true, feature: true },
    Stage { repeats: 3, kernel: 3, expand: 6, channels: 80, own: 16, halves: true, feature: false },
    Stage { repeats: 3, kernel: 5, expand: 6, channels: 112, own: 16, halves: false, feature: true },
    Stage { repeats: 4, kernel: 5, expand: 6, channels: 192, own: 32, halves: true, feature: false },
    Stage { repeats: 1, kernel: 3, expand: 6, channels: 320, own: 32, halves: false, feature: true },
];

impl Variant {
    fn channels(&self, base: i64) -> i64 {
        divisible(base as f64 * self.width)
    }

    fn repeats(&self, base: i64) -> i64 {
        (base as f64 * self.depth).ceil() as i64
    }

    fn activation(&self) -> fn(&mut Net, &Tensor) -> Tensor {
        if self.form == Form::Lite { Net::relu6 } else { Net::swish }
    }

    fn norm(&self) -> Norm {
        match self.form {
            Form::Smp { .. } => Norm { epsilon: 1e-3, momentum: 0.01 },
            _ => Norm::DEFAULT,
        }
    }

    /// Whether a block of a stage is the last before a feature. segmentation_models.pytorch takes B0's fourth feature
    /// after the first block of its stage.
    fn is_feature(&self, index: usize, block: i64) -> bool {
        let stage = &STAGES[index];
        let last = if self.splits(index) { 0 } else { self.repeats(stage.repeats) - 1 };
        stage.feature && block == last
    }

    /// The stride of a block's result relative to the image, by which its convolutions are dilated.
    fn own(&self, index: usize, block: i64) -> i64 {
        // what comes after B0's fourth feature counts as its last stage
        if self.splits(index) && block > 0 { 32 } else { STAGES[index].own }
    }

    fn splits(&self, index: usize) -> bool {
        self.form == Form::Smp { side: 224 } && index == 4
    }
}

/// TensorFlow's padding of a convolution that halves a plane of this side: top, left, bottom and right.
fn pads(side: i64, kernel: i64) -> [i64; 4] {
    let pad = ((side + 1) / 2 - 1) * 2 + kernel - side;
    let (less, more) = (pad / 2, pad - pad / 2);
    [less, less, more, more]
}

/// The nearest multiple of 8 that is at most a tenth smaller.
fn divisible(channels: f64) -> i64 {
    let nearest = (channels + 4.0) as i64 / 8 * 8;
    let nearest = nearest.max(8);
    if (nearest as f64) < 0.9 * channels { nearest + 8 } else { nearest }
}

pub fn encode(net: &mut Net, at: &Scope, image: &Tensor, output_stride: i64, variant: &Variant) -> Features {
    net.scheme = Scheme::Group;
    net.norm = variant.norm();
    // the side of the plane by which paddings are chosen
    let mut side = match variant.form {
        Form::Smp { side } => Some(side),
        _ => None,
    };
    let mut halved = |conv: Conv, kernel: i64| {
        let conv = side.map_or(conv, |side| conv.pads(pads(side, kernel)));
        side = side.map(|side| (side + 1) / 2);
        conv.stride(2)
    };
    let stem = halved(Conv::new(variant.channels(32), 3), 3);
    let stem = net.conv(&at.at("conv_stem"), image, stem);
    let mut x = norm_act(net, &at.at("bn1"), &stem, variant);
    let mut features = vec![x.clone()];
    for (index, stage) in STAGES.iter().enumerate() {
        for block in 0..variant.repeats(stage.repeats) {
            let at = at.at(format_args!("blocks.{index}.{block}"));
            let (stride, dilation) = dilate(variant.own(index, block), output_stride);
            let is_first = block == 0 && stage.halves;
            let depthwise = |x: &Tensor| {
                let conv = Conv::new(x.channels, stage.kernel).dilated(dilation).groups(x.channels);
                if is_first && stride == 2 { halved(conv, stage.kernel) } else { conv }
            };
            let inner = if stage.expand == 1 {
                plain(net, &at, &x, variant, stage, depthwise)
            } else {
                inverted(net, &at, &x, variant, stage, depthwise)
            };
            let keeps = inner.channels == x.channels && !is_first;
            x = if keeps { net.pair("Add", &inner, &x) } else { inner };
            if variant.is_feature(index, block) {
                features.push(x.clone());
            }
        }
    }
    net.norm = Norm::DEFAULT;
    features
}

/// A depthwise and a pointwise convolution: timm's `DepthwiseSeparableConv`.
fn plain(
    net: &mut Net,
    at: &Scope,
    x: &Tensor,
    variant: &Variant,
    stage: &Stage,
    depthwise: impl FnOnce(&Tensor) -> Conv,
) -> Tensor {
    let squeezed = x.channels / 4;
    let x = net.conv(&at.at("conv_dw"), x, depthwise(x));
    let x = norm_act(net, &at.at("bn1"), &x, variant);
    let x = squeeze(net, at, &x, variant, squeezed);
    let x = net.conv(&at.at("conv_pw"), &x, Conv::new(variant.channels(stage.channels), 1));
    net.batch_norm(&at.at("bn2"), &x)
}

/// The same with `expand` times as many channels: timm's `InvertedResidual`.
fn inverted(
    net: &mut Net,
    at: &Scope,
    x: &Tensor,
    variant: &Variant,
    stage: &Stage,
    depthwise: impl FnOnce(&Tensor) -> Conv,
) -> Tensor {
    let squeezed = x.channels / 4;
    let x = net.conv(&at.at("conv_pw"), x, Conv::new(stage.expand * x.channels, 1));
    let x = norm_act(net, &at.at("bn1"), &x, variant);
    let x = net.conv(&at.at("conv_dw"), &x, depthwise(&x));
    let x = norm_act(net, &at.at("bn2"), &x, variant);
    let x = squeeze(net, at, &x, variant, squeezed);
    let x = net.conv(&at.at("conv_pwl"), &x, Conv::new(variant.channels(stage.channels), 1));
    net.batch_norm(&at.at("bn3"), &x)
}

fn norm_act(net: &mut Net, at: &Scope, x: &Tensor, variant: &Variant) -> Tensor {
    let x = net.batch_norm(at, x);
    variant.activation()(net, &x)
}

fn squeeze(net: &mut Net, at: &Scope, x: &Tensor, variant: &Variant, squeezed: i64) -> Tensor {
    if variant.form == Form::Lite {
        return x.clone();
    }
    excite(net, &at.at("se"), x, squeezed, ["conv_reduce", "conv_expand"], variant.activation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_rounded_as_published() {
        // The channels of B0's stages in B3 and B5, from segmentation_models.pytorch's table.
        let stages = [32, 24, 40, 112, 320];
        assert_eq!(stages.map(|it| B3.channels(it)), [40, 32, 48, 136, 384]);
        assert_eq!(stages.map(|it| B5.channels(it)), [48, 40, 64, 176, 512]);
        assert_eq!([1, 2, 3, 4].map(|it| B4.repeats(it)), [2, 4, 6, 8]);
        assert_eq!(stages.map(|it| SMP[7].channels(it)), [64, 48, 80, 224, 640]);
    }

    #[test]
    fn odd_planes_are_padded_on_both_sides() {
        let cases = [(224, 3, [0, 0, 1, 1]), (56, 5, [1, 1, 2, 2]), (65, 5, [2; 4]), (33, 3, [1; 4])];
        for (side, kernel, expected) in cases {
            assert_eq!(pads(side, kernel), expected, "{side}, {kernel}");
        }
    }
}
