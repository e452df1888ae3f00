//! The feature pyramid network for segmentation (Kirillov et al., 2017) as segmentation_models.pytorch defines it.

use super::super::blocks::{dropout_channels, segmentation_head};
use super::super::draw::Scheme;
use super::super::layer::{Conv, Upsampling};
use super::super::net::{Net, Scope, Tensor};

const PYRAMID: i64 = 256;
const SEGMENTATION: i64 = 128;
const GROUPS: i64 = 32;

/// The map of logits from an encoder's features at 1/4 to 1/32.
pub fn fpn(net: &mut Net, features: &[Tensor]) -> Tensor {
    net.scheme = Scheme::KaimingIn;
    let at = Scope::new("decoder");
    let mut sum: Option<Tensor> = None;
    let mut above: Option<Tensor> = None;
    for (index, feature) in features.iter().rev().take(4).enumerate() {
        let level = lateral(net, &at, 5 - index, feature, above.as_ref());
        let branch = branch(net, &at.at("seg_blocks").at(index).at("block"), &level, 3 - index);
        sum = Some(match sum {
            Some(sum) => net.pair("Add", &sum, &branch),
            None => branch,
        });
        above = Some(level);
    }
    let x = dropout_channels(net, &sum.expect("four features"), 0.2);
    net.scheme = Scheme::Xavier;
    segmentation_head(net, &x, 1, 4)
}

/// A level of the pyramid: the encoder's features, with the level above added at twice its size.
fn lateral(net: &mut Net, at: &Scope, level: usize, feature: &Tensor, above: Option<&Tensor>) -> Tensor {
    let at = at.at(format_args!("p{level}"));
    let conv = Conv::new(PYRAMID, 1).biased();
    let Some(above) = above else { return net.conv(&at, feature, conv) };
    let above = net.upsample(above, 2, Upsampling::Nearest);
    let lateral = net.conv(&at.at("skip_conv"), feature, conv);
    net.pair("Add", &above, &lateral)
}

/// A level enlarged to 1/4 of the image's size, in `steps` steps.
fn branch(net: &mut Net, at: &Scope, level: &Tensor, steps: usize) -> Tensor {
    let mut x = level.clone();
    for step in 0..steps.max(1) {
        let at = at.at(step).at("block");
        x = net.conv(&at.at(0), &x, Conv::new(SEGMENTATION, 3));
        x = net.group_norm(&at.at(1), &x, GROUPS);
        x = net.map("Relu", &x);
        if steps > 0 {
            x = net.upsample(&x, 2, Upsampling::Corners);
        }
    }
    x
}
