//! EfficientNet (Tan & Le, 2019) with timm's names, as in timm's `efficientnet_b0` and segmentation_models.pytorch's
//! `timm-efficientnet-b0`: symmetric padding, batch norm's epsilon 1e-5.
//!
//! The last convolution of the published network (timm's `conv_head` and `bn2`), which no decoder uses, is left out:
//! files of weights have its keys, this network does not.

use super::super::blocks::excite;
use super::super::draw::Scheme;
use super::super::layer::Conv;
use super::super::net::{Net, Scope, Tensor};
use super::{Features, dilate};

/// A variant: its width and depth relative to B0.
pub struct Variant {
    width: f64,
    depth: f64,
    /// Without squeeze and excitation, and with ReLU6 instead of swish.
    lite: bool,
}

pub const B0: Variant = Variant { width: 1.0, depth: 1.0, lite: false };
pub const B1: Variant = Variant { width: 1.0, depth: 1.1, lite: false };
pub const B2: Variant = Variant { width: 1.1, depth: 1.2, lite: false };
pub const B3: Variant = Variant { width: 1.2, depth: 1.4, lite: false };
pub const B4: Variant = Variant { width: 1.4, depth: 1.8, lite: false };
pub const B5: Variant = Variant { width: 1.6, depth: 2.2, lite: false };
pub const LITE0: Variant = Variant { width: 1.0, depth: 1.0, lite: true };

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
        if self.lite { Net::relu6 } else { Net::swish }
    }
}

/// The nearest multiple of 8 that is at most a tenth smaller.
fn divisible(channels: f64) -> i64 {
    let nearest = (channels + 4.0) as i64 / 8 * 8;
    let nearest = nearest.max(8);
    if (nearest as f64) < 0.9 * channels { nearest + 8 } else { nearest }
}

pub fn encode(net: &mut Net, at: &Scope, image: &Tensor, output_stride: i64, variant: &Variant) -> Features {
    net.scheme = Scheme::Group;
    let stem = net.conv(&at.at("conv_stem"), image, Conv::new(variant.channels(32), 3).stride(2));
    let mut x = norm_act(net, &at.at("bn1"), &stem, variant);
    let mut features = vec![x.clone()];
    for (index, stage) in STAGES.iter().enumerate() {
        let (stride, dilation) = dilate(stage.own, output_stride);
        for block in 0..variant.repeats(stage.repeats) {
            let at = at.at(format_args!("blocks.{index}.{block}"));
            let stride = if block == 0 && stage.halves { stride } else { 1 };
            let depthwise = Depthwise { kernel: stage.kernel, stride, dilation };
            let inner = if stage.expand == 1 {
                plain(net, &at, &x, variant, stage, depthwise)
            } else {
                inverted(net, &at, &x, variant, stage, depthwise)
            };
            let keeps = inner.channels == x.channels && !(block == 0 && stage.halves);
            x = if keeps { net.pair("Add", &inner, &x) } else { inner };
        }
        if stage.feature {
            features.push(x.clone());
        }
    }
    features
}

/// A block's depthwise convolution.
#[derive(Clone, Copy)]
struct Depthwise {
    kernel: i64,
    stride: i64,
    dilation: i64,
}

impl Depthwise {
    fn over(self, x: &Tensor) -> Conv {
        Conv::new(x.channels, self.kernel).stride(self.stride).dilated(self.dilation).groups(x.channels)
    }
}

/// A depthwise and a pointwise convolution: timm's `DepthwiseSeparableConv`.
fn plain(net: &mut Net, at: &Scope, x: &Tensor, variant: &Variant, stage: &Stage, depthwise: Depthwise) -> Tensor {
    let squeezed = x.channels / 4;
    let x = net.conv(&at.at("conv_dw"), x, depthwise.over(x));
    let x = norm_act(net, &at.at("bn1"), &x, variant);
    let x = squeeze(net, at, &x, variant, squeezed);
    let x = net.conv(&at.at("conv_pw"), &x, Conv::new(variant.channels(stage.channels), 1));
    net.batch_norm(&at.at("bn2"), &x)
}

/// The same with `expand` times as many channels: timm's `InvertedResidual`.
fn inverted(net: &mut Net, at: &Scope, x: &Tensor, variant: &Variant, stage: &Stage, depthwise: Depthwise) -> Tensor {
    let squeezed = x.channels / 4;
    let x = net.conv(&at.at("conv_pw"), x, Conv::new(stage.expand * x.channels, 1));
    let x = norm_act(net, &at.at("bn1"), &x, variant);
    let x = net.conv(&at.at("conv_dw"), &x, depthwise.over(&x));
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
    if variant.lite {
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
    }
}
