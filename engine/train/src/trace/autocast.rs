//! Mixed precision: convolutions and matrix products in 16 bits, and the values between them.
//!
//! A finished graph, with its backward pass, is rewritten by casts at the edges, after PyTorch's lists of operators for
//! autocast. Inputs and outputs of the graph stay in single precision.

use std::collections::{HashMap, HashSet};

use pleura::onnx::ElementType;
use pleura::onnx::attribute as a;
use pleura::onnx::proto::NodeProto;

use super::{Attributes, Constant, Trace, node};

/// Computed in 16 bits, by tensor cores, whose sums are in single precision.
const PRODUCTS: [&str; 4] = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

/// Computed in 16 bits where all inputs are: what moves numbers, and elementwise operators that are not worth a cast.
/// All others are computed in single precision.
const PASSED: [&str; 34] = [
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Equal",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "Identity",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Max",
    "MaxPool",
    "Min",
    "Mul",
    "Neg",
    "Pad",
    "Relu",
    "Reshape",
    "Resize",
    "ScatterElements",
    "Sigmoid",
    "Slice",
    "Split",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
    "Where",
];

/// The magnitudes of numbers that half precision holds with all of its bits.
const HELD: std::ops::RangeInclusive<f32> = 6.2e-5..=65504.0;

impl Trace {
    /// Writes nodes that are computed in single precision even if the graph is otherwise in mixed precision.
    pub fn exactly<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.is_exact, true);
        let written = write(self);
        self.is_exact = before;
        written
    }

    /// Declares that in mixed precision a value that is computed in single precision is passed on in 16 bits, as norms'
    /// results are.
    pub fn round(&mut self, value: &str) {
        self.rounded.insert(value.to_owned());
    }

    /// Rewrites the graph for mixed precision, whose 16-bit type is `half`.
    pub fn autocast(&mut self, half: ElementType) {
        let nodes = std::mem::take(&mut self.graph.node);
        let outputs = self.graph.output.iter().map(|output| output.name.clone()).collect();
        let (halves, casts) = (HashSet::new(), HashMap::new());
        let mut autocast =
            Autocast { trace: self, half, outputs, halves, casts, nodes: Vec::with_capacity(nodes.len()) };
        nodes.into_iter().for_each(|node| autocast.take(node));
        let (nodes, halves) = (autocast.nodes, autocast.halves);
        self.graph.node = nodes;
        // recomputed values have declared shapes
        for info in self.graph.value_info.iter_mut().filter(|info| halves.contains(&info.name)) {
            if let Some(tensor) = info.r#type.as_mut().and_then(|kind| kind.tensor_type.as_mut()) {
                tensor.elem_type = half.into();
            }
        }
    }
}

struct Autocast<'t> {
    trace: &'t mut Trace,
    half: ElementType,
    /// The graph's.
    outputs: HashSet<String>,
    /// Values that are computed in 16 bits.
    halves: HashSet<String>,
    /// Values in the other precision than they are computed in.
    casts: HashMap<String, String>,
    nodes: Vec<NodeProto>,
}

impl Autocast<'_> {
    fn take(&mut self, mut node: NodeProto) {
        let floats = self.floats(&node);
        let is_half = self.is_half(&node, &floats);
        for at in floats {
            node.input[at] = self.cast(&node.input[at], is_half);
        }
        let made = node.output.clone();
        self.nodes.push(node);
        for value in made {
            if is_half && self.is_float(&value) {
                self.halves.insert(value);
            }
        }
    }

    fn is_float(&self, value: &str) -> bool {
        self.trace.has(value) && self.trace.typed(value).element == ElementType::Float
    }

    /// The inputs that are cast: all floats but settings.
    fn floats(&self, node: &NodeProto) -> Vec<usize> {
        let data = if node.op_type == "Resize" { 1 } else { node.input.len() };
        (0..data).filter(|&at| self.is_float(&node.input[at])).collect()
    }

    /// Whether a node is computed in 16 bits.
    fn is_half(&self, node: &NodeProto, floats: &[usize]) -> bool {
        let op = node.op_type.as_str();
        let is_fixed = node.output.iter().any(|value| self.outputs.contains(value) || self.trace.exact.contains(value));
        if is_fixed || floats.iter().any(|&at| self.exceeds(&node.input[at])) {
            return false;
        }
        if PRODUCTS.contains(&op) {
            return true;
        }
        // a sum of many
        let adds = node.text("reduction").is_some_and(|reduction| reduction != "none");
        // a step function, whose slope 16 bits do not hold
        let is_steep = op == "HardSigmoid" && node.float("alpha").is_some_and(|alpha| alpha > *HELD.end());
        let mut computed = floats.iter().filter(|&&at| self.trace.known(&node.input[at]).is_none()).peekable();
        let are_halves = computed.peek().is_some() && computed.all(|&at| self.is_passed_in_half(&node.input[at]));
        PASSED.contains(&op) && !adds && !is_steep && are_halves
    }

    fn is_passed_in_half(&self, value: &str) -> bool {
        self.halves.contains(value) || self.trace.rounded.contains(value)
    }

    /// Whether a constant has numbers that 16 bits do not hold.
    fn exceeds(&self, value: &str) -> bool {
        let Some(Constant::Floats(numbers)) = self.trace.known(value) else { return false };
        numbers.iter().any(|number| *number != 0.0 && !HELD.contains(&number.abs()))
    }

    /// The name of a value in 16 bits or in single precision.
    fn cast(&mut self, value: &str, to_half: bool) -> String {
        if self.halves.contains(value) == to_half {
            return value.to_owned();
        }
        if let Some(cast) = self.casts.get(value) {
            return cast.clone();
        }
        let name = self.trace.fresh("cast");
        let to = if to_half { self.half } else { ElementType::Float };
        self.nodes.push(node("Cast", &[value], &[&name], vec![a::int("to", i32::from(to).into())]));
        self.casts.insert(value.to_owned(), name.clone());
        name
    }
}
