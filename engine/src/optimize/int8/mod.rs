//! Static quantisation: weights and values in 8 bits, as `QuantizeLinear` and `DequantizeLinear` around unchanged
//! nodes. ONNX Runtime fuses each such group into one 8-bit node; other runtimes compute it in floats, with the same
//! steps.
//!
//! Weights are symmetric, with steps for each output channel; values are in 0..=255, with steps for each value between
//! its calibrated bounds; a bias is in 32 bits, in steps of both multiplied. The last layer is unchanged.
//! `ConvTranspose`, for which ONNX Runtime has no 8-bit form on the CPU, has its weights stored in 8 bits.

mod numbers;
mod plan;

use super::graph::{self, Names};
use super::note::Note;
use super::ranges::Ranges;
use crate::onnx::attribute::int;
use crate::onnx::proto::{NodeProto, TensorProto};
use crate::onnx::{ElementType, Model};
use numbers::Steps;
use plan::{Kernel, Plan};

/// ONNX's number of the 8-bit signed integer type.
const INT8: ElementType = ElementType::Other(3);

/// The model in 8 bits, with notes; `None` if it has no layer to quantise. `model` must be
/// [tidied](super::tidy::tidied), with its normalisations [folded](super::fold::fold), and `ranges` must be its own.
pub fn int8(model: &Model, ranges: &Ranges) -> Option<(Model, Vec<Note>)> {
    let plan = Plan::new(model);
    if plan.computed.is_empty() && plan.stored.is_empty() {
        return None;
    }
    let mut writer = Writer {
        names: Names::new(model.graph()),
        model,
        ranges,
        plan: &plan,
        nodes: Vec::new(),
        constants: Vec::new(),
        notes: Vec::new(),
    };
    model.graph().input.iter().for_each(|input| writer.value(&input.name));
    for (place, node) in model.graph().node.iter().enumerate() {
        writer.node(place, node);
    }
    let Writer { nodes, constants, notes, .. } = writer;
    let mut written = model.clone();
    written.graph_mut().node = nodes;
    written.graph_mut().initializer.extend(constants);
    graph::prune(written.graph_mut());
    Some((written, notes))
}

/// Rewrites the graph.
struct Writer<'a> {
    model: &'a Model,
    ranges: &'a Ranges,
    plan: &'a Plan,
    names: Names,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    notes: Vec<Note>,
}

impl Writer<'_> {
    fn node(&mut self, place: usize, node: &NodeProto) {
        let mut written = node.clone();
        for input in &mut written.input {
            if self.steps(input).is_some() {
                *input = in_floats(input);
            }
        }
        if let Some(kernel) = self.plan.computed.get(&place) {
            let steps = self.steps(&node.input[0]);
            self.weights(node, &mut written, *kernel, steps);
        } else if let Some(kernel) = self.plan.stored.get(&place) {
            self.weights(node, &mut written, *kernel, None);
            self.notes.push(Note::WeightsAlone { node: graph::called(node).into(), op: node.op_type.clone() });
        }
        self.nodes.push(written);
        node.output.iter().for_each(|output| self.value(output));
    }

    /// The quantisation steps of a value.
    fn steps(&self, value: &str) -> Option<Steps> {
        let range = self.ranges.get(self.plan.values.get(value)?)?;
        // A value that was not finite in calibration has no steps.
        (range.low.is_finite() && range.high.is_finite()).then(|| Steps::new(range))
    }

    /// Quantises a value and dequantises it again: its consumers take the result.
    fn value(&mut self, value: &str) {
        let Some(Steps { step, zero }) = self.steps(value) else { return };
        let [step_name, zero_name] = ["scale", "zero_point"].map(|end| self.names.fresh(&format!("{value}_{end}")));
        self.constants.push(floats(&step_name, &[], &[step]));
        self.constants.push(raw(&zero_name, &[], ElementType::UInt8, vec![zero]));
        let quantized = self.names.fresh(&format!("{value}_quantized"));
        let back = in_floats(value);
        self.nodes.push(graph::node("QuantizeLinear", &[value, &step_name, &zero_name], &quantized, vec![]));
        self.nodes.push(graph::node("DequantizeLinear", &[&quantized, &step_name, &zero_name], &back, vec![]));
    }

    /// Quantises a node's weights, and its bias, too, if `input` are the steps of the node's input.
    fn weights(&mut self, node: &NodeProto, written: &mut NodeProto, kernel: Kernel, input: Option<Steps>) {
        let (Some(weight), bias) = (self.constant(node, 1), self.constant(node, 2)) else { return };
        let (Ok(values), Kernel { axis, channels }) = (weight.floats(), kernel) else { return };
        let inner: usize = weight.dims[axis + 1..].iter().map(|&dim| dim as usize).product();
        let bias = bias.and_then(|bias| bias.floats().ok());
        let both = bias.as_deref().zip(input.map(|steps| steps.step));
        let found = numbers::weights(&values, channels, |place| place / inner % channels, both);
        let bytes = found.numbers.iter().map(|&number| number as u8).collect();
        let (dims, stem) = (weight.dims.clone(), self.names.fresh(&format!("{}_int8", weight.name)));
        let weight = raw(&stem, &dims, INT8, bytes);
        let zeros = raw("", &[channels as i64], INT8, vec![0; channels]);
        written.input[1] = self.back(weight, &found.steps, zeros, axis);
        if let Some((bias, input)) = both {
            let (numbers, steps) = numbers::bias(bias, input, &found.steps);
            let bytes = |numbers: &[i32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
            let name = self.names.fresh(&format!("{}_int32", node.input[2]));
            let bias = raw(&name, &[channels as i64], ElementType::Int32, bytes(&numbers));
            let zeros = raw("", &[channels as i64], ElementType::Int32, bytes(&vec![0; channels]));
            written.input[2] = self.back(bias, &steps, zeros, 0);
        }
    }

    /// Adds an integer constant and the node that dequantises it; returns the name of the floats.
    fn back(&mut self, tensor: TensorProto, steps: &[f32], zeros: TensorProto, axis: usize) -> String {
        let stem = tensor.name.clone();
        let [step, zero] = ["scale", "zero_point"].map(|end| self.names.fresh(&format!("{stem}_{end}")));
        let back = in_floats(&stem);
        let axis = vec![int("axis", axis as i64)];
        self.nodes.push(graph::node("DequantizeLinear", &[&stem, &step, &zero], &back, axis));
        self.constants.push(tensor);
        self.constants.push(floats(&step, &[steps.len() as i64], steps));
        self.constants.push(TensorProto { name: zero, ..zeros });
        back
    }

    fn constant(&self, node: &NodeProto, place: usize) -> Option<TensorProto> {
        let name = node.input.get(place).filter(|name| !name.is_empty())?;
        self.model.initializer(name).cloned()
    }
}

/// The name of a value after quantisation and dequantisation.
fn in_floats(value: &str) -> String {
    format!("{value}_dequantized")
}

fn floats(name: &str, dims: &[i64], numbers: &[f32]) -> TensorProto {
    raw(name, dims, ElementType::Float, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

fn raw(name: &str, dims: &[i64], element: ElementType, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: element.into(),
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}

#[cfg(test)]
mod tests;
