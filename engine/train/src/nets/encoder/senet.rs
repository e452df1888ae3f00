//! SE-ResNeXt and SENet-154 (Hu et al., 2018) with Cadene's names, which timm's `legacy_se…` and
//! segmentation_models.pytorch keep.

use super::super::blocks::{excite, norm_relu, relu};
use super::super::draw::Scheme;
use super::super::layer::{Conv, Pool};
use super::super::net::{Net, Scope, Tensor};
use super::Features;
use super::residual::{self, Block};

/// The channels per hidden unit of the squeeze.
const REDUCTION: i64 = 16;

/// A variant.
pub struct Variant {
    depths: [usize; 4],
    groups: i64,
    /// The first and second width of a block, relative to 64 · 2^layer.
    widths: [i64; 2],
    /// Three convolutions of kernel 3 before the first layer, instead of one of kernel 7.
    deep_stem: bool,
    /// The kernel of shortcuts that change the size.
    shortcut: i64,
}

pub const SE_RESNEXT50: Variant =
    Variant { depths: [3, 4, 6, 3], groups: 32, widths: [2, 2], deep_stem: false, shortcut: 1 };
pub const SE_RESNEXT101: Variant = Variant { depths: [3, 4, 23, 3], ..SE_RESNEXT50 };
pub const SENET154: Variant =
    Variant { depths: [3, 8, 36, 3], groups: 64, widths: [2, 4], deep_stem: true, shortcut: 3 };

pub fn encode(net: &mut Net, at: &Scope, image: &Tensor, output_stride: i64, variant: &Variant) -> Features {
    net.scheme = Scheme::KaimingOut;
    let stem = stem(net, &at.at("layer0"), image, variant.deep_stem);
    // Caffe's pooling: windows that extend over the far edges, instead of padding on all sides
    let pooled = net.max_pool(&stem, Pool { kernel: 3, stride: 2, pads: [0, 0, 1, 1] });
    let block = |net: &mut Net, at: &Scope, x: &Tensor, block: Block| self::block(net, at, x, block, variant);
    residual::encode(net, at, [stem, pooled], variant.depths, output_stride, variant.shortcut, block)
}

fn stem(net: &mut Net, at: &Scope, image: &Tensor, deep: bool) -> Tensor {
    let convs = [Conv::new(64, 3).stride(2), Conv::new(64, 3), Conv::new(128, 3)];
    let convs = if deep { &convs[..] } else { &[Conv::new(64, 7).stride(2)] };
    let mut x = image.clone();
    for (index, conv) in convs.iter().enumerate() {
        x = net.conv(&at.at(format_args!("conv{}", index + 1)), &x, *conv);
        x = norm_relu(net, &at.at(format_args!("bn{}", index + 1)), &x);
    }
    x
}

fn block(net: &mut Net, at: &Scope, x: &Tensor, block: Block, variant: &Variant) -> Tensor {
    let [first, second] = variant.widths.map(|factor| factor * block.width);
    let grouped = Conv::new(second, 3).groups(variant.groups);
    let x = net.conv(&at.at("conv1"), x, Conv::new(first, 1));
    let x = norm_relu(net, &at.at("bn1"), &x);
    let x = net.conv(&at.at("conv2"), &x, grouped.stride(block.stride).dilated(block.dilation));
    let x = norm_relu(net, &at.at("bn2"), &x);
    let x = net.conv(&at.at("conv3"), &x, Conv::new(4 * block.width, 1));
    let x = net.batch_norm(&at.at("bn3"), &x);
    excite(net, &at.at("se_module"), &x, x.channels / REDUCTION, ["fc1", "fc2"], relu)
}
