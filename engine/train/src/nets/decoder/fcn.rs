//! The head of FCN-32s (Long et al., 2015): AlexNet's linear layers as convolutions, and one upsampling to full size.

use super::super::draw::Scheme;
use super::super::layer::Conv;
use super::super::net::{Net, Scope, Tensor};

/// The map of logits from AlexNet's features at 1/32. `decoder.fc6.weight` and `decoder.fc7.weight` are torchvision's
/// `classifier.1.weight` and `classifier.4.weight` as kernels of side 6 and 1.
pub fn fcn(net: &mut Net, features: &[Tensor]) -> Tensor {
    net.scheme = Scheme::Torch;
    let at = Scope::new("decoder");
    let x = features.last().expect("an encoder has features");
    // an even kernel: one more pixel below and to the right keeps the size
    let x = net.conv(&at.at("fc6"), x, Conv::new(4096, 6).biased().pads([2, 2, 3, 3]));
    let x = relu_dropout(net, &x);
    let x = net.conv(&at.at("fc7"), &x, Conv::new(4096, 1).biased());
    let x = relu_dropout(net, &x);
    let logits = net.conv(&Scope::new("segmentation_head.0"), &x, Conv::new(1, 1).biased());
    net.conv_upsample(&Scope::new("segmentation_head.1"), &logits, 32)
}

fn relu_dropout(net: &mut Net, x: &Tensor) -> Tensor {
    let x = net.map("Relu", x);
    net.dropout(&x, 0.5)
}
