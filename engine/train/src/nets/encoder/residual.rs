//! Four layers of residual blocks, as in ResNet (He et al., 2016) and its successors.

use super::super::layer::Conv;
use super::super::net::{Net, Scope, Tensor};
use super::{Features, dilate};

/// The parameters of a block.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// 64 in the first layer, doubled in each following one.
    pub width: i64,
    /// The stride of the block's first spatial convolution.
    pub stride: i64,
    /// The dilation of all spatial convolutions.
    pub dilation: i64,
}

/// The features of `stem`, at half of the image's size, and of the layers after it; the first of them takes `pooled`,
/// at a quarter. `inner` computes what a block adds to its input, and `shortcut` is the kernel that projects the input
/// when a layer halves the size.
pub fn encode(
    net: &mut Net,
    at: &Scope,
    [stem, pooled]: [Tensor; 2],
    depths: [usize; 4],
    output_stride: i64,
    shortcut: i64,
    inner: impl Fn(&mut Net, &Scope, &Tensor, Block) -> Tensor,
) -> Features {
    let (mut x, mut features) = (pooled, vec![stem]);
    for (layer, depth) in depths.into_iter().enumerate() {
        // the first layer keeps the size that the pooling left
        let (stride, dilation) = if layer == 0 { (1, 1) } else { dilate(4 << layer, output_stride) };
        let kernel = if layer == 0 { 1 } else { shortcut };
        for index in 0..depth {
            let at = at.at(format_args!("layer{}.{index}", layer + 1));
            let block = Block { width: 64 << layer, stride: if index == 0 { stride } else { 1 }, dilation };
            let added = inner(net, &at, &x, block);
            let kept = project(net, &at.at("downsample"), &x, added.channels, kernel, block);
            let sum = net.pair("Add", &added, &kept);
            x = net.map("Relu", &sum);
        }
        features.push(x.clone());
    }
    features
}

/// A block's input, projected if the block changes the channels, as the first of a layer does.
fn project(net: &mut Net, at: &Scope, x: &Tensor, channels: i64, kernel: i64, block: Block) -> Tensor {
    if x.channels == channels {
        return x.clone();
    }
    let conv = Conv::new(channels, kernel).stride(block.stride).dilated(block.dilation);
    let x = net.conv(&at.at(0), x, conv);
    net.batch_norm(&at.at(1), &x)
}
