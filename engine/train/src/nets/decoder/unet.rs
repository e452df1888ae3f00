//! U-Net's decoder as segmentation_models.pytorch defines it.

use super::super::attention::attend;
use super::super::blocks::{Aspp, aspp, conv_relu, segmentation_head};
use super::super::draw::Scheme;
use super::super::layer::{Conv, Upsampling};
use super::super::net::{Net, Scope, Tensor};
use crate::recipe::Attention;

/// The parameters of the decoder.
#[derive(Debug, Clone, Copy)]
pub struct Unet {
    /// The channels of each block, from the smallest size to the full one.
    pub channels: [u32; 5],
    /// The attention of each block.
    pub attention: Option<Attention>,
    /// Atrous spatial pyramid pooling before the first block.
    pub aspp: bool,
}

/// The dilations of the pyramid pooling: those of DeepLab at 1/16 (Chen et al., 2017), because 12, 24 and 36 exceed
/// features at 1/32.
const RATES: [i64; 3] = [6, 12, 18];

/// The map of logits from an encoder's features.
pub fn unet(net: &mut Net, features: &[Tensor], unet: Unet) -> Tensor {
    net.scheme = Scheme::KaimingIn;
    let at = Scope::new("decoder");
    let mut deeper = features.iter().rev();
    let mut x = deeper.next().expect("an encoder has features").clone();
    if unet.aspp {
        let channels = i64::from(unet.channels[0]);
        x = aspp(net, &at.at("aspp"), &x, Aspp { channels, rates: RATES, separable: false });
    }
    for (index, channels) in unet.channels.into_iter().enumerate() {
        let at = at.at("blocks").at(index);
        x = block(net, &at, &x, deeper.next(), i64::from(channels), unet.attention);
    }
    net.scheme = Scheme::Xavier;
    segmentation_head(net, &x, 3, 1)
}

/// Doubles the size, and concatenates the encoder's features of that size. Without such features the network lacks
/// `attention1`, which files of weights contain.
fn block(
    net: &mut Net,
    at: &Scope,
    x: &Tensor,
    skip: Option<&Tensor>,
    channels: i64,
    attention: Option<Attention>,
) -> Tensor {
    let attend = |net: &mut Net, name: &str, x: Tensor| match attention {
        Some(attention) => attend(net, &at.at(name).at("attention"), &x, attention),
        None => x,
    };
    let mut x = net.upsample(x, 2, Upsampling::Nearest);
    if let Some(skip) = skip {
        x = net.concat(&[&x, skip]);
        x = attend(net, "attention1", x);
    }
    let x = conv_relu(net, &at.at("conv1"), &x, Conv::new(channels, 3));
    let x = conv_relu(net, &at.at("conv2"), &x, Conv::new(channels, 3));
    attend(net, "attention2", x)
}
