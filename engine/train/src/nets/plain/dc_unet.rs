//! DC-UNet (Lou et al., 2021): a U-Net of dual-channel blocks, with residual paths between encoder and decoder.
//!
//! After the authors' Keras model, with two differences: batch norms have a scale everywhere, and the last convolution
//! has a bias instead of a batch norm, so that logits are not normalised.

use super::super::blocks::{conv_relu, segmentation_head};
use super::super::draw::Scheme;
use super::super::layer::{Conv, Pool};
use super::super::net::{Net, Scope, Tensor};

/// Halvings.
const STEPS: usize = 4;

/// The encoder's blocks: `width` at full size, doubled after each halving.
pub fn encode(net: &mut Net, image: &Tensor, width: i64) -> Vec<Tensor> {
    net.scheme = Scheme::Torch;
    let at = Scope::new("encoder.blocks");
    let mut features: Vec<Tensor> = Vec::new();
    for step in 0..=STEPS {
        let x = features.last().map_or_else(|| image.clone(), |x| net.max_pool(x, Pool::HALF));
        features.push(dual(net, &at.at(step), &x, width << step));
    }
    features
}

/// The decoder: up-convolutions, each concatenated with the encoder's features after a residual path, which is longer
/// for larger features.
pub fn decode(net: &mut Net, features: &[Tensor], width: i64) -> Tensor {
    net.scheme = Scheme::Torch;
    let at = Scope::new("decoder");
    let mut deeper = features.iter().rev();
    let mut x = deeper.next().expect("an encoder has features").clone();
    for (index, skip) in deeper.enumerate() {
        let width = width << (STEPS - 1 - index);
        let at = at.at("blocks").at(index);
        let skip = path(net, &at.at("path"), skip, width, index + 1);
        let up = net.conv_transpose(&at.at("up"), &x, width, 2, 2);
        let both = net.concat(&[&up, &skip]);
        x = dual(net, &at, &both, width);
    }
    segmentation_head(net, &x, 1, 1)
}

/// The dual-channel block: two branches of three convolutions each, whose results are concatenated; both are added.
fn dual(net: &mut Net, at: &Scope, x: &Tensor, width: i64) -> Tensor {
    let one = channel(net, &at.at("channel1"), x, width);
    let other = channel(net, &at.at("channel2"), x, width);
    let sum = net.pair("Add", &one, &other);
    let sum = net.map("Relu", &sum);
    net.batch_norm(&at.at("bn"), &sum)
}

/// Three convolutions in sequence, whose results are concatenated: receptive fields of 3 × 3, 5 × 5 and 7 × 7 pixels.
fn channel(net: &mut Net, at: &Scope, x: &Tensor, width: i64) -> Tensor {
    let mut results = vec![x.clone()];
    for (index, width) in widths(width).into_iter().enumerate() {
        let last = &results[index];
        results.push(conv_relu(net, &at.at("convs").at(index), last, Conv::new(width, 3)));
    }
    let all = net.concat(&results[1..].iter().collect::<Vec<_>>());
    net.batch_norm(&at.at("bn"), &all)
}

/// The channels of the three convolutions: together about 1.67 times a U-Net's.
fn widths(width: i64) -> [i64; 3] {
    let wide = 1.67 * width as f64;
    [0.167, 0.333, 0.5].map(|share| (wide * share) as i64)
}

/// The residual path: convolutions of kernel 3, each beside one of kernel 1.
fn path(net: &mut Net, at: &Scope, x: &Tensor, channels: i64, length: usize) -> Tensor {
    let mut x = x.clone();
    for index in 0..length {
        let at = at.at(index);
        let shortcut = net.conv(&at.at("shortcut.0"), &x, Conv::new(channels, 1));
        let shortcut = net.batch_norm(&at.at("shortcut.1"), &shortcut);
        let inner = conv_relu(net, &at.at("conv"), &x, Conv::new(channels, 3));
        let sum = net.pair("Add", &shortcut, &inner);
        let sum = net.map("Relu", &sum);
        x = net.batch_norm(&at.at("bn"), &sum);
    }
    x
}
