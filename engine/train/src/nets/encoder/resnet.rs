//! ResNet (He et al., 2016) with torchvision's names.

use super::super::blocks::norm_relu;
use super::super::draw::Scheme;
use super::super::layer::{Conv, Pool};
use super::super::net::{Net, Scope, Tensor};
use super::Features;
use super::residual::{self, Block};

/// A variant: blocks of each layer, and whether they are bottlenecks.
pub struct Variant {
    depths: [usize; 4],
    bottleneck: bool,
}

pub const RESNET18: Variant = Variant { depths: [2, 2, 2, 2], bottleneck: false };
pub const RESNET34: Variant = Variant { depths: [3, 4, 6, 3], bottleneck: false };
pub const RESNET50: Variant = Variant { depths: [3, 4, 6, 3], bottleneck: true };
pub const RESNET101: Variant = Variant { depths: [3, 4, 23, 3], bottleneck: true };

pub fn encode(net: &mut Net, at: &Scope, image: &Tensor, output_stride: i64, variant: &Variant) -> Features {
    net.scheme = Scheme::KaimingOut;
    let stem = net.conv(&at.at("conv1"), image, Conv::new(64, 7).stride(2));
    let stem = norm_relu(net, &at.at("bn1"), &stem);
    let pooled = net.max_pool(&stem, Pool { kernel: 3, stride: 2, pads: [1; 4] });
    let block = if variant.bottleneck { bottleneck } else { basic };
    residual::encode(net, at, [stem, pooled], variant.depths, output_stride, 1, block)
}

fn basic(net: &mut Net, at: &Scope, x: &Tensor, block: Block) -> Tensor {
    let conv = Conv::new(block.width, 3).dilated(block.dilation);
    let x = net.conv(&at.at("conv1"), x, conv.stride(block.stride));
    let x = norm_relu(net, &at.at("bn1"), &x);
    let x = net.conv(&at.at("conv2"), &x, conv);
    net.batch_norm(&at.at("bn2"), &x)
}

fn bottleneck(net: &mut Net, at: &Scope, x: &Tensor, block: Block) -> Tensor {
    let x = net.conv(&at.at("conv1"), x, Conv::new(block.width, 1));
    let x = norm_relu(net, &at.at("bn1"), &x);
    let x = net.conv(&at.at("conv2"), &x, Conv::new(block.width, 3).stride(block.stride).dilated(block.dilation));
    let x = norm_relu(net, &at.at("bn2"), &x);
    let x = net.conv(&at.at("conv3"), &x, Conv::new(4 * block.width, 1));
    net.batch_norm(&at.at("bn3"), &x)
}
