//! What a network as a whole cannot be trained for, in words that say what to do.

use pleura::onnx::proto::NodeProto;
use pleura::onnx::{Dim, ElementType, Model, Value};

use super::ForwardError;
use crate::trace::name_of;

/// The supported operator sets.
const OPSETS: std::ops::RangeInclusive<i64> = 11..=25;

/// How PyTorch's exporters keep batch norms.
pub const KEEPS_NORMS: &str = "`torch.onnx.export(model.eval(), …, dynamo=True, optimize=False)`, or `dynamo=False, \
                               do_constant_folding=False`";

/// A network's operator set.
///
/// # Errors
/// If it is not supported, or the network is quantised or of half precision.
pub fn opset(model: &Model) -> Result<i64, ForwardError> {
    let opsets = &model.header().opset_import;
    let is_onnx = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let version = opsets.iter().find(|opset| is_onnx(&opset.domain)).map_or(0, |opset| opset.version);
    if !OPSETS.contains(&version) {
        let (first, last) = (OPSETS.start(), OPSETS.end());
        return Err(ForwardError::Model(format!(
            "its operator set is {version}, expected {first} to {last}: export it again with `opset_version=18`"
        )));
    }
    if let Some(node) = model.graph().node.iter().find(|node| is_quantised(node)) {
        return Err(ForwardError::Model(format!(
            "it is quantised: node `{}` ({}) rounds to integers, through which no gradient flows; train the float32 \
             network that it was made from, and quantise the result",
            name_of(node),
            node.op_type
        )));
    }
    if let Some(node) = model.graph().node.iter().find(|node| node.op_type.starts_with("Random")) {
        return Err(ForwardError::Model(format!(
            "it was exported with a random depth: node `{}` ({}) draws random numbers, which training does not repeat; \
             export it after `model.eval()`, with batch norms kept: {KEEPS_NORMS}",
            name_of(node),
            node.op_type
        )));
    }
    half(model).map_or(Ok(version), |what| {
        Err(ForwardError::Model(format!(
            "it is of half precision: {what}; export it in float32 (`model.float()` in PyTorch), train that, and let \
             `pleura optimize` write half precision again"
        )))
    })
}

fn is_quantised(node: &NodeProto) -> bool {
    let op = node.op_type.as_str();
    matches!(op, "QuantizeLinear" | "DequantizeLinear" | "DynamicQuantizeLinear" | "ConvInteger" | "MatMulInteger")
        || op.starts_with("QLinear")
}

/// The first input or weight of half precision, in words.
fn half(model: &Model) -> Option<String> {
    let is_half = |element: ElementType| matches!(element, ElementType::Half | ElementType::BFloat16);
    let inputs = model.inputs().into_iter();
    let mut inputs = inputs.filter_map(|input| Some((format!("input `{}`", input.name), input.element?)));
    let weights = model.graph().initializer.iter().filter(|tensor| !tensor.dims.is_empty());
    let mut weights = weights.map(|tensor| (format!("weight `{}`", tensor.name), tensor.element()));
    let found =
        inputs.find(|(_, element)| is_half(*element)).or_else(|| weights.find(|(_, element)| is_half(*element)));
    found.map(|(what, element)| format!("{what} is {element}"))
}

/// Refuses images of another shape, (N, C, H, W), than the network's input has.
///
/// # Errors
/// In the words of the recipe's keys.
pub(super) fn fixed_lengths(input: &Value, shape: [usize; 4], channels_last: bool) -> Result<(), ForwardError> {
    let Some(dims) = &input.dims else { return Ok(()) };
    let name = &input.name;
    let &[n, a, b, c] = &dims.iter().map(fixed).collect::<Vec<_>>()[..] else {
        let text = format!("its input `{name}` has {} axes, expected 4: (N, C, H, W)", dims.len());
        return Err(ForwardError::Model(text));
    };
    let [batch, channels, height, width] = if channels_last { [n, c, a, b] } else { [n, a, b, c] };
    let size = [height.unwrap_or(shape[2]), width.unwrap_or(shape[3])];
    let differs = |fixed: Option<usize>, own: usize| fixed.filter(|&fixed| fixed != own);
    let told = if let Some(channels) = differs(channels, shape[1]) {
        let layout = match (channels_last, c) {
            (false, Some(1 | 3)) => ", or `layout = \"nhwc\"` if its channels come last",
            _ => "",
        };
        format!(
            "has {channels} channels, but `network.channels` is {}: write `channels = {channels}`{layout}",
            shape[1]
        )
    } else if let Some(batch) = differs(batch, shape[0]) {
        format!(
            "has a fixed batch of {batch}, but the phase's is {}: write `batch = {batch}` (`accumulate` averages the \
             gradients of several steps), or export the model with a dynamic batch",
            shape[0]
        )
    } else if size != [shape[2], shape[3]] {
        format!(
            "has a fixed size of {} x {}, but the phase's images have {} x {}: write `size = [{0}, {1}]` without a \
             `crop`, or export the model with dynamic height and width",
            size[0], size[1], shape[2], shape[3]
        )
    } else {
        return Ok(());
    };
    Err(ForwardError::Model(format!("its input `{name}` {told}")))
}

fn fixed(dim: &Dim) -> Option<usize> {
    match dim {
        Dim::Fixed(length) => usize::try_from(*length).ok(),
        Dim::Dynamic(_) => None,
    }
}
