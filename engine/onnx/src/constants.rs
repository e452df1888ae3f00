//! The part of a graph that depends only on constants, which ONNX Runtime computes when it opens a model.

use std::collections::HashSet;

use super::model::Model;
use super::proto::{GraphProto, NodeProto, SparseTensorProto, TensorProto, ValueInfoProto};

/// What ONNX Runtime computes of a model before it has inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Constants {
    /// Nothing.
    None,
    /// A model of that part: it has no inputs, and every result is an output.
    Graph(Box<Model>),
    /// Cannot be cut out: it is in a branch, a loop or a function, or depends on lengths of inputs.
    Unknown,
}

/// Operators whose results are never computed in advance.
const RANDOM: [&str; 6] =
    ["RandomUniform", "RandomNormal", "RandomUniformLike", "RandomNormalLike", "Multinomial", "Bernoulli"];

/// Operators that need the lengths of their input, not its numbers; ONNX Runtime may know the lengths in advance.
const LENGTHS: [&str; 2] = ["Shape", "Size"];

/// Cuts out the part of a model that depends only on constants.
#[must_use]
pub fn constants(model: &Model) -> Constants {
    let graph = model.graph();
    let has_subgraph = |node: &NodeProto| node.attribute.iter().any(|it| it.g.is_some() || !it.graphs.is_empty());
    if !model.header().functions.is_empty() || graph.node.iter().any(has_subgraph) {
        return Constants::Unknown;
    }
    let sparse = graph.sparse_initializer.iter().map(sparse_name);
    let mut known: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).chain(sparse).collect();
    let mut lengths = HashSet::new();
    let mut nodes = Vec::new();
    for node in graph.node.iter().filter(|node| !RANDOM.contains(&node.op_type.as_str())) {
        let mut inputs = node.input.iter().map(String::as_str).filter(|name| !name.is_empty());
        let outputs = node.output.iter().map(String::as_str).filter(|name| !name.is_empty());
        if inputs.clone().all(|name| known.contains(name)) {
            known.extend(outputs);
            nodes.push(node);
        } else if LENGTHS.contains(&node.op_type.as_str()) {
            lengths.extend(outputs);
        } else if inputs.all(|name| known.contains(name) || lengths.contains(name)) {
            return Constants::Unknown;
        }
    }
    if nodes.iter().all(|node| node.op_type == "Constant") {
        return Constants::None;
    }
    Constants::Graph(Box::new(Model::new(model.header().clone(), cut(graph, &nodes))))
}

/// A graph of these nodes, with the initializers that they use.
fn cut(graph: &GraphProto, nodes: &[&NodeProto]) -> GraphProto {
    let used: HashSet<&str> = nodes.iter().flat_map(|node| &node.input).map(String::as_str).collect();
    let is_used = |tensor: &&TensorProto| used.contains(tensor.name.as_str());
    let is_used_too = |tensor: &&SparseTensorProto| used.contains(sparse_name(tensor));
    let computed = nodes.iter().filter(|node| node.op_type != "Constant").flat_map(|node| &node.output);
    let output = |name: &String| ValueInfoProto { name: name.clone(), ..ValueInfoProto::default() };
    GraphProto {
        name: "constants".into(),
        node: nodes.iter().copied().cloned().collect(),
        initializer: graph.initializer.iter().filter(is_used).cloned().collect(),
        sparse_initializer: graph.sparse_initializer.iter().filter(is_used_too).cloned().collect(),
        output: computed.filter(|name| !name.is_empty()).map(output).collect(),
        ..GraphProto::default()
    }
}

fn sparse_name(tensor: &SparseTensorProto) -> &str {
    tensor.values.as_ref().map_or("", |values| values.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::proto::AttributeProto;
    use super::super::{ElementType, GraphBuilder};
    use super::*;

    /// A model in which `y` is `x` times the value that `write` makes.
    fn model(write: impl FnOnce(&mut GraphBuilder) -> String) -> Model {
        let mut graph = GraphBuilder::new("test");
        let input = graph.input("x", ElementType::Float, &["n".into()]);
        let factor = write(&mut graph);
        let product = graph.node("Mul", &[&input, &factor], vec![]);
        graph.output(&product, "y", ElementType::Float, &["n".into()]);
        graph.build()
    }

    #[test]
    fn weights_alone_are_nothing_to_compute() {
        assert_eq!(constants(&model(|graph| graph.constant("w", &[1], &[2.0]))), Constants::None);
    }

    #[test]
    fn a_chain_of_constants_is_cut_out_with_all_that_it_computes() {
        let model = model(|graph| {
            graph.constant("unused", &[1], &[2.0]);
            let shape = graph.integers("shape", &[3]);
            let zeros = graph.node("ConstantOfShape", &[&shape], vec![]);
            graph.node("Expand", &[&zeros, &shape], vec![])
        });
        let Constants::Graph(part) = constants(&model) else { panic!("nothing was cut out") };
        let ops: Vec<_> = part.graph().node.iter().map(|node| node.op_type.as_str()).collect();
        let initializers: Vec<_> = part.graph().initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!((ops, initializers), (vec!["ConstantOfShape", "Expand"], vec!["shape"]));
        assert_eq!((part.inputs().len(), part.outputs().len()), (0, 2));
    }

    #[test]
    fn random_numbers_are_not_computed_beforehand() {
        let model = model(|graph| graph.node("RandomNormal", &[], vec![]));
        assert_eq!(constants(&model), Constants::None);
    }

    #[test]
    fn what_depends_on_lengths_of_inputs_or_lies_in_a_branch_is_not_known() {
        let by_length = model(|graph| {
            let shape = graph.node("Shape", &["x"], vec![]);
            graph.node("ConstantOfShape", &[&shape], vec![])
        });
        assert_eq!(constants(&by_length), Constants::Unknown);
        let branch = AttributeProto { g: Some(GraphProto::default()), ..AttributeProto::default() };
        assert_eq!(constants(&model(|graph| graph.node("If", &["x"], vec![branch]))), Constants::Unknown);
    }
}
