//! EncNet (Zhang et al., 2018): features are described by their differences to learnt code words, and the description
//! weights the channels.
//!
//! Names within `decoder.` are those of the authors' PyTorch-Encoding within `head.`; the label head replaces its side
//! loss, which predicts the classes in an image.

use pleura::onnx::attribute::{int, ints};

use super::super::blocks::{conv_relu, dropout_channels, norm_relu, segmentation_head};
use super::super::draw::{Draw, Scheme};
use super::super::layer::Conv;
use super::super::net::{Net, Scope, Tensor};

/// The channels of the features that are encoded, and of the code words.
const CHANNELS: i64 = 512;

/// The map of logits from features dilated to 1/8, with `codes` code words.
pub fn encnet(net: &mut Net, features: &[Tensor], codes: i64) -> Tensor {
    net.scheme = Scheme::Torch;
    let at = Scope::new("decoder");
    let x = features.last().expect("an encoder has features");
    let x = conv_relu(net, &at.at("conv5"), x, Conv::new(CHANNELS, 3));
    let at = at.at("encmodule");
    let context = context(net, &at.at("encoding"), &x, codes);
    let gate = net.linear(&at.at("fc.0"), &context, CHANNELS);
    let gate = net.map("Sigmoid", &gate);
    let gate = net.reshape(&gate, &[0, CHANNELS, 1, 1], CHANNELS);
    let gated = net.pair("Mul", &x, &gate);
    let sum = net.pair("Add", &x, &gated);
    let x = net.map("Relu", &sum);
    let x = dropout_channels(net, &x, 0.1);
    segmentation_head(net, &x, 1, 8)
}

/// A description of an image's features as a whole: (batch, channels).
fn context(net: &mut Net, at: &Scope, x: &Tensor, codes: i64) -> Tensor {
    let x = conv_relu(net, at, x, Conv::new(CHANNELS, 1));
    let residuals = encode(net, &at.at(3), &x, codes);
    let normed = norm_relu(net, &at.at(4), &residuals);
    let mean = net.mean(&normed, &[1]);
    net.reshape(&mean, &[0, CHANNELS], CHANNELS)
}

/// The encoding layer: each pixel is softly assigned to the code words c_k by softmax(s_k·|x - c_k|²), and each word
/// sums Σ a·(x - c_k): (batch, codes, channels).
fn encode(net: &mut Net, at: &Scope, x: &Tensor, codes: i64) -> Tensor {
    let spread = 1.0 / ((codes * CHANNELS) as f64).sqrt();
    let words = net.weight(format!("{at}.codewords"), &[codes, CHANNELS], Draw::Uniform(-spread, spread));
    let words = Tensor { value: words, channels: codes };
    let scale = net.weight(format!("{at}.scale"), &[codes], Draw::Uniform(-1.0, 0.0));
    let scale = Tensor { value: scale, channels: codes };

    let columns = net.reshape(x, &[0, CHANNELS, -1], CHANNELS);
    let pixels = transpose(net, &columns, &[0, 2, 1]); // (batch, channels, pixels) -> (batch, pixels, channels)
    let distances = distances(net, &pixels, &words);
    let weighed = net.pair("Mul", &distances, &scale);
    let shares = net.node("Softmax", &[&weighed.value], vec![int("axis", 2)], codes);

    let shares = transpose(net, &shares, &[0, 2, 1]); // (batch, codes, pixels)
    let gathered = net.pair("MatMul", &shares, &pixels);
    let total = sum(net, &shares, 2);
    let expected = net.pair("Mul", &total, &words);
    net.pair("Sub", &gathered, &expected)
}

/// |x - c|² as |x|² - 2·x·c + |c|², (batch, pixels, codes): the differences themselves would take 512 times the memory.
fn distances(net: &mut Net, pixels: &Tensor, words: &Tensor) -> Tensor {
    let squares = net.pair("Mul", pixels, pixels);
    let lengths = sum(net, &squares, 2);
    let squares = net.pair("Mul", words, words);
    let axes = net.integers(&[1]);
    let keep = vec![int("keepdims", 0)];
    let word_lengths = net.node("ReduceSum", &[&squares.value, &axes], keep, words.channels);
    let turned = transpose(net, words, &[1, 0]);
    let products = net.pair("MatMul", pixels, &turned);
    let two = net.number(2.0);
    let twice = net.node("Mul", &[&products.value, &two], vec![], words.channels);
    let difference = net.pair("Sub", &lengths, &twice);
    net.pair("Add", &difference, &word_lengths)
}

fn transpose(net: &mut Net, x: &Tensor, axes: &[i64]) -> Tensor {
    net.node("Transpose", &[&x.value], vec![ints("perm", axes)], x.channels)
}

fn sum(net: &mut Net, x: &Tensor, axis: i64) -> Tensor {
    let axes = net.integers(&[axis]);
    net.node("ReduceSum", &[&x.value, &axes], vec![int("keepdims", 1)], x.channels)
}
