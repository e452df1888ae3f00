//! AlexNet (Krizhevsky, 2014) with torchvision's names.
//!
//! Weights and kernels are torchvision's; the padding is not: every step divides the size exactly by 2 (the first by
//! 4), so that decoders get features of the sizes they need. There are no features at half of the size.

use super::super::draw::Scheme;
use super::super::layer::{Conv, Pool};
use super::super::net::{Net, Scope, Tensor};
use super::{Features, dilate};

pub fn encode(net: &mut Net, at: &Scope, image: &Tensor, output_stride: i64) -> Features {
    net.scheme = Scheme::Torch;
    let at = at.at("features");
    let quarter = conv_relu(net, &at.at(0), image, Conv::new(64, 11).stride(4).pads([4; 4]));
    let x = net.max_pool(&quarter, pool(8, output_stride).0);
    let eighth = conv_relu(net, &at.at(3), &x, Conv::new(192, 5));
    let (pool_16, dilation) = pool(16, output_stride);
    let mut x = net.max_pool(&eighth, pool_16);
    for (index, channels) in [(6, 384), (8, 256), (10, 256)] {
        x = conv_relu(net, &at.at(index), &x, Conv::new(channels, 3).dilated(dilation));
    }
    let last = net.max_pool(&x, pool(32, output_stride).0);
    vec![quarter, eighth, x, last]
}

fn conv_relu(net: &mut Net, at: &Scope, x: &Tensor, conv: Conv) -> Tensor {
    let x = net.conv(at, x, conv.biased());
    net.map("Relu", &x)
}

/// The pooling before a stage, and the dilation of the stage.
fn pool(own: i64, output_stride: i64) -> (Pool, i64) {
    let (stride, dilation) = dilate(own, output_stride);
    (Pool { kernel: 3, stride, pads: [1; 4] }, dilation)
}
