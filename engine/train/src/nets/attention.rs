//! Attention: gates on the features of a decoder's blocks.

use pleura::onnx::attribute::int;

use super::blocks::{excite, relu};
use super::layer::Conv;
use super::net::{Net, Scope, Tensor};
use crate::recipe::Attention;

/// The channels per hidden unit of a squeeze.
pub const REDUCTION: i64 = 16;

/// The side of the kernel over the channels' mean and maximum in spatial attention (Woo et al., 2018).
const REACH: i64 = 7;

/// Applies attention to a map.
pub fn attend(net: &mut Net, at: &Scope, x: &Tensor, attention: Attention) -> Tensor {
    match attention {
        Attention::Scse => scse(net, at, x),
        Attention::Cbam => cbam(net, at, x),
    }
}

/// Concurrent spatial and channel squeeze and excitation (Roy et al., 2018), summed, as in segmentation_models.pytorch.
fn scse(net: &mut Net, at: &Scope, x: &Tensor) -> Tensor {
    let by_channel = excite(net, &at.at("cSE"), x, x.channels / REDUCTION, ["1", "3"], relu);
    let gate = net.conv(&at.at("sSE.0"), x, Conv::new(1, 1).biased());
    let gate = net.map("Sigmoid", &gate);
    let by_pixel = net.pair("Mul", x, &gate);
    net.pair("Add", &by_channel, &by_pixel)
}

/// The convolutional block attention module (Woo et al., 2018): a gate for each channel, by one network over its mean
/// and its maximum, and then a gate for each pixel, by the channels' mean and maximum around it.
fn cbam(net: &mut Net, at: &Scope, x: &Tensor) -> Tensor {
    let (mean, most) = (net.average(x), net.map("GlobalMaxPool", x));
    // one above the other, so that one network processes both: (batch, channels, 2, 1)
    let both = net.node("Concat", &[&mean.value, &most.value], vec![int("axis", 2)], x.channels);
    let squeezed = net.conv(&at.at("mlp.0"), &both, Conv::new(x.channels / REDUCTION, 1));
    let squeezed = relu(net, &squeezed);
    let both = net.conv(&at.at("mlp.2"), &squeezed, Conv::new(x.channels, 1));
    let gate = net.reduce("ReduceSum", &both, &[2]);
    let gate = net.map("Sigmoid", &gate);
    let x = net.pair("Mul", x, &gate);
    let (mean, most) = (net.reduce("ReduceMean", &x, &[1]), net.reduce("ReduceMax", &x, &[1]));
    let both = net.node("Concat", &[&mean.value, &most.value], vec![int("axis", 1)], 2);
    let gate = net.conv(&at.at("spatial"), &both, Conv::new(1, REACH));
    let gate = net.map("Sigmoid", &gate);
    net.pair("Mul", &x, &gate)
}
