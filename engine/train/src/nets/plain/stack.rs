//! Plain stacks of convolutions: at full size, and as encoder and decoder.

use super::super::blocks::{conv_relu, segmentation_head};
use super::super::draw::Scheme;
use super::super::layer::{Conv, Pool, Upsampling};
use super::super::net::{Net, Scope, Tensor};

/// 3 × 3 convolutions at full size, one after the other: one feature.
pub fn conv_stack(net: &mut Net, image: &Tensor, widths: &[u32]) -> Vec<Tensor> {
    net.scheme = Scheme::KaimingIn;
    let at = Scope::new("encoder.layers");
    let mut x = image.clone();
    for (index, &width) in widths.iter().enumerate() {
        x = conv_relu(net, &at.at(index), &x, Conv::new(i64::from(width), 3));
    }
    vec![x]
}

/// A convolution at each size, each half of the one before.
pub fn encode(net: &mut Net, image: &Tensor, widths: &[u32]) -> Vec<Tensor> {
    net.scheme = Scheme::KaimingIn;
    let at = Scope::new("encoder.layers");
    let mut features: Vec<Tensor> = Vec::new();
    for (index, &width) in widths.iter().enumerate() {
        let x = features.last().map_or_else(|| image.clone(), |x| net.max_pool(x, Pool::HALF));
        features.push(conv_relu(net, &at.at(index), &x, Conv::new(i64::from(width), 3)));
    }
    features
}

/// The decoder: a convolution at each size, from only the last of the encoder's features.
pub fn decode(net: &mut Net, features: &[Tensor]) -> Tensor {
    net.scheme = Scheme::KaimingIn;
    let at = Scope::new("decoder.layers");
    let mut larger = features.iter().rev();
    let mut x = larger.next().expect("a width at least").clone();
    for (index, feature) in larger.enumerate() {
        x = net.upsample(&x, 2, Upsampling::Nearest);
        x = conv_relu(net, &at.at(index), &x, Conv::new(feature.channels, 3));
    }
    last(net, &x)
}

/// One logit per pixel, from the pixel's own features.
pub fn last(net: &mut Net, x: &Tensor) -> Tensor {
    net.scheme = Scheme::Xavier;
    segmentation_head(net, x, 1, 1)
}
