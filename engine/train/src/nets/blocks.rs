//! Building blocks that several architectures share.

use super::draw::Scheme;
use super::layer::{Conv, Upsampling};
use super::net::{Net, Scope, Tensor};

/// Batch norm, then ReLU.
pub fn norm_relu(net: &mut Net, at: &Scope, x: &Tensor) -> Tensor {
    let normed = net.batch_norm(at, x);
    net.map("Relu", &normed)
}

/// `Sequential(conv, batch norm, ReLU)`: its weights are `0.weight` and `1.…`.
pub fn conv_relu(net: &mut Net, at: &Scope, x: &Tensor, conv: Conv) -> Tensor {
    let x = net.conv(&at.at(0), x, conv);
    norm_relu(net, &at.at(1), &x)
}

/// A depthwise convolution of kernel 3 and a pointwise one, `Sequential(conv, conv)`.
pub fn separable(net: &mut Net, at: &Scope, x: &Tensor, channels: i64, dilation: i64) -> Tensor {
    let x = net.conv(&at.at(0), x, Conv::new(x.channels, 3).dilated(dilation).groups(x.channels));
    net.conv(&at.at(1), &x, Conv::new(channels, 1))
}

/// Squeeze and excitation (Hu et al., 2018): the map's mean, reduced to `squeeze` channels, gives a gate for each
/// channel. `names` are those of the two convolutions.
pub fn excite(
    net: &mut Net,
    at: &Scope,
    x: &Tensor,
    squeezed: i64,
    names: [&str; 2],
    activation: fn(&mut Net, &Tensor) -> Tensor,
) -> Tensor {
    let mean = net.average(x);
    let squeezed = net.conv(&at.at(names[0]), &mean, Conv::new(squeezed, 1).biased());
    let squeezed = activation(net, &squeezed);
    let gate = net.conv(&at.at(names[1]), &squeezed, Conv::new(x.channels, 1).biased());
    let gate = net.map("Sigmoid", &gate);
    net.pair("Mul", x, &gate)
}

/// ReLU.
pub fn relu(net: &mut Net, x: &Tensor) -> Tensor {
    net.map("Relu", x)
}

/// The parameters of [`aspp`].
#[derive(Debug, Clone, Copy)]
pub struct Aspp {
    /// The channels of each branch and of the result.
    pub channels: i64,
    /// The dilations of the three branches of kernel 3.
    pub rates: [i64; 3],
    /// Whether these are separable convolutions.
    pub separable: bool,
}

/// Atrous spatial pyramid pooling (Chen et al., 2017), named as in segmentation_models.pytorch.
pub fn aspp(net: &mut Net, at: &Scope, x: &Tensor, aspp: Aspp) -> Tensor {
    let Aspp { channels, rates, separable } = aspp;
    let convs = at.at("convs");
    let mut branches = vec![conv_relu(net, &convs.at(0), x, Conv::new(channels, 1))];
    for (index, rate) in rates.into_iter().enumerate() {
        let at = convs.at(index + 1);
        branches.push(if separable {
            let x = self::separable(net, &at.at(0), x, channels, rate);
            norm_relu(net, &at.at(1), &x)
        } else {
            conv_relu(net, &at, x, Conv::new(channels, 3).dilated(rate))
        });
    }
    let mean = net.average(x);
    let mean = net.conv(&convs.at("4.1"), &mean, Conv::new(channels, 1));
    let mean = norm_relu(net, &convs.at("4.2"), &mean);
    let spread = spread(net, &mean, &branches[0]);
    branches.push(spread);
    let all = net.concat(&branches.iter().collect::<Vec<_>>());
    let all = conv_relu(net, &at.at("project"), &all, Conv::new(channels, 1));
    net.dropout(&all, 0.5)
}

/// A single pixel repeated to the size of another map, which equals upsampling it.
fn spread(net: &mut Net, pixel: &Tensor, like: &Tensor) -> Tensor {
    let nothing = net.pair("Sub", like, like);
    net.pair("Add", &nothing, pixel)
}

/// `Dropout2d`: drops whole channels. Dropout is applied to a one per channel, which multiplies the map.
pub fn dropout_channels(net: &mut Net, x: &Tensor, rate: f32) -> Tensor {
    let mean = net.average(x);
    let zero = net.pair("Sub", &mean, &mean);
    let one = net.number(1.0);
    let one = net.node("Add", &[&zero.value, &one], vec![], x.channels);
    let kept = net.dropout(&one, rate);
    net.pair("Mul", x, &kept)
}

/// The last convolution: one logit per pixel, enlarged by `factor`.
pub fn segmentation_head(net: &mut Net, x: &Tensor, kernel: i64, factor: i64) -> Tensor {
    let logits = net.conv(&Scope::new("segmentation_head.0"), x, Conv::new(1, kernel).biased());
    net.upsample(&logits, factor, Upsampling::Corners)
}

/// One logit per image from the encoder's last features, (batch, 1): mean, dropout, linear. Named as in
/// segmentation_models.pytorch.
pub fn label_head(net: &mut Net, features: &Tensor, dropout: f32) -> Tensor {
    net.scheme = Scheme::Xavier;
    let mean = net.average(features);
    let mean = net.node("Flatten", &[&mean.value], vec![pleura::onnx::attribute::int("axis", 1)], features.channels);
    let mean = net.dropout(&mean, dropout);
    net.linear(&Scope::new("classification_head.3"), &mean, 1)
}
