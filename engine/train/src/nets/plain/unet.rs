//! The U-Net of Ronneberger et al. (2015): biases and no batch norm, dropout at the end of the contracting path,
//! weights initialised after He et al. Convolutions are padded, so that the map has the image's size and nothing is
//! cropped. Batch norms instead of the biases are this module's option, not the paper's.

use super::super::blocks::{norm_relu, segmentation_head};
use super::super::draw::Scheme;
use super::super::layer::{Conv, Pool};
use super::super::net::{Net, Scope, Tensor};

/// Halvings.
const STEPS: usize = 4;

/// The contracting path, with `width` channels at full size, doubled after each halving.
pub fn encode(net: &mut Net, image: &Tensor, width: i64, batch_norm: bool) -> Vec<Tensor> {
    net.scheme = Scheme::He;
    let at = Scope::new("encoder.blocks");
    let mut features: Vec<Tensor> = Vec::new();
    for step in 0..=STEPS {
        let x = features.last().map_or_else(|| image.clone(), |x| net.max_pool(x, Pool::HALF));
        let x = double(net, &at.at(step), &x, width << step, batch_norm);
        features.push(if step + 1 < STEPS { x } else { net.dropout(&x, 0.5) });
    }
    features
}

/// The expanding path: up-convolutions, each concatenated with the contracting path's features of its size.
pub fn decode(net: &mut Net, features: &[Tensor], batch_norm: bool) -> Tensor {
    net.scheme = Scheme::He;
    let at = Scope::new("decoder.blocks");
    let mut deeper = features.iter().rev();
    let mut x = deeper.next().expect("an encoder has features").clone();
    for (index, skip) in deeper.enumerate() {
        let at = at.at(index);
        let up = net.conv_transpose(&at.at("up"), &x, skip.channels, 2, 2);
        let both = net.concat(&[skip, &up]);
        x = double(net, &at, &both, skip.channels, batch_norm);
    }
    segmentation_head(net, &x, 1, 1)
}

/// Two convolutions, each with ReLU.
fn double(net: &mut Net, at: &Scope, x: &Tensor, channels: i64, batch_norm: bool) -> Tensor {
    let mut x = x.clone();
    for (conv, norm) in [("conv1", "norm1"), ("conv2", "norm2")] {
        x = if batch_norm {
            let x = net.conv(&at.at(conv), &x, Conv::new(channels, 3));
            norm_relu(net, &at.at(norm), &x)
        } else {
            let x = net.conv(&at.at(conv), &x, Conv::new(channels, 3).biased());
            net.map("Relu", &x)
        };
    }
    x
}
