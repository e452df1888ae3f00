//! Converts kernels for colour images to grey ones, and vice versa.

use pleura::onnx::Model;
use pleura::onnx::proto::NodeProto;

/// How a tensor is adapted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Unchanged.
    AsIs,
    /// Summed over its three input channels: the same result as for a grey image repeated three times.
    Summed,
    /// A third for each of three input channels: the same result as for the grey image alone.
    Spread,
}

/// How a file's shape is adapted to a weight's; `None` if it cannot be. Only the channels of the first convolution may
/// differ.
pub(super) fn fit(model: &Model, name: &str, wanted: &[usize], found: &[usize]) -> Option<Fit> {
    let fit = match (wanted, found) {
        _ if without_ones(wanted) == without_ones(found) => return Some(Fit::AsIs),
        (&[out, 1, height, width], &[o, 3, h, w]) if [out, height, width] == [o, h, w] => Fit::Summed,
        (&[out, 3, height, width], &[o, 1, h, w]) if [out, height, width] == [o, h, w] => Fit::Spread,
        _ => return None,
    };
    is_first_convolution(model, name).then_some(fit)
}

/// A shape without its last axes of length 1: a linear layer's weights are those of a convolution of 1 x 1.
fn without_ones(shape: &[usize]) -> &[usize] {
    let ones = shape.iter().rev().take_while(|&&length| length == 1).count();
    &shape[..shape.len() - ones]
}

impl Fit {
    /// The numbers of a kernel of `shape` (out, channels, height, width), adapted to the other number of channels.
    pub(super) fn apply(self, shape: &[usize], numbers: Vec<f32>) -> Vec<f32> {
        // At least 1, so that a kernel without pixels has no chunks, instead of chunks of length 0.
        let area = shape.iter().skip(2).product::<usize>().max(1);
        match self {
            Self::AsIs => numbers,
            Self::Summed => numbers.chunks_exact(3 * area).flat_map(|kernel| summed(kernel, area)).collect(),
            Self::Spread => {
                let thirds = |kernel: &[f32]| kernel.iter().map(|number| number / 3.0).collect::<Vec<_>>().repeat(3);
                numbers.chunks_exact(area).flat_map(thirds).collect()
            }
        }
    }
}

/// (3 · area) -> (area)
fn summed(kernel: &[f32], area: usize) -> Vec<f32> {
    (0..area).map(|i| kernel[i] + kernel[area + i] + kernel[2 * area + i]).collect()
}

/// Whether a weight is the kernel of the convolution that takes the image itself, with all of its channels.
fn is_first_convolution(model: &Model, kernel: &str) -> bool {
    let nodes = &model.graph().node;
    let is_ungrouped = |node: &NodeProto| node.attribute.iter().all(|it| it.name != "group" || it.i == Some(1));
    let Some(node) = nodes.iter().find(|it| it.op_type == "Conv" && it.input.get(1).is_some_and(|it| it == kernel))
    else {
        return false;
    };
    let mut value = node.input.first();
    // A malformed graph may contain a cycle: no path is longer than the number of nodes.
    for _ in 0..=nodes.len() {
        let Some(name) = value else { return false };
        match model.producer_of(name) {
            None => return is_ungrouped(node) && model.inputs().iter().any(|input| &input.name == name),
            Some(before) if before.op_type.starts_with("Conv") => return false,
            Some(before) => value = before.input.first(),
        }
    }
    false
}
