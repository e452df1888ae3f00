//! DeepLabV3 (Chen et al., 2017) and DeepLabV3+ (Chen et al., 2018) as segmentation_models.pytorch defines them.

use super::super::blocks::{Aspp, aspp, conv_relu, norm_relu, segmentation_head, separable};
use super::super::draw::Scheme;
use super::super::layer::{Conv, Upsampling};
use super::super::net::{Net, Scope, Tensor};

const CHANNELS: i64 = 256;
const RATES: [i64; 3] = [12, 24, 36];

/// DeepLabV3's map of logits from features dilated to `output_stride`.
pub fn deeplab_v3(net: &mut Net, features: &[Tensor], output_stride: i64) -> Tensor {
    net.scheme = Scheme::Torch;
    let at = Scope::new("decoder");
    let x = features.last().expect("an encoder has features");
    let x = aspp(net, &at.at("aspp"), x, Aspp { channels: CHANNELS, rates: RATES, separable: false });
    let x = net.conv(&at.at("conv"), &x, Conv::new(CHANNELS, 3));
    let x = norm_relu(net, &at.at("bn"), &x);
    segmentation_head(net, &x, 1, output_stride)
}

/// DeepLabV3+'s map of logits from features dilated to `output_stride`, and the features at 1/4.
pub fn deeplab_v3_plus(net: &mut Net, features: &[Tensor], output_stride: i64) -> Tensor {
    net.scheme = Scheme::Torch;
    let at = Scope::new("decoder");
    let [quarter, .., last] = &features[features.len() - 4..] else { unreachable!("four features") };
    let x = aspp(net, &at.at("aspp.0"), last, Aspp { channels: CHANNELS, rates: RATES, separable: true });
    let x = separable(net, &at.at("aspp.1"), &x, CHANNELS, 1);
    let x = norm_relu(net, &at.at("aspp.2"), &x);
    let x = net.upsample(&x, output_stride / 4, Upsampling::Corners);
    let fine = conv_relu(net, &at.at("block1"), quarter, Conv::new(48, 1));
    let x = net.concat(&[&x, &fine]);
    let x = separable(net, &at.at("block2.0"), &x, CHANNELS, 1);
    let x = norm_relu(net, &at.at("block2.1"), &x);
    segmentation_head(net, &x, 1, 4)
}
