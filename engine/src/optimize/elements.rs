//! The element types of a graph's values, as far as ONNX's own operators determine them.

use std::collections::{HashMap, HashSet};

use super::graph;
use crate::onnx::proto::NodeProto;
use crate::onnx::{ElementType, Model};

/// The known element types of values, and which values depend only on shapes.
pub struct Elements {
    types: HashMap<String, ElementType>,
    counted: HashSet<String>,
}

impl Elements {
    /// Infers the element types of a graph.
    pub fn new(model: &Model) -> Self {
        let mut elements = Self { types: HashMap::new(), counted: HashSet::new() };
        let inputs = model.inputs();
        let inputs = inputs.iter().filter_map(|input| Some((input.name.clone(), input.element?)));
        let constants = model.graph().initializer.iter().map(|tensor| (tensor.name.clone(), tensor.element()));
        elements.types.extend(inputs.chain(constants));
        let constants: HashSet<&str> = model.graph().initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        model.graph().node.iter().for_each(|node| elements.look(node, &constants));
        elements
    }

    fn look(&mut self, node: &NodeProto, constants: &HashSet<&str>) {
        for (place, output) in node.output.iter().enumerate() {
            if let Some(element) = self.output(node, place) {
                self.types.insert(output.clone(), element);
            }
        }
        let inputs = || node.input.iter().filter(|input| !input.is_empty());
        let counted = |input: &String| self.counted.contains(input);
        let sizes = inputs().any(counted) && inputs().all(|input| counted(input) || constants.contains(input.as_str()));
        if sizes || matches!(node.op_type.as_str(), "Shape" | "Size") {
            self.counted.extend(node.output.iter().cloned());
        }
    }

    /// The element type of a node's output.
    fn output(&self, node: &NodeProto, place: usize) -> Option<ElementType> {
        if !graph::is_standard(node) {
            return None;
        }
        let input = |place: usize| self.types.get(node.input.get(place)?).copied();
        Some(match (node.op_type.as_str(), place) {
            ("Shape" | "Size" | "NonZero" | "ArgMax" | "ArgMin" | "NonMaxSuppression", _) => ElementType::Int64,
            ("MaxPool" | "TopK", 1) => ElementType::Int64,
            ("Dropout", 1) => ElementType::Bool,
            ("Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor" | "Not", _) => {
                ElementType::Bool
            }
            ("IsNaN" | "IsInf", _) => ElementType::Bool,
            ("Cast", _) => i32::try_from(graph::int(node, "to")?).ok()?.into(),
            ("ConstantOfShape", _) => {
                let value = graph::attribute(node, "value").and_then(|it| it.t.as_ref());
                value.map_or(ElementType::Float, |tensor| tensor.element())
            }
            ("Where" | "CastLike", _) => input(1)?,
            ("OneHot", _) => input(2)?,
            ("RandomNormal" | "RandomUniform" | "RandomNormalLike" | "RandomUniformLike" | "Bernoulli", _)
            | ("Multinomial" | "EyeLike" | "BlackmanWindow" | "HannWindow" | "HammingWindow" | "SequenceAt", _)
            | ("SplitToSequence" | "SequenceConstruct" | "StringNormalizer" | "Unique" | "Optional", _) => return None,
            _ => input(0)?,
        })
    }

    /// The element type of a value, if known.
    pub fn get(&self, value: &str) -> Option<ElementType> {
        self.types.get(value).copied()
    }

    /// Whether a value holds 32-bit floats.
    pub fn is_float(&self, value: &str) -> bool {
        self.get(value) == Some(ElementType::Float)
    }

    /// Whether a value depends only on shapes and constants: sizes, and what is computed from them.
    pub fn is_counted(&self, value: &str) -> bool {
        self.counted.contains(value)
    }
}
