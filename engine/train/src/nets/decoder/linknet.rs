//! LinkNet's decoder (Chaurasia & Culurciello, 2017) as segmentation_models.pytorch defines it.

use super::super::blocks::{conv_relu, norm_relu, segmentation_head};
use super::super::draw::Scheme;
use super::super::layer::Conv;
use super::super::net::{Net, Scope, Tensor};

/// Halvings from the image to the encoder's last features.
const BLOCKS: usize = 5;

/// The channels at full size.
const LAST: i64 = 32;

/// The map of logits from an encoder's features.
pub fn linknet(net: &mut Net, features: &[Tensor]) -> Tensor {
    net.scheme = Scheme::KaimingIn;
    let at = Scope::new("decoder.blocks");
    let mut deeper = features.iter().rev();
    let mut x = deeper.next().expect("an encoder has features").clone();
    for index in 0..BLOCKS {
        let skip = deeper.next();
        let missing = if index + 1 == BLOCKS { LAST } else { x.channels };
        x = block(net, &at.at(index).at("block"), &x, skip.map_or(missing, |skip| skip.channels));
        if let Some(skip) = skip {
            x = net.pair("Add", &x, skip);
        }
    }
    net.scheme = Scheme::Xavier;
    segmentation_head(net, &x, 1, 1)
}

/// A block that doubles the size, through a quarter of the channels.
fn block(net: &mut Net, at: &Scope, x: &Tensor, channels: i64) -> Tensor {
    let inner = x.channels / 4;
    let x = conv_relu(net, &at.at(0), x, Conv::new(inner, 1));
    let x = net.conv_transpose(&at.at("1.0"), &x, inner, 4, 2);
    let x = norm_relu(net, &at.at("1.1"), &x);
    conv_relu(net, &at.at(2), &x, Conv::new(channels, 1))
}
