//! Static quantisation: weights and values in 8 bits, as `QuantizeLinear` and `DequantizeLinear` around nodes that stay
//! what they are. ONNX Runtime makes one 8-bit node of each such group; whoever cannot computes in floats, with the same
//! steps.
//!
//! Weights are symmetric, in steps of their own for each output channel; values are in 0..=255, with steps for each value
//! between the bounds that calibration saw; a bias is in 32 bits, in steps of both multiplied. The last layer stays as it
//! is. `ConvTranspose`, of which ONNX Runtime has no 8-bit form on the CPU, has its weights stored in 8 bits.

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

/// ONNX's number of 8-bit signed integers.
const INT8: ElementType = ElementType::Other(3);

/// The model in 8 bits, and what is to be said of it; `None` where it has no layer to put in 8 bits. It has been
/// [tidied](super::tidy::tidied), its normalisations [folded](super::fold::fold), and `ranges` are its own.
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

/// Writes the graph anew.
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

    /// The steps of a value in 8 bits.
    fn steps(&self, value: &str) -> Option<Steps> {
        let range = self.ranges.get(self.plan.values.get(value)?)?;
        // What was not finite in calibration has no steps.
        (range.low.is_finite() && range.high.is_finite()).then(|| Steps::new(range))
    }

    /// Puts a value in 8 bits, and back: whoever takes it takes what is left of it.
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

    /// Puts a node's weights in 8 bits; its bias too, where `input` are the steps of what it takes.
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

    /// Adds a constant in integers with the node that makes floats of it; the floats' name.
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

/// The name of what is left of a value after 8 bits.
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
