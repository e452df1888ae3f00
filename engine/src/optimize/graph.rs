//! Queries that the passes share: consumers of values, free names, attributes of nodes.

use std::collections::{HashMap, HashSet};

use crate::onnx::proto::{AttributeProto, GraphProto, NodeProto};

/// The consumers of each value, as node indices.
pub struct Consumers(HashMap<String, Vec<usize>>);

impl Consumers {
    /// Finds the consumers of a graph's values.
    pub fn new(graph: &GraphProto) -> Self {
        let mut consumers: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, node) in graph.node.iter().enumerate() {
            for input in node.input.iter().filter(|input| !input.is_empty()) {
                consumers.entry(input.clone()).or_default().push(place);
            }
        }
        Self(consumers)
    }

    /// The nodes that consume a value, in order; one that consumes it twice is listed twice.
    pub fn of_value(&self, value: &str) -> &[usize] {
        self.0.get(value).map_or(&[], Vec::as_slice)
    }

    /// The node that consumes a value, if it is the only one, and the value is not an output of the graph.
    pub fn only(&self, graph: &GraphProto, value: &str) -> Option<usize> {
        match self.of_value(value) {
            [place] if !is_output(graph, value) => Some(*place),
            _ => None,
        }
    }
}

/// The names in use, for finding free ones.
pub struct Names(HashSet<String>);

impl Names {
    /// The names of a graph's values.
    pub fn new(graph: &GraphProto) -> Self {
        let values = graph.node.iter().flat_map(|node| node.input.iter().chain(&node.output));
        let inputs = graph.input.iter().chain(&graph.output).map(|info| &info.name);
        Self(values.chain(inputs).chain(graph.initializer.iter().map(|tensor| &tensor.name)).cloned().collect())
    }

    /// A free name: `wish`, or `wish_2`, `wish_3`.
    pub fn fresh(&mut self, wish: &str) -> String {
        let numbered = (2..).map(|number| format!("{wish}_{number}"));
        let mut names = std::iter::once(wish.to_owned()).chain(numbered);
        let name = names.find(|name| !self.0.contains(name)).expect("there are more numbers than names");
        self.0.insert(name.clone());
        name
    }
}

/// Whether a value is an output of the graph.
pub fn is_output(graph: &GraphProto, value: &str) -> bool {
    graph.output.iter().any(|output| output.name == value)
}

/// A node's name in reports: its own, or its first output's.
pub fn called(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

/// Whether an operator is one of ONNX's own.
pub fn is_standard(node: &NodeProto) -> bool {
    matches!(node.domain.as_str(), "" | "ai.onnx")
}

/// An attribute of a node.
pub fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// An integer attribute of a node.
pub fn int(node: &NodeProto, name: &str) -> Option<i64> {
    attribute(node, name)?.i
}

/// A float attribute of a node.
pub fn float(node: &NodeProto, name: &str) -> Option<f32> {
    attribute(node, name)?.f
}

/// Drops the constants without consumers.
pub fn prune(graph: &mut GraphProto) {
    let taken: HashSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
    let outputs: HashSet<&String> = graph.output.iter().map(|output| &output.name).collect();
    graph.initializer.retain(|tensor| taken.contains(&tensor.name) || outputs.contains(&tensor.name));
}

/// A node of one output, named after the output and its operator: the output's own name may belong to an earlier node.
pub fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("{output}_{op}"),
        op_type: op.to_owned(),
        attribute,
        ..NodeProto::default()
    }
}
