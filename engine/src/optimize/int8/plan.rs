//! Which nodes compute in 8 bits, and which values must be quantised for that.

use std::collections::{BTreeMap, HashSet};

use super::super::graph::{self, Consumers, is_output, is_standard};
use crate::onnx::Model;
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};

/// Operators whose results are among, or between, the numbers of their first input: they need no steps of their own.
const MOVERS: [&str; 8] =
    ["DepthToSpace", "Flatten", "MaxPool", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"];

/// Operators that ONNX Runtime computes in 8 bits if their inputs and outputs are quantised.
const CARRIERS: [&str; 11] = [
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "GlobalAveragePool",
    "LeakyRelu",
    "Mul",
    "Relu",
    "Resize",
    "Sigmoid",
    "Split",
];

/// Operators after the last layer that do not change what its result means.
const ENDS: [&str; 14] = [
    "Cast",
    "Clip",
    "Concat",
    "Flatten",
    "Identity",
    "Reshape",
    "Resize",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
    "Upsample",
];

/// The nodes and values to quantise.
#[derive(Debug, Default)]
pub struct Plan {
    /// Nodes that compute in 8 bits, by index.
    pub computed: BTreeMap<usize, Kernel>,
    /// Nodes of which only the weights are in 8 bits, by index.
    pub stored: BTreeMap<usize, Kernel>,
    /// Quantised values, each with the value whose steps it shares: often itself.
    pub values: BTreeMap<String, String>,
}

/// The layout of a node's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    /// The axis of the output channels.
    pub axis: usize,
    /// The number of output channels.
    pub channels: usize,
}

impl Plan {
    /// Plans a graph, which must be [tidied](super::super::tidy::tidied), with normalisations folded.
    pub fn new(model: &Model) -> Self {
        let graph = model.graph();
        let consumers = Consumers::new(graph);
        let mut plan = Self::default();
        for (place, node) in graph.node.iter().enumerate() {
            match kernel(graph, node) {
                // The last layer's output is the result: 256 steps of it would be all that is left to threshold.
                Some(_) if is_last(graph, &consumers, node) => {}
                Some(kernel) if node.op_type == "ConvTranspose" => drop(plan.stored.insert(place, kernel)),
                Some(kernel) => drop(plan.computed.insert(place, kernel)),
                None => {}
            }
        }
        plan.choose(graph, &consumers);
        plan
    }

    /// Chooses the values: inputs and outputs of nodes in 8 bits, and those in between.
    fn choose(&mut self, graph: &GraphProto, consumers: &Consumers) {
        let useful = self.useful(graph);
        for node in self.computed.keys().map(|&place| &graph.node[place]) {
            self.values.insert(node.input[0].clone(), node.input[0].clone());
        }
        for (place, node) in graph.node.iter().enumerate() {
            let Some(output) = node.output.first() else { continue };
            if self.computed.contains_key(&place) {
                let end = clipped(graph, consumers, output);
                self.values.insert(end.clone(), end);
            } else if self.stored.contains_key(&place) && useful.contains(output) {
                // It is joined with values in 8 bits, which can then stay in 8 bits.
                self.values.insert(output.clone(), output.clone());
            } else if self.carries(graph, node) && useful.contains(output) {
                let (mover, end) = (moves(node), clipped(graph, consumers, output));
                let source = self.values.get(&node.input[0]).filter(|_| mover).unwrap_or(&end).clone();
                self.values.insert(end, source);
            }
        }
    }

    /// Whether all inputs of a node are in 8 bits, and it can compute with them.
    fn carries(&self, graph: &GraphProto, node: &NodeProto) -> bool {
        let op = node.op_type.as_str();
        let all = match op {
            "Add" | "Mul" | "Concat" => node.input.iter().all(|input| self.values.contains_key(input)),
            _ => node.input.first().is_some_and(|input| self.values.contains_key(input)),
        };
        all && is_standard(node)
            && (moves(node) || CARRIERS.contains(&op))
            && node.output.iter().all(|output| !is_output(graph, output))
    }

    /// Values that reach a node that computes in 8 bits, directly or through operators that can stay in 8 bits.
    fn useful(&self, graph: &GraphProto) -> HashSet<String> {
        let mut useful = HashSet::new();
        for (place, node) in graph.node.iter().enumerate().rev() {
            let carrier = moves(node) || CARRIERS.contains(&node.op_type.as_str());
            if self.computed.contains_key(&place) || (carrier && node.output.iter().any(|it| useful.contains(it))) {
                useful.extend(node.input.iter().cloned());
            }
        }
        useful
    }
}

/// Whether an operator's output has the steps of its first input.
fn moves(node: &NodeProto) -> bool {
    let nearest = || graph::attribute(node, "mode").is_none_or(|mode| mode.s.as_deref() == Some(b"nearest".as_slice()));
    MOVERS.contains(&node.op_type.as_str()) || (node.op_type == "Resize" && nearest())
}

/// The value after a `Relu` or `Clip` that is the only consumer of another: ONNX Runtime fuses the two nodes.
fn clipped(graph: &GraphProto, consumers: &Consumers, value: &str) -> String {
    let next = consumers.only(graph, value).map(|place| &graph.node[place]);
    match next.filter(|node| matches!(node.op_type.as_str(), "Relu" | "Clip") && node.input[0] == value) {
        Some(node) => node.output[0].clone(),
        None => value.to_owned(),
    }
}

/// The layout of a node's weights, if they are known and can be in 8 bits.
fn kernel(graph: &GraphProto, node: &NodeProto) -> Option<Kernel> {
    if !is_standard(node) {
        return None;
    }
    let constant = |place: usize| find(graph, node.input.get(place).filter(|name| !name.is_empty())?);
    let weight = constant(1)?;
    let biased = node.input.get(2).is_some_and(|bias| !bias.is_empty());
    let one = |name: &str| graph::float(node, name).unwrap_or(1.0) == 1.0;
    let axis = match node.op_type.as_str() {
        "Conv" => 0,
        "ConvTranspose" if graph::int(node, "group").unwrap_or(1) == 1 => 1,
        "Gemm" if one("alpha") && one("beta") && graph::int(node, "transA").unwrap_or(0) == 0 => {
            usize::from(graph::int(node, "transB").unwrap_or(0) == 0)
        }
        "MatMul" if weight.dims.len() == 2 => 1,
        _ => return None,
    };
    let channels = usize::try_from(*weight.dims.get(axis)?).ok()?;
    let bias = if biased { constant(2)?.floats().ok()?.len() } else { channels };
    (weight.floats().is_ok_and(|it| !it.is_empty() && it.iter().all(|v| v.is_finite())) && bias == channels)
        .then_some(Kernel { axis, channels })
}

/// Whether a node's result goes only to the graph's outputs, through operators that do not change its meaning.
fn is_last(graph: &GraphProto, consumers: &Consumers, node: &NodeProto) -> bool {
    let mut todo: Vec<&String> = node.output.iter().collect();
    let mut seen = HashSet::new();
    while let Some(value) = todo.pop() {
        let next = consumers.of_value(value);
        if next.iter().any(|&place| !ENDS.contains(&graph.node[place].op_type.as_str())) {
            return false;
        }
        if next.is_empty() && !is_output(graph, value) {
            return false;
        }
        let made = next.iter().flat_map(|&place| &graph.node[place].output);
        todo.extend(made.filter(|value| seen.insert((*value).clone())));
    }
    true
}

fn find<'a>(graph: &'a GraphProto, name: &str) -> Option<&'a TensorProto> {
    graph.initializer.iter().find(|tensor| tensor.name == name)
}
